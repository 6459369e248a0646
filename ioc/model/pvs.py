"""The process variables: which there are, what each is, and where its value stands.

To add settings or readings, add a line: the dataclass with its specs, the prefix, and the place.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ioc.model.ioc_parameters import (
    FileCommands,
    FileSettings,
    FileStatus,
    IocProcessCommands,
    IocProcessStatus,
    IocStatus,
    LockCommands,
    LockSettings,
    LockStatus,
    SimulatorIocStatus,
    WatchSettings,
)
from ioc.model.paths import Part, ValuePath
from ioc.security.rules import Asg
from reduction.parameters.acquisition import AcquisitionSettings, AcquisitionStatus
from reduction.parameters.corrections import CorrectionSettings
from reduction.parameters.readings import (
    GroupReadings,
    ReductionShape,
    ReductionStatus,
    SeriesReadings,
    SliceReadings,
    SpectrumReadings,
)
from reduction.parameters.reduction import (
    MOST_GROUPS,
    MOST_SLICES,
    DetectorSettings,
    FilterSettings,
    ReductionSettings,
    Segment,
)
from reduction.parameters.run import BackendStatus, RunCommands, RunControl, StreamStatus
from reduction.parameters.series import MOST_SERIES
from reduction.parameters.specs import Spec, default_of, specs
from reduction.parameters.windows import PEAKS, REGIONS, PeakStatus, RegionStatus, WindowSettings
from reduction.results.columns import column_specs
from reduction.results.families import FAMILIES, SpectrumFamily
from simulator.parameters import SimulatorSettings, SimulatorStatus

RANKS, SIMULATOR, IOC = ValuePath(Part.RANKS), ValuePath(Part.SIMULATOR), ValuePath(Part.IOC)

IOC_PROCESS = IOC / "program"
"""The IOC's own process."""

OPERATED = (RANKS / "control" / "pause", RANKS / "acquisition", IOC / "lock")
"""Settings that are changed while measuring, as commands are given: of their access group."""

IOC_REMARKS = "ioc"
"""Under it stands in a part's view what the IOC itself says of the part."""

ANALYSES = RANKS / "analyses"
"""Under it stands what is found in each spectrum of a family."""

ANALYSED_LATER = "One value a spectrum, at its own pace."
"""Details of regions and peaks of families: they are found after a result is posted, if asked."""


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
class PvGroup:
    """The parameters of a dataclass, under a prefix of their own, for the instance at ``place``.

    Channels of a ``rare`` group are made when a client first asks for them. If ``columns`` is not
    0, the numbers of the dataclass are arrays, with one value for each of at most that many
    spectra; ``details`` are then added to those of each spec.
    """

    of: type[Any]
    prefix: str
    access: Access
    place: ValuePath
    rare: bool = False
    columns: int = 0
    details: str = ""

    def specs(self) -> Iterator[tuple[str, Spec]]:
        """Field and spec of each parameter."""
        return column_specs(self.of, self.columns, self.details) if self.columns else specs(self.of)

    def default(self, field: str) -> Any:
        """What the parameter of a field is before anything sets it; None for an array."""
        return None if self.columns else default_of(self.of, field)

    @property
    def title(self) -> str:
        """What it holds, for a heading: the words of the dataclass' docstring before the prefix."""
        words = re.split(r", prefix|; |\.", self.of.__doc__ or self.of.__name__)[0]
        return " ".join(words.split()) + (", for each spectrum" if self.columns else "")


def pv_groups(reductions: int = 1) -> Iterator[PvGroup]:
    """All groups of an IOC with a number of reductions."""
    setpoint, command, reading = Access.SETPOINT, Access.COMMAND, Access.READING
    yield PvGroup(RunControl, "", setpoint, RANKS / "control")
    yield PvGroup(RunCommands, "", command, RANKS)
    yield PvGroup(AcquisitionSettings, "", setpoint, RANKS / "acquisition")
    yield PvGroup(AcquisitionStatus, "", reading, RANKS / "acquisition")
    yield PvGroup(IocStatus, "", reading, RANKS / IOC_REMARKS)
    yield PvGroup(WatchSettings, "", setpoint, IOC / "watch")
    yield PvGroup(IocProcessStatus, "", reading, IOC_PROCESS)
    yield PvGroup(IocProcessCommands, "", command, IOC_PROCESS)
    yield PvGroup(StreamStatus, "", reading, RANKS / "stream")
    yield PvGroup(BackendStatus, "", reading, RANKS / "backend")
    for number in range(reductions):
        yield from _reduction(f"Red{number + 1}:", RANKS / "reductions" / number)
        for family in FAMILIES:
            yield from _family(f"Red{number + 1}:", number, family)
    yield PvGroup(FileSettings, "File:", setpoint, IOC / "files")
    yield PvGroup(FileCommands, "File:", command, IOC)
    yield PvGroup(FileStatus, "File:", reading, IOC / "status")
    yield PvGroup(LockSettings, "Lock:", setpoint, IOC / "lock")
    yield PvGroup(LockCommands, "Lock:", command, IOC / "lock")
    yield PvGroup(LockStatus, "Lock:", reading, IOC / "lock_status")
    yield PvGroup(SimulatorSettings, "Sim:", setpoint, SIMULATOR / "settings")
    yield PvGroup(SimulatorStatus, "Sim:", reading, SIMULATOR / "status")
    yield PvGroup(SimulatorIocStatus, "Sim:", reading, SIMULATOR / IOC_REMARKS)


