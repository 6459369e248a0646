"""The content of a file that a setting names, read once and within bounds."""

from __future__ import annotations

from pathlib import Path

from reduction.host.regular_files import read_regular_file

LARGEST_FILE_BYTES = 128 << 20
"""Size of the largest file that is read; as text a million detectors take 60 MB."""

MOST_WORDS = 1_000_000
"""Most ids and ranges that are read from text, lines of a calibration, and elements of XML.

A word or a line takes about a µs, an element 4 µs: so long does a refusal at the end take at most.
"""

WORD_ENDS = (b",", b"\n", b" ", b";", b"\t", b"\r")
DOUBLE_ENDS = (b", ", b",\n", b"\r\n")


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


def check_words(content: bytes) -> None:
    """Raise `BadDetectorFile` for a list of ids that has too many words, without reading them."""
    ends = sum(content.count(each) for each in WORD_ENDS)
    if ends - sum(content.count(each) for each in DOUBLE_ENDS) > MOST_WORDS:
        raise BadDetectorFile(f"it has more than {MOST_WORDS} words; use ranges of ids, or HDF5")


def check_lines(content: bytes) -> None:
    """Raise `BadDetectorFile` for columns of too many lines, without reading them."""
    if content.count(b"\n") > MOST_WORDS:
        raise BadDetectorFile(f"it has more than {MOST_WORDS} lines; use HDF5")


def check_elements(content: bytes) -> None:
    """Raise `BadDetectorFile` for XML of too many elements, without reading it."""
    if content.count(b"<") > 2 * MOST_WORDS:
        raise BadDetectorFile(f"it has more than {MOST_WORDS} elements")
    check_words(content)
