"""Orders: what the IOC has the ranks obey.

An order is a complete state, not a change: it holds everything that its receiver is to obey, under
a revision that counts up. So it can be sent again at any time, also to a process that has just
started.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reduction.parameters.acquisition import AcquisitionSettings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.run import RunControl

NO_REVISION = -1
"""Revision of the order that ranks have before the first one has come."""


@dataclass(frozen=True)
class ReductionOrder:
    """The settings of a reduction, and their generation."""

    generation: int = 0
    settings: ReductionSettings = field(default_factory=ReductionSettings)


@dataclass(frozen=True)
class RanksOrder:
    """What the ranks obey.

    - ``revision``: counts up with each order
    - ``resets``: whenever it has changed, what is accumulated is dropped
    - ``acquisition``: the preset, which is taken when ``starts`` changes
    - ``acquiring``: whether to accumulate, until the preset is reached
    - ``starts``: whenever it has changed, an acquisition starts
    - ``closes``: whenever it has changed, what is accumulated is closed as a series

    A change to 0 has no effect: an IOC that starts while ranks are at work begins with 0.
    """

    revision: int = 0
    resets: int = 0
    control: RunControl = field(default_factory=RunControl)
    reductions: tuple[ReductionOrder, ...] = (ReductionOrder(),)
    acquisition: AcquisitionSettings = field(default_factory=AcquisitionSettings)
    acquiring: bool = True
    starts: int = 0
    closes: int = 0
