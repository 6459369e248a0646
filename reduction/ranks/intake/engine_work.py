"""The work of a rank's engine on events that were taken, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable

from reduction.engines.protocol import Engine
from reduction.ranks.intake.intake_budget import IntakeBudget


class EngineWork:
    """Has an ``engine`` count and prepare events, and notes in ``budget`` how long that takes.

    ``caught_up`` tells whether the engine has counted all events. ``now_s`` is a monotonic clock.
    """

    def __init__(self, engine: Engine, now_s: Callable[[], float]) -> None:
        self._engine, self._now_s = engine, now_s
        self.budget = IntakeBudget()
        self.caught_up = True

    def count(self, seconds: float, *, again: bool) -> None:
        """Count events, for about ``seconds``; ``again`` if an order has all of them counted."""
        began_s = self._now_s()
        self.caught_up = self._engine.advance(seconds)
        if again:
            self.budget.forget()
        else:
            self.budget.counted(self._now_s() - began_s, all_of_them=self.caught_up)

    def prepare(self, seconds: float) -> None:
        """Have events prepared for other bins, for about ``seconds``."""
        self._engine.prepare(seconds)

    def note_backlog(self, size_bytes: int | None) -> None:
        """Note how much waits in the event log; None if that is read again, which comes first."""
        unprepared = 0 if size_bytes is None else self._engine.unprepared
        self.budget.note_backlog(size_bytes or 0, unprepared)
