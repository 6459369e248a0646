"""The roles of settings whose puts do more than set a value."""

from __future__ import annotations

import enum


class Role(enum.Enum):
    """The role of a setting whose put also changes, or depends on, another setting."""

    UNITS = enum.auto()
    """The unit of the axis; a put to it also sets bins of this unit."""
    BINS = enum.auto()
    """The bins, or one of their limits or steps, in the unit of the reduction."""
    DETECTOR_FILE = enum.auto()
    """The path of a file about detectors; a put reads the file, also one of the same path."""
