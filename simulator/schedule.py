"""The times at which pulses are due."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)

SECOND_NS = 1_000_000_000
OFF_LIMIT_NS = SECOND_NS
"""A source that is further behind than this skips the pulses that it missed."""

WARNING_INTERVAL_NS = 10 * SECOND_NS


class Schedule:
    """When pulses are due, at a steady rate; times are in ns since 1970."""

    def __init__(self, first_ns: int) -> None:
        self.next_ns = first_ns
        self._last_ns: int | None = None
        self._skipped_ns, self._warned_ns = -WARNING_INTERVAL_NS, -WARNING_INTERVAL_NS

    def due(self, now_ns: int) -> bool:
        """Whether a pulse is due."""
        if self._last_ns is not None and now_ns < self._last_ns - OFF_LIMIT_NS:
            # The clock was set back: waiting until it has caught up might take hours.
            self.restart(now_ns)
        return now_ns >= self.next_ns

    def take(self, now_ns: int, rate_hz: float) -> int:
        """The time of the pulse that is due; the next one is due a period later."""
        if now_ns - self.next_ns > OFF_LIMIT_NS:
            self._warn(now_ns, rate_hz)
            self.next_ns = now_ns
        self._last_ns = self.next_ns
        self.next_ns += _period_ns(rate_hz)
        return self._last_ns

    def change_rate(self, now_ns: int, rate_hz: float) -> None:
        """Make the next pulse due one new period after the last one, but not before now."""
        if self._last_ns is not None:
            self.next_ns = max(now_ns, self._last_ns + _period_ns(rate_hz))

    def restart(self, now_ns: int) -> None:
        """Make a pulse due now."""
        self.next_ns, self._last_ns = now_ns, None

    def _warn(self, now_ns: int, rate_hz: float) -> None:
        """Warn of a source that skips pulses again and again.

        One that has just started, or was stopped, skips once, and is on time from then on.
        """
        again = now_ns - self._skipped_ns < WARNING_INTERVAL_NS
        self._skipped_ns = now_ns
        if again and now_ns - self._warned_ns >= WARNING_INTERVAL_NS:
            self._warned_ns = now_ns
            log.warning("pulses are made more slowly than the %g Hz asked for", rate_hz)


def _period_ns(rate_hz: float) -> int:
    return round(SECOND_NS / rate_hz)
