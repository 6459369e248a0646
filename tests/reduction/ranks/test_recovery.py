"""Ranks that start again read the event log again, and have what they would have had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import RunState
from reduction.messages.contents import Chunk, encode_chunk, encode_log, encode_pulse_mark
from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.parameters.all_reductions.run import AccumulationMode, RunControl
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from tests.support.ranks.listed_log import ListedLogReader
from tests.support.ranks.one_rank import OneRank, pulse_ns

BINS = ReductionSettings(Units.TOF, "1000,1000,60000")
BY_FURNACE = replace(BINS, filter=FilterSettings("furnace", 0, 10, 30))
BY_TIME = replace(BINS, filter=FilterSettings("time", 0, 0.5, 5))
PARTITIONS = 2


class RecordedStream:
    """An event log of two partitions, written pulse by pulse; every pulse has other events."""

    def __init__(self) -> None:
        self.partitions: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self._chunks = [0] * PARTITIONS
        self.pulse = self.numbered_from = 0
        self.identity = "log"

    def pulses(self, count: int) -> None:
        """The next whole pulses."""
        for _ in range(count):
            self.logs()
            for partition in range(PARTITIONS):
                self.chunk(partition)
            self.marks()

    def logs(self) -> None:
        """The logs of the present pulse."""
        for log, value in (("furnace", self.pulse * 0.7 % 30), ("proton_charge", 1.0)):
            message = encode_log(log, pulse_ns(self.pulse), value)
            for partition in self.partitions:
                partition.append(message)

    def chunk(self, partition: int) -> None:
        """A chunk of the present pulse."""
        rng = np.random.default_rng((self.pulse, partition, self._chunks[partition]))
        tof_ns = rng.integers(900_000, 61_000_000, 5 + self.pulse % 7).astype(np.int32)
        pixels = rng.integers(1, 400, tof_ns.size).astype(np.int32)
        time_ns = pulse_ns(self.pulse)
        chunk = Chunk("bank", self._chunks[partition], time_ns, pixels, tof_ns)
        self.partitions[partition].append(encode_chunk(chunk))
        self._chunks[partition] += 1

    def marks(self) -> None:
        """The ends of the present pulse; the next one is present then."""
        number = self.pulse - self.numbered_from
        for partition, chunks in zip(self.partitions, self._chunks, strict=True):
            partition.append(encode_pulse_mark(number, pulse_ns(self.pulse), chunks))
        self.pulse += 1

    def readers(self, first: int = 0) -> dict[int, ListedLogReader]:
        """Readers at the end, of a log that holds no message before ``first``."""
        every = enumerate(self.partitions)
        return {number: ListedLogReader(each, self.identity, first) for number, each in every}

    def deleted(self, pulses: int) -> None:
        """The log is deleted, and a new one begins some pulses later, with the number 0."""
        for partition in self.partitions:
            partition.clear()
        self._chunks = [0] * PARTITIONS
        self.pulse += pulses
        self.identity, self.numbered_from = f"log after {self.pulse}", self.pulse


class Ranks:
    """Ranks that obey orders, and may be killed and started again with the last run state."""

    def __init__(self, stream: RecordedStream, order: RanksOrder) -> None:
        self._stream, self._order = stream, order
        self.run_state: RunState | None = None
        self._start()

    def _start(self, first: int = 0) -> None:
        self.readers = self._stream.readers(first)
        self.rank = OneRank(pulse_ns(10_000), readers=self.readers)

    def next_order(self, **changes: Any) -> RanksOrder:
        """The next order, with changes, as ranks get it that have just started."""
        revision = self._order.revision + 1
        changed = revision if changes else self._order.pulses_revision
        self._order = replace(
            self._order, revision=revision, **changes | {"pulses_revision": changed}
        )
        return replace(self._order, run=self.run_state)

    def report(self, **changes: Any) -> RanksReport:
        """A report of all that the log holds, with ``changes`` to the order obeyed before."""
        for _ in range(3):  # the first order starts, and a report is of what was before it
            report = self.rank.obeyed(self.next_order(**changes))
            self.run_state = report.run
        return report

    def kill(self, first: int = 0) -> None:
        """Kill the ranks and start others, which find no message before ``first``."""
        self._start(first)


def facts(report: RanksReport) -> Iterator[Any]:
    """All of a report that depends on which pulses count."""
    yield report.run
    yield replace(report.acquisition, time_remaining=0.0)
    yield report.stream.event_total, report.stream.pulse_first, report.stream.pulse_last
    yield report.unaccounted
    for result in report.results:
        assert result.counts is not None
        yield result.counts.tolist(), result.status, result.charges_uc, result.seconds
        for each in result.series:
            yield each.status, each.counts.tolist(), each.charge_uc, each.seconds
        yield None if result.faded is None else np.round(result.faded, 9).tolist()


@dataclass
class Numbers:
    """The counts of an order that only go up."""

    resets: int = 0
    starts: int = 0
    closes: int = 0


def changes_of(step: Any, numbers: Numbers) -> dict[str, Any]:
    """The changes that a step makes to the order."""
    match step:
        case "pause" | "go on":
            return {"control": RunControl(pause=step == "pause")}
        case "stop":
            return {"acquiring": False}
        case "reset":
            numbers.resets += 1
            return {"resets": numbers.resets}
        case "next series":
            numbers.closes = numbers.starts = numbers.closes + numbers.starts + 1
            return {"closes": numbers.closes, "starts": numbers.starts, "acquiring": True}
        case AcquisitionSettings():
            numbers.resets += 1
            numbers.starts = numbers.starts + numbers.closes + 1
            again = {"resets": numbers.resets, "starts": numbers.starts, "acquiring": True}
            return again | {"acquisition": step}
        case ReductionSettings():
            return {"reductions": (ReductionOrder(0, step),)}
    return {}


STEPS = st.one_of(
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from(["pause", "go on", "stop", "reset", "next series", "torn", "kill", "kill"]),
    st.sampled_from([BINS, BY_FURNACE, BY_TIME]),
    st.builds(AcquisitionSettings, st.just(Preset.PULSES), preset_pulses=st.integers(1, 20)),
    st.builds(AcquisitionSettings, st.just(Preset.TIME), acquire_time=st.floats(0.1, 2)),
)


@settings(max_examples=25)
@given(st.lists(STEPS, max_size=12))
def test_ranks_that_were_killed_have_what_they_would_have_had(steps: list[Any]) -> None:
    stream, numbers = RecordedStream(), Numbers()
    order = RanksOrder(revision=0, reductions=(ReductionOrder(0, BY_FURNACE),))
    both = [Ranks(stream, order), Ranks(stream, order)]
    killed = both[1]
    for each in both:
        each.report()
    for step in [*steps, "kill", 3]:
        match step:
            case int():
                stream.pulses(step)
            case "torn":
                stream.logs()
                stream.chunk(0)
            case "kill":
                killed.kill()
        changes = changes_of(step, numbers)
        reports = [each.report(**changes) for each in both]
        assert list(facts(reports[0])) == list(facts(reports[1]))
        assert reports[0].unaccounted == 0


def counting(steps: int = 20, **changes: Any) -> tuple[RecordedStream, Ranks, RanksReport]:
    """A stream of some pulses, ranks that count them, and their last report."""
    stream = RecordedStream()
    order = RanksOrder(revision=0, reductions=(ReductionOrder(0, BINS),))
    ranks = Ranks(stream, replace(order, **changes))
    ranks.report()
    stream.pulses(steps)
    return stream, ranks, ranks.report()


def counts_of(report: RanksReport) -> int:
    counts = report.results[0].counts
    assert counts is not None
    return int(counts.sum())


def test_an_order_that_was_not_reported_before_the_death_is_obeyed_after_it() -> None:
    stream, ranks, before = counting()
    ranks.kill()
    stream.pulses(5)
    closed = ranks.report(closes=1, starts=1)
    (series,) = closed.results[0].series
    assert (series.status.pulse_first, series.status.pulse_last) == (before.stream.pulse_first, 24)
    assert closed.acquisition.pulses == 0
    stream.pulses(3)
    assert ranks.report().acquisition.pulses == 3


@pytest.mark.parametrize("between", ["a pulse", "nothing"])
def test_a_reset_before_the_first_pulse_of_its_accumulation_is_kept(between: str) -> None:
    stream, ranks, _ = counting()
    ranks.report(resets=1)
    if between == "a pulse":
        stream.pulses(1)
        ranks.report()
    stream.pulses(4)
    ranks.kill()
    stream.pulses(4)
    report = ranks.report()
    assert report.stream.pulse_first == 20
    assert report.acquisition.pulses == (9 if between == "a pulse" else 8)
    assert report.unaccounted == 0


def test_pulses_that_have_left_the_event_log_are_told_and_no_part_of_one_counts() -> None:
    stream, ranks, before = counting(40)
    in_pulse_10 = len(stream.partitions[0]) * 10 // 40 + 3  # after its logs and its chunk
    ranks.kill(first=in_pulse_10)
    stream.pulses(2)
    report = ranks.report()
    assert report.stream.pulse_first == 11
    assert report.acquisition.pulses == 31
    assert report.run.lost == 11 == report.event_log.pulses_lost
    assert report.run.start_ns == before.run.start_ns
    assert report.unaccounted == 0
    ranks.kill()
    again = ranks.report()
    assert (again.run.lost, again.stream.pulse_first) == (0, 0)


def test_pulses_that_have_gone_with_a_deleted_log_are_told_by_the_time_that_is_missing() -> None:
    stream, ranks, before = counting(40)
    assert before.run.lost == 0
    stream.deleted(pulses=10)
    stream.pulses(30)
    ranks.kill()
    after = ranks.report()
    assert "another event log" in after.message
    assert after.run.lost == 50 - before.stream.pulse_first
    assert (after.stream.pulse_first, after.stream.pulse_last) == (0, 29)
    assert after.acquisition.pulses == 30


def test_a_run_state_of_other_partitions_is_not_gone_on_with_and_that_is_told() -> None:
    _, ranks, before = counting()
    stream = RecordedStream()
    stream.partitions.append([])
    ranks = Ranks(stream, RanksOrder(reductions=(ReductionOrder(0, BINS),), run=before.run))
    ranks.run_state = before.run
    report = ranks.report()
    assert report.acquisition.pulses == 0
    assert "2 partitions" in report.message
    assert "3" in report.message


def test_while_the_log_is_read_again_only_a_reset_changes_which_pulses_count() -> None:
    _, ranks, before = counting(60)
    ranks.kill()
    for reader in ranks.readers.values():
        reader.last = 60  # the log is long, and its end is not reached yet
    other_bins = replace(BINS, bin_params="1000,500,60000")
    order = ranks.next_order(reductions=(ReductionOrder(1, other_bins),))
    partial = ranks.rank.reported(order, lambda report: report.acquisition.pulses > 0)
    assert partial.catching_up
    assert partial.revision == order.revision
    assert 0 < partial.acquisition.pulses < before.acquisition.pulses
    assert 0 < partial.event_log.catch_up < 100
    assert partial.stream.pulse_last < 59
    paused = ranks.next_order(control=RunControl(pause=True))
    held = [ranks.rank.reported(paused) for _ in range(3)][-1]
    assert held.catching_up
    assert held.revision < paused.revision
    assert not held.run.gaps
    for reader in ranks.readers.values():
        reader.last = None
    done = ranks.rank.obeyed(paused)
    assert done.acquisition.pulses == before.acquisition.pulses
    assert done.event_log.catch_up == 100
    assert done.run.paused


def test_a_reset_while_the_log_is_read_again_skips_the_rest_of_it() -> None:
    stream, ranks, _ = counting(60)
    ranks.kill()
    for reader in ranks.readers.values():
        reader.last = 60
    assert ranks.rank.reported(ranks.next_order()).catching_up
    reset = ranks.rank.obeyed(ranks.next_order(resets=1))
    assert (reset.acquisition.pulses, reset.catching_up) == (0, False)
    for reader in ranks.readers.values():
        reader.last = None
    stream.pulses(5)
    report = ranks.report()
    assert report.stream.pulse_first == 61  # who comes in between does not know if 60 is whole
    assert report.stream.pulse_last == 64
    ranks.kill()
    assert list(facts(ranks.report())) == list(facts(report))


def test_counts_end_an_acquisition_only_once_all_is_read_again() -> None:
    preset = AcquisitionSettings(preset=Preset.COUNTS, preset_counts=100)
    stream, ranks, before = counting(60, acquisition=preset, starts=1)
    assert before.run.reached
    ranks.kill()
    for reader in ranks.readers.values():
        reader.last = 60
    partial = ranks.rank.reported(ranks.next_order(), lambda report: report.acquisition.pulses > 0)
    assert partial.acquisition.pulses < before.acquisition.pulses
    for reader in ranks.readers.values():
        reader.last = None
    stream.pulses(3)
    assert list(facts(ranks.report())) == list(facts(before))


def test_weights_fade_as_they_did() -> None:
    fading = RunControl(accumulation=AccumulationMode.FADING, fading_time=1.0)
    stream, ranks, _ = counting(30, control=fading)
    stream.pulses(10)
    before = ranks.report()
    ranks.kill()
    assert list(facts(ranks.report())) == list(facts(before))
