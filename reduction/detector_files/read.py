"""Reads calibrations, masks and groups; the content of a file, not its name, says its format.

=================================  ===========  ====  ======
file                               calibration  mask  groups
=================================  ===========  ====  ======
Mantid's ``.cal``                  offsets      yes   yes
SaveDiffCal's HDF5                 yes          yes   yes
``.npz``                           yes          yes   yes
text of 2 or 4 columns             yes          no    no
``<detector-masking>``             no           yes   no
``<detector-grouping>``            no           no    yes
text of ids, ranges and banks      no           yes   yes
=================================  ===========  ====  ======
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from reduction.detector_files.columns import CalibrationColumns, without_repetitions
from reduction.detector_files.content import BadDetectorFile
from reduction.detector_files.id_ranges import IdRanges, NamedGroups
from reduction.detector_files.mantid_xml import read_grouping, read_masking
from reduction.detector_files.npz_columns import read_npz
from reduction.detector_files.text_columns import CAL_WIDTH, read_text_columns
from reduction.detector_files.text_lists import read_group_lists, read_mask_list

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")

HEAD_BYTES = 4096
"""How much of a file is looked at to tell its format."""


def read_calibration(content: bytes, path: Path) -> CalibrationColumns:
    """The calibration in a file, each detector once; raises `BadDetectorFile`."""
    columns = _columns(content, path)
    if columns is None:
        if _is_xml(content):
            raise BadDetectorFile("it is XML; a calibration was expected")
        columns = read_text_columns(content)
    return without_repetitions(columns)


def read_mask(content: bytes, path: Path, banks: Iterable[str]) -> IdRanges:
    """The ids and ``banks`` that a file masks; raises `BadDetectorFile`."""
    columns = _columns(content, path)
    if columns is not None:
        if columns.use is None:
            raise BadDetectorFile("it does not say which detectors to use")
        return IdRanges.single(columns.detector_id[~columns.use])
    if _is_xml(content):
        return read_masking(content, banks)
    return read_mask_list(content, banks)


def read_groups(content: bytes, path: Path, banks: Iterable[str]) -> NamedGroups:
    """The groups in a file, of ids and ``banks``; raises `BadDetectorFile`."""
    columns = _columns(content, path)
    if columns is not None:
        return numbered_groups(without_repetitions(columns))
    return read_grouping(content, banks) if _is_xml(content) else read_group_lists(content, banks)


def numbered_groups(columns: CalibrationColumns) -> NamedGroups:
    """The groups of a calibration, by ascending number and named by it; raises `BadDetectorFile`.

    Detectors with a number of 0 or less are in none.
    """
    if columns.group is None:
        raise BadDetectorFile("it has no groups")
    inside = columns.group > 0
    if not inside.any():
        raise BadDetectorFile("no detector of it is in a group")
    numbers, group = np.unique(columns.group[inside], return_inverse=True)
    ids = columns.detector_id[inside]
    return NamedGroups(tuple(str(each) for each in numbers.tolist()), ids, ids, group)


def _columns(content: bytes, path: Path) -> CalibrationColumns | None:
    """The columns of a file that can only be a calibration; None for XML and for other text."""
    if content.startswith(b"\x89HDF\r\n\x1a\n"):
        # Imported here because most processes never read such a file.
        from reduction.detector_files.save_diff_cal import read_diff_cal

        return read_diff_cal(content)
    if content.startswith(b"PK"):
        return read_npz(content)
    _refuse_other_formats(content, path)
    if _is_xml(content):
        return None
    if b"udet" in content[:HEAD_BYTES].lower():  # so short lines are none of another format
        return read_text_columns(content, CAL_WIDTH)
    return read_text_columns(content) if path.suffix.lower() == ".cal" else None


def _is_xml(content: bytes) -> bool:
    """Whether a file is XML, in an encoding with bytes like ASCII or with a byte-order mark."""
    head = content[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\0<"))


def _refuse_other_formats(content: bytes, path: Path) -> None:
    """Raises `BadDetectorFile` for formats that are known and cannot be used."""
    head = content[:HEAD_BYTES]
    if path.suffix.lower() in (".msk", ".map"):
        raise BadDetectorFile(
            f"a {path.suffix} file lists spectrum numbers, which events do not have; save detector "
            "ids, as Mantid's SaveMask and SaveDetectorsGrouping do"
        )
    if path.suffix.lower() == ".detcal" or b"T0_SHIFT" in head or b"NROWS" in head:
        raise BadDetectorFile(
            "an ISAW .DetCal moves panels, which a calibration cannot: load it into Mantid "
            "(LoadIsawDetCal), save the run, and export its instrument (instrument export)"
        )
    if head.startswith(UTF_16_MARKS) and not _is_xml(content):
        raise BadDetectorFile("it is text in UTF-16; save it as UTF-8")
    if b"\0" in head and not _is_xml(content):
        raise BadDetectorFile("it is binary, and neither HDF5 nor .npz")
