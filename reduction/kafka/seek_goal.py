"""Where a reader of a partition in Kafka goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class SeekGoal:
    """Where to go: a pulse time in ns since 1970, an offset, or the end if both are None.

    ``resumed``: the reader was there already, and had given all messages before.
    """

    time_ns: int | None = None
    offset: int | None = None
    resumed: bool = False


class LookBackSpan(NamedTuple):
    """From ``start`` on the last run before a place is sought; ``low`` is the oldest offset."""

    start: int
    place: int
    low: int
