"""Orders of the IOC to the simulator, and its reports."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.parameters import SimulatorSettings
from simulator.status import SimulatorStatus

SIMULATOR_PART = "simulator"
"""What it calls itself on the channel, see `reduction.control.hello`."""


@dataclass(frozen=True)
class SimulatorOrder:
    """Settings that the simulator uses from the next pulse on."""

    revision: int = 0
    settings: SimulatorSettings = field(default_factory=SimulatorSettings)


@dataclass(frozen=True)
class SimulatorReport:
    """How the simulator is, several times a second; ``revision`` is the order that it obeys.

    ``message`` says what is wrong with the orders that have come; it is empty if nothing is.
    ``remark`` is for operators, and no fault.
    """

    revision: int
    status: SimulatorStatus
    message: str = ""
    remark: str = ""
