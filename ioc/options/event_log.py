"""Where event log, run state and settings are kept; the first two, unless told, with the user."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import platformdirs

from ioc.options.commands import RecordOptions, ReplayOptions, RunOptions, SimulateOptions
from ioc.options.shared_options import ServerOptions
from ioc.options.sizes import size_bytes
from reduction.event_log.folder import LEAST_BYTES, default_limit_bytes

WriterT = TypeVar("WriterT", RunOptions, SimulateOptions, ReplayOptions)


def with_event_log(options: WriterT) -> WriterT:
    """The options with the folder and the limit of the event log, in bytes, filled in."""
    folder = Path(options.log_folder) if options.log_folder else _folder(options)
    folder = folder.expanduser().absolute()
    least = LEAST_BYTES * options.stream_partitions
    given = size_bytes(options.log_limit) if options.log_limit else None
    limit = max(default_limit_bytes(folder), least) if given is None else given
    return dataclasses.replace(options, log_folder=str(folder), log_limit=str(limit))


def run_state_path(options: ServerOptions) -> Path | None:
    """The file that keeps the run state; None if it is not to be kept."""
    if options.run_state == "none":
        return None
    if options.run_state:
        return Path(options.run_state).expanduser().absolute()
    return _user_folder(options.prefix) / "run-state.json"


def autosave_path(options: ServerOptions) -> Path | None:
    """The file that keeps the settings; None if they are not to be kept."""
    if options.autosave in ("", "none"):
        return None
    return Path(options.autosave).expanduser()


def _user_folder(prefix: str) -> Path:
    """The folder of a prefix among the user's data."""
    return platformdirs.user_state_path("live-reduction") / quote(prefix, safe=":")


def recording_limit(options: RecordOptions) -> int:
    """The limit of the event log that is recorded, in bytes."""
    return size_bytes(options.log_limit or "0") or default_limit_bytes(Path(options.folder))


def _folder(options: RunOptions | SimulateOptions | ReplayOptions) -> Path:
    """A folder of the prefix and the number of partitions, among the user's data."""
    played = isinstance(options, ReplayOptions) or (
        isinstance(options, RunOptions) and options.plays_recording
    )
    kind = "replay" if played else "events"
    return _user_folder(options.prefix) / f"{kind}-{options.stream_partitions}"
