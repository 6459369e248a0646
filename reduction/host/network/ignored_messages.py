"""Counts messages that were ignored, and says for a while why the last one was."""

from __future__ import annotations

from collections.abc import Callable

RECENT_S = 60.0
"""How long the reason stays in words."""


class IgnoredMessages:
    """How many messages were ignored, and why the last one was; ``clock_s`` is monotonic."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self.count = 0
        self._why, self._noted_s = "", 0.0

    def note(self, why: str) -> None:
        """Count a message that changes nothing, for a reason in words."""
        self.count += 1
        self._why, self._noted_s = why, self._clock_s()

    @property
    def problem(self) -> str:
        """Why a message was ignored in the last minute; empty if none was."""
        return self._why if self._clock_s() - self._noted_s < RECENT_S else ""
