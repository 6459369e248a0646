"""The list of all process variables: what each is, and the address of its value.

To add a dataclass of settings or readings, add a `PvGroup` to `pv_groups`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ioc.model.addresses import (
    ANALYSES,
    FACILITY_RUN,
    IOC,
    IOC_PROCESS,
    IOC_REMARKS,
    OPERATED,
    RANKS,
    SIMULATOR,
    STREAM,
    reduction_at,
    views_at,
)
from ioc.model.file_parameters import FileCommands, FileSettings, FileStatus
from ioc.model.ioc_parameters import IocStatus, SimulatorIocStatus, WatchSettings
from ioc.model.lock_parameters import LockCommands, LockSettings, LockStatus
from ioc.model.numbered import NUMBERED_SPECTRA, NumberedSpectra, numbered_name
from ioc.model.paths import Part, ValuePath
from ioc.model.process_parameters import IocProcessCommands, IocProcessStatus
from ioc.model.roles import Role
from ioc.model.run_parameters import FacilityRunSettings, FacilityRunStatus
from ioc.model.view_groups import VIEW_GROUPS
from ioc.security.rules import Asg
from reduction.parameters.acquisition import AcquisitionSettings, AcquisitionStatus
from reduction.parameters.all_reductions.readings import BackendStatus, EventLogStatus, StreamStatus
from reduction.parameters.all_reductions.run import RunCommands, RunControl
from reduction.parameters.corrections import CorrectionSettings
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.fields import default_of, put_with, specs_of
from reduction.parameters.limits import PEAKS, REGIONS
from reduction.parameters.readings import (
    DetectorFileReadings,
    ReductionShape,
    ReductionStatus,
    SpectrumReadings,
)
from reduction.parameters.reduction import FilterSettings, ReductionSettings, Segment
from reduction.parameters.slice_params import SliceParams
from reduction.parameters.specs import Spec
from reduction.parameters.windows import PeakStatus, RegionStatus, WindowSettings
from reduction.results.columns import column_specs
from reduction.results.families import FAMILIES, SpectrumFamily
from simulator.parameters import SimulatorSettings
from simulator.status import SimulatorStatus
from simulator.uneven_parameters import UnevenSettings

ANALYSED_LATER = (
    "One value a spectrum, computed from when it is first read on. The first read waits for it,"
    " half a second at most; until it is there, and if Min and Max are both 0, NaN in alarm (UDF)."
)
"""Words added to the details of arrays below `ANALYSES`; see `ioc.posting.family_analysis`."""


class Access(enum.Enum):
    """What clients may do with a process variable."""

    SETPOINT = enum.auto()
    READBACK = enum.auto()
    COMMAND = enum.auto()
    READING = enum.auto()

    @property
    def writable(self) -> bool:
        return self in (Access.SETPOINT, Access.COMMAND)


@dataclass(frozen=True)
class PvGroup:
    """The process variables of one dataclass, which share a prefix.

    - ``of``: the dataclass
    - ``place``: the address of its instance
    - ``reduction``: the index, from 0, of the reduction that the group belongs to; None for others
    - ``number``: the index, from 0, of the group among those of its kind in a reduction, such as 2
      for ``Slice3:``; None if there is one group of the kind
    - ``rare``: whether channels are made only when a client first asks for them
    - ``columns``: if not 0, each number of the dataclass is an array with one value for each
      spectrum of a family, and this is the most spectra
    - ``details``: words added to the details of each spec of a group with ``columns``
    """

    of: type[Any]
    prefix: str
    access: Access
    place: ValuePath
    reduction: int | None = None
    number: int | None = None
    rare: bool = False
    columns: int = 0
    details: str = ""

    def specs(self) -> Iterator[tuple[str, Spec]]:
        """The field name and the spec of each parameter."""
        return (
            column_specs(self.of, self.columns, self.details) if self.columns else specs_of(self.of)
        )

    def default(self, field: str) -> Any:
        """The value that a parameter has before anything sets it; None for an array."""
        return None if self.columns else default_of(self.of, field)

    @property
    def title(self) -> str:
        """The heading of the group: the dataclass' docstring up to the word "prefix"."""
        if self.columns:
            return "One value for each spectrum"
        words = re.split(r", prefix|; |\.", self.of.__doc__ or self.of.__name__)[0]
        return " ".join(words.split())

    @property
    def by_ioc(self) -> bool:
        """Whether the IOC itself makes these readings, even while ranks or simulator are gone."""
        return IOC_REMARKS in self.place.path


