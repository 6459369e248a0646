"""The arrays of an ``.npz`` that is not trusted, opened within bounds."""

from __future__ import annotations

import os
import zipfile
from typing import BinaryIO

import numpy as np
from numpy.lib.npyio import NpzFile

LARGEST_DIRECTORY_BYTES = 1 << 16
"""Most bytes of the list of what is in an archive: some hundred arrays."""

END = b"PK\5\6"
END_BYTES = 22
LONGEST_COMMENT = 1 << 16

KNOWN_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Those of numpy. Python unpacks others to whatever length comes out."""


class NpzBounds(ValueError):
    """An archive would take too much, or is none of numpy's; the text says what is wrong."""


def open_npz(file: BinaryIO, most_bytes: int) -> NpzFile:
    """The arrays in an ``.npz``, which are read when they are asked for.

    Raises `NpzBounds` if they say that they are more than ``most_bytes`` together; what an array is
    longer than it says is not read. Raises errors of any type for damaged files.
    """
    if _directory_bytes(file) > LARGEST_DIRECTORY_BYTES:
        raise NpzBounds("it holds too many arrays")
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    if sum(each.file_size for each in members) > most_bytes:
        raise NpzBounds(f"it holds more than {most_bytes >> 20} MiB")
    if any(each.compress_type not in KNOWN_COMPRESSION for each in members):
        raise NpzBounds("it is compressed otherwise than by numpy")
    file.seek(0)
    arrays = np.load(file)
    if not isinstance(arrays, NpzFile):
        raise NpzBounds("it is no archive of arrays")
    return arrays


def _directory_bytes(file: BinaryIO) -> int:
    """How long the list of what is in an archive says that it is; 0 if there is none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - END_BYTES - LONGEST_COMMENT, 0))
    tail = file.read()
    end = tail.rfind(END)
    return int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0
