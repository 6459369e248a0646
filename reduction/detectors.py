"""Which detectors count: masks and groups by ids and banks, and calibrations from files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.engines.protocol import MASKED
from reduction.geometry import Instrument
from reduction.settings import MOST_GROUPS, DetectorSettings
from reduction.specs import Refused, nearest

BANKS = "banks"
"""The groups that are the banks of the instrument, each one."""

LARGEST_FILE = 256 << 20


def groups(settings: DetectorSettings, instrument: Instrument) -> NDArray[np.int32]:
    """The group of each detector, (detectors,) int32; `MASKED` for those left out.

    Raises `Refused` for what is no range and no bank, for ranges that hold no detector of the
    instrument, for groups that overlap, and for more than `MOST_GROUPS`.
    """
    group = np.zeros(instrument.detector_id.size, np.int32)
    if settings.groups:
        group[:] = MASKED
        texts = group_names(settings)
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
    """The groups as they are written, or the banks; one, of all detectors, if none are."""
    if settings.groups == BANKS and settings.banks:
        return settings.banks
    return (
        tuple(text.strip() for text in settings.groups.split(";")) if settings.groups else ("all",)
    )


def _selected(pv: str, text: str, instrument: Instrument) -> NDArray[np.bool_]:
    """The detectors, (detectors,) bool, that ``0:15,bank7,400`` names; never a monitor."""
    selected = np.zeros(instrument.detector_id.size, np.bool_)
    for word in (each.strip() for each in text.split(",")):
        try:
            here = _named(word, instrument) & ~instrument.is_monitor
        except ValueError:
            hint = nearest(word, instrument.bank_names)
            why = f"{word!r} is no detector id or range a:b, and no bank of {instrument.name}"
            raise Refused(pv, text, why + hint) from None
        if not here.any():
            pixels = instrument.detector_id[~instrument.is_monitor]
            limits = f"ids from {pixels.min()} to {pixels.max()}"
            raise Refused(pv, text, f"no detector in {word}; {instrument.name} has {limits}")
        selected |= here
    return selected


def _named(word: str, instrument: Instrument) -> NDArray[np.bool_]:
    """The detectors, (detectors,) bool, of a bank, a range or an id; ValueError if it is none."""
    if word in instrument.bank_names:
        of_bank: NDArray[np.bool_] = instrument.bank == instrument.bank_names.index(word)
        return of_bank
    low, colon, high = word.partition(":")
    first, last = int(low), int(high if colon else low)
    return (instrument.detector_id >= first) & (instrument.detector_id <= last)


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
    if ids.shape != difc.shape or ids.ndim != 1 or not np.all(_whole(ids)):
        raise Refused("Calibration", settings.calibration, "a detector id and a DIFC in each row")
    if np.unique(ids).size < ids.size:
        raise Refused("Calibration", settings.calibration, "each detector id once")
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


def _whole(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(numbers) & (numbers == np.rint(numbers)))


def _table(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not path.is_file() or path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"no file of at most {LARGEST_FILE >> 20} MiB")
    if path.suffix == ".npz":
        with path.open("rb") as file, np.load(file) as columns:
            names = ("detector_id", "difc_us_per_angstrom")
            ids, difc = (np.asarray(columns[name], np.float64) for name in names)
            return ids, difc
    table = np.loadtxt(path, ndmin=2)
    if table.shape[1] != 2:
        raise ValueError("two columns: detector id, DIFC in us/Ang")
    return table[:, 0], table[:, 1]
