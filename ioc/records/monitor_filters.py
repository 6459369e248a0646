"""Which updates a monitor with filters is sent, as the plugins of EPICS Base decide it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

USER_TAG = 0
"""The user tag of all updates: nothing here sets one."""


@dataclass(frozen=True)
class Deadband:
    """A monitor gets a value only if it differs from the one before by more than ``limit``.

    ``limit`` is a number, or with ``relative`` a percentage of the value before.
    """

    limit: float
    relative: bool = False

    def passes(self, value: float, before: float) -> bool:
        """Whether a value passes after another one."""
        limit = abs(before) * self.limit / 100 if self.relative else self.limit
        differs = value != before and not (math.isnan(value) and math.isnan(before))
        return differs and not abs(value - before) <= limit


@dataclass(frozen=True)
class Decimation:
    """A monitor gets the first update, and then one of every ``number``."""

    number: int


@dataclass(frozen=True)
class TagMatch:
    """A monitor gets the first update, and then those whose user tag, masked, is ``value``."""

    mask: int
    value: int


MonitorFilter = Deadband | Decimation | TagMatch


class FilteredMonitor:
    """One monitor with its filters, which an update passes one after another."""

    def __init__(self, filters: Sequence[MonitorFilter]) -> None:
        self._filters = filters
        self._sent: dict[int, float] = {}
        """The number that passed each deadband last, by its place among the filters."""
        self._seen = [0] * len(filters)
        """How many updates have reached each filter."""

    def passes(self, number: float | None, not_only_value: bool) -> bool:
        """Whether the next update is sent.

        ``number`` is its value if that is a single number. ``not_only_value``: its alarm or its
        properties have changed, too.
        """
        return all(
            self._passes(place, each, number, not_only_value)
            for place, each in enumerate(self._filters)
        )

    def _passes(
        self, place: int, by: MonitorFilter, number: float | None, not_only_value: bool
    ) -> bool:
        seen = self._seen[place]
        self._seen[place] += 1
        match by:
            case Decimation(every):
                return seen % every == 0
            case TagMatch(mask, value):
                return seen == 0 or USER_TAG & mask == value
        if number is None:
            return True
        before = self._sent.get(place)
        passes = before is None or by.passes(number, before)
        if passes:
            self._sent[place] = number
        return passes or not_only_value
