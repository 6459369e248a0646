"""Slices of a log: which pulses are in which, and that they are Mantid's."""

from __future__ import annotations

import inspect
import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.engines.recipe import recipe
from reduction.instrument.geometry import powder_arc
from reduction.instrument.selection import MASKED, group_names
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.parameters.specs import Refused
from reduction.ranks.counting.pipeline import PulseSlicing
from reduction.ranks.counting.series import SeriesTimeline
from reduction.stream.log_values.logs import Log, Logs
from tests.support.engines import reference_data as reference
from tests.support.engines.tried import MakeEngine, each_engine
from tests.support.ioc.detector_files import recipe_with_files

FILTERS = reference.MANIFEST["filters"]


def logs_of(case: dict[str, Any]) -> Logs:
    logs = Logs()
    columns = reference.table(f"histograms_{case['instrument']}")
    times_ns, values = (columns[f"{case['log']}/{name}"] for name in ("time_unix_ns", "value"))
    for time_ns, value in zip(times_ns, values, strict=True):
        logs.add("temperature", int(time_ns), float(value))
    return logs


def sliced(
    make: MakeEngine, case: dict[str, Any], filter_settings: FilterSettings
) -> NDArray[np.int64]:
    """Counts (slices, bins) of an engine, fed pulse by pulse."""
    settings = ReductionSettings(bin_params=case["bin_params"], filter=filter_settings)
    instrument, events = (
        reference.instrument(case["instrument"]),
        reference.events(case["instrument"]),
    )
    made = recipe(
        settings, instrument, PulseSlicing(logs_of(case), settings.filter, SeriesTimeline())
    )
    engine = make(instrument, [made])
    for pulse, time_ns in enumerate(events.pulse_time_unix_ns):
        here = events.pulse == pulse
        engine.accumulate(events.pixel_id[here], events.tof_ns[here], int(time_ns))
    engine.advance(600)
    counts: NDArray[np.int64] = engine.tally(0, engine.cells(0)).counts[:, 0]
    return counts


@each_engine
@pytest.mark.parametrize("case", FILTERS, ids=lambda case: case["key"])
def test_slices_hold_what_mantids_filters_let_through(
    engine: MakeEngine, case: dict[str, Any]
) -> None:
    low, high = case["minimum"], case["maximum"]
    if "step" not in case:
        counts = sliced(engine, case, FilterSettings("temperature", low, high - low, high))
        np.testing.assert_array_equal(counts[0], reference.histogram(case, "counts"))
        return
    half = case["step"] / 2  # Mantid's minimum and maximum are centres
    settings = FilterSettings("temperature", low - half, case["step"], high + half)
    np.testing.assert_allclose(settings.bounds, list(case["intervals"].values()))
    counts = sliced(engine, case, settings)
    for number, total in enumerate(counts):
        expected = case["totals"].get(str(number), 0)
        assert total.sum() == expected
        if expected:
            np.testing.assert_array_equal(total, reference.histogram(case, f"{number}/counts"))


@each_engine
@pytest.mark.parametrize("case", FILTERS[3:5], ids=lambda case: case["key"])
def test_a_veto_holds_what_the_range_does_not(engine: MakeEngine, case: dict[str, Any]) -> None:
    low, high = case["minimum"], case["maximum"]
    within = sliced(engine, case, FilterSettings("temperature", low, high - low, high))
    without = sliced(
        engine, case, FilterSettings("temperature", low, high - low, high, invert=True)
    )
    everything = sliced(engine, case, FilterSettings("temperature", -1e6, 2e6, 1e6))
    np.testing.assert_array_equal(within + without, everything)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(-5, 5)), max_size=40))
