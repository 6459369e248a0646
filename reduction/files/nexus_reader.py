"""Results read back from the NeXus files that `reduction.files.nexus_writer` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from reduction.files.saved_result import (
    NO_RUN,
    RUN_GROUP,
    SERIES,
    SavedResult,
    SavedRun,
    SavedSeries,
    time_ns,
)
from reduction.parameters.units import Units


def read_nexus(path: Path) -> SavedResult:
    """The result in the file at ``path``.

    Raises OSError if the file cannot be read. Raises ValueError with path and reason if it is not
    HDF5, is damaged, or lacks a part of a result, as files of other programs do.
    """
    with path.open("rb"):  # its OSError is clearer than that of h5py
        pass
    if not h5py.is_hdf5(path):
        raise ValueError(f"{path} is no HDF5 file")
    try:
        with h5py.File(path, "r") as file:
            return _result(_group(file, "entry"))
    except ValueError as error:
        raise ValueError(f"{path} is not a saved result: {error}") from error
    except (OSError, RuntimeError) as error:  # as h5py raises for errors of HDF5
        raise ValueError(f"{path} is damaged: {error}") from error


COLLECTION_TIME = "collection_time"
"""A field that files of earlier versions lack."""


def _result(entry: Any) -> SavedResult:
    axes = _group(entry, "axes")
    units = _units(axes)
    pulses = _integers(entry, "pulses")
    if pulses.keys() != {"first", "last"}:
        raise ValueError(f"{entry.name}/pulses does not say first and last")
    return SavedResult(
        title=_text(entry, "title"),
        units=units,
        edges=_numbers(axes, f"{units.labels.name}_edges"),
        counts=_numbers(_group(entry, "spectra"), "counts"),
        variances=_numbers(_group(entry, "variances"), "variances"),
        slice_log=_text(axes, "slice_log"),
        slice_bounds=_slice_bounds(axes),
        group_names=tuple(_texts(axes, "group_name").tolist()),
        first_pulse=pulses["first"],
        last_pulse=pulses["last"],
        start_time_ns=time_ns(_text(entry, "start_time")),
        end_time_ns=time_ns(_text(entry, "end_time")),
        proton_charge_uc=_number(entry, "proton_charge"),
        monitor_counts=_number(_group(entry, "monitor"), "integral"),
        accounting=_integers(entry, "accounting"),
        parameters=_collection(entry, "parameters"),
        program=_program(entry),
        series=_series(entry, axes),
        collection_time_s=_number(entry, COLLECTION_TIME) if COLLECTION_TIME in entry else 0.0,
        run=_run(_group(entry, RUN_GROUP)) if RUN_GROUP in entry else NO_RUN,
    )


def _run(group: Any) -> SavedRun:
    start_ns = time_ns(_text(group, "start_time")) if "start_time" in group else 0
    return SavedRun(_text(group, "name"), _text(group, "title"), start_ns)


def _units(axes: Any) -> Units:
    for units in Units:
        if f"{units.labels.name}_edges" in axes:
            return units
    raise ValueError(f"{axes.name} has the edges of no unit known here")


def _series(entry: Any, axes: Any) -> tuple[SavedSeries, ...]:
    if "series" not in axes:
        return ()
    counts = _numbers(_group(entry, "series"), "counts")
    first, last = (_whole_numbers(axes, name) for name in SERIES[:2])
    charges = _numbers(axes, SERIES[2])
    seconds = _numbers(axes, SERIES[3]) if SERIES[3] in axes else np.zeros_like(charges)
    shapes = {each.shape for each in (first, last, charges, seconds)}
    if counts.ndim != 2 or shapes != {counts.shape[:1]}:
        raise ValueError("series have not as many counts as pulses")
    return tuple(
        SavedSeries(counts[n], int(first[n]), int(last[n]), float(charges[n]), float(seconds[n]))
        for n in range(first.size)
    )


def _slice_bounds(axes: Any) -> tuple[tuple[float, float], ...]:
    if "slice_lower" not in axes:
        return ()
    lower, upper = (_numbers(axes, f"slice_{end}") for end in ("lower", "upper"))
    if lower.ndim != 1 or lower.shape != upper.shape:
        raise ValueError("slices have not as many lower as upper bounds")
    return tuple(zip(lower.tolist(), upper.tolist(), strict=True))


def _program(entry: Any) -> str:
    name = _text(entry, "program_name")
    version = _dataset(entry, "program_name").attrs.get("version")
    return name if version is None else f"{name} {version}"


def _integers(entry: Any, name: str) -> dict[str, int]:
    found = _collection(entry, name)
    for field, value in found.items():
        if type(value) is not int:
            raise ValueError(f"{field} in {entry.name}/{name} is not a whole number")
    return found


def _collection(entry: Any, name: str) -> dict[str, Any]:
    """The fields of an NXcollection in order, by PV name, or by field name if there is none."""
    group = _group(entry, name)
    return {str(group[each].attrs.get("pv", each)): _value(group, each) for each in group}


def _value(group: Any, name: str) -> str | float | int | bool:
    dataset = _dataset(group, name)
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return _text(group, name)
    if dataset.shape != () or dataset.dtype.kind not in "biuf":
        raise ValueError(f"{dataset.name} is no text, number or switch")
    value: str | float | int | bool = dataset[()].item()
    return value


def _text(group: Any, name: str) -> str:
    return str(_texts(group, name, dimensions=0))


def _texts(group: Any, name: str, dimensions: int = 1) -> Any:
    """One text or an array of texts."""
    dataset = _dataset(group, name)
    if h5py.check_string_dtype(dataset.dtype) is None or dataset.ndim != dimensions:
        raise ValueError(f"{dataset.name} is not {('a text', 'a list of texts')[dimensions]}")
    return dataset.asstr()[()]


def _number(group: Any, name: str) -> float:
    found = _numbers(group, name)
    if found.ndim:
        raise ValueError(f"{group.name}/{name} is not one number")
    return float(found)


def _numbers(group: Any, name: str) -> NDArray[np.float64]:
    """A field as float64, of any shape."""
    dataset = _dataset(group, name)
    if dataset.shape is None or dataset.dtype.kind not in "iuf":
        raise ValueError(f"{dataset.name} holds no numbers")
    return np.asarray(dataset[()], np.float64)


def _whole_numbers(group: Any, name: str) -> NDArray[np.int64]:
    """A field as int64, of any shape, without loss of digits."""
    dataset = _dataset(group, name)
    if dataset.shape is None or dataset.dtype.kind not in "iu":
        raise ValueError(f"{dataset.name} holds no whole numbers")
    return np.asarray(dataset[()], np.int64)


def _dataset(group: Any, name: str) -> Any:
    return _part(group, name, h5py.Dataset)


def _group(group: Any, name: str) -> Any:
    return _part(group, name, h5py.Group)


def _part(group: Any, name: str, kind: type[Any]) -> Any:
    found = group.get(name)
    if not isinstance(found, kind):
        where = f"{group.name.rstrip('/')}/{name}"
        raise ValueError(f"it has no {kind.__name__.lower()} {where}")
    return found
