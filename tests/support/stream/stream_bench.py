"""A bench for the simulated source: a real event log, and a clock that the test holds."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import zmq

from reduction.control.encoding import decoded, encoded
from reduction.control.hello import own_hello
from reduction.control.order_receiver import ORDER
from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.protocol import LogReader
from reduction.host.stop import Stop
from reduction.instrument.geometry import powder_arc
from reduction.messages.contents import PULSE_MARK, Chunk, LogValue, decode
from simulator.events.pulses import PulseGenerator
from simulator.orders import SimulatorOrder, SimulatorReport
from simulator.output.event_output import EventLogStart
from simulator.parameters import SimulatorSettings
from simulator.schedule import SECOND_NS
from simulator.stream import EventStream, SimulateStart

SMALL = SimulatorSettings(
    events_per_pulse=1000, monitor_events_per_pulse=0, max_chunk_size=150, pulse_rate=10
)
START_NS = 1_800_000_000 * SECOND_NS
PERIOD_NS = SECOND_NS // 10
PATIENCE_MS = 10_000


class Clock:
    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


@dataclasses.dataclass
class Bench:
    """A folder for event logs, sockets, the clock and the streams of one test."""

    folder: Path
    limit_bytes: int = 64 * 2**20
    context: Any = dataclasses.field(default_factory=zmq.Context)
    clock: Clock = dataclasses.field(default_factory=Clock)
    stop: Stop = dataclasses.field(default_factory=Stop)
    kept: list[object] = dataclasses.field(default_factory=list)
    """What holds sockets, which are closed when nothing refers to them."""

    def stream(self, **changes: Any) -> EventStream:
        """A new stream, from which `readers` read."""
        log = EventLogStart(self.folder, self.limit_bytes)
        start = SimulateStart(log, **{"seed": 5, "settings": SMALL, **changes})
        stream = EventStream(start, self.context, self.stop, self.clock)
        self.kept.append(stream)
        return stream

    def readers(self, partitions: int) -> list[Reader]:
        """One reader for each partition of the stream."""
        return [Reader(EmbeddedLogReader(self.folder, each)) for each in range(partitions)]

    def ioc(self) -> IocEnd:
        self.kept.append(ioc := IocEnd(self.context))
        return ioc

    def pulses(self, stream: EventStream, count: int) -> None:
        for _ in range(count):
            stream.tick()
            self.clock.now_ns += PERIOD_NS

    def close(self) -> None:
        for each in self.kept:
            if isinstance(each, EventStream):
                each.close()
        self.context.destroy(linger=0)
        self.stop.close()


class Reader:
    """A receiver of one partition."""

    def __init__(self, reader: LogReader) -> None:
        self.log = reader

    def messages(self) -> list[Any]:
        """What has come: chunks, and (name, time, value) of logs."""
        found: list[Any] = []
        while some := self.log.read():
            found += [_content(each.data) for each in some]
        return found

    def until_mark(self, pulse: int) -> list[Any]:
        """What comes, up to the mark of a pulse."""
        found: list[Any] = []
        deadline_s = time.monotonic() + PATIENCE_MS / 1000
        while not (found and is_mark(found[-1]) and found[-1][2][0] == pulse):
            found += [_content(each.data) for each in self.log.read(1)]
            assert time.monotonic() < deadline_s
        return found


def _content(message: bytes | memoryview) -> Any:
    match decode(message):
        case LogValue() as log:
            return log.name, log.time_ns, log.value.tolist()
        case [chunk]:
            return chunk
        case chunks:
            raise AssertionError(f"{len(chunks)} chunks in one message")


class IocEnd:
    """The IOC's end of the channel, one step at a time."""

    def __init__(self, context: Any) -> None:
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.RCVTIMEO, PATIENCE_MS)
        self.socket.bind("inproc://control")

    def reports(self) -> list[SimulatorReport]:
        found = []
        while self.socket.poll(0):
            self.peer, _, data = self.socket.recv_multipart()
            found.append(decoded(SimulatorReport, data))
        return found

    def order(self, revision: int, settings: SimulatorSettings) -> None:
        order = encoded(SimulatorOrder(revision, settings))
        self.socket.send_multipart([self.peer, encoded(own_hello("ioc")), ORDER, order])


def is_mark(message: Any) -> bool:
    return not isinstance(message, Chunk) and message[0] == PULSE_MARK


def chunks_of(messages: list[Any]) -> list[Chunk]:
    return [each for each in messages if isinstance(each, Chunk)]


def marks_of(messages: list[Any]) -> list[Any]:
    return [each for each in messages if is_mark(each)]


def assert_events_are(
    chunks: list[Chunk], settings: SimulatorSettings, pulses: Any, of: Any = PulseGenerator.events
) -> None:
    """The chunks, in the order of the stream, hold what the generator makes for the pulses."""
    generator = PulseGenerator(powder_arc(), 5)
    made = [of(generator, settings, pulse) for pulse in pulses]
    for column, name in enumerate(("pixel_id", "tof_ns")):
        np.testing.assert_array_equal(
            np.concatenate([getattr(each, name) for each in chunks]),
            np.concatenate([each[column] for each in made]),
        )
