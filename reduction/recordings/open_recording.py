"""Opens a recording, whatever it is: an event log or a NeXus event file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reduction.event_log.protocol import LogRefused
from reduction.messages.contents import NO_MONITORS
from reduction.recordings.log_recording import LogRecording
from reduction.recordings.nexus.recording import NexusRecording
from reduction.recordings.protocol import Recording


def open_recording(
    path: Path, partitions: int, monitors: Mapping[str, int] = NO_MONITORS
) -> Recording:
    """The recording in a folder with an event log, or in a NeXus file.

    A log has the partitions with which it was recorded; a NeXus file is cut into ``partitions``.
    Groups of it without pixel ids get those that ``monitors`` has for their names. Raises
    `LogRefused` for anything else, and says what it is.
    """
    if not path.exists():
        raise LogRefused(f"recording {path}: there is no such file or folder")
    if not path.is_dir() and not path.is_file():  # to open a pipe would wait for a writer
        raise LogRefused(f"recording {path}: it is no file and no folder")
    return LogRecording(path) if path.is_dir() else NexusRecording(path, partitions, monitors)
