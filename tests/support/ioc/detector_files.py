"""Settings and orders with the files that they name, as the IOC reads them."""

from __future__ import annotations

import functools
from typing import Any

from reduction.control.order_files import with_files
from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.engines.protocol import Recipe
from reduction.engines.recipe import recipe
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.instrument.load_files import load_file
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.reduction import ReductionSettings


def order_with_files(order: RanksOrder, instrument: Instrument | None = None) -> RanksOrder:
    """An order with the files that it names; for the simulated arc unless told otherwise."""
    load = functools.partial(load_file, instrument=instrument or powder_arc())
    return with_files(order, load)


def recipe_with_files(
    detectors: DetectorSettings, instrument: Instrument | None = None, **more: Any
) -> Recipe:
    """The recipe of settings of detectors whose files are read."""
    settings = ReductionSettings(detectors=detectors, **more)
    order = RanksOrder(reductions=(ReductionOrder(settings=settings),))
    made = order_with_files(order, instrument)
    return recipe(made.reductions[0].settings, instrument or powder_arc(), files=made.files)
