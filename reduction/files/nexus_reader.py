"""Results read back from the NeXus files that `reduction.files.nexus_writer` writes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from reduction.files.nexus_intensity import read_intensity
from reduction.files.nexus_parts import (
    collection_in,
    dataset_in,
    group_in,
    integers_in,
    number_in,
    numbers_in,
    text_in,
    texts_in,
    whole_numbers_in,
)
from reduction.files.nexus_pictures import read_pictures
from reduction.files.nexus_windows import PEAK_WINDOWS, REGION_WINDOWS, read_windows
from reduction.files.saved_parts import NO_RUN, SavedRun, SavedSeries, SliceTotals
from reduction.files.saved_result import RUN_GROUP, SERIES, SLICE_TOTALS, SavedResult, time_ns
from reduction.host.file_system.regular_files import open_regular_file
from reduction.parameters.units import Units

DAMAGE = (OSError, RuntimeError, KeyError, TypeError, OverflowError, MemoryError)
"""What h5py raises for errors of HDF5."""

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""The first bytes of an HDF5 file."""


def read_nexus(path: Path) -> SavedResult:
    """The result in the file at ``path``.

    Raises OSError if the file cannot be read, and ValueError as `read_nexus_content`.
    """
    with open_regular_file(path):  # its OSError is clearer than that of h5py
        pass
    return _read(path, path, is_hdf5=h5py.is_hdf5(path))


def read_nexus_content(content: bytes, path: Path) -> SavedResult:
    """The result in a file that has been read from ``path``; nothing else is opened.

    Raises ValueError with path and reason if it is not HDF5, is damaged, or lacks a part of a
    result, as files of other programs do.
    """
    return _read(io.BytesIO(content), path, is_hdf5=content.startswith(HDF5_SIGNATURE))


def _read(opened: Path | io.BytesIO, path: Path, *, is_hdf5: bool) -> SavedResult:
    if not is_hdf5:
        raise ValueError(f"{path} is no HDF5 file")
    try:
        with h5py.File(opened, "r") as file:
            return _result(group_in(file, "entry"))
    except ValueError as error:
        raise ValueError(f"{path} is not a saved result: {error}") from error
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged: {error}") from error


COLLECTION_TIME = "collection_time"
"""A field that files of earlier versions lack."""


def _result(entry: Any) -> SavedResult:
    axes = group_in(entry, "axes")
    units = _units(axes)
    pulses = integers_in(entry, "pulses")
    if pulses.keys() != {"first", "last"}:
        raise ValueError(f"{entry.name}/pulses does not say first and last")
    return SavedResult(
        title=text_in(entry, "title"),
        units=units,
        edges=numbers_in(axes, f"{units.labels.name}_edges"),
        counts=numbers_in(group_in(entry, "spectra"), "counts"),
        variances=numbers_in(group_in(entry, "variances"), "variances"),
        slice_log=text_in(axes, "slice_log"),
        slice_bounds=_slice_bounds(axes),
        group_names=tuple(texts_in(axes, "group_name").tolist()),
        first_pulse=pulses["first"],
        last_pulse=pulses["last"],
        start_time_ns=time_ns(text_in(entry, "start_time")),
        end_time_ns=time_ns(text_in(entry, "end_time")),
        proton_charge_uc=number_in(entry, "proton_charge"),
        monitor_counts=number_in(group_in(entry, "monitor"), "integral"),
        accounting=integers_in(entry, "accounting"),
        parameters=collection_in(entry, "parameters"),
        program=_program(entry),
        series=_series(entry, axes),
        collection_time_s=number_in(entry, COLLECTION_TIME) if COLLECTION_TIME in entry else 0.0,
        run=_run(group_in(entry, RUN_GROUP)) if RUN_GROUP in entry else NO_RUN,
        intensity=read_intensity(entry),
        slice_totals=_slice_totals(axes),
        outside="slice_is_outside" in axes,
        slice_log_units=text_in(axes, "slice_log_units") if "slice_log_units" in axes else "",
        peaks=read_windows(entry, PEAK_WINDOWS),
        regions=read_windows(entry, REGION_WINDOWS),
        pictures=read_pictures(entry),
    )


def _run(group: Any) -> SavedRun:
    start_ns = time_ns(text_in(group, "start_time")) if "start_time" in group else 0
    return SavedRun(text_in(group, "name"), text_in(group, "title"), start_ns)


def _units(axes: Any) -> Units:
    for units in Units:
        if f"{units.labels.name}_edges" in axes:
            return units
    raise ValueError(f"{axes.name} has the edges of no unit known here")


def _series(entry: Any, axes: Any) -> tuple[SavedSeries, ...]:
    if "series" not in axes:
        return ()
    counts = numbers_in(group_in(entry, "series"), "counts")
    first, last = (whole_numbers_in(axes, name) for name in SERIES[:2])
    charges = numbers_in(axes, SERIES[2])
    seconds, monitor = (
        numbers_in(axes, name) if name in axes else np.full_like(charges, absent)
        for name, absent in zip(SERIES[3:], (0.0, np.nan), strict=True)
    )
    shapes = {each.shape for each in (first, last, charges, seconds, monitor)}
    if counts.ndim != 2 or shapes != {counts.shape[:1]}:
        raise ValueError("series have not as many counts as pulses")
    return tuple(
        SavedSeries(
            counts[n],
            int(first[n]),
            int(last[n]),
            float(charges[n]),
            float(seconds[n]),
            float(monitor[n]),
        )
        for n in range(first.size)
    )


def _slice_totals(axes: Any) -> tuple[SliceTotals, ...]:
    if SLICE_TOTALS[0] not in axes:
        return ()
    columns = [numbers_in(axes, name) for name in SLICE_TOTALS]
    if len({each.shape for each in columns}) != 1 or columns[0].ndim != 1:
        raise ValueError("slices have not as many charges as monitor counts")
    return tuple(
        SliceTotals(*row) for row in zip(*(each.tolist() for each in columns), strict=True)
    )


def _slice_bounds(axes: Any) -> tuple[tuple[float, float], ...]:
    if "slice_lower" not in axes:
        return ()
    lower, upper = (numbers_in(axes, f"slice_{end}") for end in ("lower", "upper"))
    if lower.ndim != 1 or lower.shape != upper.shape:
        raise ValueError("slices have not as many lower as upper bounds")
    return tuple(zip(lower.tolist(), upper.tolist(), strict=True))


def _program(entry: Any) -> str:
    name = text_in(entry, "program_name")
    version = dataset_in(entry, "program_name").attrs.get("version")
    return name if version is None else f"{name} {version}"
