"""Which pulses an accumulation has taken, and what orders change of pulses that it had taken."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.stream.pulses import NO_PULSE


@dataclass(frozen=True)
class Obeyed:
    """What an order has changed of pulses that were taken before.

    - ``reads_again``: whether the event log is read again
    - ``moved_ns``: pulses from this time on have moved to another series; None: none has
    """

    reads_again: bool = False
    moved_ns: int | None = None


@dataclass(frozen=True)
class PulseCoverage:
    """Which pulses are taken from the stream, and which of these the running series has.

    Times are pulse times, ns since the Unix epoch. `NO_PULSE` stands where there is no pulse yet.

    - ``cut_ns``, ``cut_number``: pulses up to this one are taken from the stream
    - ``first``, ``last``: numbers of the first and the last pulse of the series
    - ``last_ns``: time of the last pulse of the series, 0 if there is none
    """

    cut_ns: int = NO_PULSE
    cut_number: int = NO_PULSE
    first: int = NO_PULSE
    last: int = NO_PULSE
    last_ns: int = 0

    @property
    def now_ns(self) -> int:
        """The time at which weights are taken: the last accumulated pulse, or else the cut."""
        return self.last_ns or self.cut_ns
