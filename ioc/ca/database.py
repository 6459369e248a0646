"""All channels of the IOC, and the values that they show."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ioc.ca.channel import ClientPuts, PvChannel, channel
from ioc.ca.channels.alarms import (
    ABSENT_ALARM,
    DISCONNECTED_ALARM,
    NO_ALARM,
    NOT_IN_FORCE_ALARM,
    Alarm,
)
from ioc.model.addresses import IOC_REMARKS, RANKS
from ioc.model.paths import Part, Path, ValuePath, value_at
from ioc.model.pvs import Access, PvGroup, PvRow, numbered_row, pv_rows
from ioc.model.wire_type import wire_type
from ioc.security.rules import Client, Guard
from reduction.parameters import specs
from reduction.parameters.limits import MAX_BINS
from reduction.parameters.specs import Refused, Spec

MAX_NAME = 60
"""Longest name of a process variable."""

NO_DRAFTS: Mapping[ValuePath, Any] = {}
"""All settings are in force."""

Putter = Callable[[PvRow, Any, Client], Awaitable[Any]]
"""Puts a value to the setting or command of a row, for a client; see `ioc.puts`."""

Guards = Callable[[PvRow], Guard]
"""Tells who may put to a row."""


def open_to_all(row: PvRow) -> Guard:
    """A guard that lets everybody put to a row."""
    return Guard(row.asg)


@dataclass(frozen=True)
class Wording:
    """The text that a client put, and the value that was accepted, which may lack its blanks.

    Clients such as ophyd wait until the readback equals what they put.
    """

    written: str
    accepted: str


class Channels(dict[str, PvChannel]):
    """Channels by name, in the form that caproto's server takes.

    A missing channel is made when a client searches for its name.
    """

    def __init__(self, make: Callable[[str], PvChannel]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> PvChannel:
        """The new channel; raises KeyError if there is no process variable of this name."""
        made = self[name] = self._make(name)
        return made


def nothing_absent(_path: Path) -> bool:
    """Every path has a value that is known."""
    return False


@dataclass(frozen=True)
class ReadingValues:
    """Values for readings, all of one time: ``view`` is a dataclass or mapping of them.

    ``axis_units`` is the unit of all readings on the axis of a spectrum, ``intensity_units`` that
    of its intensities. What lies at a path below the view is ``absent`` if it is not known, though
    it has a value that stands for that. ``time_ns`` is in ns since
    1970; None: now.
    """

    view: Any
    time_ns: int | None = None
    axis_units: str = ""
    alarm: Alarm = NO_ALARM
    alarms: Mapping[str, Alarm] = dataclasses.field(default_factory=dict)
    """The alarms of some fields, by name; all other fields have ``alarm``."""
    intensity_units: str = ""
    absent: Callable[[Path], bool] = nothing_absent

    def units_of(self, spec: Spec) -> str | None:
        """The unit of a reading; None if its spec has it."""
        match getattr(spec, "units", ""):
            case specs.AXIS_UNITS:
                return self.axis_units
            case specs.INTENSITY_UNITS:
                return self.intensity_units
        return None


@dataclass(frozen=True)
class MadeGroup:
    """A group with its ``channels`` that are made, by field, and its ``path`` below an address."""

    group: PvGroup
    channels: Mapping[str, PvChannel]
    path: Path


class Database:
    """All channels: by name for clients, and by the address of their values for publishers.

    A channel of a rare group (see `PvGroup`) is made when a client first asks for it. It then shows
    the value that was last shown at its address. So slices that nobody looks at cost nothing.
    ``put`` takes all puts; ``max_bins`` is the number of bins of the longest spectrum.
    """

    def __init__(
        self,
        prefix: str,
        put: Putter,
        reductions: int = 1,
        max_bins: int = MAX_BINS,
        guard: Guards = open_to_all,
    ) -> None:
        self.prefix, self._reductions = prefix, reductions
        self._rows: dict[str, PvRow] = {}
        self._put, self._max_bins, self._guard = put, max_bins, guard
        self._made: dict[tuple[PvGroup, Access], dict[str, PvChannel]] = {}
        self._below: dict[ValuePath, Sequence[MadeGroup]] = {}
        self._showing: dict[ValuePath, ReadingValues] = {}
        self._wordings: dict[ValuePath, Wording] = {}
        self.watchers: set[Callable[[ValuePath], None]] = set()
        """Functions that are called when a channel is made, with the address of its group."""
        self.channels = Channels(self._make)
        for row in pv_rows(prefix, reductions):
            if len(row.name) > MAX_NAME:
                raise ValueError(f"{row.name} is longer than {MAX_NAME} characters")
            if row.name in self._rows:
                raise ValueError(f"{row.name} is there twice")
            self._rows[row.name] = row
        for row in self._rows.values():
            if not row.group.rare:
                _ = self.channels[row.name]

    @property
    def rows(self) -> Iterable[PvRow]:
        """All listed process variables (see `pv_rows`), whether or not their channels are made."""
        return self._rows.values()

    @property
    def names(self) -> Iterable[str]:
        """The names of all listed process variables, whether or not their channels are made."""
        return self._rows.keys()

    def has(self, name: str) -> bool:
        """Whether there is a process variable of this name, listed or not."""
        return self.row_of(name) is not None

    def is_watched(self, place: ValuePath, field: str) -> bool:
        """Whether a client is connected to the array of a reading, on either protocol."""
        for (group, access), channels in self._made.items():
            if (group.place, access) == (place, Access.READING) and field in channels:
                return channels[field].is_watched
        return False

    def row_of(self, name: str) -> PvRow | None:
        """The process variable of this name, listed or not; None if there is none."""
        return self._rows.get(name) or numbered_row(name, self.prefix, self._reductions)

    def channels_at(
        self, place: ValuePath, access: Access = Access.READING
    ) -> dict[str, PvChannel]:
        """The channels of the group at an address, by field; only those that are made.

        Raises LookupError if none is made.
        """
        for (group, how), channels in self._made.items():
            if (group.place, how) == (place, access):
                return channels
        raise LookupError(f"no {access.name} is made at {place}")

    async def show_settings(
        self, part: Part, order: Any, drafts: Mapping[ValuePath, Any] = NO_DRAFTS
    ) -> None:
        """Show an order of ``part`` on its setpoints and readbacks.

        ``drafts`` are values by the address of their setting. They are shown instead of the values
        in force, and the readback is then in alarm. The alarms of setpoints stay as they are.
        """
        for (group, access), channels in self._made.items():
            if group.place.part is part and access in (Access.SETPOINT, Access.READBACK):
                settings = value_at(order, group.place.path)
                for field, each in channels.items():
                    draft = value = getattr(settings, field)
                    if drafts or each.wire.is_text:
                        place = group.place / field
                        draft = drafts.get(place, value)
                    alarm = NOT_IN_FORCE_ALARM if draft != value else NO_ALARM
                    await each.publish_value(
                        self._as_written(place, draft) if each.wire.is_text else draft,
                        alarm=alarm if access is Access.READBACK else None,
                    )

    async def show(self, root: ValuePath, values: ReadingValues) -> None:
        """Show ``values`` on all readings below ``root``, now and on channels made later.

        Never suspends, so a client sees either none or all of the new values.
        """
        self._showing[root] = values
        for each in self._readings_below(root):
            await _show_group(each, values)

    def _readings_below(self, root: ValuePath) -> Sequence[MadeGroup]:
        """The readings below an address whose channels are made."""
        if root not in self._below:
            found = (
                MadeGroup(group, channels, path)
                for (group, access), channels in self._made.items()
                if access is Access.READING and (path := group.place.below(root)) is not None
            )
            self._below[root] = tuple(found)
        return self._below[root]

    async def mark_disconnected(self, part: Part) -> None:
        """Make the readings of ``part`` invalid; their values stay. Never suspends."""
        alarm = DISCONNECTED_ALARM
        for root, values in self._showing.items():
            if root.part is part:
                self._showing[root] = dataclasses.replace(values, alarm=alarm, alarms={})
        for (group, access), channels in self._made.items():
            if access is Access.READING and group.place.part is part and not group.by_ioc:
                for each in channels.values():
                    await each.publish_alarm(alarm)

    def _make(self, name: str) -> PvChannel:
        row = self.row_of(name)
        if row is None:
            raise KeyError(name)
        made = channel(
            row.spec,
            puts=self._puts_of(row),
            name=name,
            max_length=self._max_bins + 1,
            **self._present(row),
        )
        self._made.setdefault((row.group, row.access), {})[row.field] = made
        self._below.clear()
        for watcher in self.watchers:
            watcher(row.group.place)
        return made

    def _puts_of(self, row: PvRow) -> ClientPuts:
        put = functools.partial(self._put, row) if row.access.writable else None
        return ClientPuts(
            put,
            self._guard(row),
            functools.partial(self._post_refusal, row),
            functools.partial(self._post_as_written, row),
        )

    async def _post_as_written(self, row: PvRow, written: str, accepted: str) -> None:
        """Show a text on setpoint and readback as a client wrote it, with its blanks.

        If a later put of another setting has changed this one, too, the text is not shown.
        """
        if row.meant_by(written) != accepted:
            return
        fits = wire_type(row.spec).served(written) == written
        self._wordings[row.place] = Wording(written if fits else accepted, accepted)
        for (group, _), channels in self._made.items():
            if group == row.group and row.field in channels:
                await channels[row.field].publish_value(self._as_written(row.place, accepted))

    def _as_written(self, place: ValuePath, value: str) -> str:
        """``value`` as the client wrote it whose put led to it."""
        wording = self._wordings.get(place)
        return wording.written if wording is not None and wording.accepted == value else value

    async def _post_refusal(self, row: PvRow, client: Client, refused: Refused) -> None:
        """Post that a put was refused, and why, on ``Refusal_RBV``."""
        words = f"{row.group.prefix}{refused} ({client})"
        refusal = self.channels_at(RANKS / IOC_REMARKS)["refusal"]
        await refusal.publish_value(words, alarm=NO_ALARM)

    def _present(self, row: PvRow) -> dict[str, Any]:
        """The value and alarm of a new channel; a reading is invalid until there is a report."""
        if row.access is not Access.READING:
            return {"value": row.default}
        for root, values in self._showing.items():
            path = row.group.place.below(root)
            if path is not None:
                fields, found = _fields_at(row.group, values, path)
                return {
                    "value": value_at(fields, (row.field,)),
                    "alarm": _alarm(values, found, row.field),
                    "time_ns": values.time_ns,
                    "units": values.units_of(row.spec),
                }
        units = ReadingValues(None).units_of(row.spec)
        return {"value": row.default, "alarm": DISCONNECTED_ALARM, "units": units}


async def _show_group(made: MadeGroup, values: ReadingValues) -> None:
    fields, found = _fields_at(made.group, values, made.path)
    for field, each in made.channels.items():
        if (units := values.units_of(each.spec)) is not None:
            await each.publish_units(units)
        alarm = _alarm(values, found, field)
        await each.publish_value(value_at(fields, (field,)), values.time_ns, alarm)


def _fields_at(group: PvGroup, values: ReadingValues, path: Path) -> tuple[Any, bool]:
    """The value at ``path``, and whether it is known; the defaults if an index is too large."""
    try:
        return value_at(values.view, path), not values.absent(path)
    except IndexError:
        return {field: group.default(field) for field, _ in group.specs()}, False


def _alarm(values: ReadingValues, found: bool, field: str) -> Alarm:
    """The alarm of a field; `ABSENT_ALARM` if it was not ``found`` and the process reports."""
    if found or values.alarm == DISCONNECTED_ALARM:
        return values.alarms.get(field, values.alarm)
    return ABSENT_ALARM
