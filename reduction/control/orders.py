"""What the IOC and the processes it commands say to each other.

State, not deltas: an order holds everything its receiver is to obey, under a revision that counts
up, so it can be sent again at any time, to a process that has just started as to one that runs.
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
    """A reduction as it is to be, under its generation."""

    generation: int = 0
    settings: ReductionSettings = field(default_factory=ReductionSettings)


@dataclass(frozen=True)
class RanksOrder:
    """What the ranks obey.

    They accumulate while ``acquiring``, until the preset is reached that ``acquisition`` had when
    ``starts`` changed. They drop what is accumulated whenever ``resets`` has changed, and close it
    as a series whenever ``closes`` has; but not for a 0: an IOC that starts beside ranks at work
    asks for neither.
    """

    revision: int = 0
    resets: int = 0
    control: RunControl = field(default_factory=RunControl)
    reductions: tuple[ReductionOrder, ...] = (ReductionOrder(),)
    acquisition: AcquisitionSettings = field(default_factory=AcquisitionSettings)
    acquiring: bool = True
    starts: int = 0
    closes: int = 0
