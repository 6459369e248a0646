"""The groups of a NeXus file that hold events or values of logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from reduction.recordings.nexus.units import NexusRefused, Stamp, stamp, text_of

EVENT_DATA = ("event_time_offset", "event_time_zero", "event_index")

TOF_NAMES = ("event_time_offset", "event_time_of_flight")
"""Names of times of flight; files of the SNS before 2010 have the second one."""

ID_NAMES = ("event_id", "event_pixel_id")
"""Names of pixel ids, of which the second one is the old one."""

PULSE_NAMES = ("event_time_zero", "event_index")


@dataclass(frozen=True)
class NexusGroups:
    """What an entry holds: groups with events and groups with values of logs, in their order.

    ``remarks`` say what of it is missing.
    """

    entry: h5py.Group
    events: list[h5py.Group]
    logs: list[h5py.Group]
    remarks: list[str]

    @property
    def run_start(self) -> Stamp | None:
        """When the run started; None if the entry does not tell it."""
        try:
            return stamp(text_at(self.entry, "start_time"))
        except NexusRefused:
            return None


def dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """A dataset of a group; None if there is none, or if its link is broken."""
    found = _target(group, name)
    return found if isinstance(found, h5py.Dataset) else None


def first_dataset(group: h5py.Group, names: Sequence[str]) -> h5py.Dataset | None:
    """The dataset of a group that has the first of these names; None if none has."""
    return next((found for each in names if (found := dataset(group, each)) is not None), None)


def text_at(group: h5py.Group, name: str) -> str:
    """The text, or the whole number, of a dataset of a group; empty if it has none."""
    data = dataset(group, name)
    if data is None or data.size != 1:
        return ""
    value = np.asarray(data[()]).ravel()[0]
    return str(int(value)) if isinstance(value, np.integer) else text_of(value)


def groups_of(file: h5py.File) -> NexusGroups:
    """The groups of the first entry with events; raises `NexusRefused` if none has any.

    Other entries with events are told.
    """
    entries = [each for each in _members(file) if text_of(each.attrs.get("NX_class")) == "NXentry"]
    searches = [search for each in entries if (search := _GroupSearch(each)).found.events]
    if searches:
        first, *others = searches
        for each in others:
            if not each.events <= first.events:
                first.found.remarks.append(
                    f"{each.found.entry.name} has events, too:"
                    f" only those of {first.found.entry.name} are used"
                )
        return first.found
    if not entries:
        raise NexusRefused("it has no NXentry")
    raise NexusRefused(
        f"no group of {', '.join(each.name for each in entries)} has {', '.join(EVENT_DATA)}"
    )


def _members(group: h5py.Group) -> Iterator[h5py.Group]:
    for name in group:
        found = _target(group, name)
        if isinstance(found, h5py.Group):
            yield found


class _GroupSearch:
    """Finds the groups of an entry, each once, and follows links into other files, too."""

    def __init__(self, entry: h5py.Group) -> None:
        self.found = NexusGroups(entry, [], [], [])
        self._seen = set[tuple[int, int]]()
        """Groups that were looked at, by their files and addresses."""
        self.events = set[tuple[int, int]]()
        """The times of flight of the groups with events."""
        self._linking: list[h5py.Group] = []
        """Groups whose soft links and links into other files are not followed yet."""
        self._look_below(entry)
        while self._linking:
            self._follow(self._linking.pop(0))

    def _look_below(self, group: h5py.Group) -> None:
        """Look at a group and those in it, as far as hard links lead."""
        self._look_at(group)
        group.visititems(lambda _name, item: self._look_at(item))

    def _look_at(self, item: Any) -> None:
        if not isinstance(item, h5py.Group) or (place := _place(item)) in self._seen:
            return
        self._seen.add(place)
        self._linking.append(item)
        members = set(item)
        names = (*TOF_NAMES, *PULSE_NAMES, *ID_NAMES)
        broken = [each for each in names if each in members and _target(item, each) is None]
        tofs = first_dataset(item, [each for each in TOF_NAMES if each in members])
        if broken:
            self.found.remarks.append(f"{item.name}: {broken[0]} leads to nothing: it is left out")
        elif tofs is not None:
            self._add_events(item, tofs)
        elif {"time", "value"} <= members and all(
            dataset(item, each) is not None for each in ("time", "value")
        ):
            self.found.logs.append(item)

    def _add_events(self, group: h5py.Group, tofs: h5py.Dataset) -> None:
        """Note a group with times of flight, unless another one has the same."""
        missing = [name for name in PULSE_NAMES if dataset(group, name) is None]
        if missing:
            self.found.remarks.append(f"{group.name}: it has no {missing[0]}: it is left out")
        elif _place(tofs) not in self.events:
            self.events.add(_place(tofs))
            self.found.events.append(group)

    def _follow(self, group: h5py.Group) -> None:
        """Look at the groups to which the soft links and external links of a group lead."""
        for name in group:
            if (
                group.id.links.get_info(name.encode("utf-8", "surrogateescape")).type
                == h5py.h5l.TYPE_HARD
            ):
                continue
            link = group.get(name, getlink=True)
            target = _target(group, name)
            if isinstance(target, h5py.Group):
                self._look_below(target)
            elif target is None and isinstance(link, h5py.ExternalLink):
                self.found.remarks.append(
                    f"{group.name}/{name} leads to {link.path} of {link.filename}, which is missing"
                )


def _target(group: h5py.Group, name: str) -> Any:
    """What a link leads to; None if that is not there."""
    try:
        return group.get(name)
    except (KeyError, OSError, RuntimeError):
        return None


def _place(item: h5py.Group | h5py.Dataset) -> tuple[int, int]:
    """The file and the address of an object, which tell it from all others."""
    info = h5py.h5o.get_info(item.id)
    return info.fileno, info.addr
