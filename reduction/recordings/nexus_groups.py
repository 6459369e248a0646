"""The groups of a NeXus file that hold events or values of logs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import h5py

from reduction.recordings.nexus_units import NexusRefused, text_of

EVENT_DATA = ("event_time_offset", "event_time_zero", "event_index")


@dataclass(frozen=True)
class NexusGroups:
    """What an entry holds: groups with events and groups with values of logs, in their order."""

    entry: h5py.Group
    events: list[h5py.Group]
    logs: list[h5py.Group]


def dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """A dataset of a group; None if there is none, or if its link is broken."""
    try:
        found = group.get(name)
    except (KeyError, OSError, RuntimeError):
        return None
    return found if isinstance(found, h5py.Dataset) else None


def groups_of(file: h5py.File) -> NexusGroups:
    """The groups of the first entry with events; raises `NexusRefused` if none has any."""
    entries = [each for each in _members(file) if text_of(each.attrs.get("NX_class")) == "NXentry"]
    for entry in entries:
        found = _groups(entry)
        if found.events:
            return found
    if not entries:
        raise NexusRefused("it has no NXentry")
    raise NexusRefused(
        f"no group of {', '.join(each.name for each in entries)} has {', '.join(EVENT_DATA)}"
    )


def _members(group: h5py.Group) -> Iterator[h5py.Group]:
    for name in group:
        try:
            found = group.get(name)
        except (KeyError, OSError, RuntimeError):
            continue
        if isinstance(found, h5py.Group):
            yield found


def _groups(entry: h5py.Group) -> NexusGroups:
    """What an entry holds; a group with the events of another one is left out."""
    found, seen = NexusGroups(entry, [], []), set[int]()

    def visit(_name: str, item: Any) -> None:
        if not isinstance(item, h5py.Group):
            return
        if all(dataset(item, name) is not None for name in EVENT_DATA):
            address = h5py.h5o.get_info(item["event_time_offset"].id).addr
            if address not in seen:
                seen.add(address)
                found.events.append(item)
        elif dataset(item, "time") is not None and dataset(item, "value") is not None:
            found.logs.append(item)

    entry.visititems(visit)
    return found
