"""A NeXus event file, as a recording."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from reduction.event_log.protocol import LogReader, LogRefused
from reduction.messages.contents import NO_MONITORS
from reduction.recordings.nexus.groups import NexusGroups, dataset, groups_of
from reduction.recordings.nexus.log_reader import NexusContent, NexusLogReader
from reduction.recordings.nexus.logs import logs_of
from reduction.recordings.nexus.pulses import NexusPulses
from reduction.recordings.nexus.run import run_of
from reduction.recordings.nexus.units import NexusRefused

MOST_REMARKS = 10
"""Most remarks on a file that are told; of further ones only their number."""

OPEN_FOR_WRITE = ("unable to lock file", "already open for write")
"""What HDF5 says of a file that is written, or whose writer was killed."""


class NexusRecording:
    """A NeXus event file, as `reduction.recordings.protocol.Recording`.

    Its pulses are cut into as many ``partitions`` as asked for, with a mark at the end of each
    pulse. ``monitors`` has pixel ids for groups of events that have none, by the name of the group
    or of the one around it.

    Raises `LogRefused` for a file that cannot be used, and says why.
    """

    def __init__(
        self, path: Path, partitions: int, monitors: Mapping[str, int] = NO_MONITORS
    ) -> None:
        self._path, self.partitions, self._monitors = path, partitions, monitors
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise LogRefused(f"recording {path}: {_why_closed(error)}") from None
        try:
            self._open()
        except NexusRefused as refused:
            self._file.close()
            raise LogRefused(f"recording {path}: {refused}") from None
        except (OSError, RuntimeError, KeyError, OverflowError, TypeError, ValueError) as error:
            self._file.close()
            raise LogRefused(f"recording {path}: it is damaged: {error}") from None

    def _open(self) -> None:
        groups = groups_of(self._file)
        logs = logs_of(groups)
        self._pulses = NexusPulses(groups, logs, self._monitors, self.partitions)
        self._content = NexusContent(self._pulses, logs.logs, run_of(groups))
        status = self._path.stat()
        about = f"{self._path.resolve()} {status.st_size} {status.st_mtime_ns} {self.partitions}"
        self.identity = hashlib.sha256(about.encode()).hexdigest()[:16]
        self.remarks = self._remarks(groups)

    def _remarks(self, groups: NexusGroups) -> list[str]:
        """What is odd about the file, in words."""
        found, pulses = self._pulses.remarks, self._pulses.times_ns.size
        if self._pulses.without_pulse:
            found.append(f"{self._pulses.without_pulse} events come before any pulse: left out")
        good = dataset(groups.entry, "good_frames")
        if good is not None and good.size == 1 and good.dtype.kind in "iu":
            frames = int(np.asarray(good[()]).ravel()[0])
            if frames != pulses:
                found.append(f"good_frames is {frames}; all {pulses} pulses are used")
        more = len(found) - MOST_REMARKS
        return [*found[:MOST_REMARKS], *([f"{more} more remarks"] if more > 0 else [])]

    def reader(self, partition: int) -> LogReader:
        """See `Recording.reader`."""
        reader = NexusLogReader(self._content, partition, self.identity)
        reader.seek_offset(0)
        return reader

    def close(self) -> None:
        """See `Recording.close`."""
        self._pulses.close()
        self._file.close()


def _why_closed(error: OSError) -> str:
    """Why a file cannot be opened, in words."""
    if any(each in str(error) for each in OPEN_FOR_WRITE):
        return f"it is still being written, or was not closed: {error}"
    return f"it is no readable HDF5 file: {error}"
