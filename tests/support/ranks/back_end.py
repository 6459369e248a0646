"""Real MPI ranks for tests: fed by hand, commanded by hand."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import zmq

from ioc.app.processes.child_processes import MPIEXEC_FLAGS
from ioc.options.host_checks import mpi_launcher
from reduction.control.encoding import decoded, encoded
from reduction.control.hello import own_hello
from reduction.control.order_receiver import END, ORDER, WORK
from reduction.control.orders import RanksOrder
from reduction.control.reports import RanksReport
from reduction.event_log.entries import entry_of
from reduction.event_log.writer import LogWriter
from reduction.messages.contents import Chunk, encode_chunk, encode_log, encode_pulse_mark

PERIOD_NS = 71_428_571
PATIENCE_S = 90.0
PROGRAM = ("-m", "ioc", "ranks")
"""What Python runs as a rank."""


class Feed:
    """The stream by hand: chunks in turn over the partitions, and marks."""

    def __init__(self, folder: Path, partitions: int) -> None:
        self.start_ns = time.time_ns() - 10**10
        self._sent = [0] * partitions
        self.held: dict[int, list[bytes]] = {}
        """Messages kept back, of each partition that a test holds."""
        self._turn = 0
        self._partitions = partitions
        self._writer = LogWriter(folder, partitions, 2**30)

    def pulse(
        self, number: int, pixel_id: Any, tof_ns: Any, chunks: int = 5, *, marks: bool = True
    ) -> None:
        time_ns = self.start_ns + number * PERIOD_NS
        for piece in np.array_split(np.arange(tof_ns.size), chunks):
            partition = self._turn % self._partitions
            chunk = Chunk("test", self._sent[partition], time_ns, pixel_id[piece], tof_ns[piece])
            self.send(partition, encode_chunk(chunk))
            self._sent[partition] += 1
            self._turn += 1
        if marks:
            for partition, sent in enumerate(self._sent):
                self.send(partition, encode_pulse_mark(number, time_ns, sent))

    def log(self, name: str, pulse: int, value: float) -> None:
        """A log's value from a pulse on, in every partition."""
        for partition in range(self._partitions):
            self.send(partition, encode_log(name, self.start_ns + pulse * PERIOD_NS, value))

    def send(self, partition: int, message: bytes) -> None:
        """Send a message, or keep it where a test has it ``held``."""
        if partition in self.held:
            self.held[partition].append(message)
        else:
            self._writer.append(partition, entry_of(message))

    def close(self) -> None:
        """End the log."""
        self._writer.close()

    def release(self, partition: int) -> None:
        """Send what was held of a partition."""
        for message in self.held.pop(partition):
            self.send(partition, message)


class Commander:
    """The IOC's end of the channel, without an IOC."""

    def __init__(self, context: zmq.Context[Any], endpoint: str) -> None:
        self._socket = context.socket(zmq.ROUTER)
        self._socket.bind(endpoint)
        self._peer = b""

    def command(self, order: RanksOrder) -> None:
        self._socket.send_multipart([self._peer, encoded(own_hello("ioc")), ORDER, encoded(order)])

    def report(self, until: Callable[[RanksReport], bool]) -> RanksReport:
        """The first report that ``until`` likes."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := deadline - time.monotonic()) > 0:
            if self._socket.poll(left * 1000):
                self._peer, _, data, *arrays = self._socket.recv_multipart()
                if data in (END, WORK):
                    continue
                report = decoded(RanksReport, data, arrays)
                if until(report):
                    return report
        raise AssertionError("no such report came")


class BackEnd:
    """Ranks under mpiexec, their stream and their commander."""

    def __init__(
        self, folder: Path, ranks: int, partitions: int, program: Sequence[str] = PROGRAM
    ) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        control = f"ipc://{folder}/control"
        self.feed = Feed(folder / "log", partitions)
        self.commander = Commander(self._context, control)
        flags = (
            f"--log-folder={folder / 'log'}",
            f"--control={control}",
            f"--partitions={partitions}",
        )
        command = (
            mpi_launcher(),
            *MPIEXEC_FLAGS,
            "-n",
            str(ranks),
            sys.executable,
            *program,
            *flags,
        )
        self.process = subprocess.Popen(command)

    def obeyed(self, order: RanksOrder, pulse: int = -1) -> RanksReport:
        """The first report with results under ``order`` that reach ``pulse``."""
        self.commander.command(order)
        return self.results(order.revision, pulse)

    def results(self, revision: int, pulse: int = -1) -> RanksReport:
        return self.commander.report(
            lambda report: bool(
                report.revision == revision and report.results and report.stream.pulse_last >= pulse
            )
        )

    def stop(self) -> None:
        ranks = psutil.Process(self.process.pid).children(recursive=True)
        self.process.terminate()
        try:
            self.process.wait(40)
        finally:
            for each in ranks:
                if each.is_running():
                    each.kill()
            self.process.wait()
            self._context.destroy(linger=0)
            self.feed.close()


@contextmanager
def back_end(
    folder: Path, ranks: int, partitions: int, program: Sequence[str] = PROGRAM
) -> Iterator[BackEnd]:
    """Ranks that have reported once."""
    running = BackEnd(folder, ranks, partitions, program)
    try:
        running.commander.report(lambda _: True)
        yield running
    finally:
        running.stop()
