"""Results as files that Mantid's algorithm LoadNexusProcessed reads, and so its algorithm Load.

The layout is that of SaveNexusProcessed of Mantid 3.13::

    /                       NXroot
      mantid_workspace_1    NXentry: the first slice; mantid_workspace_2 is the second, and so on
        title
        workspace           NXdata: values and errors (groups, bins), axis1 (bins + 1,) the edges,
                            axis2 the names of the groups
        logs                NXgroup of NXlog: charge, times, run, and where the slice is
        instrument, sample  empty

It is a file of its own, because Mantid takes each group at the top of a file for a workspace.
Counts and errors are those of the result. Each slice has its own proton charge, so that
NormaliseByCurrent divides it by that. Mantid reads texts of fixed length alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from reduction.files.nexus_fields import add_array
from reduction.files.saved_result import SavedResult, iso_time

UC_PER_UAH = 3600.0

UNITS_OF_MANTID = ("TOF", "Wavelength", "dSpacing", "MomentumTransfer", "Energy")
"""The units that Mantid has under the same name; another one is a label."""

FIRST = "mantid_workspace_1"
"""The first entry; what all entries have is stored there once, under hard links."""

Texts = Mapping[str, str]


def mantid_contents(result: SavedResult, path: Path) -> bytes:
    """The content of the file for ``result``; ``path`` is for messages.

    Raises ValueError with path if a text cannot be stored, as one with a NUL.
    """
    try:
        with h5py.File(path, "w", driver="core", backing_store=False, block_size=2**22) as file:
            _set(file, {"NX_class": "NXroot", "creator": result.program})
            for index in range(len(result.counts)):
                entry = _group(file, f"mantid_workspace_{index + 1}", "NXentry")
                _add_workspace(entry, result, index)
            file.flush()
            return bytes(file.id.get_file_image())
    except ValueError as error:
        raise ValueError(f"cannot write {path}: {error}") from error


def _add_workspace(entry: Any, result: SavedResult, index: int) -> None:
    title = _title(result, index)
    _add_text(entry, "title", title)
    _add_text(entry, "definition", "Mantid Processed Workspace")
    _add_text(entry, "definition_local", "Mantid Processed Workspace")
    _add_histograms(_group(entry, "workspace", "NXdata"), result, index)
    logs = _group(entry, "logs", "NXgroup", 1)
    for name, value in _logs(result, index, title).items():
        log = _group(logs, name, "NXlog")
        if isinstance(value, str):
            _add_text(log, "value", value)
        else:
            log["value"] = np.array([value])
    first = entry.parent[FIRST]
    if entry == first:
        _add_no_instrument(entry)
        _add_no_sample(entry)
        _group(entry, "process", "NXprocess")
    else:
        for name in ("instrument", "sample", "process"):
            entry[name] = first[name]


def _add_no_instrument(entry: Any) -> None:
    """Add what Mantid writes of a workspace without an instrument; without it logs are not read."""
    instrument = _group(entry, "instrument", "NXinstrument", 1)
    _add_text(instrument, "name", " ")
    definition = _group(instrument, "instrument_xml", "NXnote")
    parameters = _group(instrument, "instrument_parameter_map", "NXnote", 1)
    for note in (definition, parameters):
        for field in ("data", "description", "type"):
            _add_text(note, field, " ")
    for field in ("author", "date"):
        _add_text(parameters, field, " ")


def _add_no_sample(entry: Any) -> None:
    """Add what Mantid writes of a workspace without a sample."""
    sample = _group(entry, "sample", "NXsample", 1)
    _set(sample, {"name": " ", "shape_xml": '<type name="userShape">  </type>'})
    for field in ("num_oriented_lattice", "num_other_samples", "geom_id"):
        sample[field] = np.array([0], np.int32)
    for field in ("geom_thickness", "geom_width", "geom_height"):
        sample[field] = np.array([0.0])
    material = _group(sample, "material", "NXdata", 2)
    _set(material, {"name": " ", "formulaStyle": "empty"})
    for field in ("number_density", "temperature", "pressure"):
        material[field] = np.array([0.0])


def _title(result: SavedResult, index: int) -> str:
    if not result.slice_bounds:
        return result.title
    low, high = result.slice_bounds[index]
    place = "outside" if result.outside else "in"
    return f"{result.title}, {result.slice_log} {place} [{low:.10g}, {high:.10g})"


def _add_histograms(data: Any, result: SavedResult, index: int) -> None:
    """Add the counts of a slice, the edges, and the names of the groups."""
    add_array(data, "values", result.counts[index])
    add_array(data, "errors", np.sqrt(result.variances[index]))
    _set(data["values"], {"axes": "axis2,axis1", "units": "Counts", "unit_label": "Counts"})
    data["values"].attrs["signal"] = np.int32(1)
    first = data.parent.parent[FIRST]["workspace"]
    if data != first:
        data["axis1"], data["axis2"] = first["axis1"], first["axis2"]
        return
    data["axis1"] = result.edges
    known = str(result.units) in UNITS_OF_MANTID
    labels = {"units": str(result.units) if known else "Label", "distribution": "0"}
    if not known:
        labels |= {"caption": result.axis.quantity, "label": result.units.symbol}
    _set(data["axis1"], labels)
    # A name of nothing but blanks would be left out, and all names after it be those of others.
    names = (" ".join(name.split()) for name in result.group_names)
    numbered = (name or f"group {number}" for number, name in enumerate(names, start=1))
    _add_text(data, "axis2", "".join(f"{name}\n" for name in numbered))
    _set(data["axis2"], {"units": "TextAxis"})


def _logs(result: SavedResult, index: int, title: str) -> dict[str, str | float]:
    """The sample logs of a slice; the proton charge is in µA·h, as Mantid has it."""
    logs: dict[str, str | float] = {
        "run_title": title,
        "run_start": iso_time(result.start_time_ns).removesuffix("Z"),
        "run_end": iso_time(result.end_time_ns).removesuffix("Z"),
        "program": result.program,
    }
    if result.run.name:
        logs["run_number"] = result.run.name
    charge_uc, monitor, seconds = (
        result.slice_totals[index]
        if result.slice_totals
        else (result.proton_charge_uc, result.monitor_counts, result.collection_time_s)
    )
    if result.slice_totals or len(result.counts) == 1:  # or else those of each slice are not known
        logs |= {"gd_prtn_chrg": charge_uc / UC_PER_UAH, "proton_charge_uc": charge_uc}
        logs |= {"monitor_counts": monitor, "collection_time_s": seconds}
    if result.slice_bounds:
        low, high = result.slice_bounds[index]
        logs |= {"slice_log": result.slice_log, "slice_lower": low, "slice_upper": high}
        if result.slice_log_units:
            logs["slice_log_units"] = result.slice_log_units
    return logs


def _group(parent: Any, name: str, kind: str, version: int = 0) -> Any:
    """A new group of a NeXus class, with the version of its layout if it has one."""
    group = parent.create_group(name)
    _set(group, {"NX_class": kind})
    if version:
        group.attrs["version"] = np.int32(version)
    return group


def _add_text(group: Any, name: str, text: str) -> None:
    group[name] = np.array([_bytes(text)])


def _set(target: Any, texts: Texts) -> None:
    for name, text in texts.items():
        target.attrs[name] = _bytes(text)


def _bytes(text: str) -> np.bytes_:
    """``text`` as UTF-8 of fixed length; raises ValueError for a NUL."""
    if "\0" in text:
        raise ValueError("a text has a NUL")
    return np.bytes_(text.encode("utf-8") or b" ")
