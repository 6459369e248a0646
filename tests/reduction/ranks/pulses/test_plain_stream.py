"""Ranks that read a stream without marks: each event counts once, whenever its message comes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reduction.messages.contents import Chunk, encode_chunk, encode_log
from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.parameters.all_reductions.run import RunControl
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.units import Units
from reduction.stream.dialect import Dialect, StreamFormat
from tests.support.ranks.one_rank import PERIOD_NS, FedRank, pulse_ns
from tests.support.ranks.plain_rank import BINS, PlainRank, Sent, counts_of, expected

GRACE_S = 0.5


def stream(pulses: range, partitions: int = 2) -> list[Sent]:
    """One message a pulse and partition."""
    return [
        Sent(partition, pulse, number)
        for number, pulse in enumerate(pulses)
        for partition in range(partitions)
    ]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Sent], list[Sent]]:
    """Messages of some sources in some partitions, in the order of sending and as they come.

    Some pulses have no message in a partition, and some messages are late.
    """
    partitions = draw(st.integers(1, 3))
    sent: list[Sent] = []
    came: list[tuple[float, int, Sent]] = []
    numbers = [0] * partitions
    for pulse in range(draw(st.integers(1, 25))):
        for partition in range(partitions):
            for _ in range(draw(st.sampled_from([0, 1, 1, 2]))):
                each = Sent(partition, pulse, numbers[partition], draw(st.integers(0, 3)))
                numbers[partition] += 1
                sent.append(each)
                came.append((pulse + draw(st.sampled_from([0, 0, 0, 0.5, 3, 20])), len(came), each))
    return sent, [each for *_, each in sorted(came)]


@settings(max_examples=40)
@given(streams(), st.sets(st.integers(0, 80), max_size=6), st.booleans())
def test_each_event_counts_once_whatever_comes_late_and_whenever_results_are_made(
    messages: tuple[list[Sent], list[Sent]], results: set[int], silent: bool
) -> None:
    sent, came = messages
    rank = PlainRank(3, StreamFormat(Dialect.PLAIN))
    for nth, each in enumerate(came):
        rank.feed([each])
        if nth in results:
            rank.pass_time(GRACE_S) if silent else rank.report()
    rank.pass_time(GRACE_S)
    report = rank.report()
    first = {each.partition: each for each in reversed(came)}
    begun = all(each.number == 0 for each in first.values())
    if begun:
        pulses = {each.pulse for each in sent}
        assert counts_of(report) == expected(sent)
        assert report.acquisition.pulses == len(pulses)
        assert report.stream.pulse_last - report.stream.pulse_first + 1 == len(pulses) or not pulses
        again = PlainRank(3, StreamFormat(Dialect.PLAIN))
        again.feed(sorted(sent, key=lambda each: (each.partition, each.number)))
        again.pass_time(GRACE_S)
        replayed = again.report()
        assert counts_of(replayed) == counts_of(report)
        assert replayed.stream.pulse_first == report.stream.pulse_first
        assert replayed.stream.pulse_last == report.stream.pulse_last
        assert replayed.acquisition.pulses == report.acquisition.pulses
        assert replayed.acquisition.time_elapsed == pytest.approx(report.acquisition.time_elapsed)
    assert report.unaccounted == 0


def test_a_pulse_that_one_partition_alone_has_seen_counts() -> None:
    rank = PlainRank(2)
    messages = [*stream(range(3)), Sent(0, 3, 3), *stream(range(4, 8))]
    rank.feed(messages)
    rank.pass_time(GRACE_S)
    report = rank.report()
    assert report.acquisition.pulses == 8
    assert counts_of(report)[3] == expected(messages)[3]


def test_a_silent_partition_holds_the_others_for_the_grace_time_and_no_longer() -> None:
    rank = PlainRank(2, StreamFormat(Dialect.PLAIN))
    rank.feed(Sent(0, pulse, pulse) for pulse in range(10))
    assert rank.report().acquisition.pulses == 0
    rank.pass_time(GRACE_S / 2)
    assert rank.report().acquisition.pulses == 0
    rank.pass_time(GRACE_S / 2)
    assert rank.report().acquisition.pulses == 10


def test_the_grace_time_is_a_setting() -> None:
    rank = PlainRank(2, StreamFormat(Dialect.PLAIN))
    rank.report(control=RunControl(grace_time=5))
    rank.feed(Sent(0, pulse, pulse) for pulse in range(10))
    rank.pass_time(4.9)
    assert rank.report().acquisition.pulses == 0
    rank.pass_time(0.2)
    assert rank.report().acquisition.pulses == 10


def test_the_dialect_is_found_out_and_nothing_is_lost() -> None:
    rank = PlainRank(2)
    rank.feed(stream(range(20)))
    rank.pass_time(GRACE_S)
    report = rank.report()
    assert counts_of(report) == expected(stream(range(20)))
    assert (report.stream.pulse_first, report.stream.pulse_last) == (0, 19)


def test_a_late_pulse_of_a_pause_does_not_count_and_one_before_it_does() -> None:
    rank = PlainRank(1, StreamFormat(Dialect.PLAIN))
    rank.feed(Sent(0, pulse, pulse) for pulse in (0, 1, 3, 4))
    rank.pass_time(GRACE_S)
    rank.report(control=RunControl(pause=True))
    rank.feed(Sent(0, pulse, pulse) for pulse in (5, 7, 8))
    rank.pass_time(GRACE_S)
    rank.report(control=RunControl())
    rank.feed(Sent(0, pulse, pulse) for pulse in (9, 2, 6, 10))
    rank.pass_time(GRACE_S)
    report = rank.report()
    assert [bool(each) for each in counts_of(report)[:11]] == [
        *[True] * 5,
        *[False] * 4,
        True,
        True,
    ]
    assert report.acquisition.pulses == 7
    assert (report.stream.pulse_first, report.stream.pulse_last) == (0, 10)
    assert report.event_log.messages_late == 2
    assert report.unaccounted == 0


def test_a_late_pulse_of_a_closed_series_belongs_to_it() -> None:
    rank = PlainRank(1, StreamFormat(Dialect.PLAIN))
    rank.feed(Sent(0, pulse, pulse) for pulse in (0, 1, 3, 4))
    rank.pass_time(GRACE_S)
    rank.report(closes=1)
    rank.feed(Sent(0, pulse, pulse) for pulse in (5, 6, 2, 7))
    rank.pass_time(GRACE_S)
    result = rank.report().results[0]
    (closed,) = result.series
    assert closed.status.pulses == 5
    assert (closed.status.pulse_first, closed.status.pulse_last) == (0, 4)
    assert closed.counts[:8].tolist() == [3, 3, 3, 3, 3, 0, 0, 0]
    assert rank.report().stream.pulse_last == 7


def test_a_reset_begins_with_the_next_pulse_and_numbers_go_on() -> None:
    rank = PlainRank(2, StreamFormat(Dialect.PLAIN))
    rank.feed(stream(range(10)))
    rank.pass_time(GRACE_S)
    rank.report(resets=1)
    rank.feed([Sent(0, 9, 50), *stream(range(10, 15))])
    rank.pass_time(GRACE_S)
    report = rank.report()
    assert report.acquisition.pulses == 5
    assert (report.stream.pulse_first, report.stream.pulse_last) == (10, 14)
    assert counts_of(report) == expected(stream(range(10, 15)))


def test_a_preset_of_time_ends_at_the_same_pulse_as_with_marks() -> None:
    preset = AcquisitionSettings(Preset.TIME, acquire_time=1.0)
    rank, marked = PlainRank(1, StreamFormat(Dialect.PLAIN)), FedRank(ReductionSettings())
    for each in (rank, marked):
        each.report(acquisition=preset, starts=1, resets=1)
    rank.feed(Sent(0, pulse, pulse) for pulse in range(40))
    marked.pulses(range(40))
    report = rank.report()
    assert not report.acquisition.acquiring
    assert report.acquisition == marked.report().acquisition


def by_slice(rank: PlainRank) -> list[int]:
    """The counts of each slice."""
    counts = rank.report().results[0].counts
    assert counts is not None
    found: list[int] = counts.sum(axis=(1, 2)).tolist()
    return found


def test_slices_by_time_begin_with_the_first_pulse_even_if_it_comes_late() -> None:
    step = PERIOD_NS / 1e9
    by_time = FilterSettings("time", minimum=0, step=step, maximum=10 * step)
    bins = ReductionSettings(Units.TOF, BINS, filter=by_time)
    rank = PlainRank(2, StreamFormat(Dialect.PLAIN), bins)
    rank.feed(Sent(0, pulse, pulse - 2) for pulse in range(2, 8))
    rank.pass_time(GRACE_S)
    assert by_slice(rank) == [3, 3, 3, 3, 3, 3, 0, 0, 0, 0]
    rank.feed([Sent(1, 0, 0), *(Sent(0, pulse, pulse - 2) for pulse in range(8, 12))])
    rank.pass_time(GRACE_S)
    assert by_slice(rank) == [3, 0, 3, 3, 3, 3, 3, 3, 3, 3]


def test_a_log_slices_the_pulses_of_a_stream_without_marks() -> None:
    by_log = FilterSettings("T", minimum=0, step=1, maximum=2)
    bins = ReductionSettings(Units.TOF, BINS, filter=by_log)
    rank = PlainRank(1, StreamFormat(Dialect.PLAIN), bins)
    rank.intake.take(0, encode_log("T", pulse_ns(0), 0.5))
    rank.feed(Sent(0, pulse, pulse) for pulse in range(6))
    rank.pass_time(GRACE_S)
    rank.report()
    rank.intake.take(0, encode_log("T", pulse_ns(4), 1.5))
    rank.feed(Sent(0, pulse, pulse) for pulse in range(6, 8))
    rank.pass_time(GRACE_S)
    assert by_slice(rank) == [12, 12]


@pytest.mark.parametrize("told", [False, True])
def test_pulses_without_events_count_with_their_charge_if_a_log_tells_of_them(told: bool) -> None:
    stream_format = StreamFormat(Dialect.PLAIN, pulse_log="proton_charge" if told else "")
    rank = PlainRank(1, stream_format)
    quiet = (3, 4, 7)
    for pulse in range(10):
        rank.intake.take(0, encode_log("proton_charge", pulse_ns(pulse), 2.0), 2 * pulse)
        if pulse not in quiet:
            rank.intake.take(0, Sent(0, pulse, pulse).message, 2 * pulse + 1)
        rank.report()
    rank.pass_time(GRACE_S)
    report = rank.report()
    pulses = 10 if told else 10 - len(quiet)
    assert report.acquisition.pulses == pulses
    assert report.results[0].charges_uc == (2.0 * pulses,)
    assert report.stream.pulse_last == pulses - 1


@pytest.mark.parametrize("apart_ns", [0, 13_000])
def test_sources_whose_clocks_differ_are_told(apart_ns: int) -> None:
    rank = PlainRank(2, StreamFormat(Dialect.PLAIN))
    for pulse in range(40):
        for partition in range(2):
            events = np.full(3, 5, np.int32)
            time_ns = pulse_ns(pulse) + partition * apart_ns
            rank.intake.take(partition, encode_chunk(Chunk("bank", pulse, time_ns, events, events)))
    rank.pass_time(GRACE_S)
    report = rank.report()
    words = "sources give one pulse times up to 13 µs apart: each counts as a pulse"
    assert (words in report.message) is bool(apart_ns)
    assert report.acquisition.time_elapsed == pytest.approx(40 * PERIOD_NS / 1e9, abs=1e-4)