def test_a_log_has_the_last_value_at_or_before_a_time_in_whatever_order_values_come(
    entries: list[tuple[int, float]],
) -> None:
    log = Log()
    for time_ns, value in entries:
        log.add(time_ns, value)
    asked_ns = np.arange(-2, 60)
    last = dict(entries)  # of two values at one time the later stands
    for asked, value in zip(asked_ns, log.at(asked_ns), strict=True):
        before = [each for each in last if each <= asked]
        expected = last[max(before)] if before else np.nan
        np.testing.assert_equal(value, expected)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.integers(1, 50), st.floats(-5, 5)), st.integers(1, 50).map(lambda n: (n,))
        ),
        max_size=60,
    )
)
def test_what_is_forgotten_is_what_no_later_time_has(steps: list[Any]) -> None:
    """Steps are (time, value) to add and (time,) up to which to forget."""
    kept, forgetting, since = Logs(), Logs(), 1
    for step in steps:
        if len(step) == 2:
            kept.add("T", *step)
            forgetting.add("T", *step)
        else:
            since = max(since, *step)
            forgetting.forget(since)
        times_ns = np.arange(since, 60)
        np.testing.assert_array_equal(forgetting.at("T", times_ns), kept.at("T", times_ns))
    added = {step[0] for step in steps if len(step) == 2}
    before = bool([each for each in added if each <= since])
    assert len(forgetting) == before + len([each for each in added if each > since])


def memory_of_logs() -> int:
    """The memory, in bytes, that the module of logs has taken; threads of others take some, too."""
    mine = tracemalloc.Filter(True, str(inspect.getsourcefile(Log)))
    traces = tracemalloc.take_snapshot().filter_traces([mine]).statistics("filename")
    return sum(each.size for each in traces)


def test_a_forgotten_value_gives_its_memory_back() -> None:
    if sys.gettrace() is not None:
        pytest.skip("coverage or a debugger takes memory, too")
    log = Log()
    tracemalloc.start()
    try:
        for time_ns in range(100_000):
            log.add(time_ns, float(time_ns))
        assert memory_of_logs() < 18 * 100_000
        log.forget(99_990)
        assert len(log) == 10
        assert memory_of_logs() < 2_000
    finally:
        tracemalloc.stop()


def test_logs_tell_since_when_they_say_something_new() -> None:
    logs = Logs()
    logs.add("T", 100, 1.0)
    logs.add("T", 50, 2.0)
    logs.add("P", 10, 0.0)
    assert logs.names == ("P", "T")
    assert logs.changed() == {"T": 50, "P": 10}
    logs.add("T", 200, 1.0)
    assert logs.changed() == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"step": 0}, "a slice is wider than 0"),
        ({"step": -1}, "a slice is wider than 0"),
        ({"step": float("nan")}, "not a finite number"),
        ({"maximum": 0}, "must be above Min"),
        ({"log": "T", "step": 0.001}, "10000 slices; the limit is 1000"),
        ({"log": "T", "step": 1e-300}, "slices; the limit is 1000"),
    ],
)
def test_slices_that_cannot_be_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        FilterSettings(**settings)


