"""Folders of running processes, in memory where that can be."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm")
PREFIX, LOCK = "live-reduction-", ".live-reduction.lock"

FRESH_S = 60.0
"""A lock younger than this may be about to be taken."""


@contextmanager
def own_folder(memory: Path = MEMORY) -> Iterator[Path]:
    """A new folder until the end; those that killed processes left beside it are removed.

    A file in it is locked, and the lock goes with the process, however that ends; a folder without
    this file is none of ours. The place is memory, unless the folder for temporary files is there
    already: then it is that.
    """
    place = Path(tempfile.gettempdir())
    if os.access(memory, os.W_OK) and not place.is_relative_to(memory):
        place = memory
    _sweep(place)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    try:
        with (folder / LOCK).open("x") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Remove folders of ours that nobody has locked."""
    for each in place.glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError), each.open() as lock:  # gone, not for us, or locked
            found = os.fstat(lock.fileno())
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > FRESH_S:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(each.parent, ignore_errors=True)
