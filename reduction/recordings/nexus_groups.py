"""The groups of a NeXus file that hold events or values of logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from reduction.recordings.nexus_units import NexusRefused, text_of

EVENT_DATA = ("event_time_offset", "event_time_zero", "event_index")


@dataclass(frozen=True)
class NexusGroups:
    """What an entry holds: groups with events and groups with values of logs, in their order.

    ``remarks`` say what of it is missing.
    """

    entry: h5py.Group
    events: list[h5py.Group]
    logs: list[h5py.Group]
    remarks: list[str]


def dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """A dataset of a group; None if there is none, or if its link is broken."""
    found = _target(group, name)
    return found if isinstance(found, h5py.Dataset) else None


def groups_of(file: h5py.File) -> NexusGroups:
    """The groups of the first entry with events; raises `NexusRefused` if none has any."""
    entries = [each for each in _members(file) if text_of(each.attrs.get("NX_class")) == "NXentry"]
    for entry in entries:
        found = _GroupSearch(entry).found
        if found.events:
            return found
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


def check_sources(data: h5py.Dataset) -> None:
    """Raise `NexusRefused` for a virtual dataset one of whose sources is missing.

    HDF5 would read zeros there, and say nothing.
    """
    if not data.is_virtual:
        return
    sources = {(each.file_name, each.dset_name) for each in data.virtual_sources()}
    for file_name, name in sorted(sources):
        if "%" in file_name or "%" in name:
            raise NexusRefused(f"{data.name}: it is virtual, of files without fixed names")
        if not _has_source(data, file_name, name):
            raise NexusRefused(f"{data.name}: it is virtual, and {file_name}:{name} is missing")


def _has_source(data: h5py.Dataset, file_name: str, name: str) -> bool:
    """Whether a source of a virtual dataset is there, in its file or in another one."""
    if file_name == ".":
        return name in data.file
    beside = Path(data.file.filename).resolve().parent / file_name
    try:
        with h5py.File(beside, "r") as file:
            return name in file
    except OSError:
        return False


class _GroupSearch:
    """Finds the groups of an entry, each once, and follows links into other files, too."""

    def __init__(self, entry: h5py.Group) -> None:
        self.found = NexusGroups(entry, [], [], [])
        self._seen = set[tuple[int, int]]()
        """Groups that were looked at, by their files and addresses."""
        self._events = set[tuple[int, int]]()
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
        broken = [name for name in (*EVENT_DATA, "event_id") if _is_broken(item, name)]
        if broken:
            self.found.remarks.append(f"{item.name}: {broken[0]} leads to nothing: it is left out")
        elif all(dataset(item, name) is not None for name in EVENT_DATA):
            tofs = _place(item["event_time_offset"])
            if tofs not in self._events:
                self._events.add(tofs)
                self.found.events.append(item)
        elif dataset(item, "time") is not None and dataset(item, "value") is not None:
            self.found.logs.append(item)

    def _follow(self, group: h5py.Group) -> None:
        """Look at the groups to which the soft links and external links of a group lead."""
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.HardLink):
                continue
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


def _is_broken(group: h5py.Group, name: str) -> bool:
    """Whether a group has a link of this name that leads to nothing."""
    return group.get(name, getlink=True) is not None and _target(group, name) is None


def _place(item: h5py.Group | h5py.Dataset) -> tuple[int, int]:
    """The file and the address of an object, which tell it from all others."""
    info = h5py.h5o.get_info(item.id)
    return info.fileno, info.addr
