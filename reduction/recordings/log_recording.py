"""An event log in a folder, as a recording."""

from __future__ import annotations

from pathlib import Path

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.folder import LogFolder
from reduction.event_log.protocol import LogReader, LogRefused


class LogRecording:
    """An event log in a folder, as `reduction.recordings.protocol.Recording`.

    It has the partitions that were recorded. Raises `LogRefused` for a folder without a log.
    """

    def __init__(self, path: Path) -> None:
        found = LogFolder.found(path)
        if found is None:
            raise LogRefused(f"recording {path}: the folder holds no event log")
        self._path = path
        self.remarks: tuple[str, ...] = ()
        self.partitions, self.identity = found.partitions, found.identity

    def reader(self, partition: int) -> LogReader:
        """See `Recording.reader`."""
        return self.record_reader(partition)

    def record_reader(self, partition: int) -> EmbeddedLogReader:
        """The same, which also reads messages as they are stored."""
        reader = EmbeddedLogReader(self._path, partition)
        reader.seek_offset(0)
        return reader

    def close(self) -> None:
        """See `Recording.close`; each reader has files of its own."""
