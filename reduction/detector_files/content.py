"""The content of a file that a setting names, read once and within bounds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

LARGEST_FILE_BYTES = 128 << 20
"""Size of the largest file that is read; as text a million detectors take 60 MB."""


class BadDetectorFile(ValueError):
    """A file about detectors cannot be used. The text names the place, and what was expected there.

    It never quotes the file.
    """


def read_content(path: Path) -> bytes:
    """The bytes of a regular file of at most `LARGEST_FILE_BYTES`.

    Raises `BadDetectorFile` with the reason if there is no such file, or if it cannot be read. It
    does not wait for a writer, as of a named pipe.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise BadDetectorFile("it is no regular file")
            size = os.fstat(handle).st_size
            content = file.read(min(size, LARGEST_FILE_BYTES) + 1)
    except OSError as error:
        raise BadDetectorFile(error.strerror or "it cannot be read") from None
    except ValueError as error:  # a NUL in the path
        raise BadDetectorFile(str(error)) from None
    if len(content) > LARGEST_FILE_BYTES:
        raise BadDetectorFile(f"it is larger than {LARGEST_FILE_BYTES >> 20} MiB")
    if not content:
        raise BadDetectorFile("it is empty")
    return content
