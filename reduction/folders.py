"""Folders of running processes, in memory where that can be."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")
PREFIX = "live-reduction-"

FRESH_S = 60.0
"""A folder younger than this may be about to be locked."""


@contextmanager
def own_folder(memory: Path = MEMORY) -> Iterator[Path]:
    """A new folder until the end; those that killed processes left beside it are removed.

    It is locked, and the lock goes with the process, however that ends. The place is memory, unless
    the folder for temporary files is there already: then it is that.
    """
    place = Path(tempfile.gettempdir())
    if os.access(memory, os.W_OK) and not place.is_relative_to(memory):
        place = memory
    _sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Remove folders of ours that nobody has locked."""
    for each in place.glob(PREFIX + "*"):
        try:
            found = each.stat()
            lock = os.open(each, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:  # gone, or no folder, or not for us
            continue
        try:
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > FRESH_S:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(each, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)
