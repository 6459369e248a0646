"""What the simulator sends to a real Kafka broker is read from there: all of it, and once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from reduction.event_log.protocol import LogRefused
from reduction.host.stop import Stop
from reduction.instrument.geometry import powder_arc
from reduction.kafka.servers import KafkaServer
from reduction.kafka.streams import KafkaStream, KafkaTopic, stream_at
from reduction.kafka.topic_shares import dealt
from reduction.stream.dialect import Dialect, StreamFormat
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.used_sources import UsedSources
from simulator.events.pulses import PulseGenerator
from simulator.output.event_output import EventLogStart
from simulator.output.habits import Habit, is_quiet
from simulator.output.pulse_messages import MONITOR_SOURCE
from simulator.parameters import SimulatorSettings
from simulator.stream import EventStream, SimulateStart
from tests.support.kafka.kafka_broker import Topic, wait_until
from tests.support.stream.stream_bench import Clock

pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")

from reduction.kafka.client import BrokerClient
from reduction.kafka.log_reader import KafkaLogReader
from reduction.kafka.topic_watch import TopicWatch

MONITOR_PIXEL = 1000
SETTINGS = SimulatorSettings(
    events_per_pulse=1000, monitor_events_per_pulse=50, max_chunk_size=150, pulse_rate=14
)
PULSES = 60


class Source:
    """The simulated source, whose clock the test holds."""

    def __init__(
        self, folder: Path, context: zmq.Context[Any], ago_s: int = 10, **start: Any
    ) -> None:
        self._clock, self._stop = Clock(), Stop()
        self._clock.now_ns = time.time_ns() - ago_s * 10**9
        log = EventLogStart(folder / "unused", 2**20)
        self._stream = EventStream(
            SimulateStart(log, seed=5, settings=SETTINGS, **start), context, self._stop, self._clock
        )

    @property
    def pulse(self) -> int:
        """The number of the last pulse."""
        return self._stream.status.pulse

    def send(self, pulses: int) -> None:
        """Send pulses; when the source is closed the broker has them."""
        last = self.pulse + pulses
        while (before := self.pulse) < last:
            self._stream.tick()
            if self.pulse > before or before < 0:
                self._clock.now_ns += 10**9 // 14 + 1
            else:  # it waits for the broker, which refuses times far ahead of its own
                time.sleep(0.001)
        assert self._stream.status.chunks_dropped == 0

    def close(self) -> None:
        self._stream.close()
        self._stop.close()


@pytest.fixture
def context() -> Iterator[zmq.Context[Any]]:
    with zmq.Context() as made:
        yield made


def plain_stream(topic: Topic) -> KafkaStream:
    """Detectors in two topics, a monitor and logs each in another one."""
    nothing: frozenset[str] = frozenset()
    beam = UsedSources(nothing, {MONITOR_SOURCE: MONITOR_PIXEL}, {})
    return KafkaStream(
        KafkaServer(topic.broker.address),
        (
            KafkaTopic(f"{topic.name}-a", UsedSources(logs={})),
            KafkaTopic(f"{topic.name}-b", UsedSources(logs={})),
            KafkaTopic(f"{topic.name}-beam", beam),
            KafkaTopic(f"{topic.name}-logs", UsedSources(nothing)),
        ),
        Dialect.PLAIN,
    )


def read(stream: KafkaStream, ranks: int, partitions: int) -> list[PulseAssembler]:
    """What each of so many ranks has once all is read."""
    shares = dealt(stream, dict.fromkeys(stream.names, partitions), ranks)
    found = []
    for rank in range(ranks):
        mine = {number: each for number, each in enumerate(shares) if each.rank == rank}
        watch = TopicWatch(BrokerClient(stream.server), stream.names, len(shares))
        sources = {number: each.sources for number, each in mine.items()}
        shared = frozenset(number for number, each in mine.items() if each.share.of > 1)
        stream_format = StreamFormat(stream.dialect, {}, sources, shared)
        intake = PulseAssembler(list(mine), time.time_ns, stream_format)
        for number, each in mine.items():
            with closing(KafkaLogReader(watch, each.share, partitions)) as reader:
                read_all(reader, number, intake)
        found.append(intake)
    return found


def read_all(reader: KafkaLogReader, number: int, intake: PulseAssembler) -> None:
    """Take all that a partition holds."""

    def at_end() -> bool:
        while some := reader.read():
            for message in some:
                intake.take(number, message.data, message.offset)
        return reader.began >= 0 and reader.behind.messages == 0

    wait_until(at_end)


def events_of(intakes: list[PulseAssembler]) -> list[tuple[int, int]]:
    """Pixel id and time of flight of all events, sorted."""
    chunks = [chunk for each in intakes for chunk in each.pending]
    pixels = np.concatenate([chunk.pixel_id for chunk in chunks])
    tofs = np.concatenate([chunk.tof_ns for chunk in chunks])
    return sorted(zip(pixels.tolist(), tofs.tolist(), strict=True))


def made(pulses: range, habits: frozenset[Habit] = frozenset()) -> list[tuple[int, int]]:
    """The events that seed and pulses imply, sorted."""
    generator = PulseGenerator(powder_arc(), 5)
    found = []
    for pulse in pulses:
        if not is_quiet(pulse, habits):
            for make in (generator.events, generator.monitor_events):
                pixel_id, tof_ns = make(SETTINGS, pulse)
                found += list(zip(pixel_id.tolist(), tof_ns.tolist(), strict=True))
    return sorted(found)


@pytest.mark.parametrize("habits", [frozenset[Habit](), frozenset(Habit)], ids=["plain", "odd"])
def test_ranks_that_share_topics_have_all_events_of_the_seed(
    kafka_topic: Topic, tmp_path: Path, context: zmq.Context[Any], habits: frozenset[Habit]
) -> None:
    stream = plain_stream(kafka_topic)
    start: dict[str, Any] = {"kafka": stream, "dialect": Dialect.PLAIN, "habits": habits}
    with closing(Source(tmp_path, context, **start)) as source:
        source.send(PULSES)
    wanted = made(range(PULSES), habits)
    for ranks in (1, 2, 3, 5):
        intakes = read(stream, ranks, 1)
        assert events_of(intakes) == wanted
        assert [each.faults.missing for each in intakes] == [0] * ranks
        names = {"temperature", "pressure", "lattice_parameter", "proton_charge"}
        assert all(set(each.logs.names) == names for each in intakes)


def test_marked_pulses_are_complete_and_numbers_go_on(
    kafka_topic: Topic, tmp_path: Path, context: zmq.Context[Any]
) -> None:
    address = f"kafka://{kafka_topic.broker.address}/{kafka_topic.name}"
    stream = stream_at(address, Dialect.MARKED)
    for first, ago_s in ((0, 20), (10, 10)):
        with closing(Source(tmp_path, context, ago_s, kafka=stream, partitions=2)) as source:
            assert source.pulse == first - 1
            source.send(10)
    intakes = read(stream, 2, 2)
    assert events_of(intakes) == made(range(20))
    assert [each.reached.number for each in intakes] == [19, 19]
    assert [each.faults.missing for each in intakes] == [0, 0]


def test_a_source_that_is_faster_than_brokers_waits_and_loses_nothing(
    kafka_topic: Topic, tmp_path: Path, context: zmq.Context[Any]
) -> None:
    server = KafkaServer(kafka_topic.broker.address, (("queue.buffering.max.messages", "5"),))
    stream = replace(plain_stream(kafka_topic), server=server)
    with closing(Source(tmp_path, context, kafka=stream, dialect=Dialect.PLAIN)) as source:
        source.send(20)
    with closing(Source(tmp_path, context, kafka=stream, dialect=Dialect.PLAIN)) as source:
        assert source.pulse >= 19  # without marks, no number is used twice
    (intake,) = read(plain_stream(kafka_topic), 1, 1)
    assert events_of([intake]) == made(range(20))
    assert intake.faults.missing == 0


def test_no_more_is_sent_at_once_than_a_topic_takes(
    kafka_topic: Topic, tmp_path: Path, context: zmq.Context[Any]
) -> None:
    kafka_topic.make(2, largest_batch=4000)
    stream = stream_at(f"kafka://{kafka_topic.broker.address}/{kafka_topic.name}", Dialect.MARKED)
    with closing(Source(tmp_path, context, kafka=stream)) as source:
        source.send(20)
    (intake,) = read(stream, 1, 2)
    assert events_of([intake]) == made(range(20))


def test_a_source_without_a_broker_is_refused(
    tmp_path: Path, context: zmq.Context[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.output.kafka_output.START_WAIT_S", 1.0)
    stream = stream_at("kafka://127.0.0.1:9/t", Dialect.PLAIN)
    with pytest.raises(LogRefused, match=r"127\.0\.0\.1:9: .*refused"):
        Source(tmp_path, context, kafka=stream)


def test_habits_need_the_plain_dialect(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="habits: only in the plain dialect"):
        SimulateStart(EventLogStart(tmp_path, 2**20), habits=frozenset(Habit))
