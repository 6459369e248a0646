"""Counts of faulty messages, and the subjects of notices about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

MARKS, TIMES, BACK, CLOCK = "marks", "times", "back", "clock"
"""Subjects of notices."""


@dataclass
class Faults:
    """Counts of faulty messages, one for each kind of fault."""

    corrupt: int = 0
    unknown: int = 0
    repeated: int = 0
    out_of_order: int = 0
    missing: int = 0
    bad_time: int = 0
    bad_log: int = 0
    ignored: int = 0
    late: int = 0
    unnumbered: int = 0

    @classmethod
    def total(cls, faults: Iterable[Faults]) -> Self:
        """The sum of the faults of several partitions."""
        columns = zip(*(dataclasses.astuple(each) for each in faults), strict=True)
        return cls(*(sum(column) for column in columns))
