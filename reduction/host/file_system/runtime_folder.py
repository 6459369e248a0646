"""Folders of running processes, in memory where that is possible."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

MEMORY = Path("/dev/shm")
PREFIX, LOCK = "live-reduction-", ".live-reduction.lock"

FRESH_S = 60.0
"""A lock file younger than this is left alone: its process may be about to lock it."""


@contextmanager
def own_folder(memory: Path = MEMORY, needed_bytes: int = 0) -> Iterator[Path]:
    """A new folder for this process, removed at the end.

    Folders that killed processes have left behind are removed first. Each folder has a lock file,
    which its process keeps locked. The lock ends with the process, even if it is killed. A folder
    without a lock file was not made by this function, and is left alone.

    The folder is in ``memory``, or in the folder for temporary files if ``memory`` cannot be
    written or has fewer than ``needed_bytes`` free, or if that folder lies in ``memory`` itself.
    """
    place = Path(tempfile.gettempdir())
    if os.access(memory, os.W_OK) and not place.is_relative_to(memory):
        free = shutil.disk_usage(memory).free
        if free >= needed_bytes:
            place = memory
        else:
            log.warning("%s has %.3g MB free: %s is used in its place", memory, free / 1e6, place)
    _remove_abandoned(place)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
    try:
        with (folder / LOCK).open("x") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(place: Path) -> None:
    """Remove the folders of this user whose lock files nobody has locked."""
    for lock_file in place.glob(f"{PREFIX}*/{LOCK}"):
        # An OSError means that the file is gone, is locked, or may not be opened.
        with suppress(OSError), lock_file.open() as lock:
            found = os.fstat(lock.fileno())
            if found.st_uid == os.getuid() and time.time() - found.st_mtime > FRESH_S:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_file.parent, ignore_errors=True)
