"""The protocol of all recordings, whatever files they are in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reduction.event_log.protocol import LogReader


class Recording(Protocol):
    """A stream that has ended, in partitions that can be read as those of an event log."""

    @property
    def partitions(self) -> int:
        """The number of partitions."""

    @property
    def identity(self) -> str:
        """The name of the recording, as its readers give it."""

    @property
    def remarks(self) -> Sequence[str]:
        """What is odd about the recording, in words."""

    def reader(self, partition: int) -> LogReader:
        """A reader of a partition, at its first message."""

    def close(self) -> None:
        """Close the files of the recording."""