def _reduction(prefix: str, place: ValuePath) -> Iterator[PvGroup]:
    """The groups of a reduction, which has the same place in the order and in the view."""
    setpoint, reading = Access.SETPOINT, Access.READING
    settings = place / "settings"
    yield PvGroup(ReductionSettings, prefix, setpoint, settings)
    yield PvGroup(CorrectionSettings, prefix, setpoint, settings / "corrections")
    yield PvGroup(Segment, prefix, setpoint, settings / "bin_params" / Segment)
    yield PvGroup(FilterSettings, f"{prefix}Filter:", setpoint, settings / "filter")
    yield PvGroup(DetectorSettings, prefix, setpoint, settings / "detectors")
    yield PvGroup(ReductionStatus, prefix, reading, place / "status")
    yield PvGroup(SpectrumReadings, f"{prefix}Spec:", reading, place / "spectrum")
    yield PvGroup(ReductionShape, prefix, reading, place / "shape")
    for n in range(REGIONS):
        name = f"{prefix}ROI{n + 1}:"
        yield PvGroup(WindowSettings, name, setpoint, settings / "regions" / n)
        yield PvGroup(RegionStatus, name, reading, place / "regions" / n)
    for n in range(PEAKS):
        name = f"{prefix}Peak{n + 1}:"
        yield PvGroup(WindowSettings, name, setpoint, settings / "peaks" / n)
        yield PvGroup(PeakStatus, name, reading, place / "peaks" / n)
    for n in range(MOST_SLICES):
        name = f"{prefix}Slice{n + 1}:"
        yield PvGroup(SliceReadings, name, reading, place / "slices" / n, rare=True)
    for n in range(MOST_GROUPS):
        name = f"{prefix}Group{n + 1}:"
        yield PvGroup(GroupReadings, name, reading, place / "groups" / n, rare=True)
    for n in range(MOST_SERIES):
        name = f"{prefix}Series{n + 1}:"
        yield PvGroup(SeriesReadings, name, reading, place / "series" / n, rare=True)


def analyses(number: int, family: SpectrumFamily) -> ValuePath:
    """Where regions and peaks of each spectrum of a family stand, which have their own time."""
    return ANALYSES / number / FAMILIES.index(family)


def _family(prefix: str, number: int, family: SpectrumFamily) -> Iterator[PvGroup]:
    """The groups of arrays of one value for each spectrum of a reduction's family."""
    reading, name, found = Access.READING, f"{family.name}:", analyses(number, family)
    spectra = RANKS / "reductions" / number / family.columns_field
    yield PvGroup(family.of, prefix + name, reading, spectra, rare=True, columns=family.most)
    for path, kind, most, part in (
        ("regions", RegionStatus, REGIONS, "ROI"),
        ("peaks", PeakStatus, PEAKS, "Peak"),
    ):
        for n in range(most):
            yield PvGroup(
                kind,
                f"{prefix}{part}{n + 1}:{name}",
                reading,
                found / path / n,
                rare=True,
                columns=family.most,
                details=ANALYSED_LATER,
            )


@dataclass(frozen=True)
class PvRow:
    """One process variable: full name, what it is, and the field of its group that it shows."""

    name: str
    spec: Spec
    access: Access
    default: Any
    group: PvGroup
    field: str

    @property
    def place(self) -> ValuePath:
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
        command = self.access is Access.COMMAND and self.group.place != IOC_PROCESS
        return Asg.OPERATION if operated or command else Asg.CONFIGURATION

    @property
    def first(self) -> bool:
        """Whether it stands for all that are numbered like it."""
        return all(step == 0 for step in self.place.path if isinstance(step, int))


def pv_rows(prefix: str, reductions: int = 1) -> Iterator[PvRow]:
    """Every process variable under ``prefix``; a setpoint is followed by its readback."""
    for group in pv_groups(reductions):
        for field, spec in group.specs():
            name, default = prefix + group.prefix + spec.pv, group.default(field)
            yield PvRow(name, spec, group.access, default, group, field)
            if group.access is Access.SETPOINT:
                yield PvRow(f"{name}_RBV", spec, Access.READBACK, default, group, field)