def pv_groups(reductions: int = 1) -> Iterator[PvGroup]:
    """All groups of an IOC with a number of reductions."""
    setpoint, command, reading = Access.SETPOINT, Access.COMMAND, Access.READING
    yield PvGroup(RunControl, "", setpoint, RANKS / "control")
    yield PvGroup(RunCommands, "", command, RANKS)
    yield PvGroup(AcquisitionSettings, "", setpoint, RANKS / "acquisition")
    yield PvGroup(AcquisitionStatus, "", reading, RANKS / "acquisition")
    yield PvGroup(IocStatus, "", reading, RANKS / IOC_REMARKS)
    yield PvGroup(WatchSettings, "", setpoint, IOC / "watch")
    yield PvGroup(FacilityRunSettings, "", setpoint, IOC / "runs")
    yield PvGroup(FacilityRunStatus, "", reading, FACILITY_RUN)
    yield PvGroup(IocProcessStatus, "", reading, IOC_PROCESS)
    yield PvGroup(IocProcessCommands, "", command, IOC_PROCESS)
    yield PvGroup(EventLogStatus, "", reading, RANKS / "event_log")
    yield PvGroup(StreamStatus, "", reading, STREAM)
    yield PvGroup(BackendStatus, "", reading, RANKS / "backend")
    for reduction in range(reductions):
        yield from _reduction(reduction)
        yield from _views(reduction)
        yield from _numbered(reduction)
        for family in FAMILIES:
            yield from _family(reduction, family)
    yield PvGroup(FileSettings, "File:", setpoint, IOC / "files")
    yield PvGroup(FileCommands, "File:", command, IOC)
    yield PvGroup(FileStatus, "File:", reading, IOC / "status")
    yield PvGroup(LockSettings, "Lock:", setpoint, IOC / "lock")
    yield PvGroup(LockCommands, "Lock:", command, IOC / "lock")
    yield PvGroup(LockStatus, "Lock:", reading, IOC / "lock_status")
    yield PvGroup(SimulatorSettings, "Sim:", setpoint, SIMULATOR / "settings")
    yield PvGroup(UnevenSettings, "Sim:", setpoint, SIMULATOR / "settings" / "uneven")
    yield PvGroup(SimulatorStatus, "Sim:", reading, SIMULATOR / "status")
    yield PvGroup(SimulatorIocStatus, "Sim:", reading, SIMULATOR / IOC_REMARKS)


SNAPSHOT_NAME = "Snapshot"
"""The name of a result in one structure, on pvAccess, after the prefix of its reduction."""


def reduction_prefix(reduction: int) -> str:
    """The prefix of a reduction, by its index from 0."""
    return f"Red{reduction + 1}:"


def _reduction(reduction: int) -> Iterator[PvGroup]:
    """The groups that a reduction has once."""
    setpoint, reading = Access.SETPOINT, Access.READING
    prefix, place = reduction_prefix(reduction), reduction_at(reduction)
    settings = place / "settings"
    for of, name, access, where in (
        (ReductionSettings, "", setpoint, settings),
        (CorrectionSettings, "", setpoint, settings / "corrections"),
        (Segment, "", setpoint, settings / "bin_params" / Segment),
        (FilterSettings, "Filter:", setpoint, settings / "filter"),
        (SliceParams, "Filter:", setpoint, settings / "filter" / SliceParams),
        (DetectorSettings, "", setpoint, settings / "detectors"),
        (ReductionStatus, "", reading, place / "status"),
        (SpectrumReadings, "Spec:", reading, place / "spectrum"),
        (ReductionShape, "", reading, place / "shape"),
        (DetectorFileReadings, "", reading, place / "detector_files"),
    ):
        yield PvGroup(of, prefix + name, access, where, reduction)


def _views(reduction: int) -> Iterator[PvGroup]:
    """The groups of image, picked cells, map and outliers of a reduction."""
    settings, views = reduction_at(reduction) / "settings", views_at(reduction)
    for each in VIEW_GROUPS:
        root, access = (settings, Access.SETPOINT) if each.settings else (views, Access.READING)
        if each.commands:
            root, access = reduction_at(reduction), Access.COMMAND
        place = ValuePath(root.part, (*root.path, *each.path))
        prefix, rare = reduction_prefix(reduction) + each.prefix, not each.settings
        yield PvGroup(each.of, prefix, access, place, reduction, rare=rare)


def _numbered(reduction: int) -> Iterator[PvGroup]:
    """The numbered groups of a reduction: regions, peaks, and the listed slices, groups, series."""
    prefix, place = reduction_prefix(reduction), reduction_at(reduction)
    for name, field, count, readings in (
        ("ROI", "regions", REGIONS, RegionStatus),
        ("Peak", "peaks", PEAKS, PeakStatus),
    ):
        for n in range(count):
            numbered, where = f"{prefix}{name}{n + 1}:", place / "settings" / field / n
            yield PvGroup(WindowSettings, numbered, Access.SETPOINT, where, reduction, n)
            yield PvGroup(readings, numbered, Access.READING, place / field / n, reduction, n)
    for spectra in NUMBERED_SPECTRA:
        for n in range(spectra.listed):
            yield _numbered_group(reduction, spectra, n)


