"""Which rank reads which messages of the topics of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reduction.event_log.protocol import LogRefused
from reduction.kafka.streams import KafkaStream, KafkaTopic
from reduction.stream.dialect import Dialect
from reduction.stream.used_sources import UsedSources

RUN_LOOK_BACK = (16, 256, 4096)
"""The last start of a run is sought in these numbers of messages before a place, one by one."""


@dataclass(frozen=True)
class TopicShare:
    """What one reader reads: all of a partition of a topic, or every nth message with events.

    - ``index``, ``of``: the reader gives the ``ev44`` messages whose offset modulo ``of`` is
      ``index``; messages of other schemas go to all ``of`` readers
    - ``look_back``: this number of messages before a place is read for the last values of logs
    - ``runs``: whether the last start of a run before a place is sought, see `RUN_LOOK_BACK`
    """

    topic: str
    partition: int = 0
    index: int = 0
    of: int = 1
    look_back: int = 0
    runs: bool = False


class DealtShare(NamedTuple):
    """What a rank reads as one partition of the stream."""

    rank: int
    share: TopicShare
    sources: UsedSources


def dealt(stream: KafkaStream, partitions: Mapping[str, int], ranks: int) -> list[DealtShare]:
    """The shares of all ``ranks``; a place in the list is the number of a partition of the stream.

    ``partitions`` has the number of partitions of each topic. Partitions with events are dealt out
    in turn. Where there are fewer with events of detectors than ranks, several ranks share one.
    Every rank reads all logs. Raises `LogRefused` if partitions cannot be shared, as with marks.
    """
    rows = [each for each in stream.topics if each.sources.has_events]
    detectors = list(_pairs([each for each in rows if each.holds_detectors], partitions))
    monitors = list(_pairs([each for each in rows if not each.holds_detectors], partitions))
    found = list(_dealt_detectors(stream, detectors, ranks))
    for number, (topic, partition) in enumerate(monitors):
        share = TopicShare(topic.name, partition)
        found.append(DealtShare(ranks - 1 - number % ranks, share, topic.sources))
    logs = [each for each in stream.topics if not each.sources.has_events]
    for rank in range(ranks):
        for topic, partition in _pairs(logs, partitions):
            # The messages about runs go from one rank to the others.
            runs = topic.has_runs and rank == 0
            share = TopicShare(topic.name, partition, look_back=topic.look_back, runs=runs)
            found.append(DealtShare(rank, share, topic.sources))
    return found


def _pairs(
    topics: Sequence[KafkaTopic], partitions: Mapping[str, int]
) -> Iterator[tuple[KafkaTopic, int]]:
    """Each partition of each topic."""
    return ((topic, number) for topic in topics for number in range(partitions[topic.name]))


def _dealt_detectors(
    stream: KafkaStream, pairs: Sequence[tuple[KafkaTopic, int]], ranks: int
) -> Iterator[DealtShare]:
    if len(pairs) < ranks and stream.dialect is not Dialect.PLAIN:
        raise LogRefused(
            f"{stream.server.url}: the topics have {len(pairs)} partitions with events:"
            f" {ranks} ranks need as many, unless the dialect is plain"
        )
    for number, (topic, partition) in enumerate(pairs):
        sharing = range(number, ranks, len(pairs)) if len(pairs) < ranks else [number % ranks]
        for index, rank in enumerate(sharing):
            share = TopicShare(topic.name, partition, index, len(sharing))
            yield DealtShare(rank, share, topic.sources)
