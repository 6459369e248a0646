"""The pulses that count, by series, and how much time each of them measured."""

from __future__ import annotations

import bisect
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.parameters.all_reductions.series import SeriesStatus
from reduction.ranks.pulses.pulse_periods import PulsePeriods
from reduction.stream.pulses import NO_PULSE, CompletePulse


class SeriesPulses:
    """The pulses of one series that count.

    ``times_ns`` are their times, ns since the Unix epoch. ``first`` and ``last`` are the numbers
    of the first and the last one.
    """

    def __init__(self) -> None:
        self.times_ns = array("q")
        self.first = self.last = NO_PULSE
        self.measured_ns = 0
        """The measured time of all pulses."""
        self._pulse_ns = array("q")
        self._unsettled_ns = array("q")
        """The periods of the pulses, until the usual one is known."""

    @property
    def pulses(self) -> int:
        """How many pulses count."""
        return len(self.times_ns)

    @property
    def first_ns(self) -> int:
        """The time of the first pulse; 0 without pulses."""
        return self.times_ns[0] if self.times_ns else 0

    @property
    def last_ns(self) -> int:
        """The time of the last pulse; 0 without pulses."""
        return self.times_ns[-1] if self.times_ns else 0

    @property
    def first_pulse_ns(self) -> int:
        """The measured time of the first pulse; 0 without pulses."""
        return self._pulse_ns[0] if self._pulse_ns else 0

    @property
    def seconds(self) -> NDArray[np.float64]:
        """The measured time of each pulse, (pulses,) float64, in s."""
        return np.array(self._pulse_ns, np.float64) / 1e9

    @property
    def status(self) -> SeriesStatus:
        """What is told of the series once it is closed."""
        return SeriesStatus(self.pulses, self.first, self.last, self.measured_ns / 1e9)

    def has(self, time_ns: int) -> bool:
        """Whether the pulse at a time is one of these."""
        return _has(self.times_ns, time_ns)

    def add(self, pulse: CompletePulse, period_ns: int, pulse_ns: int, *, settled: bool) -> None:
        """Add a pulse, ``period_ns`` after the one before it in the stream.

        Its measured time ``pulse_ns`` is not ``settled`` as long as the usual period is not known.
        """
        self.first = self.first if self.times_ns else pulse.number
        self.last = pulse.number
        self.times_ns.append(pulse.time_ns)
        self._pulse_ns.append(pulse_ns)
        self.measured_ns += pulse_ns
        if not settled:
            self._unsettled_ns.append(period_ns)

    def insert(self, time_ns: int, periods: PulsePeriods) -> None:
        """Add a pulse that was first seen after later ones; it gets a part of their time.

        The numbers of the pulses stay as they are: see `CountedPulses.insert`.
        """
        place = bisect.bisect_left(self.times_ns, time_ns)
        period_ns = time_ns - self.times_ns[place - 1] if place else 0
        pulse_ns = periods.measured_ns(period_ns)
        if place < self.pulses:
            after_ns = periods.measured_ns(self.times_ns[place] - time_ns)
            whole_ns, self._pulse_ns[place] = self._pulse_ns[place], after_ns
            pulse_ns = whole_ns - after_ns if whole_ns > after_ns else pulse_ns
            self.measured_ns += after_ns - whole_ns
        self.times_ns.insert(place, time_ns)
        self._pulse_ns.insert(place, pulse_ns)
        self.measured_ns += pulse_ns
        if place < len(self._unsettled_ns):
            self._unsettled_ns[place] = self.times_ns[place + 1] - time_ns
            self._unsettled_ns.insert(place, period_ns)

    def renumber(self, time_ns: int, *, added: bool) -> None:
        """Count the pulses on by one that come after a pulse which was first seen late.

        The pulse was ``added`` to these, or counts for none.
        """
        if added:
            self.last += 1
        elif self.pulses and time_ns < self.last_ns:
            self.first += time_ns < self.first_ns
            self.last += 1

    def split(self, end_ns: int, last: int, first: int) -> SeriesPulses:
        """The pulses after a time, which are no longer of this series but of the next one.

        The last pulse that stays has the number ``last``, the next one the number ``first``.
        """
        later, place = SeriesPulses(), bisect.bisect_right(self.times_ns, end_ns)
        if place < self.pulses:
            later.first, later.last = first, self.last
            self.first, self.last = (self.first, last) if place else (NO_PULSE, NO_PULSE)
        for mine, taken in (
            (self.times_ns, later.times_ns),
            (self._pulse_ns, later._pulse_ns),
            (self._unsettled_ns, later._unsettled_ns),
        ):
            taken.extend(mine[place:])
            del mine[place:]
        later.measured_ns, self.measured_ns = sum(later._pulse_ns), sum(self._pulse_ns)
        return later

    def settle(self, periods: PulsePeriods) -> None:
        """Compute the measured time of the first pulses again, now that more periods are known."""
        known = [periods.measured_ns(period_ns) for period_ns in self._unsettled_ns]
        self._pulse_ns[: len(known)] = array("q", known)
        self.measured_ns = sum(self._pulse_ns)


