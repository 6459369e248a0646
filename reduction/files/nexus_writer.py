"""Results as NeXus files (HDF5), for nexpy, silx, scippnexus and `reduction.files.nexus_reader`.

::

    /               NXroot, @default entry
      entry         NXentry, @default data; title, start_time, end_time, program_name, proton_charge
                    and collection_time: in s, what was measured, without pauses
        data        NXdata (bins,): the sum over slices and groups, at bin centres
        histogram   NXdata (bins,): the same over the bin edges
        slices      NXdata (slices, bins): the sum over groups; only of a sliced result
        groups      NXdata (groups, bins): the sum over slices; only if there are several
        series      NXdata (series, bins): the series closed before; only if there are any
        spectra     NXdata (slices, groups, bins): all spectra
        variances   NXdata (slices, groups, bins): the errors of spectra, squared and exact
        intensity   NXdata (bins,): the intensity with its errors, and the default, if there is a
                    normalisation, background or vanadium; also intensity_slices, intensity_groups
                    and intensity_series
        peaks, regions  NXcollection: what was found in the windows that are set
        image, map  NXdata (rows, columns): detector image and map
        axes        NXcollection: the coordinates of the NXdata, and the log of the slices
        monitor     NXmonitor: integral
        run           NXcollection: name, title and start_time of the facility's run, if one is
                      known; entry_identifier is its name
        pulses, accounting, parameters: NXcollection

Every NXdata has bin centres as its axis, and the edges as well. silx does not take an axis with one
more value than the signal (silx-kit/silx#3275); ``histogram`` is for programs that take one. A
dataset that is in several groups is stored once, under hard links. NeXus allows no colon in a name,
so the PV name of a parameter is in the attribute ``pv`` of its field. Equal results make equal
bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from reduction.files.nexus_fields import add_array, add_collection, add_field, add_group
from reduction.files.nexus_intensity import INTENSITY, add_intensity
from reduction.files.nexus_pictures import add_pictures
from reduction.files.nexus_windows import PEAK_WINDOWS, REGION_WINDOWS, add_windows
from reduction.files.saved_parts import NO_RUN, CountsAndVariances, SavedRun
from reduction.files.saved_result import RUN_GROUP, SERIES, SLICE_TOTALS, SavedResult, iso_time
from reduction.host.file_system import atomic_files
from reduction.parameters.specs import AXIS_UNITS, INTENSITY_UNITS


class Coordinate(NamedTuple):
    """A coordinate of NXdata: the dimension that it belongs to, and its dataset."""

    dimension: str
    dataset: Any


Coordinates = dict[str, Coordinate]
"""Coordinates by their names."""


def write_nexus(result: SavedResult, path: Path) -> None:
    """Write ``result`` to ``path``.

    Raises OSError with path and reason, or ValueError with path if a text of the result cannot be
    stored, as one with a NUL. Then the file has not changed.
    """
    atomic_files.replace([(path, contents(result, path))])


def contents(result: SavedResult, path: Path) -> bytes:
    """The content of the file for ``result``; ``path`` is for messages.

    The file is made in memory: if a disk is full, HDF5 cannot close a file that is on it.
    """
    try:
        with h5py.File(path, "w", driver="core", backing_store=False, block_size=2**22) as file:
            _fill(file, result)
            file.flush()
            return bytes(file.id.get_file_image())
    except ValueError as error:
        raise ValueError(f"cannot write {path}: {error}") from error


def _fill(file: Any, result: SavedResult) -> None:
    file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": result.program})
    default = "data" if result.intensity is None else INTENSITY
    entry = add_group(file, "entry", "NXentry", default=default)
    entry["title"] = result.title
    entry["start_time"] = iso_time(result.start_time_ns)
    entry["end_time"] = iso_time(result.end_time_ns)
    if result.run != NO_RUN:
        _run(entry, result.run)
    name, space, version = result.program.rpartition(" ")
    entry["program_name"] = name if space else version
    if space:
        entry["program_name"].attrs["version"] = version
    add_field(entry, "proton_charge", float(result.proton_charge_uc), units="uC")
    add_field(entry, "collection_time", float(result.collection_time_s), units="s")
    monitor = add_group(entry, "monitor", "NXmonitor", signal="integral")
    add_field(monitor, "integral", float(result.monitor_counts), units="counts")
    add_collection(entry, "pulses", {"first": result.first_pulse, "last": result.last_pulse})
    add_collection(entry, "accounting", result.accounting)
    add_collection(entry, "parameters", result.parameters)
    _histograms(entry, result)
    units = {AXIS_UNITS: result.axis.units, INTENSITY_UNITS: result.intensity_units}
    add_windows(entry, PEAK_WINDOWS, result.peaks, units)
    add_windows(entry, REGION_WINDOWS, result.regions, units)
    add_pictures(entry, result.pictures)


def _run(entry: Any, run: SavedRun) -> None:
    entry["entry_identifier"] = run.name
    values = {"name": run.name, "title": run.title}
    start = {"start_time": iso_time(run.start_time_ns)} if run.start_time_ns else {}
    add_collection(entry, RUN_GROUP, values | start)


def _histograms(entry: Any, result: SavedResult) -> None:
    axis = result.axis.name
    coordinates = _axes(entry, result)
    data = _nxdata(entry, "data", (axis,), coordinates)
    data.attrs["title"] = result.title
    _signal(data, result.summed)
    edges = {axis: Coordinate(axis, coordinates[f"{axis}_edges"].dataset)}
    histogram = _nxdata(entry, "histogram", (axis,), edges)
    histogram["counts"], histogram["counts_errors"] = data["counts"], data["counts_errors"]
    if result.slice_bounds:
        _signal(_nxdata(entry, "slices", ("slice", axis), coordinates), result.by_slice)
    if len(result.group_names) > 1:
        _signal(_nxdata(entry, "groups", ("group", axis), coordinates), result.by_group)
    if result.series:
        _signal(_nxdata(entry, "series", ("series", axis), coordinates), _series_counts(result))
    dims = ("slice", "group", axis)
    spectra = _nxdata(entry, "spectra", dims, coordinates)
    _signal(spectra, CountsAndVariances(result.counts, result.variances))
    exact = _nxdata(entry, "variances", dims, coordinates, signal="variances")
    if np.array_equal(result.variances, result.counts):
        exact["variances"] = spectra["counts"]
    else:
        add_array(exact, "variances", result.variances)
    if result.intensity is not None:
        add_intensity(
            result.intensity,
            lambda name, dim: _nxdata(
                entry, name, (dim, axis) if dim else (axis,), coordinates, INTENSITY
            ),
        )
        entry[INTENSITY].attrs["title"] = result.title


def _series_counts(result: SavedResult) -> CountsAndVariances:
    counts = np.array([each.counts for each in result.series])
    return CountsAndVariances(counts, counts)


def _axes(entry: Any, result: SavedResult) -> Coordinates:
    """Write the group ``axes``, and return the coordinates in it."""
    group, (name, units, quantity) = add_group(entry, "axes", "NXcollection"), result.axis[:3]
    group["slice_log"] = result.slice_log
    if result.slice_log_units:
        group["slice_log_units"] = result.slice_log_units
    if result.outside:
        group["slice_is_outside"] = True
    of_bins = {"units": units, "long_name": f"{quantity} ({units})"}
    add_field(group, name, result.centres, **of_bins)
    add_field(group, f"{name}_edges", result.edges, **of_bins)
    slices, groups = result.counts.shape[:2]
    of_slices = f"slice of {result.slice_log}" if result.slice_log else "slice"
    add_field(group, "slice", np.arange(1, slices + 1), long_name=of_slices)
    add_field(group, "group", np.arange(1, groups + 1))
    add_field(group, "group_name", np.array(result.group_names, h5py.string_dtype()))
    dims = {name: name, f"{name}_edges": name, "slice": "slice", "group": "group"}
    dims["group_name"] = "group"
    for end, bounds in zip(
        ("lower", "upper"), zip(*result.slice_bounds, strict=True), strict=False
    ):
        add_field(group, f"slice_{end}", np.array(bounds, np.float64), long_name=result.slice_log)
        dims[f"slice_{end}"] = "slice"
    for name, column in zip(SLICE_TOTALS, zip(*result.slice_totals, strict=True), strict=False):
        add_field(group, name, np.array(column, np.float64))
        dims[name] = "slice"
    if result.series:
        add_field(group, "series", np.arange(1, len(result.series) + 1), long_name="closed series")
        for name, column in zip(SERIES, list(zip(*result.series, strict=True))[1:], strict=True):
            add_field(group, name, np.array(column))
        dims |= dict.fromkeys(("series", *SERIES), "series")
    return {each: Coordinate(dim, group[each]) for each, dim in dims.items()}


def _nxdata(
    entry: Any, name: str, dims: tuple[str, ...], coordinates: Coordinates, signal: str = "counts"
) -> Any:
    """A group of class NXdata over ``dims``, with links to the coordinates along them."""
    group = add_group(entry, name, "NXdata", signal=signal, axes=list(dims))
    for coordinate, (dim, dataset) in coordinates.items():
        if dim in dims:
            group[coordinate] = dataset
            group.attrs[f"{coordinate}_indices"] = [dims.index(dim)]
    return group


def _signal(group: Any, spectrum: CountsAndVariances) -> None:
    add_array(group, "counts", spectrum.counts, units="counts", long_name="counts")
    add_array(group, "counts_errors", np.sqrt(spectrum.variances), units="counts")
