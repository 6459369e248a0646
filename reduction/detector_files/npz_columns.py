"""Calibrations in an ``.npz`` of numpy, with a named array for each column."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.columns import (
    CalibrationColumns,
    RowNames,
    checked_ids,
    group_numbers,
)
from reduction.detector_files.content import LARGEST_FILE_BYTES, BadDetectorFile
from reduction.host.file_system.npz_arrays import NpzBounds, open_npz

NUMBERS = {
    "difc_us_per_angstrom": "difc",
    "difa_us_per_angstrom2": "difa",
    "tzero_us": "tzero",
}
"""The arrays of numbers, and the columns that they are."""


def read_npz(content: bytes) -> CalibrationColumns:
    """The arrays ``detector_id`` and ``difc_us_per_angstrom``; raises `BadDetectorFile`.

    ``difa_us_per_angstrom2``, ``tzero_us``, ``use`` and ``group`` may be missing.
    """
    try:
        with open_npz(io.BytesIO(content), 2 * LARGEST_FILE_BYTES) as arrays:
            return _columns(arrays)
    except BadDetectorFile:
        raise
    except NpzBounds as beyond:
        raise BadDetectorFile(str(beyond)) from None
    except Exception as error:  # noqa: BLE001  # numpy raises errors of any type for damaged files
        raise BadDetectorFile(f"it is damaged, or no .npz ({type(error).__name__})") from None


def _columns(arrays: Mapping[str, NDArray[Any]]) -> CalibrationColumns:
    """The columns in an opened file."""
    rows, ids = RowNames("row"), _column(arrays, "detector_id", None)
    found = {
        column: _column(arrays, name, ids.size).astype(np.float64)
        for name, column in NUMBERS.items()
        if column == "difc" or name in arrays
    }
    use = _column(arrays, "use", ids.size) > 0 if "use" in arrays else None
    group = group_numbers(_column(arrays, "group", ids.size)) if "group" in arrays else None
    return CalibrationColumns(checked_ids(ids, rows), rows, use=use, group=group, **found)


def _column(arrays: Mapping[str, NDArray[Any]], name: str, size: int | None) -> NDArray[Any]:
    """An array of numbers, (rows,), of this size; None: of any size but 0."""
    if name not in arrays:
        raise BadDetectorFile(f"an array {name} was expected")
    values = arrays[name]
    if values.ndim != 1 or values.dtype.kind not in "biuf" or not values.size:
        raise BadDetectorFile(f"{name}: one column of numbers was expected")
    if size is not None and values.size != size:
        raise BadDetectorFile(f"{name}: as many numbers as detector_id has were expected")
    if name in ("use", "group") and not np.isfinite(values.astype(np.float64)).all():
        raise BadDetectorFile(f"{name}: whole numbers were expected")
    return values
