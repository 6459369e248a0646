"""The folder of an event log: its description, and the lock of its writer."""

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

from reduction.event_log.protocol import LogRefused, LogTaken
from reduction.event_log.storage.segments import is_segment, partition_folder
from reduction.host.file_system.regular_files import read_regular_file

LOG_FORMAT, LOG_VERSION = "live-reduction event log", 1
ABOUT, WRITER_LOCK = "log.json", "writer.lock"

MOST_ABOUT_BYTES = 64 << 10

LEAST_BYTES = 2 * 2**20
"""The smallest limit of a log, for each partition."""

FOLDER_LOOK_INTERVAL_S = 0.1
"""How often readers look for files that do not exist yet, and the writer whether its files do."""

MESSAGE_S = 60.0
"""How long readers and the writer say that a log was deleted."""

SHARE_OF_FREE, MOST_LOG_BYTES = 0.1, 16 * 2**30
"""The default limit of a log: this share of the free space, and at most this size."""


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
        """The log in a folder, or None; raises `LogRefused` for something else under its name."""
        with refusing(path):
            try:
                about = json.loads(read_regular_file(path / ABOUT, MOST_ABOUT_BYTES))
                made_ns = (path / ABOUT).stat().st_mtime_ns
            except FileNotFoundError:
                return None
            except (ValueError, RecursionError):
                raise LogRefused(f"log {path}: {ABOUT} cannot be read") from None
        if not isinstance(about, dict) or about.get("format") != LOG_FORMAT:
            raise LogRefused(f"log {path}: {ABOUT} does not describe an event log")
        if about.get("version") != LOG_VERSION:
            version = about.get("version")
            raise LogRefused(
                f"log {path}: its version is {version}; this program has {LOG_VERSION}"
            )
        partitions = about.get("partitions")
        if type(partitions) is not int or partitions < 1:
            raise LogRefused(f"log {path}: {ABOUT} gives no number of partitions")
        # Older logs have no name. The time when they were made tells them apart.
        return cls(path, partitions, str(about.get("identity") or f"{made_ns:x}"))

    def check(self, limit_bytes: int) -> None:
        """Raise `LogRefused` unless a writer can keep this log in the folder; changes nothing.

        The folder must be missing or empty, or hold a log with the same number of partitions and
        no other files. Permission and `LEAST_BYTES` of free space are needed.
        """
        least = LEAST_BYTES * self.partitions
        if limit_bytes < least:
            many = f"{self.partitions} partition{'s' * (self.partitions > 1)}"
            words = f"log_limit is {limit_bytes} bytes, and {many} need {least}"
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
            raise LogRefused(f"log {self.path}: {words}; give another --log-folder, or delete it")
        for each in sorted(self.path.iterdir()):
            if not self._known(each):
                raise LogRefused(f"log {self.path}: {each.name} does not belong to an event log")

    def _known(self, file: Path) -> bool:
        if file.name in (ABOUT, f"{ABOUT}.part", WRITER_LOCK):
            return file.is_file()
        folders = [partition_folder(self.path, each) for each in range(self.partitions)]
        return file in folders and file.is_dir()

    def make(self) -> str:
        """Make the files that are missing, the description last; returns the identity."""
        with refusing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            for partition in range(self.partitions):
                partition_folder(self.path, partition).mkdir(exist_ok=True)
            found = self.found(self.path)
            if found is None:
                about = {
                    "format": LOG_FORMAT,
                    "version": LOG_VERSION,
                    "partitions": self.partitions,
                    "identity": secrets.token_hex(8),
                }
                part = self.path / f"{ABOUT}.part"
                part.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
                part.replace(self.path / ABOUT)
                found = self.found(self.path)
            return "" if found is None else found.identity

    def lock(self) -> TextIO:
        """Lock the log for one writer, until the returned file is closed.

        The lock also ends with the process, even if that is killed. Raises `LogRefused` with the
        number of the process that holds the lock.
        """
        with refusing(self.path):
            lock = (self.path / WRITER_LOCK).open("a+", encoding="utf-8")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                number = lock.read().strip()
                lock.close()
                who = f"process {number}" if number else "another process"
                raise LogTaken(f"log {self.path}: {who} writes to it") from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            return lock


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """A context in which an OSError becomes a `LogRefused` that names the log."""
    try:
        yield
    except LogRefused:
        raise
    except OSError as error:
        raise LogRefused(f"log {path}: {error.strerror or error}") from None


def check_log(path: Path, partitions: int, limit_bytes: int, patience_s: float = 0.0) -> None:
    """Raise `LogRefused` unless a source could write to a log now; see `LogFolder.check`.

    A source that still writes to it has ``patience_s`` to end: its parent may have been killed.
    """
    folder = LogFolder(path, partitions)
    folder.check(limit_bytes)
    deadline_s = time.monotonic() + patience_s
    while (path / WRITER_LOCK).exists():
        try:
            folder.lock().close()
        except LogRefused:
            if time.monotonic() >= deadline_s:
                raise
            time.sleep(FOLDER_LOOK_INTERVAL_S)
        else:
            return


def delete_log(path: Path) -> None:
    """Delete an event log, if there is one; raises `LogRefused` if a process writes to it."""
    found = LogFolder.found(path)
    if found is not None:
        with refusing(path), found.lock():
            shutil.rmtree(path)


def default_limit_bytes(path: Path) -> int:
    """The default limit of a log: a tenth of the free space of its disk, at most 16 GiB."""
    there = path
    while not there.exists():
        there = there.parent
    held = sum(each.stat().st_size for each in path.glob("partition-*/*") if is_segment(each.name))
    return min(MOST_LOG_BYTES, int((shutil.disk_usage(there).free + held) * SHARE_OF_FREE))
