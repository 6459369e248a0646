"""Opens a recording, whatever it is: an event log or a NeXus event file."""

from __future__ import annotations

from pathlib import Path

from reduction.event_log.protocol import LogRefused
from reduction.recordings.log_recording import LogRecording
from reduction.recordings.protocol import Recording


def open_recording(path: Path) -> Recording:
    """The recording in a folder with an event log.

    Raises `LogRefused` for anything else, and says what it is.
    """
    if not path.exists():
        raise LogRefused(f"recording {path}: there is no such file or folder")
    if path.is_dir():
        return LogRecording(path)
    raise LogRefused(f"recording {path}: it is not the folder of an event log")