def test_a_last_slice_ends_at_the_maximum() -> None:
    settings = FilterSettings("T", 0, 0.4, 1)
    np.testing.assert_allclose(settings.bounds, [(0, 0.4), (0.4, 0.8), (0.8, 1)])
    assert settings.slice_of(np.array([-0.1, 0, 0.4, 0.99, 1, np.nan])).tolist() == [
        -1,
        0,
        1,
        2,
        -1,
        -1,
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mask": "0:15,x"}, "'x' is no detector id or range"),
        ({"mask": "7,5:3"}, "the end of a range is before its start, in 5:3"),
        ({"mask": "1000"}, "no detector in 1000; powder_arc has ids from 0 to 999"),
        ({"mask": "5000:6000"}, "no detector in 5000:6000; powder_arc has ids from 0 to 999"),
        ({"groups": "0:499;400:999"}, "detector 400 is in two groups"),
        ({"groups": "forwards"}, "no bank of powder_arc; did you mean forward?"),
        ({"mask": "forward,back"}, "'back' is no detector id or range a:b, and no bank of"),
        ({"groups": "forward;0"}, "detector 0 is in two groups"),
        ({"groups": "banks"}, "'banks' is no detector id or range a:b, and no bank of"),
        (
            {"groups": "banks", "banks": tuple(f"bank{n}" for n in range(1_000_001))},
            "1000001 groups; the limit is",
        ),
        ({"calibration": "absent.txt"}, "absent.txt"),
    ],
)
def test_masks_and_groups_outside_the_instrument_are_refused(
    settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(Refused, match=words):
        recipe(ReductionSettings(detectors=DetectorSettings(**settings)), powder_arc())


def test_masks_take_pixels_out_of_groups() -> None:
    settings = DetectorSettings(mask="0:9, 500", groups="0:499;500:899")
    group = recipe(ReductionSettings(detectors=settings), powder_arc()).group
    assert np.bincount(group + 1).tolist() == [10 + 1 + 100 + 1, 490, 399]  # and a monitor


def test_banks_are_groups_and_masks_by_their_names() -> None:
    arc = powder_arc()
    settings = DetectorSettings(mask="backward,3", groups="backward,forward; 400:405,perpendicular")
    group = recipe(ReductionSettings(detectors=settings), arc).group
    expected = np.array([0, 1, MASKED])[arc.bank]
    expected[[3, 1000]] = MASKED
    assert group.tolist() == expected.tolist()
    assert group_names(settings) == ("backward,forward", "400:405,perpendicular")


def test_the_word_banks_is_each_bank_of_the_instrument() -> None:
    arc = powder_arc()
    settings = DetectorSettings(groups="banks", banks=arc.bank_names)
    made = recipe(ReductionSettings(detectors=settings), arc)
    assert made.groups == 3
    assert made.group[~arc.is_monitor].tolist() == arc.bank[~arc.is_monitor].tolist()
    assert group_names(settings) == ("forward", "perpendicular", "backward")


def test_a_calibration_file_replaces_the_difc_of_its_detectors(tmp_path: Path) -> None:
    text, table = tmp_path / "difc.txt", tmp_path / "difc.npz"
    text.write_text("# id DIFC\n3 5000.5\n7 6000\n")
    np.savez(table, detector_id=[3, 7], difc_us_per_angstrom=[5000.5, 6000.0])
    for path in (text, table):
        made = recipe_with_files(DetectorSettings(calibration=str(path))).calibration
        assert made is not None
        difc = made.constants.difc_us_per_angstrom
        changed = difc != powder_arc().difc_us_per_angstrom
        assert np.flatnonzero(changed & ~powder_arc().is_monitor).tolist() == [3, 7]
        assert difc[3] == 5000.5


def test_what_is_too_large_together_is_refused() -> None:
    settings = ReductionSettings(
        bin_params="0.4,0.0001,5",
        filter=FilterSettings("T", 0, 1, 32),
        detectors=DetectorSettings(groups=";".join(f"{n}" for n in range(32))),
    )
    with pytest.raises(Refused, match="32 slices, 32 groups and 46000 bins are too many together"):
        recipe(settings, powder_arc())


def test_groups_are_counted_as_they_are_written_also_if_a_mask_empties_the_last() -> None:
    settings = DetectorSettings(groups="0:499;500:999", mask="500:999")
    assert recipe(ReductionSettings(detectors=settings), powder_arc()).groups == 2


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"nan 5000\n", b"inf 5000\n", b"5.5 5000\n", b"5 5000\n5 5001\n"),
        *(b"1 2 3\n", b"1 -5\n", b"1\n2\n", b"PK\x03\x04"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
@pytest.mark.parametrize("suffix", ["txt", "npz"])
def test_a_calibration_that_is_no_table_is_refused(
    tmp_path: Path, content: bytes, suffix: str
) -> None:
    path = tmp_path / f"difc.{suffix}"
    path.write_bytes(content)
    settings = ReductionSettings(detectors=DetectorSettings(calibration=str(path)))
    with pytest.raises(Refused, match="Calibration"):
        recipe(settings, powder_arc())


def test_a_calibration_that_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    settings = DetectorSettings(calibration=str(tmp_path / "pipe.txt"))
    with pytest.raises(Refused, match="it is no regular file"):
        recipe_with_files(settings)
