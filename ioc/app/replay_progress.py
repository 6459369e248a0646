"""How far a recording is played: told in a file by the process that plays, and shown on PVs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

import msgspec

from ioc.posting.publisher import Publisher
from reduction.host.file_system import atomic_files
from reduction.recordings.play_settings import PlayProgress
from simulator.orders import SimulatorReport
from simulator.status import SimulatorStatus

LOOK_S = 0.25
"""How often the file is looked at."""

NOT_SIMULATED = "a recording is played: settings, lattice and seed do not apply"


class PlayOutput(Protocol):
    """What is known of where messages go, as `simulator.output.event_output.EventOutput` has it."""

    @property
    def events_sent(self) -> int:
        """The events that were put."""

    @property
    def chunks_dropped(self) -> int:
        """The chunks that could not be put."""

    @property
    def events_dropped(self) -> int:
        """The events in these chunks."""

    @property
    def message(self) -> str:
        """What is wrong, in words; empty if nothing is."""

    @property
    def size_bytes(self) -> int:
        """The bytes that the event log takes."""

    @property
    def reach_s(self) -> float:
        """The time span that it holds."""


class ProgressFile:
    """Tells in a file how far a recording is played, for `ReplayWatch`."""

    def __init__(self, path: Path, output: PlayOutput) -> None:
        self._path, self._output = path, output

    def tell(self, progress: PlayProgress) -> None:
        """Write how far it is."""
        output = self._output
        status = SimulatorStatus(
            pulse=progress.played.last_pulse,
            events_sent=output.events_sent,
            chunks_dropped=output.chunks_dropped,
            events_dropped=output.events_dropped,
            log_size=output.size_bytes,
            log_reach=output.reach_s,
            log_message=output.message,
        )
        remark = f"the recording has ended: {progress.played.words}" if progress.ended else ""
        self._write(SimulatorReport(-1, status, progress.message, remark or NOT_SIMULATED))

    def fail(self, why: str) -> None:
        """Write why playing has ended before the recording."""
        self._write(SimulatorReport(-1, SimulatorStatus(), why))

    def _write(self, report: SimulatorReport) -> None:
        atomic_files.replace([(self._path, msgspec.json.encode(report))])


class ReplayWatch:
    """Shows what a `ProgressFile` tells, while `run` runs."""

    def __init__(self, path: Path, publisher: Publisher) -> None:
        self._path, self._publisher = path, publisher
        self._shown: SimulatorReport | None = None

    def _latest_report(self) -> SimulatorReport | None:
        """What the file tells; None if it is not there or cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=SimulatorReport)
        except (OSError, msgspec.DecodeError):
            return None

    @property
    def why_failed(self) -> str:
        """Why playing has ended before the recording, if the process has told it; else empty."""
        report = self._latest_report()
        return report.message if report is not None else ""

    async def begin(self) -> None:
        """Show that a recording is to be played."""
        waiting = f"{NOT_SIMULATED}; it begins when the ranks are there"
        await self._publisher.simulator(SimulatorReport(-1, SimulatorStatus(), "", waiting))

    async def run(self) -> None:
        """Show what comes, until cancelled."""
        while True:
            report = self._latest_report()
            if report is not None and report != self._shown:
                self._shown = report
                await self._publisher.simulator(report)
            await asyncio.sleep(LOOK_S)
