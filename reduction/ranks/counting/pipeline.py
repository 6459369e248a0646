"""One rank's share of the reduction: events of cut pulses go in, cells of histograms come out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder
from reduction.engines.protocol import Engine, Recipe
from reduction.engines.recipe import recipe
from reduction.instrument.geometry import Instrument
from reduction.messages.contents import Chunk
from reduction.parameters.all_reductions.run import AccumulationMode
from reduction.parameters.reduction import TIME_LOG, FilterSettings, ReductionSettings
from reduction.ranks.counting.series import SeriesTimeline
from reduction.stream.log_values.logs import Logs

PROTON_CHARGE = "proton_charge"
"""Name of the log with the proton charge of each pulse, in µC."""


@dataclass(frozen=True, eq=False)
class PulseSums:
    """Sums over the pulses in each slice of a reduction, (series, slices) float64 each.

    ``charges_uc`` are proton charges in µC, NaN if the charge of a pulse is not known; ``seconds``
    are measured times.
    """

    charges_uc: NDArray[np.float64]
    seconds: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        keys: NDArray[np.int32],
        shape: tuple[int, int],
        charge_uc: NDArray[np.float64],
        seconds: NDArray[np.float64],
    ) -> Self:
        """The sums, given the slice of each pulse, its charge and its time, (n,) each."""
        inside = keys >= 0
        return cls(
            *(
                np.bincount(keys[inside], each[inside], shape[0] * shape[1])
                .astype(np.float64)
                .reshape(shape)
                for each in (charge_uc, seconds)
            )
        )


PENDING_SHARE = 4
"""Events that wait for their pulses may take this part of the memory for events."""

LEAST_PENDING_BYTES = 1 << 26
"""They may always take so much, however little memory is allowed: else pulses were not complete."""


class PulseSlicing:
    """The slice that each pulse belongs to, by its time and the value of a log.

    Two slicings are equal if their settings are equal: then they give the same slices.
    """

    def __init__(self, logs: Logs, settings: FilterSettings, timeline: SeriesTimeline) -> None:
        self._logs, self._settings, self._timeline = logs, settings, timeline

    def __call__(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        values = (
            self._timeline.seconds_since_begin(times_ns)
            if self._settings.log == TIME_LOG
            else self._logs.at(self._settings.log, times_ns)
        )
        slices = self._settings.slice_of(values)
        return self._timeline.place(slices, self._settings.count, times_ns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PulseSlicing) and self._settings == other._settings

    def __hash__(self) -> int:
        return hash(self._settings)


class Pipeline:
    """Obeys orders between pulses, and counts the events that it hands on to the engine.

    Events take up to ``memory_bytes``, unless an order sets a limit. ``received`` events have come
    since the reset. Of these the ``filtered`` ones came during a pause and were dropped. Whoever
    hands on the events keeps ``timeline``, which has the series of each pulse.
    """

    def __init__(
        self,
        instrument: Instrument,
        engine: Callable[[Instrument, list[Recipe]], Engine],
        order: RanksOrder,
        logs: Logs,
        memory_bytes: int,
    ) -> None:
        self.instrument, self.logs = instrument, logs
        self._memory_bytes = memory_bytes
        self.order = order
        self.timeline = SeriesTimeline()
        self._series = 1
        self.recipes = {
            number: self._recipe(each.settings, order, 1)
            for number, each in enumerate(order.reductions)
        }
        """The recipes that the engine follows, by number of the reduction."""
        self.engine = engine(instrument, list(self.recipes.values()))
        self.received = 0
        self.filtered = 0

    def _recipe(self, settings: ReductionSettings, order: RanksOrder, series: int) -> Recipe:
        slicing = PulseSlicing(self.logs, settings.filter, self.timeline)
        fade_s = order.control.fade_s
        return recipe(settings, self.instrument, slicing, series, fade_s, order.files)

    def pulse_sums(
        self, times_ns: NDArray[np.int64], seconds: NDArray[np.float64], now_ns: int
    ) -> list[PulseSums]:
        """Proton charge and time in each slice of each reduction.

        They are sums over the pulses at ``times_ns`` (n,), whose measured times are ``seconds``
        (n,). If events fade, those of the running series fade as well.
        """
        weights = np.where(
            times_ns > self.timeline.last_end_ns, self.weights(times_ns, now_ns), 1.0
        )
        charge_uc = self.logs.at(PROTON_CHARGE, times_ns) * weights
        return [
            PulseSums.of(
                PulseSlicing(self.logs, each.settings.filter, self.timeline)(times_ns),
                (self.timeline.series, each.settings.filter.count),
                charge_uc,
                seconds * weights,
            )
            for each in self.order.reductions
        ]

    def weights(self, times_ns: NDArray[np.int64], now_ns: int) -> NDArray[np.float64]:
        """The weights (n,) at ``now_ns`` of pulses at ``times_ns`` (n,): 1 unless events fade."""
        fade_s = self.order.control.fade_s
        return np.exp((times_ns - now_ns) / (fade_s * 1e9)) if fade_s else np.ones(times_ns.size)

    def accumulate(
        self, chunks: Sequence[Chunk], time_ns: int, *, filtered: int, window_end_ns: int
    ) -> None:
        """Pass the events of the pulses that are cut at a time to the engine, and follow logs.

        ``filtered`` more events have come, of pulses that do not count. The sliding window, if
        there is one, ends at ``window_end_ns``.
        """
        self._follow_logs(time_ns)
        self._move_window(window_end_ns)
        self.received += filtered
        self.filtered += filtered
        for chunk in chunks:
            self.received += chunk.tof_ns.size
            self.engine.accumulate(chunk.pixel_id, chunk.tof_ns, chunk.pulse_time_ns)

    def begin_series(self, series: int, time_ns: int, cut_ns: int) -> None:
        """Note a pulse of a series, by its index.

        If it comes before the first pulse so far, slices by time are of other pulses up to
        ``cut_ns``.
        """
        if self.timeline.begin(series, time_ns):
            for number, each in enumerate(self.order.reductions):
                if TIME_LOG in each.settings.logs:
                    self.engine.reslice(number, time_ns, cut_ns)

    def _follow_logs(self, time_ns: int) -> None:
        """Move events of pulses up to a time to other slices, if values of logs have changed.

        Charges always go by the present values, so this is due also while nothing is accumulated.
        """
        for name, since_ns in self.logs.changed().items():
            for number, each in enumerate(self.order.reductions):
                if name in each.settings.logs:
                    self.engine.reslice(number, since_ns, time_ns)

    def _move_window(self, time_ns: int) -> None:
        """Make the sliding window, if there is one, end at a time."""
        control, before_ns = self.order.control, self.timeline.start_ns
        sliding = control.accumulation is AccumulationMode.WINDOW
        self.timeline.start_ns = time_ns - int(control.window_time * 1e9) if sliding else 0
        if self.timeline.start_ns != before_ns:
            bounds = sorted((before_ns, self.timeline.start_ns))
            for number in range(len(self.order.reductions)):
                self.engine.reslice(number, *bounds)

    def move_pulses(self, since_ns: int, until_ns: int) -> None:
        """Move the events of pulses in [since, until] to the series that they belong to now."""
        for number in range(len(self.order.reductions)):
            self.engine.reslice(number, since_ns, until_ns)

    def slicing(self, number: int) -> PulseSlicing:
        """The slices that pulses have in a reduction."""
        settings = self.order.reductions[number].settings
        return PulseSlicing(self.logs, settings.filter, self.timeline)

    @property
    def series(self) -> int:
        """How many series the recipes are for, the running one included."""
        return self._series

    def plan(self, order: RanksOrder, series: int) -> dict[int, Recipe]:
        """The recipes that ``order`` changes, by number of the reduction, for so many ``series``.

        Raises `reduction.parameters.specs.Refused` if one of them cannot be followed.
        """
        every = series != self._series or order.control.fade_s != self.order.control.fade_s
        pairs = enumerate(itertools.zip_longest(order.reductions, self.order.reductions))
        changed = {
            number: self._recipe(new.settings, order, series)
            for number, (new, old) in pairs
            if new is not None
            and (every or old is None or new.settings.counted != old.settings.counted)
        }
        for made in changed.values():
            self.engine.check(made)
        return changed

    def _keep_first(self, reductions: int) -> None:
        """Drop the reductions that an order no longer has."""
        self.engine.keep_first(reductions)
        for number in range(reductions, len(self.recipes)):
            del self.recipes[number]

    def obey(
        self, order: RanksOrder, changed: dict[int, Recipe], series: int, *, clear: bool
    ) -> None:
        """Obey ``order``, whose `plan` for so many ``series`` is ``changed``, for all events.

        If ``clear`` is set, all events so far are dropped.
        """
        self._series = series
        if clear:
            self.engine.clear()
            self.received = self.filtered = 0
        for number, made in changed.items():
            self.engine.configure(number, made)
        self.recipes |= changed
        self._keep_first(len(order.reductions))
        self.order = order
        self.limit_memory(0)

    @property
    def limit_bytes(self) -> int:
        """The most memory that events of this rank may take, those that are not cut included."""
        return int(self.order.control.memory_limit * 1e9) or self._memory_bytes

    def limit_memory(self, pending_bytes: int) -> None:
        """Leave room for events that wait for their pulses and take so many bytes."""
        keep = self.order.control.accumulation is not AccumulationMode.WINDOW
        self.engine.limit(max(self.limit_bytes - pending_bytes, 0), keep=keep)

    @property
    def most_pending_bytes(self) -> int:
        """The most memory that events which wait for their pulses may take."""
        return max(self.limit_bytes // PENDING_SHARE, LEAST_PENDING_BYTES)
