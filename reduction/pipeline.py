"""One rank's share of the reduction: pulses that are cut go in, cells of histograms come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from reduction.engines.protocol import Engine, Recipe
from reduction.geometry import Instrument
from reduction.messages import RanksOrder, ReductionOrder
from reduction.parameters import ReductionSettings
from reduction.wire import Chunk


def recipe(settings: ReductionSettings, instrument: Instrument) -> Recipe:
    """What an engine needs to know of ``settings``: all detectors in one spectrum."""
    group = np.zeros(instrument.detector_id.size, np.int32)
    return Recipe(settings.units, settings.edges, group)


class Pipeline:
    """Obeys orders between pulses and keeps the account of what came in.

    ``received`` events since the reset were handed on to the engine or, while paused, ``filtered``.
    """

    def __init__(
        self,
        instrument: Instrument,
        engine: Callable[[Instrument, list[Recipe]], Engine],
        order: RanksOrder,
    ) -> None:
        self._instrument = instrument
        self.order = order
        recipes = [recipe(each.settings, instrument) for each in order.reductions]
        self.engine = engine(instrument, recipes)
        self.received = 0
        self.filtered = 0

    def accumulate(self, chunks: Sequence[Chunk]) -> None:
        """Take the events of cut pulses."""
        for chunk in chunks:
            self.received += chunk.tof_ns.size
            if self.order.control.pause:
                self.filtered += chunk.tof_ns.size
            else:
                self.engine.accumulate(chunk.pixel_id, chunk.tof_ns)

    def resets(self, order: RanksOrder) -> bool:
        """Whether ``order`` drops what is accumulated; one of an IOC that has just started not."""
        return order.resets not in (0, self.order.resets)

    def obey(self, order: RanksOrder) -> None:
        """Follow ``order``; a change re-runs what depends on it over all retained events."""
        if self.resets(order):
            self.engine.clear()
            self.received = self.filtered = 0
        changes = zip(order.reductions, self.order.reductions, strict=True)
        for number, (new, old) in enumerate(changes):
            self._configure(number, new, old)
        self.order = order

    def _configure(self, number: int, new: ReductionOrder, old: ReductionOrder) -> None:
        if new.settings != old.settings:
            self.engine.configure(number, recipe(new.settings, self._instrument))
