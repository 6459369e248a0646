"""Instruments as the command line names them: the simulated one, a file, or a name for Mantid."""

from __future__ import annotations

import difflib
import importlib.util
import itertools
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reduction.host.memory.freed_memory import give_back_freed_memory
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.parameters.specs import LONGEST_SUGGESTED

if TYPE_CHECKING:
    from reduction.engines.mantid.framework import MantidFramework

log = logging.getLogger("live_reduction.instruments")

SIMULATED = "powder_arc"
"""The name of the simulated instrument."""

READ_SUFFIXES = (".npz", ".xml")
MOST_LISTED = 10
"""Most names that a refusal lists."""

MOST_ENTRIES = 1000
"""Most files of a folder that are looked at for names."""


def read_instrument(source: str) -> Instrument:
    """The instrument of a file, by its suffix; for "" and "powder_arc" the simulated one.

    Raises ValueError that names the file and what is wrong. Files that only Mantid reads are
    refused as well.
    """
    match Path(source).suffix.lower():
        case "" if source in ("", SIMULATED):
            return powder_arc()
        case ".npz":
            return Instrument.load(Path(source))
        case ".xml":
            return _defined(Path(source))
    known = "" if Path(source).exists() else _known(source, [SIMULATED, *_files(Path())])
    raise ValueError(
        f"{source} is no instrument table (.npz) and no Mantid definition (.xml); with Mantid,"
        f" `live-reduction instrument export {source} TABLE.npz` reads NeXus geometry and the"
        f" names of Mantid's instruments{known}"
    )


def _defined(path: Path, logs: Mapping[str, float] | None = None) -> Instrument:
    """The instrument of a Mantid definition."""
    # Imported here because it takes 35 ms, and every process asks for the simulated instrument.
    from reduction.definitions.idf_reader import read_definition

    made = read_definition(path, logs)
    give_back_freed_memory()
    return made


def log_values(text: str) -> dict[str, float]:
    """The values of logs by name that a text like ``arm=0.25,detz=3`` gives; raises ValueError."""
    values = {}
    for each in text.split(",") if text.strip() else ():
        name, _, number = each.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not name.strip() or not math.isfinite(value):
            raise ValueError(f"logs: {each.strip()!r} is no NAME=NUMBER")
        values[name.strip()] = value
    return values


def read_any_instrument(source: str, logs: Mapping[str, float] | None = None) -> Instrument:
    """The instrument as `read_instrument` gives it; sources that it refuses are read by Mantid.

    ``logs`` are values of logs that components of a definition follow. Raises ValueError that names
    the source, and what to install if Mantid is needed.
    """
    path = Path(source)
    if logs:
        if path.suffix.lower() != ".xml":
            raise ValueError(f"{source}: logs move the components of a definition (.xml) alone")
        return _defined(path, logs)
    if source == SIMULATED and not path.is_file():
        return powder_arc()
    if source and not path.suffix and not path.is_file():
        return read_any_instrument(_definition_of(source))
    if path.suffix.lower() not in READ_SUFFIXES and source:
        return _through_mantid(path, f"{source} is read through Mantid")
    try:
        return read_instrument(source)
    except ValueError as error:
        if not path.exists():
            raise ValueError(f"{error}{_known(path.name, _files(path.parent))}") from None
        if path.suffix.lower() == ".npz" or not path.is_file():
            raise
        found = _through_mantid(path, f"{error}; Mantid may read it")
        log.warning(
            "%s; read by Mantid, with moving components at their positions without logs", error
        )
        return found


def _definition_of(name: str) -> str:
    """The definition that Mantid has of an instrument; raises ValueError with names like it."""
    here = [SIMULATED, *_files(Path())]
    try:
        mantid = _mantid(
            f"{name} is no file, and for names of Mantid's instruments it needs Mantid"
        )
    except ValueError as error:
        raise ValueError(f"{error}{_known(name, here)}") from None
    try:
        return mantid.definition_of(name)
    except ValueError as error:
        raise ValueError(f"{error}{_known(name, [*here, *mantid.instrument_names()])}") from None


def _files(folder: Path) -> list[str]:
    """The names of the tables and definitions in a folder."""
    try:
        entries = itertools.islice(folder.iterdir(), MOST_ENTRIES)
        return sorted(each.name for each in entries if each.suffix.lower() in READ_SUFFIXES)
    except OSError:
        return []


def _known(name: str, known: Sequence[str]) -> str:
    """What a refusal of ``name`` adds: the names that are known, the most similar first."""
    if not known:
        return ""
    matcher = difflib.SequenceMatcher(b=name.lower()[:LONGEST_SUGGESTED])

    def likeness(each: str) -> float:
        matcher.set_seq1(each.lower())
        return matcher.ratio()

    ordered = sorted(dict.fromkeys(known), key=likeness, reverse=True)
    more = f" and {len(ordered) - MOST_LISTED} more" if len(ordered) > MOST_LISTED else ""
    return f"; known are {', '.join(ordered[:MOST_LISTED])}{more}"


def _through_mantid(path: Path, why: str) -> Instrument:
    mantid = _mantid(why)
    from reduction.definitions.from_mantid import load_instrument

    return load_instrument(mantid, path)


def _mantid(why: str) -> MantidFramework:
    """Mantid, imported; raises ValueError that begins with ``why`` if that fails."""
    from reduction.engines.mantid.framework import MantidFramework, NoMantid

    if importlib.util.find_spec("mantid") is None:
        raise ValueError(f"{why}, which is not installed: see environment.yml")
    try:
        return MantidFramework.imported()
    except NoMantid as error:
        raise ValueError(f"{why}: {error}") from None


def summary(instrument: Instrument) -> str:
    """A few lines about an instrument: how many detectors, where they are, and its banks."""
    pixels, monitors = ~instrument.is_monitor, instrument.detector_id[instrument.is_monitor]
    lines = [
        f"{instrument.name}: L1 {instrument.l1_m:g} m, monitors: {_listed(monitors)}",
        f"all: {_detectors_text(instrument, pixels)}",
    ]
    for number, name in enumerate(instrument.bank_names):
        lines.append(
            f"bank {name}: {_detectors_text(instrument, pixels & (instrument.bank == number))}"
        )
    return "\n".join(lines)


def _listed(ids: NDArray[np.int32]) -> str:
    return ", ".join(map(str, ids)) or "none"


def _detectors_text(instrument: Instrument, here: NDArray[np.bool_]) -> str:
    """Number, ids, distances and scattering angles of the detectors ``here`` (detectors,) bool."""
    if not here.any():
        return "no detectors"
    ids, angles = instrument.detector_id[here], np.degrees(instrument.two_theta_rad[here])
    return (
        f"{ids.size} detectors, ids {ids.min()} to {ids.max()},"
        f" L2 {_ends(instrument.l2_m[here])} m, two-theta {_ends(angles)} deg"
    )


def _ends(values: NDArray[np.float64]) -> str:
    return f"{values.min():g} to {values.max():g}"
