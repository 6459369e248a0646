"""Whether the values of a dataset of a NeXus file are there, and can be read."""

from __future__ import annotations

from pathlib import Path

import h5py

from reduction.recordings.nexus.units import NexusRefused


def check_stored(data: h5py.Dataset) -> None:
    """Raise `NexusRefused` for a dataset that needs a file or a filter that is missing.

    HDF5 would read zeros for sources of virtual datasets that are missing, and say nothing.
    """
    if data.is_virtual:
        _check_sources(data)
        return
    for file_name, _, _ in data.external or ():
        if not Path(file_name).exists():
            raise NexusRefused(f"{data.name}: it is in {file_name}, which is missing")
    _check_filters(data)


def _check_sources(data: h5py.Dataset) -> None:
    """Raise `NexusRefused` for a virtual dataset one of whose sources is missing."""
    sources = {(each.file_name, each.dset_name) for each in data.virtual_sources()}
    for file_name, name in sorted(sources):
        if "%" in file_name or "%" in name:
            raise NexusRefused(f"{data.name}: it is virtual, of files without fixed names")
        if not _has_source(data, file_name, name):
            raise NexusRefused(f"{data.name}: it is virtual, and {file_name}:{name} is missing")


def _check_filters(data: h5py.Dataset) -> None:
    """Raise `NexusRefused` for a dataset with a filter that HDF5 does not find."""
    properties = data.id.get_create_plist()
    for number in range(properties.get_nfilters()):
        code, _, _, name = properties.get_filter(number)
        if not h5py.h5z.filter_avail(code):
            words = f"{code} {name.decode('ascii', 'replace')}".strip()
            raise NexusRefused(f"{data.name}: the filter {words} of HDF5 is not installed")


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
