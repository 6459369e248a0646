"""The channels, and what stands on them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from caproto import AlarmSeverity, AlarmStatus

from ioc.ca.channel import NO_ALARM, Alarm, PvChannel, channel
from ioc.model.paths import Part, ValuePath, value_at
from ioc.model.pvs import IOC_REMARKS, RANKS, Access, PvGroup, PvRow, pv_rows
from ioc.security.rules import Client, Guard
from reduction.parameters.limits import MAX_BINS
from reduction.parameters.specs import AXIS_UNITS, Refused, Spec

MAX_NAME = 60
"""Longest name of a process variable."""

GONE: Alarm = (AlarmStatus.COMM, AlarmSeverity.INVALID_ALARM)
ABSENT: Alarm = (AlarmStatus.UDF, AlarmSeverity.INVALID_ALARM)
"""Of numbered readings that there are none of: there is no such slice or group now."""

Putter = Callable[[PvRow, Any, Client], Awaitable[Any]]
"""Puts a value to the setting or command of a row, for a client."""


Guards = Callable[[PvRow], Guard]
"""Who may put to a row."""


def open_to_all(row: PvRow) -> Guard:
    """Everybody may."""
    return Guard(row.asg)


class Channels(dict[str, PvChannel]):
    """Channels by name for caproto, which also keeps here the fields it was asked for.

    A channel that is not there yet is made when it is asked for, by a search or by a client.
    """

    def __init__(self, make: Callable[[str], PvChannel]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> PvChannel:
        """The new channel; raises KeyError if there is no such name."""
        made = self[name] = self._make(name)
        return made


@dataclass(frozen=True)
class ReadingValues:
    """What readings show: values by their path, all of one time, with the units of the axis."""

    view: Any
    time_ns: int | None = None
    axis_units: str = ""
    alarm: Alarm = NO_ALARM
    alarms: Mapping[str, Alarm] = dataclasses.field(default_factory=dict)
    """Of single fields, by name; fields not named have ``alarm``."""


class Database:
    """The channels, by name for caproto and by place for those who publish.

    Rare ones (see `PvGroup`) are there from the moment a client asks, and then show what the others
    of their reduction do; so a hundred slices that nobody looks at cost nothing.
    """

    def __init__(
        self,
        prefix: str,
        put: Putter,
        reductions: int = 1,
        max_bins: int = MAX_BINS,
        guard: Guards = open_to_all,
    ) -> None:
        self._rows: dict[str, PvRow] = {}
        self._put, self._max_bins, self._guard = put, max_bins, guard
        self._made: dict[tuple[PvGroup, Access], dict[str, PvChannel]] = {}
        self._showing: dict[ValuePath, ReadingValues] = {}
        self.watchers: set[Callable[[ValuePath], None]] = set()
        """Called with the place of each channel that is made."""
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
        """What there is, channel or not."""
        return self._rows.values()

    @property
    def names(self) -> Iterable[str]:
        """The names of all channels, made or not."""
        return self._rows.keys()

    def of(self, place: ValuePath, access: Access = Access.READING) -> dict[str, PvChannel]:
        """The channels of the fields at a place that are made, by field name."""
        return next(
            channels
            for (group, how), channels in self._made.items()
            if (group.place, how) == (place, access)
        )

    async def show_settings(self, part: Part, order: Any) -> None:
        """Setpoints and readbacks follow ``order``; an alarm of a refused put stays."""
        for (group, access), channels in self._made.items():
            if group.place.part is part and access in (Access.SETPOINT, Access.READBACK):
                settings = value_at(order, group.place.path)
                for field, each in channels.items():
                    await each.publish_value(getattr(settings, field))

    async def show(self, root: ValuePath, showing: ReadingValues) -> None:
        """All readings from ``root`` on show this from now on. Never suspends."""
        self._showing[root] = showing
        for (group, access), channels in self._made.items():
            path = group.place.below(root)
            if access is Access.READING and path is not None:
                await _post(group, channels, showing, path)

    async def gone(self, part: Part) -> None:
        """The readings of ``part`` stay as they are, as invalid. Never suspends."""
        for root, showing in self._showing.items():
            if root.part is part:
                self._showing[root] = dataclasses.replace(showing, alarm=GONE, alarms={})
        for (group, access), channels in self._made.items():
            if access is Access.READING and group.place.part is part and not group.by_ioc:
                for each in channels.values():
                    await each.publish_alarm(GONE)

    def _make(self, name: str) -> PvChannel:
        row = self._rows[name]
        made = channel(
            row.spec,
            name=name,
            put=functools.partial(self._put, row) if row.access.writable else None,
            guard=self._guard(row),
            max_length=self._max_bins + 1,
            **self._present(row),
        )
        self._made.setdefault((row.group, row.access), {})[row.field] = made
        made.on_refusal = functools.partial(self._refused, row)
        for watcher in self.watchers:
            watcher(row.group.place)
        return made

    async def _refused(self, row: PvRow, client: Client, refused: Refused) -> None:
        """Tell everybody of a put that was refused."""
        words = f"{row.group.prefix}{refused} ({client})"
        await self.of(RANKS / IOC_REMARKS)["refusal"].publish_value(words, alarm=NO_ALARM)

    def _present(self, row: PvRow) -> dict[str, Any]:
        """What a channel is to show at once; a reading is invalid if nobody has reported yet."""
        if row.access is not Access.READING:
            return {"value": row.default}
        units = "" if _of_axis(row.spec) else None
        for root, showing in self._showing.items():
            path = row.group.place.below(root)
            if path is not None:
                values, there = _values(row.group, showing, path)
                return {
                    "value": value_at(values, (row.field,)),
                    "alarm": _alarm(showing, there, row.field),
                    "time_ns": showing.time_ns,
                    "units": units if units is None else showing.axis_units,
                }
        return {"value": row.default, "alarm": GONE, "units": units}


async def _post(
    group: PvGroup, channels: Mapping[str, PvChannel], showing: ReadingValues, path: tuple[Any, ...]
) -> None:
    values, there = _values(group, showing, path)
    for field, each in channels.items():
        if _of_axis(each.spec):
            await each.publish_units(showing.axis_units)
        alarm = _alarm(showing, there, field)
        await each.publish_value(value_at(values, (field,)), showing.time_ns, alarm)


def _values(group: PvGroup, showing: ReadingValues, path: tuple[Any, ...]) -> tuple[Any, bool]:
    """The values by field at ``path``; beyond the end of a tuple the defaults, and False."""
    try:
        return value_at(showing.view, path), True
    except IndexError:
        return {field: group.default(field) for field, _ in group.specs()}, False


def _alarm(showing: ReadingValues, there: bool, field: str) -> Alarm:
    return showing.alarms.get(field, showing.alarm) if there or showing.alarm is GONE else ABSENT


def _of_axis(spec: Spec) -> bool:
    return getattr(spec, "units", "") == AXIS_UNITS
