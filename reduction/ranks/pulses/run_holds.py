"""Pulses wait for the order about a run that begins or ends with them."""

from __future__ import annotations

from collections.abc import Sequence

from reduction.control.facility_run import FacilityRun
from reduction.messages.run_messages import RunMessage
from reduction.stream.pulses import NEVER_NS

HOLD_S = 1.0
"""Longest time that pulses wait for the order about a run."""


class RunHolds:
    """The boundaries of runs that were read in the stream, until the IOC has ordered what they do.

    The same on all ranks: it goes by messages, orders and ticks. Pulses from a boundary on wait for
    the order about it, but no longer than ``ticks``.
    """

    def __init__(self, ticks: int) -> None:
        self._ticks = ticks
        self._waiting: dict[RunMessage, int] = {}
        """The messages without an order, and how many ticks pulses may still wait for it."""
        self.holding = False
        """Whether pulses waited at the last tick."""

    def note(self, messages: Sequence[RunMessage], run: FacilityRun) -> None:
        """Note messages that were read, of which ``run`` knows some already."""
        for each in messages:
            if each.time_ns and not each.earlier and not _is_known(each, run):
                self._waiting.setdefault(each, self._ticks)

    def ordered(self, run: FacilityRun) -> None:
        """Note that an order was obeyed, which knows ``run``."""
        waiting = self._waiting.items()
        self._waiting = {each: ticks for each, ticks in waiting if not _is_known(each, run)}

    def until_ns(self, reached_ns: int) -> int:
        """The time up to which pulses may be taken at a tick; ``reached_ns`` is the last pulse.

        It is `reduction.stream.pulses.NEVER_NS` if no pulse waits.
        """
        binding = [each for each in self._waiting if each.time_ns <= reached_ns]
        for each in binding:
            self._waiting[each] -= 1
            if self._waiting[each] < 0:
                del self._waiting[each]
        left = [each.time_ns - 1 for each in binding if each in self._waiting]
        self.holding = bool(left)
        return min(left, default=NEVER_NS)


def _is_known(message: RunMessage, run: FacilityRun) -> bool:
    """Whether nothing is to be ordered about a message once ``run`` is known."""
    if message.starts:
        return run.knows(message.key, message.time_ns)
    return not run.running or message.key not in (run.key, run.name)
