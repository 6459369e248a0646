"""Tells in words which partition holds the pulses of all others because it sends no marks."""

from __future__ import annotations

from collections.abc import Callable

from reduction.stream.notices import Notices
from reduction.stream.pulses import NO_PULSE

BEHIND_NS = 2_000_000_000
"""A partition holds the others if its pulses are this far behind the newest one."""

HOLDING_NS = 2_000_000_000
"""A notice is given after this time."""


class HoldingPartitions:
    """The partitions of a stream with marks whose pulses stay behind, though all of them is read.

    ``clock_ns`` is a clock of elapsed ns.
    """

    def __init__(self, clock_ns: Callable[[], int], notices: Notices) -> None:
        self._clock_ns, self._notices = clock_ns, notices
        self._since_ns: dict[int, int] = {}

    def note(self, partition: int, reached_ns: int, newest_ns: int, *, ended: bool) -> None:
        """Note how far a partition has come, and whether it is read to its end.

        Its last complete pulse is at ``reached_ns``, the newest pulse of all at ``newest_ns``.
        """
        if not ended or newest_ns == NO_PULSE or reached_ns > newest_ns - BEHIND_NS:
            if self._since_ns.pop(partition, None) is not None:
                self._notices.withdraw(f"partition {partition}")
            return
        since_ns = self._since_ns.setdefault(partition, self._clock_ns())
        if self._clock_ns() - since_ns >= HOLDING_NS:
            self._notices.give(
                f"partition {partition}",
                f"partition {partition} of the stream sends no marks: no pulse is complete"
                " before it does",
            )
