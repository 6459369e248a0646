"""The process variables: which there are, and their channels."""

from __future__ import annotations

import enum
import functools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ioc.channels import Served, channel
from ioc.readings import IocStatus, SimulatorIocStatus
from reduction.parameters import BackendStatus, RunCommands, RunControl, StreamStatus
from reduction.settings import MAX_BINS, ReductionSettings, ReductionStatus, Segment, Spectrum
from reduction.specs import Spec, default_of, specs
from simulator.parameters import SimulatorSettings, SimulatorStatus

MAX_NAME = 60
"""Longest name of a process variable."""


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
    """The parameters of one dataclass, under a prefix of their own."""

    of: type[Any]
    prefix: str
    access: Access


GROUPS = (
    Group(RunControl, "", Access.SETPOINT),
    Group(RunCommands, "", Access.COMMAND),
    Group(IocStatus, "", Access.READING),
    Group(StreamStatus, "", Access.READING),
    Group(BackendStatus, "", Access.READING),
    Group(ReductionSettings, "Red1:", Access.SETPOINT),
    Group(Segment, "Red1:", Access.SETPOINT),
    Group(ReductionStatus, "Red1:", Access.READING),
    Group(Spectrum, "Red1:Spec:", Access.READING),
    Group(SimulatorSettings, "Sim:", Access.SETPOINT),
    Group(SimulatorStatus, "Sim:", Access.READING),
    Group(SimulatorIocStatus, "Sim:", Access.READING),
)


@dataclass(frozen=True)
class Row:
    """One process variable: full name, what it is, and the field it shows."""

    name: str
    spec: Spec
    access: Access
    default: Any
    of: type[Any]
    field: str


def rows(prefix: str) -> Iterator[Row]:
    """Every process variable under ``prefix``; a setpoint is followed by its readback."""
    for group in GROUPS:
        for field, spec in specs(group.of):
            name = prefix + group.prefix + spec.pv
            row = Row(name, spec, group.access, default_of(group.of, field), group.of, field)
            yield row
            if row.access is Access.SETPOINT:
                readback = f"{name}_RBV"
                yield Row(readback, spec, Access.READBACK, row.default, row.of, field)


Putter = Callable[[type[Any], str, Any], Awaitable[Any]]
"""Puts a value to a field of settings: (class, field, value)."""


class Database:
    """The channels, by name for caproto and by field for those who publish."""

    def __init__(self, prefix: str, put: Putter, max_bins: int = MAX_BINS) -> None:
        self.channels: dict[str, Served] = {}
        self._groups: dict[tuple[type[Any], Access], dict[str, Served]] = {}
        for row in rows(prefix):
            if len(row.name) > MAX_NAME:
                raise ValueError(f"{row.name} is longer than {MAX_NAME} characters")
            if row.name in self.channels:
                raise ValueError(f"{row.name} is there twice")
            made = channel(
                row.spec,
                row.default,
                name=row.name,
                put=functools.partial(put, row.of, row.field) if row.access.writable else None,
                max_length=max_bins + 1,
            )
            self.channels[row.name] = made
            self._groups.setdefault((row.of, row.access), {})[row.field] = made

    def of(self, kind: type[Any], access: Access = Access.READING) -> dict[str, Served]:
        """The channels of a dataclass' fields, by field name."""
        return self._groups[kind, access]
