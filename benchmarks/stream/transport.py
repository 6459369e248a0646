"""Events from one process to another: through the event log, and over a socket as it once was."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zmq
from numpy.typing import NDArray
from streaming_data_types.eventdata_ev44 import serialise_ev44

from benchmarks.rows import Row, below
from benchmarks.timing import Figure
from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.entries import chunk_entry, log_entry, mark_entry
from reduction.event_log.writer import LogWriter
from reduction.messages.contents import Chunk, decode

CHUNK_EVENTS = 50_000
LIMIT_BYTES = 8 * 2**30
LOOK_S = 0.002
START_NS = 1_800_000_000_000_000_000
PERIOD_NS = 71_428_571
HOUR_PULSES = 3600 * 14
LOGS = ("temperature", "pressure", "lattice_parameter", "proton_charge")
REPEATS = 5
SEEKS = 40


@dataclass(frozen=True)
class Passage:
    """How all events went from one process to the other."""

    rate: float
    writer_cpu_s: float
    reader_cpu_s: float
    bytes_written: int

    def cpu_ns(self, events: int) -> float:
        """Time of a core for an event, in both processes."""
        return (self.writer_cpu_s + self.reader_cpu_s) / events * 1e9


def measure(quick: bool) -> list[Row]:
    """The rows of the transport, and of an hour that is opened and sought."""
    events = 20_000_000 if quick else 200_000_000
    passages: dict[str, list[Passage]] = {"log": [], "socket": []}
    for _ in range(2 if quick else REPEATS):
        passages["log"].append(passed(events, _write_log, _from_log))
        passages["socket"].append(passed(events, _send, _from_socket))
    return [*_transport(events, passages), *_hour(HOUR_PULSES // 20 if quick else HOUR_PULSES)]


def _transport(events: int, passages: dict[str, list[Passage]]) -> list[Row]:
    logs, sockets = passages["log"], passages["socket"]
    ours, peer = (
        Figure(tuple(each.rate / 1e6 for each in some), "M/s") for some in (logs, sockets)
    )
    our_cpu, peer_cpu = (
        Figure(tuple(each.cpu_ns(events) for each in some), "ns") for some in (logs, sockets)
    )
    written = logs[0].bytes_written / events
    return [
        Row(
            f"{events:.0e} events written, read and copied into an array",
            str(ours),
            "no slower",
            ours.median >= peer.median,
            f"ZeroMQ over ipc: {peer}",
            f"{ours.median / peer.median:.1f}",
        ),
        Row(
            "… core time an event, both processes",
            str(our_cpu),
            "less",
            our_cpu.median < peer_cpu.median,
            f"ZeroMQ over ipc: {peer_cpu}",
            f"{peer_cpu.median / our_cpu.median:.1f}",
        ),
        Row(
            "… bytes copied an event: into the log, and into the array",
            f"{written:.2f} + 8",
            "",
            None,
            "five copies by the encoder, two by the kernel, one by ZeroMQ, and 8: 72",
        ),
    ]


def passed(events: int, write: Callable[..., None], read: Callable[..., Any]) -> Passage:
    """Have another process write as many events, and read them here."""
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=write, args=(folder, events, there))
        process.start()
        sink = np.empty((2, CHUNK_EVENTS), np.int32)
        with closing(read(folder)) as receive:
            here.recv()  # it is ready
            cpu_s, began_s = time.process_time(), time.perf_counter()
            read_all(receive, events, sink)
            elapsed_s = time.perf_counter() - began_s
            cpu_s = time.process_time() - cpu_s
        writer_cpu_s, written = here.recv()
        process.join()
        return Passage(events / elapsed_s, writer_cpu_s, cpu_s, written)


def read_all(receive: Any, events: int, sink: NDArray[np.int32]) -> None:
    found = 0
    while found < events:
        came = False
        for data in receive.messages():
            came = True
            content = decode(data)
            if isinstance(content, list):
                (chunk,) = content
                sink[0], sink[1] = chunk.pixel_id, chunk.tof_ns
                found += chunk.tof_ns.size
        if not came:
            time.sleep(LOOK_S)


def made_events() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    random = np.random.default_rng(1)
    pixel_id = random.integers(0, 1000, CHUNK_EVENTS, np.int32)
    return pixel_id, random.integers(0, 71_000_000, CHUNK_EVENTS, np.int32)


class _FromLog:
    """What comes by the event log."""

    def __init__(self, folder: str) -> None:
        self._reader = EmbeddedLogReader(Path(folder, "log"), 0)

    def messages(self) -> Iterator[bytes | memoryview]:
        return (each.data for each in self._reader.read())

    def close(self) -> None:
        self._reader.close()


def _from_log(folder: str) -> _FromLog:
    return _FromLog(folder)


def _write_log(folder: str, events: int, link: Any) -> None:
    pixel_id, tof_ns = made_events()
    with closing(LogWriter(Path(folder, "log"), 1, LIMIT_BYTES)) as writer:
        link.send("ready")
        cpu_s, written = time.process_time(), 0
        for number in range(events // CHUNK_EVENTS):
            entry = chunk_entry(Chunk("s", number, START_NS + number, pixel_id, tof_ns))
            writer.append(0, entry)
            written += entry.size_bytes
        link.send((time.process_time() - cpu_s, written))


class _FromSocket:
    """What comes over a socket."""

    def __init__(self, folder: str) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self._socket = self._context.socket(zmq.PULL)
        self._socket.setsockopt(zmq.RCVHWM, 1000)
        self._socket.connect(f"ipc://{folder}/events")

    def messages(self) -> Iterator[bytes | memoryview]:
        self._socket.poll(100)
        for _ in range(64):
            try:
                yield self._socket.recv(zmq.DONTWAIT)
            except zmq.Again:
                return

    def close(self) -> None:
        self._context.destroy(linger=0)


def _from_socket(folder: str) -> _FromSocket:
    return _FromSocket(folder)


def _send(folder: str, events: int, link: Any) -> None:
    pixel_id, tof_ns = made_events()
    with zmq.Context() as context, context.socket(zmq.PUSH) as socket:
        socket.setsockopt(zmq.SNDHWM, 8)
        socket.bind(f"ipc://{folder}/events")
        link.send("ready")
        cpu_s, written, times, starts = time.process_time(), 0, np.array([0]), np.array([0])
        for number in range(events // CHUNK_EVENTS):
            times[0] = START_NS + number
            message = serialise_ev44("s", number, times, starts, tof_ns, pixel_id)
            socket.send(message)
            written += len(message)
        link.send((time.process_time() - cpu_s, written))


def _hour(pulses: int) -> list[Row]:
    """An hour of a quiet source: four logs, ten events and a mark a pulse."""
    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder, "log"), np.arange(10, dtype=np.int32)
        with closing(LogWriter(path, 1, LIMIT_BYTES)) as writer:
            for pulse in range(pulses):
                time_ns = START_NS + pulse * PERIOD_NS
                for name in LOGS:
                    writer.append(0, log_entry(name, time_ns, float(pulse)))
                writer.append(0, chunk_entry(Chunk("s", pulse, time_ns, small, small)))
                writer.append(0, mark_entry(pulse, time_ns, pulse + 1))
        times = tuple(_sought(path, round(pulses * each / SEEKS)) for each in range(SEEKS))
    name = f"{pulses} pulses with {6 * pulses} messages: opened, sought, first message read"
    return [
        below(f"longest of {SEEKS}: {name}", max(times), 0.1),
        Row("… all of them", str(Figure(tuple(1e3 * each for each in times), "ms"))),
    ]


def _sought(path: Path, pulse: int) -> float:
    began_s = time.perf_counter()
    with closing(EmbeddedLogReader(path, 0)) as reader:
        reader.seek(START_NS + pulse * PERIOD_NS)
        reader.read(1)
        return time.perf_counter() - began_s
