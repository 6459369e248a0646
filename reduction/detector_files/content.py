"""The content of a file that a setting names, read once and within bounds."""

from __future__ import annotations

from pathlib import Path

from reduction.host.file_system.regular_files import read_regular_file
from reduction.host.file_system.xml_amounts import (
    MOST_ATTRIBUTES,
    elements_in,
    has_too_many_attributes,
)

LARGEST_FILE_BYTES = 128 << 20
"""Size of the largest file that is read; as text a million detectors take 60 MB."""

LARGEST_LIST_BYTES = 16 << 20
"""Size of the largest file of lists or XML that is read; a million ranges of ids take 15 MB."""

MOST_WORDS = 1_000_000
"""Most ids and ranges that are read from text, and most lines of a calibration."""

MOST_ELEMENTS = 500_000
"""Most elements of XML. A group for each of the 115 000 detectors of SEQUOIA takes 231 000."""


class BadDetectorFile(ValueError):
    """A file about detectors cannot be used. The text names the place, and what was expected there.

    It never quotes the file.
    """


def read_content(path: Path) -> bytes:
    """The bytes of a regular file of at most `LARGEST_FILE_BYTES`, as `read_regular_file` has them.

    Raises `BadDetectorFile` with the reason if there is no such file, or if it cannot be read.
    """
    try:
        content = read_regular_file(path, LARGEST_FILE_BYTES)
    except OSError as error:
        raise BadDetectorFile(error.strerror) from None
    if not content:
        raise BadDetectorFile("it is empty")
    return content


def check_list_size(content: bytes) -> None:
    """Raise `BadDetectorFile` for text or XML that is too large, without reading it."""
    if len(content) > LARGEST_LIST_BYTES:
        most = f"{LARGEST_LIST_BYTES >> 20} MiB"
        raise BadDetectorFile(f"it is larger than {most}; use ranges of ids, or HDF5")


def check_lines(content: bytes) -> None:
    """Raise `BadDetectorFile` for columns of too many lines, without reading them."""
    if content.count(b"\n") > MOST_WORDS:
        raise BadDetectorFile(f"it has more than {MOST_WORDS} lines; use HDF5")


def check_elements(content: bytes) -> None:
    """Raise `BadDetectorFile` for XML of too many elements or attributes, without reading it."""
    check_list_size(content)
    if elements_in(content) > MOST_ELEMENTS:
        raise BadDetectorFile(f"it has more than {MOST_ELEMENTS} elements; use a .cal, or HDF5")
    if has_too_many_attributes(content):
        raise BadDetectorFile(f"a tag of it has more than {MOST_ATTRIBUTES} attributes")
