"""The file that keeps values of process variables, so that they survive the end of the IOC.

A header of 64 bytes is followed by records that are only appended. What is appended is in the page
cache before the value is sent to the ranks, and so survives the end of the process. The header also
holds the newest pulse, which is written in place.

Writing may wait for a disk: `ioc.pv_logs.log_store` has it done by a thread.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ioc.pv_logs import records
from ioc.pv_logs.log_times import DatedValue
from ioc.pv_logs.records import RECORD_TYPE, Records
from reduction.control.pv_log_values import PvLogValues
from reduction.host.file_system.regular_files import read_regular_file
from reduction.stream.pulses import NO_PULSE

LOG_FILE_FORMAT = b"live-pv-logs 1\n"
HEADER = struct.Struct("<16sq40x")
"""The format with its number, and the newest pulse in ns since the Unix epoch."""

NEWEST_PLACE = 16
"""Where the newest pulse stands in the header."""


LARGEST_FILE = 3 << 29
"""Size in bytes of the largest file that is read: 50 million records."""

NOT_A_FILE = (errno.EISDIR, errno.EINVAL, errno.EFBIG, errno.ELOOP, errno.EACCES, errno.EIO)
"""What reading fails with if there is something, but no file that can be read."""


LogNumbers = Mapping[str, int]
"""The number by which the records of a log name it."""


class ForeignLogFile(ValueError):
    """The file was not written by this program, or by another version of it."""


@dataclass(frozen=True, eq=False)
class LogFileContent:
    """What a file holds: the newest pulse, the records that are good, and how many are damaged.

    Records at the end that were not written completely are left out, and are not counted.
    """

    newest_pulse_ns: int = NO_PULSE
    records: Records = field(default_factory=lambda: np.zeros(0, RECORD_TYPE))
    damaged: int = 0

    @classmethod
    def read(cls, path: Path) -> LogFileContent:
        """The content of a file; raises `ForeignLogFile`, or OSError if there can be none."""
        try:
            data = read_regular_file(path, LARGEST_FILE)
        except OSError as error:
            if error.errno in NOT_A_FILE:
                raise ForeignLogFile(error.strerror) from None
            raise
        if len(data) < HEADER.size or not data.startswith(LOG_FILE_FORMAT):
            raise ForeignLogFile(f"it does not begin with {LOG_FILE_FORMAT.decode().strip()!r}")

        _, newest_ns = HEADER.unpack_from(data)
        count = (len(data) - HEADER.size) // RECORD_TYPE.itemsize
        every: Records = np.frombuffer(data, RECORD_TYPE, count, HEADER.size)
        good = records.checks(every) == every["check"]
        written = int(np.flatnonzero(good)[-1]) + 1 if good.any() else 0
        every, good = every[:written], good[:written]
        damaged = int((~good).sum())
        return cls(newest_ns, every[good] if damaged else every, damaged)


class PvLogFile:
    """Appends to a file, after ``content``, which is what the file holds.

    All methods raise OSError if the file cannot be written. Then it has to be rewritten.
    """

    def __init__(self, path: Path, content: LogFileContent) -> None:
        self.path = path
        names = records.names_of(content.records)
        self._numbers = {name: number for number, name in names.items()}
        self._last_number = max(names, default=0)
        self._newest_ns = content.newest_pulse_ns
        self._file = os.open(path, os.O_RDWR)
        self.size = content.records.size
        """How many records there are."""
        self._meanwhile: list[Records] | None = None

    @classmethod
    def create(cls, path: Path, content: LogFileContent) -> PvLogFile:
        """A new file with a content."""
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_new(replacement(path), content.newest_pulse_ns, [content.records])
        replacement(path).replace(path)
        return cls(path, content)

    def add(self, name: str, value: DatedValue) -> None:
        """Append a value of a log."""
        if name not in self._numbers:
            self._last_number += 1
            self._append(records.name_records(self._last_number, name))
            self._numbers[name] = self._last_number
        self._append(records.value_record(self._numbers[name], value))

    def reset(self, time_ns: int) -> None:
        """Append that values before a time are not needed any more."""
        self._append(records.reset_record(time_ns))

    def _append(self, new: Records) -> None:
        if self._meanwhile is not None:
            self._meanwhile.append(new)
        _write(self._file, new, self.size)
        self.size += new.size

    def note_newest(self, newest_pulse_ns: int) -> None:
        """Write the newest pulse into the header."""
        self._newest_ns = newest_pulse_ns
        _write_newest(self._file, newest_pulse_ns)

    def begin_rewrite(self, names: Collection[str]) -> LogNumbers:
        """Keep what is appended from now on also for the file that replaces this one.

        Returns the numbers that the logs ``names`` have in it. `take_over` or `abandon_rewrite`
        follows.
        """
        self._numbers = {name: n for name, n in self._numbers.items() if name in names}
        unknown = set(names) - self._numbers.keys()
        numbers = dict(zip(unknown, itertools.count(self._last_number + 1), strict=False))
        self._last_number += len(unknown)
        self._meanwhile = []
        return numbers | self._numbers

    def take_over(self, size: int, numbers: LogNumbers) -> None:
        """Go on in the file of `write_replacement`, whose ``size`` and ``numbers`` these are."""
        path, meanwhile = replacement(self.path), self._meanwhile or ()
        file = os.open(path, os.O_RDWR)
        try:
            for new in meanwhile:
                _write(file, new, size)
                size += new.size
            _write_newest(file, self._newest_ns)
            path.replace(self.path)
        except OSError:
            os.close(file)
            raise
        os.close(self._file)
        self._file, self.size, self._meanwhile = file, size, None
        self._numbers = {**numbers, **self._numbers}

    def abandon_rewrite(self) -> None:
        """Stay with this file."""
        self._meanwhile = None
        remove_replacement(self.path)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _records_of(number: int, log: PvLogValues, last: DatedValue) -> Iterator[Records]:
    """The records of the name of a log, its values, and at the end the value that came last."""
    yield records.name_records(number, log.name)
    yield records.value_records(number, log.times_ns, log.times_ns, log.values)
    yield records.value_record(number, last)


def replacement(path: Path) -> Path:
    """The file that is written before it takes the place of ``path``."""
    return path.with_name(f".{path.name}.part")


def remove_replacement(path: Path) -> None:
    """Remove what a process that was killed was about to put in the place of ``path``."""
    with contextlib.suppress(OSError):
        replacement(path).unlink()


def write_replacement(
    path: Path,
    numbers: LogNumbers,
    logs: Iterable[PvLogValues],
    last: Mapping[str, DatedValue],
) -> int:
    """Write the file that is to replace ``path``, with these values; returns its records.

    ``last`` is the value of each log that came last. A process that is killed leaves the old file,
    and a hidden one, which is removed at the next start.
    """
    content = (each for log in logs for each in _records_of(numbers[log.name], log, last[log.name]))
    return _write_new(replacement(path), NO_PULSE, content)


def _write(file: int, new: Records, place: int) -> None:
    """Write records into a file whose first ``place`` records stay."""
    data = memoryview(new.tobytes())
    offset = HEADER.size + place * RECORD_TYPE.itemsize
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


def _write_newest(file: int, newest_pulse_ns: int) -> None:
    os.pwrite(file, struct.pack("<q", newest_pulse_ns), NEWEST_PLACE)


def _write_new(path: Path, newest_pulse_ns: int, content: Iterable[Records]) -> int:
    """Write a file, and return how many records it has. It is on the disk then."""
    size = 0
    with path.open("wb") as file:
        file.write(HEADER.pack(LOG_FILE_FORMAT, newest_pulse_ns))
        for each in content:
            file.write(each.tobytes())
            size += each.size
        file.flush()
        os.fsync(file.fileno())
    return size
