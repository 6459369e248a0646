"""The ranks as processes: whole pulses, orders between them, the same from any number."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference_data as reference
from back_end import PERIOD_NS, PROGRAM, back_end
from one_rank import OneRank
from saved_sample import sample

from ioc.views import reduction_view
from ioc.whole import MPIEXEC
from reduction.acquisition import AcquisitionSettings, Preset
from reduction.corrections import CorrectionSettings
from reduction.messages import RanksOrder, ReductionOrder
from reduction.nexus import write_nexus
from reduction.normalisation import Normalisation
from reduction.parameters import Accumulation, RunControl
from reduction.settings import FilterSettings, ReductionSettings
from reduction.units import Units
from reduction.wire import Chunk, encode_chunk, encode_log, encode_pulse_mark

PULSES = 40
MISCOUNTING = str(Path(__file__).with_name("miscounting_ranks.py"))
EVENTS = reference.events("arc")
DIFC = reference.instrument("arc").difc_us_per_angstrom


def settings(units=Units.D_SPACING, bin_params="0.4,0.001,5"):
    return ReductionSettings(units, bin_params)


def by_temperature():
    return FilterSettings("T", 0, 1, 3)


def events_of(pulse):
    here = EVENTS.pulse == pulse
    return EVENTS.pixel_id[here], EVENTS.tof_ns[here]


def expected(settings, pulses):
    here = np.isin(EVENTS.pulse, list(pulses))
    t = EVENTS.tof_ns[here] / 1000.0
    value = t / DIFC[EVENTS.pixel_id[here]] if settings.units is Units.D_SPACING else t
    place = np.searchsorted(settings.edges, value, side="right")
    return np.bincount(place, minlength=settings.edges.size + 1)[1:-1]


def order(revision, settings, *, generation=0, resets=0, pause=False):
    return RanksOrder(revision, resets, RunControl(pause), (ReductionOrder(generation, settings),))


def check(report, settings, pulses):
    """The report is the exact histogram of whole ``pulses``, and every event is in the account."""
    (result,) = report.results
    counts = expected(settings, pulses)
    np.testing.assert_array_equal(result.edges, settings.edges)
    np.testing.assert_array_equal(result.counts, [[counts]])
    assert report.unaccounted == 0
    assert result.status.events_binned == counts.sum()
    return result


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_any_number_of_ranks_gives_the_exact_histogram_before_and_after_each_order(ranks, tmp_path):
    with back_end(tmp_path, ranks, partitions=5) as running:
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


def test_bad_input_is_counted_and_the_rest_reduced(tmp_path):
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


def test_pulses_are_cut_where_the_slowest_partition_is(tmp_path):
    with back_end(tmp_path, 2, partitions=2) as running:
        feed, bins = running.feed, settings()
        running.obeyed(order(1, bins))
        held = []
        send = feed.send
        feed.send = lambda partition, message: (
            held.append(message) if partition == 1 else send(partition, message)
        )
        feed.pulse(0, *events_of(0))
        report = running.commander.report(lambda report: bool(report.results))
        assert (report.stream.pulse_last, report.stream.event_total) == (-1, 0)
        for message in held:
            send(1, message)
        check(running.results(1, 0), bins, [0])


def test_missing_pulses_are_counted_once_over_all_ranks(tmp_path):
    with back_end(tmp_path, 3, partitions=3) as running:
        feed, bins = running.feed, settings()
        running.obeyed(order(1, bins))
        for pulse in (0, 1, 5, 6):
            feed.pulse(pulse, *events_of(pulse))
        report = running.results(1, 6)
        check(report, bins, [0, 1, 5, 6])
        assert report.stream.pulses_missing == 3
        assert running.obeyed(replace(order(2, bins), resets=1)).stream.pulses_missing == 0


def test_more_ranks_than_partitions_are_refused(tmp_path):
    flags = (f"--events=ipc://{tmp_path}/e", f"--control=ipc://{tmp_path}/c", "--partitions=1")
    program = (sys.executable, "-m", "ioc", "ranks", *flags)
    ended = subprocess.run(
        [*MPIEXEC, "-n", "2", *program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode != 0
    assert "2 ranks need as many partitions; the stream has 1" in ended.stderr


def test_an_event_lost_on_one_rank_and_one_had_twice_on_another_do_not_cancel(tmp_path):
    with back_end(tmp_path, 2, partitions=2, program=(MISCOUNTING,)) as running:
        running.feed.pulse(0, *events_of(0))
        report = running.obeyed(order(1, settings()), 0)
        (status,) = (result.status for result in report.results)
        counted = status.events_binned + status.events_out_of_range + status.events_invalid
        assert counted + status.events_masked == report.stream.event_total
        assert report.unaccounted == 2


def test_an_order_does_not_wait_for_the_next_tick_of_the_clock(tmp_path):
    once_a_second = (*PROGRAM, "--tick-rate=1")
    with back_end(tmp_path, 2, partitions=2, program=once_a_second) as running:
        running.feed.pulse(0, *events_of(0))
        bins = [settings(bin_params=each) for each in ("0.4,0.01,5", "0.4,0.02,5")]
        check(running.obeyed(order(0, bins[0]), 0), bins[0], [0])
        began_s = time.monotonic()
        for revision in range(1, 11):
            check(running.obeyed(order(revision, bins[revision % 2])), bins[revision % 2], [0])
        assert time.monotonic() - began_s < 5


def test_an_acquisition_ends_at_exactly_the_preset_pulse_and_a_new_one_starts_afresh(tmp_path):
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


def test_slices_of_a_log_are_those_of_its_pulses_also_when_it_comes_late(tmp_path):
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
        assert report.logs == ("T",)
        slices = [range(4), range(4, 12), []]
        for late in (False, True):
            if late:
                feed.log("T", 8, 2.5)
                slices = [range(4), range(4, 8), range(8, 12)]
                report = running.commander.report(
                    lambda report: bool(report.results and report.results[0].counts[2].any())
                )
            for number, pulses in enumerate(slices):
                found = report.results[0].counts[number, 0]
                np.testing.assert_array_equal(found, expected(bins, pulses))
            assert report.unaccounted == 0
        report = running.obeyed(order(2, replace(bins, filter=FilterSettings("T", 0, 2.2, 3))))
        np.testing.assert_array_equal(report.results[0].counts[0, 0], expected(bins, range(8)))


def test_a_value_of_before_the_reset_stands_after_it_and_those_before_it_are_forgotten():
    start_ns = 1_767_225_600_000_000_000
    rank, sliced = OneRank(start_ns + 10**12), replace(settings(), filter=by_temperature())

    def log(pulse, value):
        rank.intake.take(0, encode_log("T", start_ns + pulse * PERIOD_NS, value))

    def pulse(number):
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
    log(5, 0.5)  # too late to be of use
    assert len(rank.intake.logs) == 1
    log(14, 1.5)
    for number in range(12, 16):
        pulse(number)
    report = rank.obeyed(order(3, sliced, resets=1))
    for number, pulses in enumerate(([], [14, 15], [12, 13])):
        found = report.results[0].counts[number, 0]
        np.testing.assert_array_equal(found, expected(sliced, pulses))


def test_a_sliding_window_holds_the_last_pulses_and_the_rest_is_back_without_it(tmp_path):
    with back_end(tmp_path, 2, partitions=2) as running:
        feed, bins = running.feed, settings()
        window = RunControl(accumulation=Accumulation.WINDOW, window_time=5 * PERIOD_NS / 1e9)
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


def test_series_are_closed_between_pulses_and_cut_anew_with_the_running_one(tmp_path):
    with back_end(tmp_path, 2, partitions=3) as running:
        feed, bins = running.feed, settings()
        running.obeyed(order(1, bins))
        closed = []
        for revision, pulses in enumerate((range(4), range(4, 5), range(5, 9)), start=2):
            for pulse in pulses:
                feed.pulse(pulse, *events_of(pulse))
            report = running.results(revision - 1, pulses[-1])
            check_series(report, bins, closed, pulses)
            report = running.obeyed(replace(order(revision, bins), closes=revision))
            closed.append(pulses)
            check_series(report, bins, closed, [])
        for pulse in range(9, 12):
            feed.pulse(pulse, *events_of(pulse))
        check_series(running.results(4, 11), bins, closed, range(9, 12))

        bins = settings(Units.TOF, "1000,-0.003,60000")
        report = running.obeyed(replace(order(5, bins), closes=4))
        check_series(report, bins, closed, range(9, 12))
        assert [each.status.pulse_last for each in report.results[0].series] == [3, 4, 8]

        restarted = running.obeyed(order(6, bins))  # of an IOC that knows of no series
        check_series(restarted, bins, closed, range(9, 12))
        report = running.obeyed(order(7, bins, resets=1))
        check_series(report, bins, [], [])
        feed.pulse(12, *events_of(12))
        check_series(running.results(7, 12), bins, [], [12])


def check_series(report, settings, closed, pulses):
    """The closed series and the running one have the exact histograms of their pulses."""
    (result,) = report.results
    np.testing.assert_array_equal(result.counts, [[expected(settings, pulses)]])
    for series, those in zip(result.series, closed, strict=True):
        np.testing.assert_array_equal(series.counts, expected(settings, those))
        assert (series.status.pulses, series.status.pulse_first) == (len(those), those[0])
    assert report.unaccounted == 0
    assert report.acquisition.series == len(closed) + 1
    assert report.acquisition.pulses == len(pulses)


def test_a_series_ends_at_its_preset_and_the_next_has_one_of_its_own(tmp_path):
    with back_end(tmp_path, 2, partitions=2) as running:
        feed, bins = running.feed, settings()
        preset = AcquisitionSettings(preset=Preset.PULSES, preset_pulses=3)
        running.obeyed(replace(order(1, bins), acquisition=preset, starts=1))
        closed = []
        for number, first in enumerate((0, 10, 20)):
            for pulse in range(first, first + 6):  # after the third, pulses are of no series
                feed.pulse(pulse, *events_of(pulse))
            done = running.commander.report(
                lambda report: bool(report.results and not report.acquisition.acquiring)
            )
            check_series(done, bins, closed, range(first, first + 3))
            closed.append(range(first, first + 3))
            following = replace(order(2 + number, bins), starts=2 + number, closes=2 + number)
            report = running.obeyed(replace(following, acquisition=preset))
            assert report.acquisition.acquiring
            check_series(report, bins, closed, [])


def test_a_series_too_many_is_refused_and_all_goes_on(tmp_path):
    with back_end(tmp_path, 1, partitions=1) as running:
        bins = settings()
        running.obeyed(order(1, bins))
        for revision in range(2, 18):
            running.feed.pulse(revision, *events_of(revision))
            running.results(revision - 1, revision)
            running.obeyed(replace(order(revision, bins), closes=revision))
        report = running.obeyed(replace(order(18, bins), closes=18))
        assert "16 series are closed" in report.message
        check_series(report, bins, [[pulse] for pulse in range(2, 18)], [])


@pytest.mark.parametrize("ranks", [1, 3])
def test_with_fading_a_pulse_weighs_less_by_e_in_each_fading_time(ranks, tmp_path):
    with back_end(tmp_path, ranks, partitions=3) as running:
        feed, bins = running.feed, settings()
        fading = RunControl(accumulation=Accumulation.FADING, fading_time=10 * PERIOD_NS / 1e9)
        running.obeyed(replace(order(1, bins), control=fading))
        for pulse in range(12):
            feed.log("proton_charge", pulse, 2.0 + pulse)
            feed.pulse(pulse, *events_of(pulse))
        report = running.results(1, 11)
        for revision, again in ((2, settings(Units.TOF, "1000,-0.003,60000")), (3, bins)):
            check_faded(report, range(12))
            report = running.obeyed(replace(order(revision, again), control=fading))
        check_faded(report, range(12))
        plain = running.obeyed(order(4, bins))
        assert check(plain, bins, range(12)).faded is None
        running.obeyed(replace(order(5, bins), closes=5))
        nothing = running.obeyed(replace(order(6, bins), closes=5, control=fading)).results[0]
        assert nothing.faded.sum() == 0
        assert np.isfinite(nothing.series[0].charge_uc)


def check_faded(report, pulses):
    (result,) = report.results
    weights = np.exp((np.array(pulses) - pulses[-1]) / 10)
    each = np.array([expected(result.order.settings, [pulse]) for pulse in pulses])
    np.testing.assert_allclose(result.faded[0, 0, 0], weights @ each, rtol=1e-6)
    np.testing.assert_allclose(result.faded[1, 0, 0], weights**2 @ each, rtol=1e-6)
    np.testing.assert_array_equal(result.counts[0, 0], each.sum(axis=0))
    np.testing.assert_allclose(result.charges_uc, [weights @ (2.0 + np.array(pulses))], rtol=1e-6)
    assert report.unaccounted == 0


def saved_from(report, path, **changes):
    """What a result is worth as a reference, in a file."""
    (result,) = report.results
    counts = result.counts.astype(float)
    write_nexus(
        sample(
            edges=result.edges,
            counts=counts,
            variances=counts,
            group_names=("all",),
            monitor_counts=sum(result.monitor_counts),
            **changes,
        ),
        path,
    )
    return str(path)


def with_monitor(pulse, monitored):
    """The events of a pulse and some of the monitor, which has id 1000."""
    pixel_id, tof_ns = events_of(pulse)
    late = np.full(monitored, 2_000_000_000, np.int32)  # its times do not matter
    return np.append(pixel_id, np.full(monitored, 1000, np.int32)), np.append(tof_ns, late)


def test_a_saved_result_is_the_vanadium_of_later_ones_by_monitor_counts(tmp_path):
    with back_end(tmp_path, 2, partitions=2) as running:
        bins = settings(bin_params="0.4,0.05,5")
        for pulse in range(10):
            running.feed.pulse(pulse, *with_monitor(pulse, 50 + pulse))
        report = running.obeyed(order(1, bins), 9)
        result = check(report, bins, range(10))
        assert result.monitor_counts == (545.0,)
        assert result.status.monitor_counts == result.status.events_masked == 545
        path = saved_from(report, tmp_path / "van.nxs")
        by = CorrectionSettings(Normalisation.MONITOR, vanadium=path)
        wider = replace(settings(bin_params="0.4,0.05,5.1"), corrections=by)
        running.feed.pulse(10, *with_monitor(10, 100))
        report = running.obeyed(order(2, wider, generation=1), 10)
        result = check(report, wider, range(11))
        assert result.status.bins_undefined >= 2
        assert "bins without a value: the vanadium ends at 5" in result.status.normalisation_message
        y = reduction_view(result, None).spectrum.y
        counts, vanadium = expected(wider, range(11))[:92], expected(bins, range(10))
        there = vanadium > 0
        ratio = (counts[there] / 645) / (vanadium[there] / 545)
        np.testing.assert_allclose(y[:92][there], ratio)
        assert np.isnan(y[92:]).all()


def test_a_file_that_rank_0_cannot_read_changes_nothing_and_one_that_it_has_stays(tmp_path):
    with back_end(tmp_path, 2, partitions=2) as running:
        bins = settings(bin_params="0.4,0.05,5")
        running.feed.pulse(0, *events_of(0))
        report = running.obeyed(order(1, bins), 0)
        path = tmp_path / "empty.nxs"
        less = replace(bins, corrections=CorrectionSettings(background=str(path)))
        refused = running.obeyed(order(2, less, generation=1))
        assert "Background: " in refused.message
        assert "there is no such file" in refused.message
        assert refused.results[0].order == report.results[0].order
        saved_from(report, path)
        running.obeyed(order(3, less, generation=2))
        path.unlink()
        other = replace(less, bin_params="0.4,0.1,5")
        result = running.obeyed(order(4, other, generation=3)).results[0]
        np.testing.assert_allclose(reduction_view(result, None).spectrum.y, 0, atol=1e-6)
        check(running.results(4), other, [0])


def expected_filtered(pulses):
    return int(np.isin(EVENTS.pulse, list(pulses)).sum())
