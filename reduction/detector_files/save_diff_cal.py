"""Calibrations in HDF5, as Mantid's SaveDiffCal writes them."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.columns import (
    CalibrationColumns,
    RowNames,
    checked_ids,
    group_numbers,
)
from reduction.detector_files.content import BadDetectorFile
from reduction.host.file_system.hdf5_values import Hdf5Bounds, Hdf5Limits, read_values

GROUP = "calibration"
MOST_ROWS = 12_500_000
"""Most rows of a table, for 12 million pixels: a small file that claims more is a trap for memory.

Compressed rows take 0.08 µs each, half of it to decompress them: 12 million take 1 s and 0.8 GB.
"""

LARGEST_NUMBER_BYTES = 8

MOST_CHUNKS = 20_000
"""Most chunks of a dataset; Mantid writes one, h5py some hundred at most."""


def read_diff_cal(content: bytes) -> CalibrationColumns:
    """The columns of the group ``/calibration``; raises `BadDetectorFile`.

    ``difa``, ``tzero``, ``use`` and ``group`` may be missing. Numbers may be of any type.
    """
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            group = file.get(GROUP)
            if not isinstance(group, h5py.Group):
                raise BadDetectorFile(f"a group /{GROUP} was expected, as SaveDiffCal writes it")
            return _columns(group)
    except BadDetectorFile:
        raise
    except Exception as error:  # noqa: BLE001  # h5py raises errors of any type for damaged files
        raise BadDetectorFile(f"it is damaged, or no HDF5 ({type(error).__name__})") from None


def _columns(group: Any) -> CalibrationColumns:
    """The columns of the group."""
    rows = RowNames("row")
    datasets = {name: _dataset(group, name) for name in ("detid", "difc")}
    datasets |= {n: _dataset(group, n) for n in ("difa", "tzero", "use", "group") if n in group}
    for name, dataset in datasets.items():
        if dataset.size != datasets["detid"].size:
            raise BadDetectorFile(
                f"/{GROUP}/{name}: as many numbers as /{GROUP}/detid has were expected"
            )
    # Ids are read and checked first, so that a file of other numbers is refused soon.
    ids = checked_ids(_values(datasets.pop("detid")), rows)
    use = _whole_numbers(datasets.pop("use")) if "use" in datasets else None
    groups = _whole_numbers(datasets.pop("group")) if "group" in datasets else None
    return CalibrationColumns(
        ids,
        rows,
        use=None if use is None else use > 0,
        group=None if groups is None else group_numbers(groups),
        **{n: _values(each).astype(np.float64, copy=False) for n, each in datasets.items()},
    )


def _whole_numbers(dataset: Any) -> NDArray[Any]:
    """The numbers of a dataset, (rows,) of its type, all finite; raises `BadDetectorFile`."""
    numbers = _values(dataset)
    if numbers.dtype.kind == "f" and not np.isfinite(numbers).all():
        raise BadDetectorFile(f"{dataset.name}: whole numbers were expected")
    return numbers


def _values(dataset: Any) -> NDArray[Any]:
    """The values of a dataset, (rows,) of its type; raises `BadDetectorFile`."""
    try:
        return read_values(dataset, Hdf5Limits(MOST_ROWS, MOST_CHUNKS))
    except Hdf5Bounds as beyond:
        raise BadDetectorFile(f"{dataset.name}: {beyond}") from None


def _dataset(group: Any, name: str) -> Any:
    """A dataset of numbers, (rows,), which is not read yet; raises `BadDetectorFile`."""
    path = f"/{GROUP}/{name}"
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise BadDetectorFile(f"{path}: numbers in this file were expected, not a link to another")
    column = group.get(name)
    if not isinstance(column, h5py.Dataset) or len(column.shape or ()) != 1:
        raise BadDetectorFile(f"{path}: one column of numbers was expected")
    if column.dtype.kind not in "biuf" or column.external or column.is_virtual:
        raise BadDetectorFile(f"{path}: numbers in this file were expected")
    if column.dtype.itemsize > LARGEST_NUMBER_BYTES:
        raise BadDetectorFile(f"{path}: numbers of at most 64 bits were expected")
    if not 0 < column.size <= MOST_ROWS:
        raise BadDetectorFile(f"{path}: 1 to {MOST_ROWS} rows were expected")
    return column
