"""The process variables: which there are, what each is, and where its value stands.

To add settings or readings, add a line: the dataclass with its specs, the prefix, and the place.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ioc.access import Asg
from ioc.places import Part, Place
from ioc.readings import (
    FileCommands,
    FileSettings,
    FileStatus,
    IocStatus,
    LockCommands,
    LockSettings,
    LockStatus,
    ProgramCommands,
    ProgramStatus,
    SimulatorIocStatus,
    WatchSettings,
)
from reduction.acquisition import AcquisitionSettings, AcquisitionStatus
from reduction.analysis import PEAKS, REGIONS, PeakStatus, RegionStatus, WindowSettings
from reduction.corrections import CorrectionSettings
from reduction.families import FAMILIES, Family
from reduction.parameters import BackendStatus, RunCommands, RunControl, StreamStatus
from reduction.readings import (
    GroupSpectrum,
    ReductionShape,
    ReductionStatus,
    SeriesSpectrum,
    SliceSpectrum,
    Spectrum,
)
from reduction.series import MOST_SERIES
from reduction.settings import (
    MOST_GROUPS,
    MOST_SLICES,
    DetectorSettings,
    FilterSettings,
    ReductionSettings,
    Segment,
)
from reduction.specs import Spec, default_of, specs
from simulator.parameters import SimulatorSettings, SimulatorStatus

RANKS, SIMULATOR, IOC = Place(Part.RANKS), Place(Part.SIMULATOR), Place(Part.IOC)

PROGRAM = IOC / "program"
"""The IOC's own process."""

OPERATED = (RANKS / "control" / "pause", RANKS / "acquisition", IOC / "lock")
"""Settings that are changed while measuring, as commands are given: of their access group."""

OWN = "ioc"
"""Under it stands in a part's view what the IOC itself says of the part."""

ANALYSES = RANKS / "analyses"
"""Under it stands what is found in each spectrum of a family."""


class Access(enum.Enum):
    """What clients may do, and what the channel tells."""

    SETPOINT = enum.auto()
    READBACK = enum.auto()
    COMMAND = enum.auto()
    READING = enum.auto()

    @property
    def writable(self) -> bool:
        return self in (Access.SETPOINT, Access.COMMAND)


@dataclass(frozen=True)
class Group:
    """The parameters of a dataclass, under a prefix of their own, for the instance at ``place``.

    Channels of a ``rare`` group are made when a client first asks for them.
    """

    of: type[Any]
    prefix: str
    access: Access
    place: Place
    rare: bool = False


def groups(reductions: int = 1) -> Iterator[Group]:
    """All groups of an IOC with a number of reductions."""
    setpoint, command, reading = Access.SETPOINT, Access.COMMAND, Access.READING
    yield Group(RunControl, "", setpoint, RANKS / "control")
    yield Group(RunCommands, "", command, RANKS)
    yield Group(AcquisitionSettings, "", setpoint, RANKS / "acquisition")
    yield Group(AcquisitionStatus, "", reading, RANKS / "acquisition")
    yield Group(IocStatus, "", reading, RANKS / OWN)
    yield Group(WatchSettings, "", setpoint, IOC / "watch")
    yield Group(ProgramStatus, "", reading, PROGRAM)
    yield Group(ProgramCommands, "", command, PROGRAM)
    yield Group(StreamStatus, "", reading, RANKS / "stream")
    yield Group(BackendStatus, "", reading, RANKS / "backend")
    for number in range(reductions):
        yield from _reduction(f"Red{number + 1}:", RANKS / "reductions" / number)
        for family in FAMILIES:
            yield from _family(f"Red{number + 1}:", number, family)
    yield Group(FileSettings, "File:", setpoint, IOC / "files")
    yield Group(FileCommands, "File:", command, IOC)
    yield Group(FileStatus, "File:", reading, IOC / "status")
    yield Group(LockSettings, "Lock:", setpoint, IOC / "lock")
    yield Group(LockCommands, "Lock:", command, IOC / "lock")
    yield Group(LockStatus, "Lock:", reading, IOC / "lock_status")
    yield Group(SimulatorSettings, "Sim:", setpoint, SIMULATOR / "settings")
    yield Group(SimulatorStatus, "Sim:", reading, SIMULATOR / "status")
    yield Group(SimulatorIocStatus, "Sim:", reading, SIMULATOR / OWN)


