"""Files that somebody named, read within bounds; only a regular file is opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular_file(path: Path) -> BinaryIO:
    """A regular file, opened for reading.

    Raises OSError with the reason and the path for every other file: a folder, a device (which is
    not opened, since that may set it in motion), and a pipe (whose writer is not waited for).
    """
    try:
        _check_regular(path.stat())
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        file = os.fdopen(handle, "rb")
        try:
            _check_regular(os.fstat(handle))
        except OSError:
            file.close()
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or "it cannot be read", str(path)) from None
    except ValueError as error:  # a NUL in the path
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    return file


def read_regular_file(path: Path, most_bytes: int) -> bytes:
    """The bytes of a regular file of at most ``most_bytes``.

    Raises OSError with the reason and the path as `open_regular_file` does, and for a file that
    grows while it is read.
    """
    try:
        with open_regular_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > most_bytes:
                raise OSError(errno.EFBIG, f"it is larger than {_size_text(most_bytes)}")
            content: bytes | None = file.read(size + 1)
    except OSError as error:
        raise OSError(error.errno, error.strerror or "it cannot be read", str(path)) from None
    if content is None:
        raise OSError(errno.EAGAIN, "it has no end, and nothing to read now", str(path))
    if len(content) > size:
        raise OSError(errno.EFBIG, "it grows while it is read", str(path))
    return content


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")


def _size_text(count: int) -> str:
    """A number of bytes in words, such as ``128 MiB``."""
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"
