"""Ranks that start and read an event log again: how fast they come to its end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import zmq.asyncio

from benchmarks.rows import Row
from ioc.app.processes.child_processes import MPIEXEC_FLAGS
from ioc.options.host_checks import mpi_launcher
from reduction.control.order_sender import OrderSender, Working
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import LogPlace, RunState
from reduction.event_log.entries import chunk_entry, log_entry, mark_entry
from reduction.event_log.folder import LogFolder
from reduction.event_log.writer import LogWriter
from reduction.instrument.geometry import powder_arc
from reduction.messages.contents import Chunk
from simulator.events.pulses import PulseEvents, PulseGenerator
from simulator.output.pulse_messages import chunk_bounds
from simulator.parameters import SimulatorSettings

RANKS = 2
PERIOD_NS = 71_428_571
SECOND_NS = 1_000_000_000
DIFFERENT_PULSES = 32
"""So many pulses are made; the log has them again and again."""

LEAST_RATE = 5e7
PATIENCE_S = 300.0
LOOK_S = 0.001


@dataclass(frozen=True)
class WrittenLog:
    """A log that was written: where, with which pulses from when on, and how many events."""

    folder: Path
    partitions: int
    start_ns: int
    pulses: int
    events: int

    @property
    def run(self) -> RunState:
        """A run state whose accumulation begins with the log."""
        found = LogFolder.found(self.folder)
        assert found is not None
        places = (LogPlace(0, after_mark=True),) * self.partitions
        return RunState(log=found.identity, places=places, start_ns=self.start_ns, first=0)


def written_log(folder: Path, per_pulse: int, events: int, partitions: int = RANKS) -> WrittenLog:
    """A log of pulses of so many events until now, as the simulator would have written it."""
    settings = SimulatorSettings(events_per_pulse=per_pulse, monitor_events_per_pulse=0)
    generator = PulseGenerator(powder_arc(), 1)
    made = [generator.events(settings, number) for number in range(DIFFERENT_PULSES)]
    pulses = events // per_pulse
    start_ns = time.time_ns() - (pulses + 1) * PERIOD_NS
    writer = LogWriter(folder, partitions, 64 * 2**30)
    sent = [0] * partitions
    for number in range(pulses):
        _write_pulse(writer, made[number % len(made)], number, start_ns + number * PERIOD_NS, sent)
    writer.close()
    total = sum(made[number % len(made)].tof_ns.size for number in range(pulses))
    return WrittenLog(folder, partitions, start_ns, pulses, total)


def _write_pulse(
    writer: LogWriter, events: PulseEvents, number: int, time_ns: int, sent: list[int]
) -> None:
    """Append a pulse to all partitions, of which so many chunks were ``sent`` each."""
    partitions = len(sent)
    for partition in range(partitions):
        for name in ("temperature", "pressure", "lattice_parameter", "proton_charge"):
            writer.append(partition, log_entry(name, time_ns, 1.0))
    most = SimulatorSettings().max_chunk_size
    for chunk, (low, high) in enumerate(chunk_bounds(events.tof_ns.size, partitions, most)):
        partition = chunk % partitions
        pixel_id, tof_ns = events.pixel_id[low:high], events.tof_ns[low:high]
        chunk_of = Chunk("bench", sent[partition], time_ns, pixel_id, tof_ns)
        writer.append(partition, chunk_entry(chunk_of))
        sent[partition] += 1
    for partition in range(partitions):
        writer.append(partition, mark_entry(number, time_ns, sent[partition]))


@dataclass(frozen=True)
class CaughtUp:
    """How ranks have caught up: the time it took since their first order, and their last report."""

    seconds: float
    report: RanksReport


async def caught_up(
    source: str, order: RanksOrder, folder: Path, ranks: int = RANKS, partitions: int = RANKS
) -> CaughtUp:
    """Start ranks, and wait until they have read to its end what the flag ``source`` names."""
    endpoint = f"ipc://{folder}/ranks"
    context = zmq.asyncio.Context()
    sender: OrderSender[RanksOrder, RanksReport] = OrderSender(
        context, endpoint, RanksReport, order
    )
    with _ranks(source, endpoint, ranks, partitions) as processes:
        try:
            return await asyncio.wait_for(_until_current(sender), PATIENCE_S)
        finally:
            processes.terminate()
            sender.close()
            context.term()


def _ranks(source: str, endpoint: str, ranks: int, partitions: int) -> subprocess.Popen[bytes]:
    program = (sys.executable, "-m", "ioc", "ranks", source)
    flags = (f"--control={endpoint}", f"--partitions={partitions}")
    return subprocess.Popen([mpi_launcher(), *MPIEXEC_FLAGS, "-n", str(ranks), *program, *flags])


async def _until_current(sender: OrderSender[RanksOrder, RanksReport]) -> CaughtUp:
    """Wait for the first result that has all; the time counts from the first word of the ranks."""
    reports = asyncio.ensure_future(sender.report())
    while sender.peers.current is None:
        await asyncio.sleep(LOOK_S)
    began_s = time.perf_counter()
    report = await reports
    while isinstance(report, Working) or report.catching_up or not report.results:
        report = await sender.report()
    return CaughtUp(time.perf_counter() - began_s, report)


def measure(quick: bool) -> list[Row]:
    """How fast two ranks catch up, at two rates of events."""
    events = 100_000_000 if quick else 1_000_000_000
    return [_row(events, per_pulse) for per_pulse in (71_429, 357_143)]


def _row(events: int, per_pulse: int) -> Row:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        log = written_log(folder / "log", per_pulse, events)
        order = RanksOrder(revision=1, pulses_revision=1, run=log.run)
        done = asyncio.run(caught_up(f"--log-folder={log.folder}", order, folder))
    row = rate_row(f"catching up, {log.pulses} pulses of {per_pulse} events", log, done, LEAST_RATE)
    return replace(row, peer="before there was a run state: killed ranks lost the accumulation")


def rate_row(what: str, log: WrittenLog, done: CaughtUp, least_rate: float) -> Row:
    """How fast a log was read again; raises RuntimeError unless all of its events were."""
    if done.report.stream.event_total != log.events:
        raise RuntimeError(f"{done.report.stream.event_total} events of {log.events}")
    rate = log.events / done.seconds
    measured = f"{rate:.3g} events/s: {log.events:.3g} events in {done.seconds:.3g} s"
    return Row(what, measured, f"≥ {least_rate:.0e}", rate >= least_rate)


def main(arguments: Sequence[str]) -> None:
    """Print the rows; for profiling."""
    for row in measure(quick="--quick" in arguments):
        print(row.what, row.measured, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
