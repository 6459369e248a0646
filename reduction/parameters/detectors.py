"""The settings of detectors: mask, groups and calibration, by themselves and by files."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import ClassVar

from reduction.parameters.fields import Settings, parameter
from reduction.parameters.specs import Refused, Stage, Switch, Text

LONGEST_LIST = 60_000
"""Longest text of a mask or of groups. Masks of large instruments are a few thousand characters."""

LONGEST_PATH = 500


@dataclass(frozen=True)
class ReadFiles:
    """The files that are read: the SHA-256 of each, in hexadecimal digits; empty if it is not read.

    ``calibration_names`` and ``group_names`` are the names of the groups in the calibration and in
    the file of groups.
    """

    calibration: str = ""
    mask: str = ""
    groups: str = ""
    calibration_names: tuple[str, ...] = ()
    group_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class DetectorSettings(Settings):
    """Mask, groups and calibration of detectors, prefix ``$(P)Red1:``.

    ``banks`` are the banks of the instrument; nobody can change them while it runs. ``read`` tells
    which files have been read, and goes with the paths.
    """

    FILES: ClassVar = ("mask_file", "groups_file", "calibration")
    """The fields that are paths of files."""

    mask: str = parameter(
        Text(
            pv="Mask",
            description="Pixels left out: 0:15,400-420",
            details="Detector ids, inclusive ranges of them, and names of banks. MaskFile masks"
            " others as well.",
            max_length=LONGEST_LIST,
            stage=Stage.CONVERT,
        ),
        "",
    )
    mask_file: str = parameter(
        Text(
            pv="MaskFile",
            description="File of pixels left out; empty: none",
            details="Mantid's detector-masking (XML), a .cal (select) or a calibration in HDF5"
            " (use), or text as in Mask. A put of the same path reads the file again.",
            max_length=LONGEST_PATH,
            holds_path=True,
            stage=Stage.CONVERT,
        ),
        "",
    )
    groups: str = parameter(
        Text(
            pv="Groups",
            description="Detector groups: 0:499;500:999",
            details="Pixels as in Mask, groups by semicolons; the word banks: each bank is one;"
            " empty: all in one. Pixels in no group are masked.",
            max_length=LONGEST_LIST,
            stage=Stage.CONVERT,
        ),
        "",
    )
    groups_file: str = parameter(
        Text(
            pv="GroupsFile",
            description="File of detector groups; empty: none",
            details="Mantid's detector-grouping (XML), a .cal or a calibration in HDF5 (group), or"
            " text with a group a line. Not together with Groups. A put of the same path reads the"
            " file again.",
            max_length=LONGEST_PATH,
            holds_path=True,
            stage=Stage.CONVERT,
        ),
        "",
    )
    calibration: str = parameter(
        Text(
            pv="Calibration",
            description="File of DIFC, DIFA, TZERO or offsets",
            details="Mantid's .cal, HDF5 of SaveDiffCal, .npz, or text: detector id, DIFC, and"
            " perhaps DIFA and TZERO. Detectors that it lacks keep theirs. A put of the same path"
            " reads the file again.",
            max_length=LONGEST_PATH,
            holds_path=True,
            stage=Stage.CONVERT,
        ),
        "",
    )
    calibration_mask: bool = parameter(
        Switch(
            pv="CalibrationMask",
            description="Leave out what the calibration masks",
            details="Pixels with select or use of 0 in the file of Calibration.",
            off="Ignore",
            on="Apply",
            stage=Stage.CONVERT,
        ),
        True,
    )
    calibration_groups: bool = parameter(
        Switch(
            pv="CalibrationGroups",
            description="Group pixels as the calibration does",
            details="By the group in the file of Calibration; 0: in no group. Not together with"
            " Groups or GroupsFile.",
            off="Ignore",
            on="Apply",
            stage=Stage.CONVERT,
        ),
        False,
    )
    banks: tuple[str, ...] = ()
    read: ReadFiles = field(default_factory=ReadFiles)

    def check(self) -> None:
        if self.groups and self.groups_file:
            why = "Groups is set, too: empty one of the two"
            raise Refused("GroupsFile", self.groups_file, why)
        if self.calibration_groups and (self.groups or self.groups_file):
            other = "Groups" if self.groups else "GroupsFile"
            why = f"{other} is set, too: empty it, or switch CalibrationGroups to Ignore"
            raise Refused("CalibrationGroups", self.calibration_groups, why)

    @property
    def grouped(self) -> bool:
        """Whether detectors are in groups; if not, all are in one."""
        by_calibration = self.calibration_groups and bool(self.calibration)
        return bool(self.groups or self.groups_file) or by_calibration

    def digest(self, field_name: str) -> str:
        """The SHA-256 of the file that a field names, as it was read; empty if it is not read."""
        return {
            "mask_file": self.read.mask,
            "groups_file": self.read.groups,
            "calibration": self.read.calibration,
        }[field_name]

    def unread(self, field_name: str) -> DetectorSettings:
        """The same settings, with a file to be read again: that of the field with this name."""
        match field_name:
            case "mask_file":
                read = dataclasses.replace(self.read, mask="")
            case "groups_file":
                read = dataclasses.replace(self.read, groups="")
            case _:
                read = dataclasses.replace(self.read, calibration="")
        return dataclasses.replace(self, read=read)
