"""Which process variables visitors may read and write, from the model of the IOC."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from ioc.model.lock_parameters import LockCommands, LockSettings
from ioc.model.process_parameters import IocProcessCommands
from ioc.model.pvs import SNAPSHOT_NAME, PvRow, numbered_row, pv_rows, reduction_prefix
from reduction.parameters.fields import specs_of
from reduction.parameters.limits import IMAGE_SIDE
from reduction.parameters.readings import SpectrumReadings
from reduction.parameters.specs import AXIS_UNITS, Array, Spec, Text
from simulator.status import SimulatorStatus

PROTOCOLS = ("pva://", "ca://")
"""Beginnings of names that clients of PVWS may write; all names are read by pvAccess."""

LONGEST_WEB_NAME = 100

PICTURE_NAMES = ("Image:Image", "Map:Image")
"""The names of detector image and map, on pvAccess, after the prefix of their reduction."""

EXPERT_GROUPS = (IocProcessCommands, LockSettings, LockCommands)
"""Classes of parameters that web pages may write only with ``--web-expert``."""

SPECTRUM_SPECS = {spec.pv: spec for _, spec in specs_of(SpectrumReadings)}


class NameRefused(ValueError):
    """There is no such process variable for visitors; the text says so."""


@dataclass(frozen=True)
class WebPv:
    """A process variable that visitors may read; ``row`` is None for a structure.

    Structures are snapshots of results, detector images and maps.
    """

    name: str
    row: PvRow | None
    write_refusal: str = ""
    """Why nobody may write it through the server; empty if it may be written."""

    @property
    def is_rare(self) -> bool:
        """Whether the IOC makes its channel when it is first asked for, and keeps it."""
        return self.row is not None and self.row.group.rare

    @property
    def is_result(self) -> bool:
        """Whether it is the snapshot of results."""
        return self.row is None and self.name.endswith(SNAPSHOT_NAME)

    def dtype(self, array: str) -> str:
        """How the numbers of an array are sent: ``f4`` for counts, intensities and errors.

        ``array`` is its name in the structure. Coordinates and one value a spectrum are ``f8``, the
        cells of a picture and their places ``f4``.
        """
        if self.row is None and array == "value":
            return "f4"
        spec = self.row.spec if self.row else SPECTRUM_SPECS.get(array)
        single = spec is not None and (_is_intensity(spec) or _is_of_cells(spec))
        return "f4" if single else "f8"


def _is_intensity(spec: Spec) -> bool:
    """Whether a spec is an array over the bins of a spectrum that is no coordinate."""
    return isinstance(spec, Array) and spec.most is None and spec.units != AXIS_UNITS


def _is_of_cells(spec: Spec) -> bool:
    """Whether a spec is an array with one value for each cell of the detector image."""
    return isinstance(spec, Array) and spec.most == IMAGE_SIDE**2


class WebNames:
    """All process variables of an IOC with ``prefix`` and so many ``reductions``.

    ``expert``: restarts, the scan lock and paths of files may be written too.
    """

    def __init__(self, prefix: str, reductions: int, expert: bool = False) -> None:
        self.prefix, self.reductions = prefix, reductions
        self._expert = expert
        self._rows = {row.name: row for row in pv_rows(prefix, reductions)}
        prefixes = [prefix + reduction_prefix(number) for number in range(reductions)]
        self.snapshots = tuple(each + SNAPSHOT_NAME for each in prefixes)
        pictures = itertools.product(prefixes, PICTURE_NAMES)
        self._structures = frozenset((*self.snapshots, *map("".join, pictures)))

    @property
    def simulator_pulse(self) -> WebPv:
        """The pulse number of the simulator, which is invalid if there is no simulator."""
        rows = self._rows.values()
        return next(
            WebPv(row.name, row)
            for row in rows
            if row.group.of is SimulatorStatus and row.field == "pulse"
        )

    def find(self, written: str) -> WebPv:
        """The process variable with a name as a client writes it; raises `NameRefused`."""
        name = written
        for protocol in PROTOCOLS:
            name = name.removeprefix(protocol)
        name = name.removesuffix(".VAL")
        if len(name) > LONGEST_WEB_NAME or not name.startswith(self.prefix):
            raise NameRefused(f"{_short(written)}: only names that begin with {self.prefix}")
        if name in self._structures:
            return WebPv(name, None, f"{name} is read only")
        row = self._rows.get(name) or numbered_row(name, self.prefix, self.reductions)
        if row is None:
            raise NameRefused(f"{_short(written)}: no process variable of this name")
        return WebPv(name, row, self._write_refusal(row))

    def _write_refusal(self, row: PvRow) -> str:
        if not row.access.writable:
            return f"{row.name} is read only"
        if is_expert(row) and not self._expert:
            return f"{row.name} is not written from web pages without --web-expert"
        return ""


def is_expert(row: PvRow) -> bool:
    """Whether web pages may write a row only with ``--web-expert``: restarts, lock, paths."""
    holds_path = isinstance(row.spec, Text) and row.spec.holds_path
    return row.access.writable and (row.group.of in EXPERT_GROUPS or holds_path)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_WEB_NAME else text[: LONGEST_WEB_NAME - 1] + "…"
