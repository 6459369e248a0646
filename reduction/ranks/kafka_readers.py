"""The readers of a rank for a stream in Kafka. Only ranks of such a stream import it."""

from __future__ import annotations

import json
import time

from reduction.event_log.kafka import KafkaLogReader
from reduction.event_log.kafka_client import BrokerClient
from reduction.event_log.kafka_stream import KafkaStream, dealt
from reduction.event_log.kafka_topics import TopicWatch
from reduction.ranks.collectives import Collectives
from reduction.ranks.stream_readers import StreamReaders
from reduction.stream.dialect import Dialect

ANSWER_WAIT_S = 5.0
"""How long to wait at the start for brokers to tell how topics are divided."""

POLL_S = 0.01


def kafka_readers(stream: KafkaStream, assumed: int, together: Collectives) -> StreamReaders:
    """The readers of this rank; all ranks have to call it.

    Topics that do not answer are taken to have one partition each, or the ``assumed`` number where
    there may be marks. Once they do, `reduction.event_log.kafka.PartitionsAdded` tells if they have
    more. Raises `reduction.event_log.protocol.LogRefused` for a stream that cannot be read.
    """
    client = BrokerClient(stream.server)
    counted = _partitions(client, stream, assumed) if together.rank == 0 else {}
    shared: dict[str, int] = json.loads(together.share(json.dumps(counted).encode()))
    shares = dealt(stream, shared, together.size)
    watch = TopicWatch(client, stream.names, len(shares))
    mine = {number: each for number, each in enumerate(shares) if each.rank == together.rank}
    return StreamReaders(
        {
            number: KafkaLogReader(watch, each.share, shared[each.share.topic])
            for number, each in mine.items()
        },
        len(shares),
        {number: each.sources for number, each in mine.items()},
        frozenset(number for number, each in mine.items() if each.share.of > 1),
    )


def _partitions(client: BrokerClient, stream: KafkaStream, assumed: int) -> dict[str, int]:
    """The number of partitions of each topic."""
    watch = TopicWatch(client, stream.names)
    deadline_s = time.monotonic() + ANSWER_WAIT_S
    watch.look()
    while not watch.answered and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
        watch.look()
    otherwise = 1 if stream.dialect is Dialect.PLAIN else assumed
    facts = {name: watch.facts(name) for name in stream.names}
    return {name: each.partitions if each else otherwise for name, each in facts.items()}
