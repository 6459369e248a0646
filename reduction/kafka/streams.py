"""A stream of several Kafka topics, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import SCHEME, KafkaServer, brokers_of, checked_topic
from reduction.stream.dialect import Dialect
from reduction.stream.used_sources import UsedSources

DEFAULT_TOPIC = "live_reduction_events"
"""The topic of a stream whose address names none."""

LOOK_BACK_MESSAGES = 10_000
"""A reader of a topic of logs finds last values in this number of messages before a place."""

ALL_SOURCES = UsedSources()


@dataclass(frozen=True)
class KafkaTopic:
    """A topic, and which of its sources are used."""

    name: str
    sources: UsedSources = ALL_SOURCES
    has_runs: bool = False
    """Whether starts and stops of runs come here."""

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
    pulse_log: str = ""
    """The log that has a value for each pulse, see `reduction.stream.dialect.StreamFormat`."""

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
    named = dict.fromkeys((names or DEFAULT_TOPIC).split(","))
    topics = tuple(KafkaTopic(checked_topic(each)) for each in named)
    return KafkaStream(KafkaServer(brokers_of(brokers)), topics, dialect)
