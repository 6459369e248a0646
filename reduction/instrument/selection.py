"""Which detectors count, and in which group: masks and groups by ids and banks, or by files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from reduction.detector_files.id_ranges import (
    REVERSED,
    BadWord,
    ListedRanges,
    NamedGroups,
    list_words,
    parse_lists,
)
from reduction.instrument.detector_file import (
    DetectorColumns,
    DetectorFile,
    DetectorFileKind,
    file_of,
)
from reduction.instrument.detector_ranges import (
    NO_GROUP,
    GroupsOverlap,
    detectors_in,
    detectors_in_each,
    group_of_detectors,
)
from reduction.instrument.geometry import Instrument
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.limits import MOST_GROUPS
from reduction.parameters.specs import Misfit, Refused, nearest

BANKS = "banks"
"""The word that, as the setting Groups, makes each bank of the instrument a group."""

NO_LIST = {
    "Mask": ("", "none", "nothing", "off", "no", "unmask", "clear"),
    "Groups": ("", "all", "none", "one", "single", "off", "no", "clear"),
}
"""Words that people put into a setting where an empty text is meant."""

MASKED = NO_GROUP
"""Group of a detector that is left out."""


def detector_groups(
    settings: DetectorSettings, instrument: Instrument, files: Iterable[DetectorFile] = ()
) -> NDArray[np.int32]:
    """The group of each detector, (detectors,) int32; `MASKED` for detectors that are left out.

    ``files`` are those that the settings name, as they were read. Raises `Refused` for a word that
    is no id, range or bank, for a range without detectors, for a detector in two groups, for masks
    that leave no detector, for more than `MOST_GROUPS` groups, and for a file that is not among
    ``files``.
    """
    files = tuple(files)
    if (count := len(group_names(settings))) > MOST_GROUPS:
        why = f"{count} groups; the limit is {MOST_GROUPS}"
        raise Refused("Groups", settings.groups or settings.groups_file, why)
    group = _groups(settings, instrument, files)
    if settings.mask:
        masked = _listed("Mask", [settings.mask], instrument)
        group[detectors_in(masked.ranges, instrument)] = MASKED
        _check_left("Mask", settings, group, instrument)
    if settings.mask_file:
        _mask_by(_mask_columns(settings, files), group, instrument)
        _check_left("MaskFile", settings, group, instrument)
    if settings.calibration and settings.calibration_mask:
        _mask_by(_calibration_columns(settings, files), group, instrument)
        _check_left("Calibration", settings, group, instrument)
    return group


def _check_left(
    pv: str, settings: DetectorSettings, group: NDArray[np.int32], instrument: Instrument
) -> None:
    """Raises `Refused` if no detector counts any more after what ``pv`` masks.

    If there are groups as well, others would help, so it is a `Misfit`.
    """
    pixel = ~instrument.is_monitor
    if pixel.any() and np.all(group[pixel] == MASKED):
        pixels = instrument.detector_id[~instrument.is_monitor]
        ids = f"{pixels.size} detectors of {instrument.name}, {pixels.min()} to {pixels.max()}"
        value = {
            "Mask": settings.mask,
            "MaskFile": settings.mask_file,
            "Calibration": settings.calibration,
        }[pv]
        kind = Misfit if settings.groups or settings.groups_file else Refused
        hint = "; CalibrationMask Ignore uses those that it masks" if pv == "Calibration" else ""
        raise kind(pv, value, f"no detector is left of the {ids}{hint}")


def group_names(settings: DetectorSettings) -> tuple[str, ...]:
    """The names of the groups: as they are written, of the banks or in a file; ``all`` without."""
    if settings.groups_file:
        return settings.read.group_names
    if settings.calibration and settings.calibration_groups:
        return settings.read.calibration_names
    if settings.groups == BANKS and settings.banks:
        return settings.banks
    return (
        tuple(text.strip() for text in settings.groups.split(";")) if settings.groups else ("all",)
    )


def _groups(
    settings: DetectorSettings, instrument: Instrument, files: tuple[DetectorFile, ...]
) -> NDArray[np.int32]:
    """The group of each detector, (detectors,), before any mask."""
    if settings.groups_file:
        kind = DetectorFileKind.GROUPS
        columns = file_of(files, kind, settings.groups_file, settings.read.groups).selection
        return _group_by(columns, instrument)
    if settings.calibration and settings.calibration_groups:
        if not settings.read.calibration_names:
            why = "it has no groups, and CalibrationGroups is set to Apply"
            raise Refused("Calibration", settings.calibration, why)
        return _group_by(_calibration_columns(settings, files), instrument)
    if settings.groups == BANKS and settings.banks:
        return np.where(instrument.is_monitor, NO_GROUP, instrument.bank).astype(np.int32)
    if settings.groups:
        return _listed_groups(settings.groups, instrument)
    return np.zeros(instrument.detector_id.size, np.int32)


def _mask_columns(settings: DetectorSettings, files: tuple[DetectorFile, ...]) -> DetectorColumns:
    kind = DetectorFileKind.MASK
    return file_of(files, kind, settings.mask_file, settings.read.mask).selection


def _calibration_columns(
    settings: DetectorSettings, files: tuple[DetectorFile, ...]
) -> DetectorColumns:
    kind = DetectorFileKind.CALIBRATION
    return file_of(files, kind, settings.calibration, settings.read.calibration).selection


def _mask_by(columns: DetectorColumns, group: NDArray[np.int32], instrument: Instrument) -> None:
    """Mask in ``group`` (detectors,) the detectors that a file masks."""
    if columns.masked.size:
        rows, detectors = columns.place(instrument)
        group[detectors[columns.masked[rows]]] = MASKED


def _group_by(columns: DetectorColumns, instrument: Instrument) -> NDArray[np.int32]:
    """The group that a file gives each detector, (detectors,)."""
    group = np.full(instrument.detector_id.size, NO_GROUP, np.int32)
    rows, detectors = columns.place(instrument)
    group[detectors] = columns.group[rows]
    return group


def _listed_groups(text: str, instrument: Instrument) -> NDArray[np.int32]:
    """The group of each detector, (detectors,), by a text like ``0:15;bank7``; raises `Refused`."""
    listed = _listed("Groups", text.split(";"), instrument)
    names = tuple(each.strip() for each in text.split(";"))
    try:
        groups = NamedGroups(names, listed.first, listed.last, listed.index, listed.banks)
        return group_of_detectors(groups, instrument)
    except GroupsOverlap as overlap:
        raise Refused("Groups", text, str(overlap)) from None


def _listed(pv: str, lists: Sequence[str], instrument: Instrument) -> ListedRanges:
    """What lists name, such as ``0:15,bank7,400``; each word has a detector.

    Monitors do not count as detectors. Raises `Refused` that shows the list that is wrong.
    """
    try:
        listed = parse_lists(lists, instrument.bank_names)
    except BadWord as bad:
        hint = nearest(bad.word, instrument.bank_names) or _empty_hint(pv, bad.word)
        why = f"{bad.word!r} is no detector id or range a:b, and no bank of {instrument.name}"
        if bad.why == REVERSED:
            why = f"{bad.why}, in {bad.word}"
        raise Refused(pv, lists[bad.index].strip(), why + hint) from None
    used = np.append(listed.index, [index for _, index in listed.banks])
    unused = np.flatnonzero(np.bincount(used.astype(np.int64), minlength=len(lists)) == 0)
    if unused.size:
        why = "empty; a detector id, a range a:b or a bank was expected"
        raise Refused(pv, lists[int(unused[0])].strip(), why)
    _check_any(pv, lists, listed, instrument)
    return listed


def _empty_hint(pv: str, word: str) -> str:
    """What to put in place of a ``word`` that means that there is no list; empty for others."""
    if word.strip("\"'").lower() not in NO_LIST[pv]:
        return ""
    done = "masks none" if pv == "Mask" else "makes one group of all detectors"
    return f"; an empty text {done}"


def _check_any(pv: str, lists: Sequence[str], listed: ListedRanges, instrument: Instrument) -> None:
    """Raise `Refused` for a range or a bank without a detector; monitors do not count."""
    pixels = ~instrument.is_monitor
    full = np.bincount(instrument.bank[pixels] + 1, minlength=len(instrument.bank_names) + 1)[1:]
    full_names = {name for name, count in zip(instrument.bank_names, full, strict=True) if count}
    empty = [(index, bank) for bank, index in listed.banks if bank not in full_names]
    for place in np.flatnonzero(detectors_in_each(listed.ranges, instrument) == 0)[:1].tolist():
        index = int(listed.index[place])
        of_list = place - int(np.searchsorted(listed.index, index))
        words = [each for each in list_words(lists[index]) if each not in instrument.bank_names]
        empty.insert(0, (index, words[of_list]))
    if empty:
        index, word = empty[0]
        ids = instrument.detector_id[pixels]
        limits = f"ids from {ids.min()} to {ids.max()}" if ids.size else "monitors alone"
        why = f"no detector in {word}; {instrument.name} has {limits}"
        raise Refused(pv, lists[index].strip(), why)
