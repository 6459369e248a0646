"""What brokers tell of topics and places in them, and a message as they give it."""

from __future__ import annotations

from typing import NamedTuple


class TopicFacts(NamedTuple):
    """A topic as it is now: one that is deleted and made again has another ``identity``."""

    identity: str
    partitions: int


class OffsetAt(NamedTuple):
    """The first message from a time on: its offset, and its timestamp in ns since 1970.

    Both are -1 if there is no message from that time on.
    """

    offset: int
    time_ns: int


class PartitionPlaces(NamedTuple):
    """A partition as it is now: the first offset, the offset behind the last, those of times."""

    topic: TopicFacts
    low: int
    high: int
    at: list[OffsetAt]


class KafkaRecord(NamedTuple):
    """A message: its offset, its timestamp in ns since 1970, its bytes."""

    offset: int
    time_ns: int
    data: bytes
