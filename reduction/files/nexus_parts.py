"""Reads groups and fields of NeXus files, and checks that they are what they should be.

All functions raise ValueError, which says what is wrong where.
"""

from __future__ import annotations

import math
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from reduction.host.file_system.hdf5_values import Hdf5Bounds, Hdf5Limits, read_values
from reduction.parameters.limits import MOST_CELLS, MOST_GROUPS


def integers_in(entry: Any, name: str) -> dict[str, int]:
    """The whole numbers of a collection, by name."""
    found = collection_in(entry, name)
    for field, value in found.items():
        if type(value) is not int:
            raise ValueError(f"{field} in {entry.name}/{name} is not a whole number")
    return found


def collection_in(entry: Any, name: str) -> dict[str, Any]:
    """The fields of an NXcollection in order, by PV name, or by field name if there is none."""
    group = group_in(entry, name)
    return {str(group[each].attrs.get("pv", each)): _value(group, each) for each in group}


def _value(group: Any, name: str) -> str | float | int | bool:
    dataset = dataset_in(group, name)
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return text_in(group, name)
    if dataset.shape != () or dataset.dtype.kind not in "biuf":
        raise ValueError(f"{dataset.name} is no text, number or switch")
    value: str | float | int | bool = dataset[()].item()
    return value


def text_in(group: Any, name: str) -> str:
    """One text."""
    return str(texts_in(group, name, dimensions=0))


def texts_in(group: Any, name: str, dimensions: int = 1) -> Any:
    """One text or an array of texts."""
    dataset = dataset_in(group, name)
    if h5py.check_string_dtype(dataset.dtype) is None or dataset.ndim != dimensions:
        raise ValueError(f"{dataset.name} is not {('a text', 'a list of texts')[dimensions]}")
    padded = max(math.prod(dataset.chunks or ()), dataset.size or 0)
    if padded * dataset.dtype.itemsize > LARGEST_TEXTS_BYTES:
        most = f"{LARGEST_TEXTS_BYTES >> 20} MiB"
        raise ValueError(f"{dataset.name} may have more than {most} of texts")
    if dataset.chunks and dataset.id.get_create_plist().get_nfilters():
        raise ValueError(f"the texts of {dataset.name} are compressed")
    return dataset.asstr()[()]


def number_in(group: Any, name: str) -> float:
    """One number as float64."""
    found = numbers_in(group, name)
    if found.ndim:
        raise ValueError(f"{group.name}/{name} is not one number")
    return float(found)


def numbers_in(group: Any, name: str) -> NDArray[np.float64]:
    """A field as float64, of any shape."""
    dataset = dataset_in(group, name)
    if dataset.shape is None or dataset.dtype.kind not in "iuf":
        raise ValueError(f"{dataset.name} holds no numbers")
    return np.asarray(_values(dataset), np.float64)


def whole_numbers_in(group: Any, name: str) -> NDArray[np.int64]:
    """A field as int64, of any shape, without loss of digits."""
    dataset = dataset_in(group, name)
    if dataset.shape is None or dataset.dtype.kind not in "iu":
        raise ValueError(f"{dataset.name} holds no whole numbers")
    return np.asarray(_values(dataset), np.int64)


MOST_FIELD_VALUES = 2 * MOST_CELLS
"""Most values of a field: a small file can claim a field of any size."""

LIMITS = Hdf5Limits(MOST_FIELD_VALUES, 2 * MOST_GROUPS)
"""Files of this program have a chunk for each spectrum."""

LARGEST_TEXTS_BYTES = 64 << 20
"""Most bytes of the texts of a field, where all have the same length."""


def _values(dataset: Any) -> NDArray[Any]:
    try:
        return read_values(dataset, LIMITS)
    except Hdf5Bounds as beyond:
        raise ValueError(f"{dataset.name}: {beyond}") from None


def dataset_in(group: Any, name: str) -> Any:
    """A dataset, by name."""
    dataset = _part(group, name, h5py.Dataset)
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"the values of {dataset.name} are in another file")
    if dataset.size is not None and dataset.size > MOST_FIELD_VALUES:
        raise ValueError(
            f"{dataset.name} has {dataset.size} values; the limit is {MOST_FIELD_VALUES}"
        )
    return dataset


def group_in(group: Any, name: str) -> Any:
    """A group, by name."""
    return _part(group, name, h5py.Group)


def _part(group: Any, name: str, kind: type[Any]) -> Any:
    if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
        raise ValueError(f"{group.name.rstrip('/')}/{name} is in another file")
    found = group.get(name)
    if not isinstance(found, kind):
        where = f"{group.name.rstrip('/')}/{name}"
        raise ValueError(f"it has no {kind.__name__.lower()} {where}")
    return found