def _reduction(prefix: str, place: Place) -> Iterator[Group]:
    """The groups of a reduction, which has the same place in the order and in the view."""
    setpoint, reading = Access.SETPOINT, Access.READING
    settings = place / "settings"
    yield Group(ReductionSettings, prefix, setpoint, settings)
    yield Group(CorrectionSettings, prefix, setpoint, settings / "corrections")
    yield Group(Segment, prefix, setpoint, settings / "bin_params" / Segment)
    yield Group(FilterSettings, f"{prefix}Filter:", setpoint, settings / "filter")
    yield Group(DetectorSettings, prefix, setpoint, settings / "detectors")
    yield Group(ReductionStatus, prefix, reading, place / "status")
    yield Group(Spectrum, f"{prefix}Spec:", reading, place / "spectrum")
    yield Group(ReductionShape, prefix, reading, place / "shape")
    for n in range(REGIONS):
        name = f"{prefix}ROI{n + 1}:"
        yield Group(WindowSettings, name, setpoint, settings / "regions" / n)
        yield Group(RegionStatus, name, reading, place / "regions" / n)
    for n in range(PEAKS):
        name = f"{prefix}Peak{n + 1}:"
        yield Group(WindowSettings, name, setpoint, settings / "peaks" / n)
        yield Group(PeakStatus, name, reading, place / "peaks" / n)
    for n in range(MOST_SLICES):
        name = f"{prefix}Slice{n + 1}:"
        yield Group(SliceSpectrum, name, reading, place / "slices" / n, rare=True)
    for n in range(MOST_GROUPS):
        name = f"{prefix}Group{n + 1}:"
        yield Group(GroupSpectrum, name, reading, place / "groups" / n, rare=True)
    for n in range(MOST_SERIES):
        name = f"{prefix}Series{n + 1}:"
        yield Group(SeriesSpectrum, name, reading, place / "series" / n, rare=True)


def analyses(number: int, family: Family) -> Place:
    """Where regions and peaks of each spectrum of a family stand, which have their own time."""
    return ANALYSES / number / FAMILIES.index(family)


def _family(prefix: str, number: int, family: Family) -> Iterator[Group]:
    """The groups of arrays of one value for each spectrum of a reduction's family."""
    reading, name, found = Access.READING, f"{family.name}:", analyses(number, family)
    spectra = RANKS / "reductions" / number / family.field
    yield Group(family.members, prefix + name, reading, spectra / family.members, rare=True)
    for n in range(REGIONS):
        region = f"{prefix}ROI{n + 1}:{name}"
        yield Group(family.regions, region, reading, found / "regions" / n, rare=True)
    for n in range(PEAKS):
        peak = f"{prefix}Peak{n + 1}:{name}"
        yield Group(family.peaks, peak, reading, found / "peaks" / n, rare=True)


@dataclass(frozen=True)
class Row:
    """One process variable: full name, what it is, and the field of its group that it shows."""

    name: str
    spec: Spec
    access: Access
    default: Any
    group: Group
    field: str

    @property
    def place(self) -> Place:
        """Where its value stands."""
        return self.group.place / self.field

    @property
    def asg(self) -> Asg:
        """Its access security group."""
        if not self.access.writable:
            return Asg.DEFAULT
        if self.place.part is Part.SIMULATOR:
            return Asg.SIMULATOR
        operated = any(self.place.below(each) is not None for each in OPERATED)
        command = self.access is Access.COMMAND and self.group.place != PROGRAM
        return Asg.OPERATION if operated or command else Asg.CONFIGURATION

    @property
    def first(self) -> bool:
        """Whether it stands for all that are numbered like it."""
        return all(step == 0 for step in self.place.path if isinstance(step, int))


def rows(prefix: str, reductions: int = 1) -> Iterator[Row]:
    """Every process variable under ``prefix``; a setpoint is followed by its readback."""
    for group in groups(reductions):
        for field, spec in specs(group.of):
            name, default = prefix + group.prefix + spec.pv, default_of(group.of, field)
            yield Row(name, spec, group.access, default, group, field)
            if group.access is Access.SETPOINT:
                yield Row(f"{name}_RBV", spec, Access.READBACK, default, group, field)
