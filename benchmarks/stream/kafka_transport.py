"""Events from one process to another through a real Kafka broker; not measured without one."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.rows import Row
from benchmarks.stream.transport import CHUNK_EVENTS, made_events, read_all
from benchmarks.timing import Figure
from reduction.event_log.protocol import LogRefused
from reduction.kafka.servers import KafkaServer
from reduction.kafka.topic_shares import TopicShare
from reduction.messages.contents import Chunk, encode_chunk
from tests.support.kafka.kafka_broker import QUICK_TO_RUN, KafkaBroker, Topic, why_no_broker

SMALL_CHUNK_EVENTS = 500
QUEUE_RETRY_S = 0.002


@dataclass(frozen=True)
class _Measured:
    """What one passage took: s, and s of all cores in producer, broker and reader."""

    elapsed_s: float
    cpu_s: float


class _FromKafka:
    """What comes by a topic."""

    def __init__(self, address: str, topic: str) -> None:
        from reduction.kafka.client import BrokerClient
        from reduction.kafka.log_reader import KafkaLogReader
        from reduction.kafka.topic_watch import TopicWatch

        watch = TopicWatch(BrokerClient(KafkaServer(address)), [topic])
        self._reader = KafkaLogReader(watch, TopicShare(topic))

    def messages(self) -> Iterator[bytes | memoryview]:
        return (each.data for each in self._reader.read())

    def close(self) -> None:
        self._reader.close()


def _produce(address: str, topic: str, events: int, chunk_events: int) -> float:
    """Send chunks with as many events in all; the CPU time of the process in s."""
    from reduction.kafka.client import MessageProducer

    failed: list[str] = []

    def answered(why: str, _events: int) -> None:
        if why:
            failed.append(why)

    producer = MessageProducer(KafkaServer(address), answered)
    pixel_id, tof_ns = (each[:chunk_events] for each in made_events())
    for number in range(events // chunk_events):
        data = encode_chunk(Chunk("s", number, time.time_ns(), pixel_id, tof_ns))
        while not producer.send(topic, 0, time.time_ns(), data, chunk_events):
            producer.poll()
            time.sleep(QUEUE_RETRY_S)
        producer.poll()
    producer.flush(60)
    if failed:
        raise RuntimeError(failed[0])
    return time.process_time()


def _send(link: Any, *what: Any) -> None:
    link.send("ready")
    link.recv()
    link.send(_produce(*what))


def _broker_cpu_s(broker: KafkaBroker) -> float:
    times = psutil.Process(broker.pid).cpu_times()
    return float(times.user + times.system)


def _both_ways(broker: KafkaBroker, topic: Topic, events: int, chunk_events: int) -> _Measured:
    """Have another process send events while they are read here."""
    here, there = multiprocessing.get_context("spawn").Pipe()
    what = (there, broker.address, topic.name, events, chunk_events)
    process = multiprocessing.get_context("spawn").Process(target=_send, args=what)
    process.start()
    sink = np.empty((2, CHUNK_EVENTS), np.int32)[:, :chunk_events]
    with closing(_FromKafka(broker.address, topic.name)) as receive:
        here.recv()
        cpu_s = time.process_time() + _broker_cpu_s(broker)
        began_s = time.perf_counter()
        here.send("go")
        read_all(receive, events, sink)
        elapsed_s = time.perf_counter() - began_s
        cpu_s = time.process_time() + _broker_cpu_s(broker) - cpu_s
    produced_cpu_s = float(here.recv())
    process.join()
    return _Measured(elapsed_s, cpu_s + produced_cpu_s)


def _catching_up(broker: KafkaBroker, topic: Topic, events: int, chunk_events: int) -> _Measured:
    """Read events that are all there."""
    sink = np.empty((2, CHUNK_EVENTS), np.int32)[:, :chunk_events]
    cpu_s = time.process_time() + _broker_cpu_s(broker)
    began_s = time.perf_counter()
    with closing(_FromKafka(broker.address, topic.name)) as receive:
        read_all(receive, events, sink)
    elapsed_s = time.perf_counter() - began_s
    return _Measured(elapsed_s, time.process_time() + _broker_cpu_s(broker) - cpu_s)


def _row(what: str, events: int, some: list[_Measured], least: float) -> Row:
    rate = Figure(tuple(events / each.elapsed_s / 1e6 for each in some), "M/s")
    cpu = Figure(tuple(each.cpu_s / events * 1e9 for each in some), "ns")
    target = f"≥ {least / 1e6:g} M/s" if least else ""
    met = rate.median * 1e6 >= least if least else None
    return Row(f"{what}; core time an event: {cpu}", str(rate), target, met)


def measure(quick: bool) -> list[Row]:
    """The rows of Kafka."""
    try:
        from reduction.kafka import client  # noqa: F401
    except LogRefused as error:
        return [Row("Kafka", f"not measured: {error.strerror}")]
    if why := why_no_broker():
        return [Row("Kafka", f"not measured: {why}")]
    with tempfile.TemporaryDirectory() as folder:
        broker = KafkaBroker(Path(folder), java=QUICK_TO_RUN)
        try:
            broker.start()
            return list(_rows(broker, quick))
        finally:
            broker.stop()


def _rows(broker: KafkaBroker, quick: bool) -> Iterator[Row]:
    for name, chunk_events, events, least in (
        ("400 kB", CHUNK_EVENTS, 20_000_000 if quick else 200_000_000, 3e7),
        ("4 kB", SMALL_CHUNK_EVENTS, 1_000_000 if quick else 10_000_000, 0.0),
    ):
        live, later = [], []
        for repeat in range(2 if quick else 3):
            topic = Topic(broker, f"t{chunk_events}-{repeat}")
            topic.make()
            live.append(_both_ways(broker, topic, events, chunk_events))
            later.append(_catching_up(broker, topic, events, chunk_events))
            topic.delete()
        yield _row(f"Kafka, messages of {name}: {events:.0e} sent and read", events, live, 0.0)
        yield _row(f"… read when all is there ({name})", events, later, least)
