"""NeXus event files that other programs write are read, or it is told what of them is not."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest

from reduction.recordings.open_recording import open_recording
from tests.support.stream.nexus_events import (
    START,
    START_NS,
    Bank,
    content_of,
    ess_file,
    expected_events,
    group,
    pulse_times_ns,
    put,
    put_log,
    random_bank,
    sns_file,
)

PULSES = 20
EVENTS = "entry/bank1_events"


@pytest.fixture
def bank() -> Bank:
    """A bank."""
    return random_bank(np.random.default_rng(2), PULSES, 100, 1000)


def remarks_of(path: Path) -> list[str]:
    """What is told of a file when it is opened."""
    with closing(open_recording(path, 1)) as recording:
        return list(recording.remarks)


def test_a_monitor_whose_pixel_ids_are_an_empty_dataset(tmp_path: Path, bank: Bank) -> None:
    path = ess_file(tmp_path / "ess.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        around = group(file["entry/instrument"], "monitor_1", "NXmonitor")
        events = group(around, "monitor_1_events", "NXevent_data")
        put(events, "event_id", np.empty(0, np.int32))
        put(events, "event_time_offset", np.arange(50, dtype=np.int32), units="ns")
        put(events, "event_time_zero", pulse_times_ns(PULSES), units="ns")
        put(events, "event_index", np.minimum(2 * np.arange(PULSES), 50))
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)
    assert remarks_of(path) == [
        "/entry/instrument/monitor_1/monitor_1_events: 50 events without pixel ids are left out;"
        " --monitor monitor_1_events=ID gives them one"
    ]
    found = content_of(path, 1, {"monitor_1": 77})
    pixels = [pixel for events in found.events.values() for pixel, _ in events]
    assert (len(pixels), pixels.count(77)) == (150, 50)


def test_a_file_of_the_sns_before_2010_has_other_names(tmp_path: Path, bank: Bank) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        for each in file["entry"].values():
            if "event_id" in each:
                each.move("event_id", "event_pixel_id")
                each.move("event_time_offset", "event_time_of_flight")
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)


def test_pulses_without_a_start_count_from_the_start_of_the_run(tmp_path: Path, bank: Bank) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        del file[f"{EVENTS}/event_time_zero"].attrs["offset"]
        log = put_log(file["entry/DASlogs"], "field", [0.5], np.ones(1))
        del log["time"].attrs["start"]
    with pytest.raises(OSError, match=f"/{EVENTS}: event_time_zero has pulses before 1970"):
        open_recording(path, 1)
    with h5py.File(path, "r+") as file:
        put(file["entry"], "start_time", START)
    found = content_of(path, 1)
    assert found.sorted_events() == expected_events([bank], PULSES)
    assert found.logs["field"] == [(START_NS + 500_000_000, 1.0)]
    assert remarks_of(path) == [
        "log /entry/DASlogs/field: its times have no start; taken as that of the entry",
        f"/{EVENTS}: event_time_zero has no start; taken as that of the entry",
    ]


def test_what_is_not_used_is_told(tmp_path: Path, bank: Bank) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank, bank], PULSES)
    with h5py.File(path, "r+") as file:
        file.copy("entry", "entry-On_Off")
        file["linked"] = h5py.SoftLink("/entry")
        put(file[EVENTS], "event_weight", np.ones(100, np.float32))
        del file["entry/bank2_events/event_index"]
        logs = file["entry/DASlogs"]
        put_log(logs, "cut", [0, 1, 2], np.ones(2))
        put_log(logs, "waves", [0, 1], np.ones((2, 10)))
        put_log(logs, "words", [0, 1], np.array([b"a", b"b"]))
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)
    assert remarks_of(path) == [
        "/entry/bank2_events: it has no event_index: it is left out",
        "/entry-On_Off has events, too: only those of /entry are used",
        "log /entry/DASlogs/cut is left out: it has 2 values for 3 times",
        "log /entry/DASlogs/waves is left out: it has 20 values for 2 times",
        f"/{EVENTS}: each event counts once, whatever event_weight is",
    ]


def test_logs_of_one_name_get_as_much_of_their_paths_as_tells_them_apart(
    tmp_path: Path, bank: Bank
) -> None:
    path = ess_file(tmp_path / "ess.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        for number, around in enumerate(["a/moved", "b/moved", "c", "d"], 1):
            within = file.create_group(f"entry/instrument/{around}")
            put_log(within, "x", [0.0], np.array([float(number)]))
        put_log(file.create_group("entry/runlog"), "T", [0.0], np.array([5.0]))
        put_log(file.create_group("entry/selog/T"), "value_log", [0.0], np.array([6.0]))
    logs = content_of(path, 1).logs
    assert {name: values for name, ((_, values),) in logs.items() if name != "speed"} == {
        "a_moved_x": 1.0,
        "b_moved_x": 2.0,
        "c_x": 3.0,
        "d_x": 4.0,
        "runlog_T": 5.0,
        "selog_T": 6.0,
    }


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nxs")
    with pytest.raises(OSError, match="it is no file and no folder"):
        open_recording(tmp_path / "pipe.nxs", 1)


def test_a_start_that_is_no_time_is_refused_with_its_place(tmp_path: Path, bank: Bank) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        file[f"{EVENTS}/event_time_zero"].attrs["offset"] = "noon"
    message = f"recording {path}: /{EVENTS}/event_time_zero: its start 'noon' is no time"
    with pytest.raises(OSError, match=message):
        open_recording(path, 1)
