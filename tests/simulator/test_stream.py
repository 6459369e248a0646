"""The simulated source as readers and the IOC see it: a real event log, and a clock in hand."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import zmq

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.folder import LEAST_BYTES
from reduction.event_log.network.remote import RemoteLogReader
from reduction.event_log.protocol import LogRefused
from reduction.host.stop import Stop, stopped_by_signals
from reduction.messages.contents import PULSE_MARK
from reduction.stream.dialect import Dialect
from simulator.events.pulses import PulseGenerator
from simulator.orders import SimulatorReport
from simulator.output.event_output import EventLogStart
from simulator.schedule import SECOND_NS
from simulator.stream import PROTON_CHARGE_UC_PER_EVENT, SimulateStart, simulate
from tests.support.stream.stream_bench import (
    PERIOD_NS,
    SMALL,
    START_NS,
    Bench,
    Reader,
    assert_events_are,
    chunks_of,
    is_mark,
    marks_of,
)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with closing(Bench(tmp_path / "log")) as made:
        yield made


@pytest.mark.parametrize("partitions", [1, 2, 3, 5])
def test_a_stream_without_marks_has_the_same_events(bench: Bench, partitions: int) -> None:
    stream = bench.stream(partitions=partitions, dialect=Dialect.PLAIN)
    readers = bench.readers(partitions)
    bench.pulses(stream, 4)
    messages = [reader.messages() for reader in readers]
    received = [chunks_of(each) for each in messages]
    assert [marks_of(each) for each in messages] == [[]] * partitions
    count = sum(map(len, received))
    in_order = [received[k % partitions][k // partitions] for k in range(count)]
    assert_events_are(in_order, SMALL, range(4))


@pytest.mark.parametrize("partitions", [1, 2, 3, 5])
def test_receivers_of_all_partitions_together_get_exactly_the_events(
    bench: Bench, partitions: int
) -> None:
    stream = bench.stream(partitions=partitions)
    readers = bench.readers(partitions)
    bench.pulses(stream, 4)
    received = [chunks_of(reader.messages()) for reader in readers]
    count = sum(map(len, received))
    in_order = [received[k % partitions][k // partitions] for k in range(count)]
    assert_events_are(in_order, SMALL, range(4))
    assert stream.status.events_sent == 4000
    assert stream.status.events_dropped == 0


def test_every_partition_has_logs_then_chunks_then_the_mark_of_every_pulse(bench: Bench) -> None:
    stream = bench.stream(partitions=3, first_pulse=40)
    readers = bench.readers(3)
    bench.pulses(stream, 3)
    logs = ["temperature", "pressure", "lattice_parameter", "proton_charge"]
    values = [295.0, 0.0, 5.431, 1000 * PROTON_CHARGE_UC_PER_EVENT]
    for reader in readers:
        messages, sent = reader.messages(), 0
        for pulse in (40, 41, 42):
            time_ns = START_NS + (pulse - 40) * PERIOD_NS
            head, messages = messages[:4], messages[4:]
            assert head == [(n, time_ns, [v]) for n, v in zip(logs, values, strict=True)]
            while not is_mark(messages[0]):
                chunk = messages.pop(0)
                assert (chunk.message_id, chunk.pulse_time_ns) == (sent, time_ns)
                sent += 1
            assert messages.pop(0) == (PULSE_MARK, time_ns, [pulse, sent])
        assert sent in (7, 8, 6)
        assert not messages


def test_events_of_monitors_follow_those_of_detectors_in_messages_of_their_own(
    bench: Bench,
) -> None:
    settings = dataclasses.replace(SMALL, monitor_events_per_pulse=200)
    stream = bench.stream(partitions=2, settings=settings)
    readers = bench.readers(2)
    bench.pulses(stream, 1)
    chunks = [chunk for reader in readers for chunk in chunks_of(reader.messages())]
    of_monitors = [chunk for chunk in chunks if (chunk.pixel_id == 1000).all()]
    in_order = sorted(of_monitors, key=lambda each: each.message_id)
    assert_events_are(in_order, settings, [0], PulseGenerator.monitor_events)
    assert len(of_monitors) == 2
    assert sum(np.count_nonzero(chunk.pixel_id < 1000) for chunk in chunks) == 1000


def test_few_events_still_reach_every_partition(bench: Bench) -> None:
    stream = bench.stream(
        partitions=4, settings=dataclasses.replace(SMALL, events_per_pulse=10, max_chunk_size=50)
    )
    readers = bench.readers(4)
    bench.pulses(stream, 1)
    sizes = [[each.tof_ns.size for each in chunks_of(reader.messages())] for reader in readers]
    assert sorted(sizes) == [[2], [2], [3], [3]]


def test_a_pulse_without_events_is_marked_all_the_same(bench: Bench) -> None:
    stream = bench.stream(settings=dataclasses.replace(SMALL, events_per_pulse=0))
    [reader] = bench.readers(1)
    bench.pulses(stream, 2)
    messages = reader.messages()
    assert not chunks_of(messages)
    assert [mark[2] for mark in marks_of(messages)] == [[0, 0], [1, 0]]


def test_what_nobody_reads_is_kept_and_found_complete_and_in_order(bench: Bench) -> None:
    stream = bench.stream()
    bench.pulses(stream, 5)
    assert stream.status.events_sent == 5000
    [reader] = bench.readers(1)
    messages = reader.messages()
    assert_events_are(chunks_of(messages), SMALL, range(5))
    assert [mark[2] for mark in marks_of(messages)] == [[n, 7 * n + 7] for n in range(5)]


def test_the_log_takes_no_more_than_its_limit_and_says_how_far_back_it_goes(bench: Bench) -> None:
    bench.limit_bytes = LEAST_BYTES
    large = dataclasses.replace(SMALL, events_per_pulse=20_000)
    stream = bench.stream(settings=large)
    bench.pulses(stream, 30)
    status = stream.status
    assert LEAST_BYTES / 2 < status.log_size <= LEAST_BYTES
    assert status.events_sent == 600_000
    assert status.chunks_dropped == 0
    assert status.log_message == ""
    [reader] = bench.readers(1)
    assert [mark[2][0] for mark in marks_of(reader.messages())][-1] == 29
    assert reader.log.dropped.pulses > 10


def test_an_order_takes_effect_between_pulses_and_is_acknowledged_by_one(bench: Bench) -> None:
    ioc = bench.ioc()
    stream = bench.stream(control="inproc://control")
    [reader] = bench.readers(1)
    stream.tick()
    [report] = ioc.reports()
    assert report.revision == -1
    assert not reader.messages()
    ioc.order(3, SMALL)
    bench.pulses(stream, 2)
    assert ioc.reports()[0].revision == 3
    other = dataclasses.replace(SMALL, pressure=4.0, events_per_pulse=77)
    ioc.order(4, other)
    bench.clock.now_ns -= 1
    stream.tick()
    assert {each.revision for each in ioc.reports()} <= {3}
    bench.clock.now_ns += 1
    stream.tick()
    assert ioc.reports()[-1] == SimulatorReport(4, stream.status)
    assert stream.status.lattice_parameter == other.sample.lattice_parameter
    chunks = chunks_of(reader.messages())
    assert_events_are(chunks[:-1], SMALL, [0, 1])
    assert_events_are(chunks[-1:], other, [2])


def test_without_an_order_it_starts_with_its_own_settings_after_a_while(bench: Bench) -> None:
    stream = bench.stream(control="inproc://nobody")
    bench.pulses(stream, 20)
    assert stream.status.pulse == -1
    bench.pulses(stream, 1)
    assert stream.status.pulse == 0


def test_a_pause_makes_no_pulse_and_counts_none_and_is_acknowledged_at_once(bench: Bench) -> None:
    ioc = bench.ioc()
    stream = bench.stream(control="inproc://control")
    stream.tick()
    ioc.reports()
    ioc.order(1, SMALL)
    bench.pulses(stream, 3)
    ioc.reports()
    ioc.order(2, dataclasses.replace(SMALL, pause=True))
    stream.tick()
    assert ioc.reports()[-1].revision == 2
    bench.pulses(stream, 10)
    assert stream.status.pulse == 2
    assert len(ioc.reports()) >= 3
    ioc.order(3, SMALL)
    stream.tick()
    assert ioc.reports()[-1].revision == 3
    assert stream.status.pulse == 3
    [reader] = bench.readers(1)
    stream.tick()
    times = [mark[1] for mark in marks_of(reader.messages())]
    assert times == [START_NS + k * PERIOD_NS for k in (0, 1, 2, 13)]


def test_a_slow_source_acknowledges_before_its_next_pulse(bench: Bench) -> None:
    ioc = bench.ioc()
    stream = bench.stream(control="inproc://control")
    stream.tick()
    ioc.reports()
    slow = dataclasses.replace(SMALL, pulse_rate=0.1)
    ioc.order(1, slow)
    bench.pulses(stream, 1)
    ioc.order(2, dataclasses.replace(slow, pressure=1.0))
    stream.tick()
    assert ioc.reports()[-1].revision == 2
    ioc.order(3, SMALL)
    stream.tick()
    assert (ioc.reports()[-1].revision, stream.status.pulse) == (3, 1)


def test_an_ioc_that_starts_again_with_the_same_revision_is_obeyed(bench: Bench) -> None:
    ioc = bench.ioc()
    stream = bench.stream(control="inproc://control")
    stream.tick()
    ioc.reports()
    ioc.order(0, SMALL)
    bench.pulses(stream, 1)
    ioc.order(0, dataclasses.replace(SMALL, pressure=2.0))
    bench.pulses(stream, 1)
    assert stream.status.lattice_parameter < 5.43


def test_a_clock_that_is_set_back_neither_stops_nor_silences_the_source(bench: Bench) -> None:
    ioc = bench.ioc()
    stream = bench.stream(control="inproc://control")
    stream.tick()
    ioc.reports()
    ioc.order(1, SMALL)
    bench.pulses(stream, 2)
    ioc.reports()
    bench.clock.now_ns -= 3600 * SECOND_NS
    stream.tick()
    assert ioc.reports()[-1].status.pulse == 2


def test_the_process_streams_and_serves_its_log_until_it_is_stopped(tmp_path: Path) -> None:
    fast = dataclasses.replace(SMALL, pulse_rate=1000)
    log = EventLogStart(tmp_path / "log", 64 * 2**20, f"ipc://{tmp_path}/events")
    start = SimulateStart(log, partitions=2, seed=5, settings=fast)
    with closing(Stop()) as stop, zmq.Context() as context:
        thread = threading.Thread(target=simulate, args=(start, stop))
        thread.start()
        logs = [RemoteLogReader(context, log.endpoint, each) for each in range(2)]
        received = [chunks_of(Reader(each).until_mark(49)) for each in logs]
        stop.set()
        thread.join(timeout=1)
        assert not thread.is_alive()
        for each in logs:
            each.close()
    in_order = [received[k % 2][k // 2] for k in range(350)]
    assert_events_are(in_order, fast, range(50))
    in_place = Reader(EmbeddedLogReader(log.folder, 1))
    assert chunks_of(in_place.until_mark(49))[0].message_id == 0


def test_a_stop_wakes_the_stream_that_waits(bench: Bench) -> None:
    stream = bench.stream()
    bench.pulses(stream, 1)
    bench.stop.set()
    stream.wait()
    stream.run()
    [reader] = bench.readers(1)
    assert_events_are(chunks_of(reader.until_mark(0)), SMALL, [0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_it_and_find_their_handlers_restored(number: signal.Signals) -> None:
    former = signal.getsignal(number)
    with closing(Stop()) as stop, stopped_by_signals(stop):
        os.kill(os.getpid(), number)
        assert stop.is_set()
    assert signal.getsignal(number) is former


def test_an_endpoint_in_use_ends_the_process_with_its_name(tmp_path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.PULL) as taken:
        port = taken.bind_to_random_port("tcp://127.0.0.1")
        with pytest.raises(OSError, match=f"{port}: Address already in use"):
            simulate(SimulateStart(EventLogStart(tmp_path, 2**23, f"tcp://127.0.0.1:{port}")))


def test_a_second_source_in_the_same_log_is_refused(bench: Bench) -> None:
    bench.stream()
    with pytest.raises(LogRefused, match=f"process {os.getpid()} writes to it"):
        bench.stream()


def test_a_start_without_partitions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"partitions: .* refused: at least"):
        SimulateStart(EventLogStart(tmp_path, 2**23), partitions=0)
