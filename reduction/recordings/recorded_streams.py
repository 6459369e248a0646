"""The readers of streams that can be recorded, one for each partition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import zmq

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.folder import LogFolder
from reduction.event_log.network.remote import RemoteLogReader
from reduction.event_log.protocol import LogReader, LogRefused
from reduction.host.network.key_file import Key
from reduction.kafka.streams import KafkaStream
from reduction.kafka.topic_shares import dealt


def folder_readers(path: Path) -> list[LogReader]:
    """Readers of an event log in a folder of this host; raises `LogRefused` if there is none."""
    found = LogFolder.found(path)
    if found is None:
        raise LogRefused(f"log {path}: the folder holds no event log")
    return [EmbeddedLogReader(path, each) for each in range(found.partitions)]


def served_readers(
    context: zmq.Context[Any], endpoint: str, partitions: int, key: Key | None
) -> list[LogReader]:
    """Readers of an event log that a process serves; raises OSError for a wrong endpoint."""
    return [RemoteLogReader(context, endpoint, each, key=key) for each in range(partitions)]


def kafka_log_readers(stream: KafkaStream, assumed: int) -> list[LogReader]:
    """Readers of a stream in Kafka; raises `LogRefused` if it cannot be read.

    Topics that do not answer are taken to have as many partitions as
    `reduction.kafka.topic_watch.partition_counts` says.
    """
    from reduction.kafka.client import BrokerClient
    from reduction.kafka.log_reader import KafkaLogReader  # confluent-kafka is optional
    from reduction.kafka.topic_watch import TopicWatch, partition_counts

    client = BrokerClient(stream.server)
    counts = partition_counts(client, stream, assumed)
    shares = [each.share for each in dealt(stream, counts, 1)]
    watch = TopicWatch(client, stream.names, len(shares))
    return [KafkaLogReader(watch, each, counts[each.topic]) for each in shares]
