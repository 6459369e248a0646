"""Writes groups and fields of NeXus files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

COMPRESSION = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def add_group(
    parent: Any, name: str, kind: str, *, track_order: bool = False, **attributes: Any
) -> Any:
    """A new group of a NeXus class; ``track_order`` keeps the order of what is added to it."""
    group = parent.create_group(name, track_order=track_order)
    group.attrs.update({"NX_class": kind} | attributes)
    return group


def add_field(group: Any, name: str, value: Any, **attributes: str) -> None:
    """Add a field with attributes."""
    group[name] = value
    group[name].attrs.update(attributes)


def add_array(group: Any, name: str, values: NDArray[np.float64], **attributes: str) -> None:
    """Add a compressed field (..., bins) with a chunk for each spectrum.

    h5py blocks threads for one chunk at a time.
    """
    spectra, bins = values.shape[:-1], values.shape[-1]
    chunks = (*(1 for _ in spectra), bins)
    dataset = group.create_dataset(name, values.shape, values.dtype, chunks=chunks, **COMPRESSION)
    for index in np.ndindex(spectra):
        dataset[index] = values[index]
    dataset.attrs.update(attributes)


def add_collection(entry: Any, name: str, values: Mapping[str, Any]) -> None:
    """Add an NXcollection with ``values`` in their order; any text is allowed as a name of them."""
    group = add_group(entry, name, "NXcollection", track_order=True)
    for full, value in values.items():
        plain = field = re.sub(r"\W", "_", full, flags=re.ASCII) or "_"
        number = 1
        while field in group:
            number += 1
            field = f"{plain}_{number}"
        add_field(group, field, _stored(value))
        if field != full:
            group[field].attrs["pv"] = full


def _stored(value: str | float | int | bool) -> Any:
    """``value`` in a type that h5py reads back unchanged: a member of an enum as its text."""
    return str(value) if isinstance(value, str) else value
