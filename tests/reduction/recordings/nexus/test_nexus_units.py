"""Units, times and indices of NeXus files are read however a facility writes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.recordings.nexus.index import event_starts
from reduction.recordings.nexus.units import (
    NexusRefused,
    charge_unit_uc,
    stamp,
    time_unit_ns,
    times_of,
)
from tests.support.stream.nexus_events import START_NS, put


@pytest.fixture
def file() -> Iterator[h5py.File]:
    """A file in memory."""
    with h5py.File("units.nxs", "w", driver="core", backing_store=False) as made:
        yield made


@pytest.mark.parametrize(
    ("units", "size_ns"),
    [
        ("ps", 1e-3),
        ("nanoseconds", 1),
        (b"\xb5s", 1e3),  # µs in latin-1
        (np.bytes_(b"us\0"), 1e3),
        ("Micro-Seconds", 1e3),
        ("10^-6 s", 1e3),
        ("1e-6*s", 1e3),
        ("100 ns", 100),
        ("minute", 60e9),
        ("hours", 3600e9),
        ("days", 86_400e9),
    ],
)
def test_units_of_time(file: h5py.File, units: Any, size_ns: float) -> None:
    data = put(file, "x", np.zeros(1), units=units)
    assert time_unit_ns(data, "s") == pytest.approx(size_ns)


@pytest.mark.parametrize("units", ["furlong", "3", "x10^-6 s", "b\xffs"])
def test_units_that_are_no_time_are_refused(file: h5py.File, units: str) -> None:
    with pytest.raises(NexusRefused, match=r"/x: units .* are no time"):
        time_unit_ns(put(file, "x", np.zeros(1), units=units), "s")


@pytest.mark.parametrize(
    ("units", "size_uc"),
    [
        ("picoCoulombs", 1e-6),
        ("C", 1e6),
        ("A.s", 1e6),
        ("uAh", 3600),
        ("uA.hour", 3600),
        ("uAhrs", 3600),
        ("microAmp*hours", 3600),
        ("µA h", 3600),
        ("microAmpere hours", 3600),
        ("mA hr", 3.6e6),
        ("Ah", 3.6e9),
    ],
)
def test_units_of_charge(file: h5py.File, units: str, size_uc: float) -> None:
    assert charge_unit_uc(put(file, "x", np.zeros(1), units=units)) == pytest.approx(size_uc)


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T10:00:00.5-05:00",
        "2024-03-01 10:00:00,500000000-0500",
        "2024-03-01T15:00:00.5Z",
        "2024-03-01t15:00:00.5z",
        "2024-03-01T15:00:00.5+00",
        "2024-03-01 15:00:00.5 UTC",
        "2024-03-01T15:00:00.5GMT",
    ],
)
def test_stamps_of_one_time(text: str) -> None:
    assert stamp(text) == (START_NS, True)


def test_a_stamp_without_seconds_and_zone() -> None:
    assert stamp("2024-03-01T15:00") == (START_NS - 500_000_000, False)


def test_times_without_a_start_count_from_that_of_the_run(file: h5py.File) -> None:
    run = stamp("2024-03-01T15:00:00.5Z")
    times = times_of(put(file, "x", np.array([0.0, 1.5]), units="s"), run)
    assert (times.ns.tolist(), times.from_run) == ([START_NS, START_NS + 1_500_000_000], True)
    since_1970 = times_of(put(file, "y", np.array([0, START_NS]), units="ns"), run)
    assert (since_1970.ns.tolist(), since_1970.from_run) == ([0, START_NS], False)


def test_times_are_scaled(file: h5py.File) -> None:
    data = put(file, "x", np.array([0, 1000]), units="s", start="1970-01-02", scaling_factor=0.001)
    with pytest.raises(NexusRefused, match="/x: its start '1970-01-02' is no time"):
        times_of(data, None)
    data.attrs["start"] = "1970-01-02T00:00:00Z"
    assert times_of(data, None).ns.tolist() == [86_400 * 10**9, 86_401 * 10**9]
    data.attrs["scaling_factor"] = "none"
    with pytest.raises(NexusRefused, match="/x: its scaling_factor is no number above 0"):
        times_of(data, None)


NO_SECOND = [0, 5, 5, 5, 9, 12]
NO_SECOND_AND_FOURTH = [0, 5, 5, 9, 9, 12]


@pytest.mark.parametrize(
    ("index", "starts"),
    [
        (np.array([0, -1, 5, 5, 9]), NO_SECOND),
        (np.array([0, 2**64 - 1, 5, 5, 9], np.uint64), NO_SECOND),
        (np.array([0, 2**32 - 1, 5, 5, 9], np.uint32), NO_SECOND),
        (np.array([0, 5, 5, 5, 9, 12]), NO_SECOND),  # with the end
        (np.array([0, -1, 5, 4, 9], np.int32), NO_SECOND_AND_FOURTH),  # of the ESS's file writer
        (np.array([0, -1, 5, -1, 9]), NO_SECOND_AND_FOURTH),
    ],
)
def test_an_index_of_pulses_some_of_which_are_empty(index: Any, starts: list[int]) -> None:
    assert event_starts(index, 5, 12).tolist() == starts


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (np.array([0.0, 5.0]), "no whole numbers"),
        (np.array([0]), "1 event_index for 2 pulses"),
        (np.array([0, 5, 9]), "3 event_index for 2 pulses"),
        (np.array([0, 13]), "goes beyond its 12 events"),
        (np.array([7, 5]), "goes back"),
    ],
)
def test_an_index_that_does_not_tell_pulses_is_refused(index: Any, message: str) -> None:
    with pytest.raises(NexusRefused, match=message):
        event_starts(index, 2, 12)