class CountedPulses:
    """Which pulses of the stream have counted, by series.

    ``before_ns`` are the times of the last pulses before these.
    """

    def __init__(self, before_ns: Sequence[int] = ()) -> None:
        self.periods = PulsePeriods(before_ns)
        self.series = [SeriesPulses()]
        self._others_ns = array("q")
        """The pulses that do not count."""

    def close(self, series: int) -> None:
        """Have so many ``series``: the last one is the running one."""
        self.series += [SeriesPulses() for _ in range(series - len(self.series))]

    def split(self, end_ns: int, last: int, first: int) -> None:
        """End the running series at a time that has passed: see `SeriesPulses.split`."""
        self.series.append(self.running.split(end_ns, last, first))

    @property
    def running(self) -> SeriesPulses:
        """The pulses of the running series."""
        return self.series[-1]

    @property
    def closed(self) -> list[SeriesStatus]:
        """The closed series."""
        return [each.status for each in self.series[:-1]]

    @property
    def times_ns(self) -> NDArray[np.int64]:
        """The times of the pulses of all series, (pulses,) int64."""
        return np.concatenate([np.array(each.times_ns, np.int64) for each in self.series])

    @property
    def seconds(self) -> NDArray[np.float64]:
        """The measured time of each of these pulses, (pulses,) float64, in s."""
        return np.concatenate([each.seconds for each in self.series])

    def has(self, time_ns: int) -> bool:
        """Whether the pulse at a time counts."""
        return any(each.has(time_ns) for each in reversed(self.series))

    def seen(self, time_ns: int) -> bool:
        """Whether the pulse at a time was taken, whether or not it counts."""
        return self.has(time_ns) or _has(self._others_ns, time_ns)

    def insert(self, time_ns: int, series: int | None) -> None:
        """Take a pulse that was first seen after later ones, whose numbers go up by one.

        It belongs to a ``series``, by its index, or counts for none.
        """
        if series is None:
            bisect.insort(self._others_ns, time_ns)
        else:
            own = self.series[series]
            if not own.pulses:
                own.first, own.last = self._number_at(series), self._number_at(series) - 1
            own.insert(time_ns, self.periods)
        settled = self.periods.settled
        self.periods.insert(time_ns)
        if not settled:
            for each in self.series:
                each.settle(self.periods)
        for number, each in enumerate(self.series):
            each.renumber(time_ns, added=number == series)

    def _number_at(self, series: int) -> int:
        """The number of the first pulse of a series that had none."""
        before = [each.last + 1 for each in self.series[:series] if each.pulses]
        after = [each.first for each in self.series[series + 1 :] if each.pulses]
        return (before[-1:] or after[:1] or [0])[0]

    def take(
        self,
        pulses: Sequence[CompletePulse],
        counts: NDArray[np.bool_],
        series: NDArray[np.int64],
    ) -> None:
        """Take the next ``pulses`` of the stream; those that count belong to these ``series``."""
        settled = self.periods.settled
        for pulse, counted, number in zip(pulses, counts.tolist(), series.tolist(), strict=True):
            period_ns = self.periods.passed(pulse.time_ns)
            if counted:
                pulse_ns = self.periods.measured_ns(period_ns)
                self.series[number].add(pulse, period_ns, pulse_ns, settled=settled)
            else:
                self._others_ns.append(pulse.time_ns)
        if not settled:
            for each in self.series:
                each.settle(self.periods)


def _has(times_ns: Sequence[int], time_ns: int) -> bool:
    """Whether ascending times hold a time."""
    place = bisect.bisect_left(times_ns, time_ns)
    return place < len(times_ns) and times_ns[place] == time_ns
