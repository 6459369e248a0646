"""The ranks as processes: whole pulses, orders between them, the same from any number."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ioc.app.processes.child_processes import MPIEXEC_FLAGS
from ioc.options.host_checks import mpi_launcher
from reduction.messages.contents import Chunk, encode_chunk, encode_log, encode_pulse_mark
from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.parameters.all_reductions.run import AccumulationMode, RunControl
from reduction.parameters.reduction import FilterSettings
from reduction.parameters.units import Units
from tests.support.ranks.arc_pulses import (
    EVENTS,
    by_temperature,
    check,
    counts_of,
    events_of,
    expected,
    order,
    settings,
)
from tests.support.ranks.back_end import PERIOD_NS, PROGRAM, back_end
from tests.support.ranks.one_rank import OneRank

PULSES = 40
MISCOUNTING = str(Path(__file__).parents[2] / "support" / "ranks" / "miscounting_ranks.py")


@pytest.mark.parametrize(("ranks", "partitions"), [(1, 5), (2, 5), (3, 5), (16, 16)])
def test_any_number_of_ranks_gives_the_exact_histogram_before_and_after_each_order(
    ranks: int, partitions: int, tmp_path: Path
) -> None:
    with back_end(tmp_path, ranks, partitions) as running:
        feed = running.feed
        first, second = settings(), settings(Units.TOF, "1000,-0.003,60000")
        for pulse in range(PULSES):
            feed.pulse(pulse, *events_of(pulse))
        report = running.obeyed(order(1, first), PULSES - 1)
        check(report, first, range(PULSES))
        assert (report.stream.pulse_first, report.stream.pulse_last) == (0, PULSES - 1)
        assert report.pulse_time_ns == feed.start_ns + (PULSES - 1) * 71_428_571
        assert report.backend.ranks == ranks
        assert report.backend.retained_events == report.stream.event_total

        report = running.obeyed(order(2, second, generation=1))
        assert check(report, second, range(PULSES)).status.generation == 1

        running.obeyed(order(3, second, generation=1, pause=True))
        feed.pulse(PULSES, *events_of(PULSES))
        paused = running.commander.report(
            lambda report: bool(report.results and report.results[0].status.events_filtered)
        )
        filtered = check(paused, second, range(PULSES)).status.events_filtered
        assert filtered == events_of(PULSES)[0].size

        running.obeyed(order(4, second, generation=1))
        feed.pulse(PULSES + 1, *events_of(PULSES + 1))
        report = running.results(4, PULSES + 1)
        check(report, second, [*range(PULSES), PULSES + 1])

        report = running.obeyed(order(5, second, generation=1, resets=1))
        check(report, second, [])
        assert report.stream.event_total == 0
        feed.pulse(PULSES + 2, *events_of(PULSES + 2))
        report = running.results(5, PULSES + 2)
        check(report, second, [PULSES + 2])
        assert report.stream.pulse_first == PULSES + 2


def test_bad_input_is_counted_and_the_rest_reduced(tmp_path: Path) -> None:
    with back_end(tmp_path, 2, partitions=2) as running:
        feed, bins = running.feed, settings()
        running.obeyed(order(1, bins))
        feed.pulse(0, *events_of(0))
        feed.send(0, b"nonsense, and more of it")
        feed.send(1, b"\x10\0\0\0ev44 cut short")
        bad_pixel = np.array([5000, -1, 3], np.int32)
        feed.pulse(1, bad_pixel, np.array([10**6, 10**6, -7], np.int32))
        feed.pulse(2, *events_of(2))
        report = running.results(1, 2)
        result = check(report, bins, [0, 2])
        assert (result.status.events_bad_pixel, result.status.events_bad_time) == (2, 1)
        assert result.status.events_invalid == 3
        assert (report.stream.messages_unknown, report.stream.messages_corrupt) == (1, 1)


def test_pulses_are_cut_where_the_slowest_partition_is(tmp_path: Path) -> None:
    with back_end(tmp_path, 2, partitions=2) as running:
        feed, bins = running.feed, settings()
        running.obeyed(order(1, bins))
        feed.held[1] = []
        feed.pulse(0, *events_of(0))
        report = running.commander.report(lambda report: bool(report.results))
        assert (report.stream.pulse_last, report.stream.event_total) == (-1, 0)
        feed.release(1)
        check(running.results(1, 0), bins, [0])


def test_missing_pulses_are_counted_once_over_all_ranks(tmp_path: Path) -> None:
    with back_end(tmp_path, 3, partitions=3) as running:
        feed, bins = running.feed, settings()
        running.obeyed(order(1, bins))
        for pulse in (0, 1, 5, 6):
            feed.pulse(pulse, *events_of(pulse))
        report = running.results(1, 6)
        check(report, bins, [0, 1, 5, 6])
        assert report.stream.pulses_missing == 3
        assert running.obeyed(replace(order(2, bins), resets=1)).stream.pulses_missing == 0


def test_more_ranks_than_partitions_are_refused(tmp_path: Path) -> None:
    flags = (f"--events=ipc://{tmp_path}/e", f"--control=ipc://{tmp_path}/c", "--partitions=1")
    program = (sys.executable, "-m", "ioc", "ranks", *flags)
    ended = subprocess.run(
        [mpi_launcher(), *MPIEXEC_FLAGS, "-n", "2", *program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "2 ranks need as many partitions; the stream has 1" in ended.stderr


def test_an_event_lost_on_one_rank_and_one_had_twice_on_another_do_not_cancel(
    tmp_path: Path,
) -> None:
    with back_end(tmp_path, 2, partitions=2, program=(MISCOUNTING,)) as running:
        running.feed.pulse(0, *events_of(0))
        report = running.obeyed(order(1, settings()), 0)
        (status,) = (result.status for result in report.results)
        counted = status.events_binned + status.events_out_of_range + status.events_invalid
        assert counted + status.events_masked == report.stream.event_total
        assert report.unaccounted == 2


def test_an_order_does_not_wait_for_the_next_tick_of_the_clock(tmp_path: Path) -> None:
    once_a_second = (*PROGRAM, "--tick-rate=1")
    with back_end(tmp_path, 2, partitions=2, program=once_a_second) as running:
        running.feed.pulse(0, *events_of(0))
        bins = [settings(bin_params=each) for each in ("0.4,0.01,5", "0.4,0.02,5")]
        check(running.obeyed(order(0, bins[0]), 0), bins[0], [0])
        began_s = time.monotonic()
        orders = 30
        for revision in range(1, orders + 1):
            check(running.obeyed(order(revision, bins[revision % 2])), bins[revision % 2], [0])
        assert time.monotonic() - began_s < orders - 1, "they would take a second each"


def test_an_acquisition_ends_at_exactly_the_preset_pulse_and_a_new_one_starts_afresh(
    tmp_path: Path,
) -> None:
    with back_end(tmp_path, 2, partitions=3) as running:
        feed, bins = running.feed, settings()
        preset = AcquisitionSettings(preset=Preset.PULSES, preset_pulses=7)
        running.obeyed(replace(order(1, bins), acquisition=preset, starts=1))
        for pulse in range(20):
            feed.pulse(pulse, *events_of(pulse))
        done = running.commander.report(
            lambda report: bool(report.results and not report.acquisition.acquiring)
        )
        check(done, bins, range(7))
        assert (done.stream.pulse_first, done.stream.pulse_last) == (0, 6)
        assert done.acquisition.pulses == 7
        assert done.acquisition.progress == 100

        running.obeyed(replace(order(2, bins, resets=1), acquisition=preset, starts=2))
        for pulse in range(20, 40):
            feed.pulse(pulse, *events_of(pulse))
        done = running.commander.report(
            lambda report: bool(
                report.results and report.revision == 2 and not report.acquisition.acquiring
            )
        )
        check(done, bins, range(20, 27))
        reset = running.obeyed(replace(order(3, bins, resets=2), starts=2))
        check(reset, bins, [])
        assert not reset.acquisition.acquiring


def test_slices_of_a_log_are_those_of_its_pulses_also_when_it_comes_late(tmp_path: Path) -> None:
    with back_end(tmp_path, 2, partitions=2) as running:
        feed = running.feed
        bins = replace(settings(), filter=by_temperature())
        running.obeyed(order(1, bins))
        feed.log("T", 0, 0.5)
        for pulse in range(12):
            if pulse == 4:
                feed.log("T", pulse, 1.5)
            feed.pulse(pulse, *events_of(pulse))
        report = running.results(1, 11)
        assert report.logs == ("T", "time")
        slices: list[Sequence[int]] = [range(4), range(4, 12), []]
        for late in (False, True):
            if late:
                feed.log("T", 8, 2.5)
                slices = [range(4), range(4, 8), range(8, 12)]
                report = running.commander.report(
                    lambda report: bool(report.results and counts_of(report.results[0])[2].any())
                )
            for number, pulses in enumerate(slices):
                found = counts_of(report.results[0])[number, 0]
                np.testing.assert_array_equal(found, expected(bins, pulses))
            assert report.unaccounted == 0
        report = running.obeyed(order(2, replace(bins, filter=FilterSettings("T", 0, 2.2, 3))))
        np.testing.assert_array_equal(counts_of(report.results[0])[0, 0], expected(bins, range(8)))


def test_a_value_of_before_the_reset_stands_after_it_and_those_before_it_are_forgotten() -> None:
    start_ns = 1_767_225_600_000_000_000
    rank, sliced = OneRank(start_ns + 10**12), replace(settings(), filter=by_temperature())

    def log(pulse: int, value: float) -> None:
        rank.intake.take(0, encode_log("T", start_ns + pulse * PERIOD_NS, value))

    def pulse(number: int) -> None:
        time_ns = start_ns + number * PERIOD_NS
        chunk = Chunk("test", number, time_ns, *events_of(number))
        rank.intake.take(0, encode_chunk(chunk))
        rank.intake.take(0, encode_pulse_mark(number, time_ns, number + 1))

    for number in range(12):
        log(number, number / 4)
        pulse(number)
    rank.obeyed(order(1, sliced))
    assert len(rank.intake.logs) == 12
    rank.obeyed(order(2, sliced, resets=1))
    assert len(rank.intake.logs) == 1
    log(5, 0.5)  # too late to be of use, as the next pulse shows
    log(14, 1.5)
    for number in range(12, 16):
        pulse(number)
    report = rank.obeyed(order(3, sliced, resets=1))
    assert len(rank.intake.logs) == 2
    slices: list[list[int]] = [[], [14, 15], [12, 13]]
    for number, pulses in enumerate(slices):
        found = counts_of(report.results[0])[number, 0]
        np.testing.assert_array_equal(found, expected(sliced, pulses))


def test_a_sliding_window_holds_the_last_pulses_and_the_rest_is_back_without_it(
    tmp_path: Path,
) -> None:
    with back_end(tmp_path, 2, partitions=2) as running:
        feed, bins = running.feed, settings()
        window = RunControl(accumulation=AccumulationMode.WINDOW, window_time=5 * PERIOD_NS / 1e9)
        running.obeyed(replace(order(1, bins), control=window))
        for last in (11, 19):
            for pulse in range(last - 11 if last == 11 else 12, last + 1):
                feed.pulse(pulse, *events_of(pulse))
            report = running.results(1, last)
            result = check(report, bins, range(last - 5, last + 1))
            assert result.status.events_filtered == expected_filtered(range(last - 5))
        report = running.obeyed(order(2, bins))
        feed.pulse(20, *events_of(20))
        check(running.results(2, 20), bins, range(21))


def expected_filtered(pulses: range) -> int:
    return int(np.isin(EVENTS.pulse, list(pulses)).sum())
