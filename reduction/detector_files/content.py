"""The content of a file that a setting names, read once and within bounds."""

from __future__ import annotations

from pathlib import Path

from reduction.host.regular_files import read_regular_file

LARGEST_FILE_BYTES = 128 << 20
"""Size of the largest file that is read; as text a million detectors take 60 MB."""


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
