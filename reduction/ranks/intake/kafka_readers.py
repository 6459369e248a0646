"""The readers of a rank for a stream in Kafka. Only ranks of such a stream import it."""

from __future__ import annotations

import json

from reduction.kafka.client import BrokerClient
from reduction.kafka.log_reader import KafkaLogReader
from reduction.kafka.streams import KafkaStream
from reduction.kafka.topic_shares import dealt
from reduction.kafka.topic_watch import TopicWatch, partition_counts
from reduction.ranks.collectives import Collectives
from reduction.ranks.intake.stream_readers import StreamReaders


def kafka_readers(stream: KafkaStream, assumed: int, together: Collectives) -> StreamReaders:
    """The readers of this rank; all ranks have to call it.

    Topics that do not answer are taken to have as many partitions as
    `reduction.kafka.topic_watch.partition_counts` says, with ``assumed``. Once they do,
    `reduction.kafka.log_reader.PartitionsAdded` tells if they have more. Raises
    `reduction.event_log.protocol.LogRefused` for a stream that cannot be read.
    """
    client = BrokerClient(stream.server)
    counted = partition_counts(client, stream, assumed) if together.rank == 0 else {}
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