def _numbered_group(reduction: int, spectra: NumberedSpectra, number: int) -> PvGroup:
    """The group of one slice, detector group or series; ``number`` is its index from 0."""
    prefix = f"{reduction_prefix(reduction)}{spectra.name}{number + 1}:"
    place = reduction_at(reduction) / spectra.field / number
    return PvGroup(spectra.readings, prefix, Access.READING, place, reduction, number, rare=True)


def analyses(number: int, family: SpectrumFamily) -> ValuePath:
    """The address of the regions and peaks of each spectrum of a family.

    ``number`` is the index of the reduction. These values have their own root because they are
    computed and posted later than the other readings of the reduction.
    """
    return ANALYSES / number / FAMILIES.index(family)


def _family(reduction: int, family: SpectrumFamily) -> Iterator[PvGroup]:
    """The groups of a family whose values are arrays with one element for each spectrum."""
    prefix, name = reduction_prefix(reduction), f"{family.name}:"
    reading, found = Access.READING, analyses(reduction, family)
    spectra, most = reduction_at(reduction) / family.columns_field, family.most
    yield PvGroup(family.of, prefix + name, reading, spectra, reduction, rare=True, columns=most)
    for kind, of, field, count in (
        ("ROI", RegionStatus, "regions", REGIONS),
        ("Peak", PeakStatus, "peaks", PEAKS),
    ):
        for n in range(count):
            yield PvGroup(
                of,
                f"{prefix}{kind}{n + 1}:{name}",
                reading,
                found / field / n,
                reduction,
                n,
                rare=True,
                columns=most,
                details=ANALYSED_LATER,
            )


@dataclass(frozen=True)
class PvRow:
    """One process variable: its full name, its spec, and the field of its group that it shows."""

    name: str
    spec: Spec
    access: Access
    default: Any
    group: PvGroup
    field: str

    @property
    def place(self) -> ValuePath:
        """The address of the value."""
        return self.group.place / self.field

    @property
    def role(self) -> Role | None:
        """The role of the setting; None for most."""
        if self.group.of is Segment:
            return Role.BINS
        if self.group.of is ReductionSettings:
            return {"units": Role.UNITS, "bin_params": Role.BINS}.get(self.field)
        if self.group.of is DetectorSettings and self.field in DetectorSettings.FILES:
            return Role.DETECTOR_FILE
        return None

    @property
    def put_with(self) -> frozenset[str]:
        """The fields of the group that only make sense together with this one, and this one."""
        return put_with(self.group.of, self.field)

    @property
    def replaces(self) -> ValuePath | None:
        """The address of the dataclass whose fields a put to this setting sets, if it does."""
        if self.group.of is SliceParams:
            return ValuePath(self.place.part, self.group.place.path[:-1])
        if self.group.of is ReductionSettings and self.role is not None:  # Units brings its bins
            return self.group.place / "bin_params" / Segment
        return None

    def meant_by(self, written: str) -> Any:
        """The value that settings have once they obey a put of a text; raises `Refused`."""
        value = self.spec.checked(written)
        return SliceParams(value).tidy.params if self.group.of is SliceParams else value

    @property
    def asg(self) -> Asg:
        """The access security group."""
        if not self.access.writable:
            return Asg.DEFAULT
        if self.place.part is Part.SIMULATOR:
            return Asg.SIMULATOR
        operated = any(self.place.below(each) is not None for each in OPERATED)
        command = self.access is Access.COMMAND and self.group.place != IOC_PROCESS
        return Asg.OPERATION if operated or command else Asg.CONFIGURATION

    @property
    def first(self) -> bool:
        """Whether every index in the address is 0; the documentation shows only such rows."""
        return all(step == 0 for step in self.place.path if isinstance(step, int))


def numbered_row(name: str, prefix: str, reductions: int = 1) -> PvRow | None:
    """The process variable of a numbered spectrum with this name; None if there is none.

    Numbers go up to the limits of `reduction.parameters.limits`, beyond those that are listed.
    """
    found = numbered_name(name[len(prefix) :]) if name.startswith(prefix) else None
    if found is None or found.reduction >= reductions:
        return None
    group = _numbered_group(found.reduction, found.spectra, found.number)
    for field, spec in group.specs():
        if spec.pv == found.pv:
            return PvRow(name, spec, group.access, group.default(field), group, field)
    return None


def pv_rows(prefix: str, reductions: int = 1) -> Iterator[PvRow]:
    """All process variables, with ``prefix`` before their names; a readback follows its setpoint.

    ``reductions`` is the number of reductions. Only the first slices, groups and series are listed;
    `numbered_row` finds the others.
    """
    for group in pv_groups(reductions):
        for field, spec in group.specs():
            name, default = prefix + group.prefix + spec.pv, group.default(field)
            yield PvRow(name, spec, group.access, default, group, field)
            if group.access is Access.SETPOINT:
                yield PvRow(f"{name}_RBV", spec, Access.READBACK, default, group, field)
