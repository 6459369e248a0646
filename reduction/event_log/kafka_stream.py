"""A stream of several Kafka topics: what they hold, and which rank reads which messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reduction.event_log.kafka_settings import (
    LOOK_BACK_MESSAGES,
    SCHEME,
    KafkaServer,
    TopicShare,
)
from reduction.event_log.protocol import LogRefused
from reduction.stream.dialect import Dialect
from reduction.stream.used_sources import UsedSources

DEFAULT_TOPIC = "live_reduction_events"
"""The topic of a stream whose address names none."""


ALL_SOURCES = UsedSources()


@dataclass(frozen=True)
class KafkaTopic:
    """A topic, and which of its sources are used."""

    name: str
    sources: UsedSources = ALL_SOURCES

    @property
    def holds_detectors(self) -> bool:
        """Whether it holds events of detectors, of which there may be very many."""
        return self.sources.detectors is None or bool(self.sources.detectors)

    @property
    def look_back(self) -> int:
        """In how many messages before a place last values are sought: only if it has logs alone."""
        only_logs = self.sources.has_logs and not self.sources.has_events
        return LOOK_BACK_MESSAGES if only_logs else 0


@dataclass(frozen=True)
class KafkaStream:
    """A stream in Kafka."""

    server: KafkaServer
    topics: tuple[KafkaTopic, ...]
    dialect: Dialect = Dialect.AUTO

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the topics."""
        return tuple(topic.name for topic in self.topics)


def stream_at(address: str, dialect: Dialect) -> KafkaStream:
    """The stream at an address like ``kafka://host:9092/topic``, all of whose sources are used.

    Further hosts and topics are separated by commas. Raises `LogRefused`.
    """
    brokers, _, names = address.removeprefix(SCHEME).partition("/")
    if not address.startswith(SCHEME) or not brokers:
        raise LogRefused(f"{address}: no address of the form {SCHEME}host:9092/topic")
    topics = tuple(KafkaTopic(each) for each in (names or DEFAULT_TOPIC).split(","))
    return KafkaStream(KafkaServer(brokers), topics, dialect)


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
            share = TopicShare(topic.name, partition, look_back=topic.look_back)
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
