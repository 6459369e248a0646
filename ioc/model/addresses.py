"""The addresses of settings and readings that several modules name."""

from __future__ import annotations

from ioc.model.paths import Part, ValuePath

RANKS, SIMULATOR, IOC = ValuePath(Part.RANKS), ValuePath(Part.SIMULATOR), ValuePath(Part.IOC)

STREAM = RANKS / "stream"
"""The address of the readings of the event stream."""

FACILITY_RUN = RANKS / "facility_run"
"""The address of the readings of the run of the facility."""

IOC_PROCESS = IOC / "program"
"""The address of the readings and commands of the IOC's own process."""

OPERATED = (RANKS / "control" / "pause", RANKS / "acquisition", IOC / "lock")
"""Addresses of settings that operators change while they measure (access group OPERATION)."""

IOC_REMARKS = "ioc"
"""The first step of the path of readings that the IOC itself makes about ranks or simulator.

The other readings of ranks and simulator come from their reports.
"""

ANALYSES = RANKS / "analyses"
"""The root of the addresses of regions and peaks of each slice, group and series."""

VIEWS = RANKS / "views"
"""The root of the addresses of images, maps and picked spectra, which come at their own rate."""


def reduction_at(number: int) -> ValuePath:
    """The address of a reduction, by its index from 0, in orders and in readings."""
    return RANKS / "reductions" / number


def views_at(number: int) -> ValuePath:
    """The address of the views of a reduction, by its index from 0; see `VIEWS`."""
    return VIEWS / number
