"""Instruments as the command line names them: the simulated one, a file, or a name for Mantid."""

from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.idf_reader import read_definition
from reduction.instrument.geometry import Instrument, powder_arc

if TYPE_CHECKING:
    from reduction.engines.mantid.framework import MantidFramework

log = logging.getLogger("live_reduction.instruments")


def read_instrument(source: str) -> Instrument:
    """The instrument of a file, by its suffix; for "" the simulated one.

    Raises ValueError that names the file and what is wrong. Files that only Mantid reads are
    refused as well.
    """
    match Path(source).suffix.lower():
        case "" if not source:
            return powder_arc()
        case ".npz":
            return Instrument.load(Path(source))
        case ".xml":
            return read_definition(Path(source))
    raise ValueError(
        f"{source} is no instrument table (.npz) and no Mantid definition (.xml); with Mantid,"
        f" `live-reduction instrument export {source} TABLE.npz` reads NeXus geometry and the"
        " names of Mantid's instruments"
    )


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
        return read_definition(path, logs)
    if source and not path.suffix and not path.is_file():
        return read_any_instrument(_mantid(f"{source} is a name for Mantid").definition_of(source))
    if path.suffix.lower() not in (".npz", ".xml") and source:
        return _through_mantid(path, f"{source} is read through Mantid")
    try:
        return read_instrument(source)
    except ValueError as error:
        if path.suffix.lower() == ".npz" or not path.is_file():
            raise
        found = _through_mantid(path, f"{error}; Mantid may read it")
        log.warning(
            "%s; read by Mantid, with moving components at their positions without logs", error
        )
        return found


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
