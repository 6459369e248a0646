"""The file that keeps the run state, so that the accumulation survives a restart of the IOC."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ioc.options.program import DISTRIBUTION
from ioc.settings.kept_files import ForeignFile, read_kept_file, write_problem
from reduction.control.run_state import RunState
from reduction.control.run_state_checks import check_run_state
from reduction.host.file_system import atomic_files
from reduction.host.file_system.file_threads import started_in_thread
from reduction.instrument.geometry import Instrument
from reduction.parameters.specs import shown

log = logging.getLogger(__name__)

FORMAT = 1
"""The number of the file format; files with another number are not read."""

LARGEST_BYTES = 16 << 20
"""Size of the largest file that is read; with as many pauses as there may be it takes 1.5 MB."""

PATIENCE_S = 1.0
"""How long the results of a new state wait until it is on the disk."""

LAST_WRITE_S = 2.0
"""How long the end of the IOC waits for a write."""


@dataclass(frozen=True)
class RunStateOwner:
    """Whose run state it is: that of a ``prefix`` and of an ``instrument``, by its digest.

    The stream has so many ``partitions``; 0: the IOC does not know.
    """

    prefix: str
    instrument: str
    partitions: int = 0

    @classmethod
    def of(cls, prefix: str, instrument: Instrument, partitions: int = 0) -> RunStateOwner:
        """The owner of the state of the IOC with a prefix, for an instrument."""
        digest = hashlib.sha256(repr((instrument.l1_m, instrument.bank_names)).encode())
        for column in (
            instrument.detector_id,
            instrument.position_m,
            instrument.is_monitor,
            instrument.bank,
        ):
            digest.update(column.tobytes())
        return cls(prefix, digest.hexdigest(), partitions)


@dataclass(frozen=True)
class RunStateContent:
    """What a file holds: a run state, whose it is, and which program wrote it."""

    program: str
    format: int
    owner: RunStateOwner
    state: RunState


def load_run_state(path: Path, owner: RunStateOwner) -> RunState | None:
    """The state in a file; None if there is no file.

    Raises `ForeignFile` if it is no file, is damaged, or is not the run state of this ``owner``,
    and `ioc.options.program.StartError` as `read_kept_file` does.
    """
    data = read_kept_file("run-state", path, LARGEST_BYTES)
    if data is None:
        return None
    try:
        content = msgspec.json.decode(data, type=RunStateContent)
        check_run_state(content.state)
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
        raise ForeignFile(f"it is no run state: {error}") from None
    if (content.program, content.format) != (DISTRIBUTION, FORMAT):
        program, number = shown(content.program).strip("'"), shown(content.format)
        raise ForeignFile(f"it is of {program}, format {number}, not {FORMAT}")
    if content.owner.prefix != owner.prefix:
        raise ForeignFile(f"it is of prefix {shown(content.owner.prefix)}, not {owner.prefix!r}")
    if content.owner.instrument != owner.instrument:
        raise ForeignFile("it is of another instrument")
    partitions = len(content.state.places)
    if partitions and owner.partitions not in (0, partitions):
        raise ForeignFile(f"it is of a stream of {partitions} partitions, not {owner.partitions}")
    return content.state


class RunStateFile:
    """Keeps the newest run state of the ranks, in memory and in a file.

    Without a ``path`` there is no file. ``state`` is None until there is one. If the file cannot be
    written, ``problem`` says why, and it is tried again with the next report.
    """

    def __init__(self, path: Path | None, owner: RunStateOwner, state: RunState | None) -> None:
        self._path, self._owner = path, owner
        self.state = self._written = state
        self._writing: asyncio.Future[str] | None = None
        self.problem = ""

    async def keep(self, state: RunState) -> None:
        """Keep a state; returns once it is on the disk, or cannot be written in `PATIENCE_S`."""
        self.state = state
        if self._writing is not None and self._writing.done():
            self._writing = self._written = None  # it has written an older state
        if self._path is None or self._writing is not None or state == self._written:
            return
        write = functools.partial(_write, self._path, self._owner, state)
        self._writing = asyncio.wrap_future(started_in_thread(write))
        await self._wait(self._path, state, self._writing)

    async def close(self) -> None:
        """Wait for a write that is under way, but not longer than `LAST_WRITE_S`."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=LAST_WRITE_S)

    async def _wait(self, path: Path, state: RunState, writing: asyncio.Future[str]) -> None:
        """Wait for a write, but not longer than `PATIENCE_S`."""
        await asyncio.wait({writing}, timeout=PATIENCE_S)
        if not writing.done():
            problem = f"the run state is not kept: {path}: the disk does not answer"
        else:
            problem, self._writing = write_problem(writing, "the run state is not kept"), None
        if not problem:
            self._written = state
        elif problem != self.problem:
            log.warning(problem)
        self.problem = problem


def _write(path: Path, owner: RunStateOwner, state: RunState) -> str:
    """Write a state; returns the reason if that fails, or else an empty text."""
    content = RunStateContent(DISTRIBUTION, FORMAT, owner, state)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_files.replace_own(path, msgspec.json.format(msgspec.json.encode(content)))
    except OSError as error:
        return f"the run state is not kept: {error.filename}: {error.strerror}"
    return ""
