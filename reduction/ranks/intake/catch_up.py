"""How far ranks that read the event log again have come."""

from __future__ import annotations

RESULT_INTERVAL_S = 1.0
"""How often there are results meanwhile: for each, reading waits until all is histogrammed."""


PERIODS_PER_TICK = 3
"""Ticks are rarer meanwhile: at each, ranks wait for the slowest one. Orders are obeyed at once."""


class CatchUp:
    """Whether the event log is read again, and how far that has come; the same on all ranks.

    ``ticks_per_result`` is every how many ticks there is to be a result meanwhile.
    """

    def __init__(self, ticks_per_result: int) -> None:
        self._ticks_per_result = ticks_per_result
        self.active = False
        self.waits = False
        """Whether reading waits until there is a result."""
        self._most_messages = 0
        self._ticks = 0
        self._at_end = False

    @property
    def ends(self) -> bool:
        """Whether it ends with the next result, as all ranks were at the end of the event log."""
        return self.active and self._at_end

    @property
    def periods_per_tick(self) -> int:
        """Every how many periods of the clock there is to be a tick."""
        return PERIODS_PER_TICK if self.active and not self._at_end else 1

    def begin(self) -> None:
        """The event log is read again from now on."""
        self.active, self._most_messages, self._ticks = True, 0, 0
        self._at_end = False

    def ticked(self, *, at_end: bool) -> None:
        """Note a tick, and whether all ranks have been at the end of the event log before it.

        Now and then a result is due, for which reading waits.
        """
        self._at_end = self._at_end or at_end
        self._ticks += 1
        self.waits = self.active and self._ticks >= self._ticks_per_result

    def made_result(self) -> None:
        """Note a result; the first one after all ranks were at the end ends the catching up."""
        self.active = self.active and not self._at_end
        self.waits, self._ticks = False, 0

    def end(self) -> None:
        """Nothing is read again any more."""
        self.active = self.waits = False

    def progress(self, behind: int) -> float:
        """The share of the messages that are read again, given how many are still ``behind``."""
        if not self.active:
            return 1.0
        self._most_messages = max(self._most_messages, behind)
        return 1 - behind / self._most_messages if self._most_messages else 0.0
