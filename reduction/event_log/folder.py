"""The folder of an event log: what it says of itself, and the lock of the one who writes to it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from reduction.event_log.protocol import LogRefused
from reduction.event_log.segments import is_segment, partition_folder

FORMAT, VERSION = "live-reduction event log", 1
ABOUT, LOCK = "log.json", "writer.lock"

LEAST_BYTES = 2 * 2**20
"""The least that a log may be limited to, for each partition."""

LOOK_INTERVAL_S = 0.1
"""How often readers look for files that do not exist yet, and the writer whether its files do."""

MESSAGE_S = 60.0
"""How long readers and the writer say that a log was deleted."""

SHARE_OF_FREE, MOST_BYTES = 0.1, 16 * 2**30
"""What a log may take if nobody says: a share of what is free, and not more than this."""


@dataclass(frozen=True)
class LogFolder:
    """A folder that holds an event log, or in which one can be made.

    ``identity`` is a random name that the log got when it was made; empty if it is not made yet.
    """

    path: Path
    partitions: int
    identity: str = ""

    @classmethod
    def found(cls, path: Path) -> LogFolder | None:
        """The log in a folder, None if there is none; raises `LogRefused` for one of other kind."""
        with refusing(path):
            try:
                with (path / ABOUT).open("rb") as file:
                    about, made_ns = json.loads(file.read()), os.fstat(file.fileno()).st_mtime_ns
            except FileNotFoundError:
                return None
            except ValueError:
                raise LogRefused(f"log {path}: {ABOUT} cannot be read") from None
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise LogRefused(f"log {path}: {ABOUT} is not that of an event log")
        if about.get("version") != VERSION:
            version = about.get("version")
            raise LogRefused(f"log {path}: its version is {version}; this program has {VERSION}")
        partitions = about.get("partitions")
        if type(partitions) is not int or partitions < 1:
            raise LogRefused(f"log {path}: {ABOUT} tells no number of partitions")
        # Older logs have no name. The time when they were made tells them apart.
        return cls(path, partitions, str(about.get("identity") or f"{made_ns:x}"))

    def check(self, limit_bytes: int) -> None:
        """Raise `LogRefused` for a folder in which a writer cannot keep this log; leaves no trace.

        It must be empty, or missing, or hold such a log with as many partitions, and no other
        files. There must be permission, and the least space.
        """
        least = LEAST_BYTES * self.partitions
        if limit_bytes < least:
            words = f"{self.partitions} partitions need at least {least} bytes, not {limit_bytes}"
            raise LogRefused(f"log {self.path}: {words}")
        with refusing(self.path):
            there = self.path
            while not there.exists():
                there = there.parent
            if not there.is_dir():
                raise LogRefused(f"log {self.path}: {there} is not a folder")
            if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
                raise LogRefused(f"log {self.path}: no permission to write to {there}")
            if there == self.path:
                self._check_content()
            free = shutil.disk_usage(there).free
            if free < least and not any(there.glob("partition-*/*")):
                raise LogRefused(f"log {self.path}: {free} bytes are free; it needs {least}")

    def _check_content(self) -> None:
        found = self.found(self.path)
        if found is not None and found.partitions != self.partitions:
            words = f"it has {found.partitions} partitions, not {self.partitions}"
            raise LogRefused(f"log {self.path}: {words}; give another --log, or delete it")
        for each in sorted(self.path.iterdir()):
            if not self._known(each):
                raise LogRefused(f"log {self.path}: {each.name} is no part of an event log")

    def _known(self, file: Path) -> bool:
        if file.name in (ABOUT, LOCK):
            return file.is_file()
        folders = [partition_folder(self.path, each) for each in range(self.partitions)]
        return file in folders and file.is_dir()

    def make(self) -> str:
        """Make what is missing of the folder, the description last; returns the identity."""
        with refusing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            for partition in range(self.partitions):
                partition_folder(self.path, partition).mkdir(exist_ok=True)
            found = self.found(self.path)
            if found is None:
                about = {
                    "format": FORMAT,
                    "version": VERSION,
                    "partitions": self.partitions,
                    "identity": secrets.token_hex(8),
                }
                part = self.path / f"{ABOUT}.part"
                part.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
                part.replace(self.path / ABOUT)
                found = self.found(self.path)
            return "" if found is None else found.identity

    def lock(self) -> TextIO:
        """The lock of the one writer, held until it is closed.

        Raises `LogRefused` if another process holds it, and says which. It goes with the process
        that holds it, however that ends.
        """
        with refusing(self.path):
            lock = (self.path / LOCK).open("a+", encoding="utf-8")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                who = lock.read().strip() or "another"
                lock.close()
                raise LogRefused(f"log {self.path}: process {who} writes to it") from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            return lock


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """An OSError inside becomes `LogRefused`, which names the log."""
    try:
        yield
    except LogRefused:
        raise
    except OSError as error:
        raise LogRefused(f"log {path}: {error.strerror or error}") from None


def check_log(path: Path, partitions: int, limit_bytes: int, patience_s: float = 0.0) -> None:
    """Raise `LogRefused` unless a source could write to a log now; see `LogFolder.check`.

    A source that writes to it has ``patience_s`` to end, as one does whose parent was killed.
    """
    folder = LogFolder(path, partitions)
    folder.check(limit_bytes)
    deadline_s = time.monotonic() + patience_s
    while (path / LOCK).exists():
        try:
            folder.lock().close()
        except LogRefused:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(LOOK_INTERVAL_S)
        else:
            return


def default_limit_bytes(path: Path) -> int:
    """What a log may take if nobody says: a tenth of what is free where it lies, 16 GiB at most."""
    there = path
    while not there.exists():
        there = there.parent
    held = sum(each.stat().st_size for each in path.glob("partition-*/*") if is_segment(each.name))
    return min(MOST_BYTES, int((shutil.disk_usage(there).free + held) * SHARE_OF_FREE))
