"""One rank's share of the reduction: pulses that are cut go in, cells of histograms come out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.detectors import calibrated_difc, group_names, groups
from reduction.engines.protocol import Engine, Recipe, SliceOf, one_slice
from reduction.geometry import Instrument
from reduction.logs import Logs
from reduction.messages import RanksOrder
from reduction.parameters import Accumulation
from reduction.settings import MOST_CELLS, FilterSettings, ReductionSettings
from reduction.specs import Refused
from reduction.wire import Chunk


def recipe(
    settings: ReductionSettings, instrument: Instrument, slice_of: SliceOf = one_slice
) -> Recipe:
    """What an engine needs to know of ``settings``; raises `Refused` for what does not fit."""
    made = Recipe(
        settings.units,
        settings.edges,
        groups(settings.detectors, instrument),
        settings.filter.count,
        slice_of,
        calibrated_difc(settings.detectors, instrument),
        len(group_names(settings.detectors)),
    )
    cells = made.slices * made.groups * made.edges.size
    if cells > MOST_CELLS:
        parts = f"{made.slices} slices, {made.groups} groups and {made.edges.size - 1} bins"
        raise Refused("BinParams", settings.bin_params, f"{parts} are too many together")
    return made


PROTON_CHARGE = "proton_charge"
"""Log of the charge of each pulse, in µC."""


@dataclass
class Window:
    """The pulses that count: from ``start_ns`` on."""

    start_ns: int = 0


class Slicing:
    """The slice of pulses by a log, -1 before the window: equal ones say the same of any pulse."""

    def __init__(self, logs: Logs, settings: FilterSettings, window: Window) -> None:
        self._logs, self._settings, self._window = logs, settings, window

    def __call__(self, times_ns: NDArray[np.int64]) -> NDArray[np.int32]:
        values = self._logs.at(self._settings.log, times_ns)
        slices = self._settings.slice_of(values)
        slices[times_ns < self._window.start_ns] = -1
        return slices

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slicing) and self._settings == other._settings

    def __hash__(self) -> int:
        return hash(self._settings)


class Pipeline:
    """Obeys orders between pulses and keeps the account of what came in.

    Events take up to ``memory_bytes``, unless the order says otherwise. ``received`` events since
    the reset were handed on to the engine or, while paused, ``filtered``.
    """

    def __init__(
        self,
        instrument: Instrument,
        engine: Callable[[Instrument, list[Recipe]], Engine],
        order: RanksOrder,
        logs: Logs,
        memory_bytes: int,
    ) -> None:
        self._instrument, self._logs = instrument, logs
        self._memory_bytes = memory_bytes
        self.order = order
        self._window = Window()
        self.engine = engine(instrument, [self._recipe(each.settings) for each in order.reductions])
        self.received = 0
        self.filtered = 0

    def _recipe(self, settings: ReductionSettings) -> Recipe:
        slicing = Slicing(self._logs, settings.filter, self._window)
        return recipe(settings, self._instrument, slicing)

    def charges_uc(self, times_ns: NDArray[np.int64]) -> list[tuple[float, ...]]:
        """Proton charge of the pulses at these times in each slice of each reduction, µC.

        NaN where a pulse's charge is not known.
        """
        charge = self._logs.at(PROTON_CHARGE, times_ns)
        sums = []
        for each in self.order.reductions:
            keys = Slicing(self._logs, each.settings.filter, self._window)(times_ns)
            inside = keys >= 0
            count = each.settings.filter.count
            totals = np.bincount(keys[inside], charge[inside], count)
            sums.append(tuple(float(n) for n in totals))
        return sums

    def accumulate(self, chunks: Sequence[Chunk], time_ns: int) -> None:
        """Take the events of pulses cut at a time, and the news of logs."""
        for name, since_ns in self._logs.news().items():
            for number, each in enumerate(self.order.reductions):
                if each.settings.filter.log == name:
                    self.engine.resliced(number, since_ns, time_ns)
        self._slide(time_ns)
        for chunk in chunks:
            self.received += chunk.tof_ns.size
            if self.order.control.pause:
                self.filtered += chunk.tof_ns.size
            else:
                self.engine.accumulate(chunk.pixel_id, chunk.tof_ns, chunk.pulse_time_ns)

    def _slide(self, time_ns: int) -> None:
        """Have the window end at a time."""
        control, before_ns = self.order.control, self._window.start_ns
        sliding = control.accumulation is Accumulation.WINDOW
        self._window.start_ns = time_ns - int(control.window_time * 1e9) if sliding else 0
        if self._window.start_ns != before_ns:
            bounds = sorted((before_ns, self._window.start_ns))
            for number in range(len(self.order.reductions)):
                self.engine.resliced(number, *bounds)

    def resets(self, order: RanksOrder) -> bool:
        """Whether ``order`` drops what is accumulated; one of an IOC that has just started not."""
        return order.resets not in (0, self.order.resets)

    def plan(self, order: RanksOrder) -> dict[int, Recipe]:
        """The recipes that ``order`` changes, by reduction; raises `Refused` if one cannot be."""
        pairs = enumerate(itertools.zip_longest(order.reductions, self.order.reductions))
        return {
            number: self._recipe(new.settings)
            for number, (new, old) in pairs
            if new is not None and (old is None or new.settings.counted != old.settings.counted)
        }

    def obey(self, order: RanksOrder, changed: dict[int, Recipe]) -> None:
        """Follow ``order``, whose `plan` is ``changed``, over all retained events."""
        if self.resets(order):
            self.engine.clear()
            self.received = self.filtered = 0
        for number, made in changed.items():
            self.engine.configure(number, made)
        limit = order.control.memory_limit
        self.engine.limit(
            int(limit * 1e9) if limit else self._memory_bytes,
            keep=order.control.accumulation is Accumulation.SINCE_RESET,
        )
        self.order = order
