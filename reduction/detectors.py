"""Which detectors count: masks and groups as ranges of ids, and calibrations from files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.engines.protocol import MASKED
from reduction.geometry import Instrument
from reduction.settings import MOST_GROUPS, DetectorSettings
from reduction.specs import Refused

LARGEST_FILE = 256 << 20


def groups(settings: DetectorSettings, instrument: Instrument) -> NDArray[np.int32]:
    """The group of each detector, (detectors,) int32; `MASKED` for those left out.

    Raises `Refused` for ranges that do not parse, that hold no detector of the instrument, for
    groups that overlap, and for more than `MOST_GROUPS`.
    """
    group = np.zeros(instrument.detector_id.size, np.int32)
    if settings.groups:
        group[:] = MASKED
        texts = settings.groups.split(";")
        if len(texts) > MOST_GROUPS:
            why = f"{len(texts)} groups; the limit is {MOST_GROUPS}"
            raise Refused("Groups", settings.groups, why)
        for number, text in enumerate(texts):
            here = _selected("Groups", text, instrument)
            if np.any(group[here] != MASKED):
                twice = instrument.detector_id[here & (group != MASKED)][0]
                raise Refused("Groups", settings.groups, f"detector {twice} is in two groups")
            group[here] = number
    if settings.mask:
        group[_selected("Mask", settings.mask, instrument)] = MASKED
    return group


def group_names(settings: DetectorSettings) -> tuple[str, ...]:
    """The groups as they are written; one, of all detectors, if none are."""
    return (
        tuple(text.strip() for text in settings.groups.split(";")) if settings.groups else ("all",)
    )


def _selected(pv: str, text: str, instrument: Instrument) -> NDArray[np.bool_]:
    """The detectors, (detectors,) bool, that ``0:15,400:420,7`` names; never a monitor."""
    ids = instrument.detector_id
    pixels = ids[~instrument.is_monitor]
    selected = np.zeros(ids.size, np.bool_)
    for word in text.split(","):
        low, colon, high = word.strip().partition(":")
        try:
            first, last = int(low), int(high if colon else low)
        except ValueError:
            raise Refused(pv, text, f"{word.strip()!r} is no detector id or range a:b") from None
        here = (ids >= first) & (ids <= last) & ~instrument.is_monitor
        if not here.any():
            limits = f"ids from {pixels.min()} to {pixels.max()}"
            raise Refused(
                pv, text, f"no detector in {word.strip()}; {instrument.name} has {limits}"
            )
        selected |= here
    return selected


def calibrated_difc(
    settings: DetectorSettings, instrument: Instrument
) -> NDArray[np.float64] | None:
    """DIFC of each detector, (detectors,) float64 in µs/Å, with the file's in place of its own.

    None without a file. Raises `Refused` for a file that cannot be read, that holds no detector of
    the instrument, or a DIFC that is none.
    """
    if not settings.calibration:
        return None
    try:
        ids, difc = _table(Path(settings.calibration))
    except (EOFError, KeyError, OSError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise Refused("Calibration", settings.calibration, str(error) or "no table") from None
    if ids.shape != difc.shape or ids.ndim != 1 or not np.all(np.isfinite(ids)):
        raise Refused("Calibration", settings.calibration, "a detector id and a DIFC in each row")
    if not np.all(np.isfinite(difc) & (difc > 0)):
        raise Refused("Calibration", settings.calibration, "every DIFC is a number above 0")
    place = {int(identifier): row for row, identifier in enumerate(instrument.detector_id)}
    rows = [
        (place[int(each)], value)
        for each, value in zip(ids, difc, strict=True)
        if int(each) in place
    ]
    if not rows:
        raise Refused("Calibration", settings.calibration, f"no detector of {instrument.name}")
    calibrated = instrument.difc_us_per_angstrom.copy()
    for row, value in rows:
        calibrated[row] = value
    return calibrated


def _table(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not path.is_file() or path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"no file of at most {LARGEST_FILE >> 20} MiB")
    if path.suffix == ".npz":
        with path.open("rb") as file, np.load(file) as columns:
            names = ("detector_id", "difc_us_per_angstrom")
            ids, difc = (np.asarray(columns[name], np.float64) for name in names)
            return ids, difc
    table = np.loadtxt(path, ndmin=2)
    if table.shape[1] < 2:
        raise ValueError("two columns: detector id, DIFC in us/Ang")
    return table[:, 0], table[:, 1]
