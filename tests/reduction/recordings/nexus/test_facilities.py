"""NeXus event files of three facilities are read with all their events, charges and logs."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest

from reduction.control.orders import RanksOrder
from reduction.event_log.entries import entry_of
from reduction.event_log.protocol import LogReader
from reduction.host.stop import Stop
from reduction.recordings.nexus.blocks import MOST_BLOCK_EVENTS, MOST_BLOCK_PULSES
from reduction.recordings.nexus.log_reader import CHUNK_EVENTS
from reduction.recordings.open_recording import open_recording
from reduction.recordings.play_settings import PlaySettings
from reduction.recordings.replay import replay
from tests.support.stream.event_logs import all_of, sought
from tests.support.stream.nexus_events import (
    PERIOD_NS,
    START_NS,
    Bank,
    content_of,
    ess_file,
    expected_events,
    isis_file,
    pulse_times_ns,
    put,
    random_bank,
    sns_file,
)
from tests.support.stream.recordings import ListOutput, all_bytes, read_by_rank

PULSES = 30


def two_banks(seed: int = 1, events: int = 200) -> list[Bank]:
    random = np.random.default_rng(seed)
    return [random_bank(random, PULSES - 3, events, first) for first in (1000, 2000)]


@pytest.mark.parametrize("partitions", [1, 2, 3])
def test_a_file_of_the_sns(tmp_path: Path, partitions: int) -> None:
    banks, charge_pc = two_banks(), np.linspace(1e7, 2e7, PULSES)
    path = sns_file(tmp_path / "sns.nxs", banks, PULSES, charge_pc)
    found = content_of(path, partitions)
    assert found.sorted_events() == expected_events(banks, PULSES)
    times_ns = pulse_times_ns(PULSES).tolist()
    assert found.charges_uc == pytest.approx(dict(zip(times_ns, charge_pc * 1e-6, strict=True)))
    marks = list(enumerate(times_ns))
    assert found.marks == dict.fromkeys(range(partitions), marks)
    assert found.logs == {
        "temperature": [
            (START_NS, 295.0),
            (START_NS + 20_000_000, 296.5),
            (START_NS + 99 * 10**9, 300.0),  # after the last pulse
        ]
    }


def test_a_file_of_isis(tmp_path: Path) -> None:
    bank = two_banks()[0]
    path = isis_file(tmp_path / "isis.nxs", bank, PULSES, total_uah=0.5)
    found = content_of(path, 2)
    assert found.sorted_events() == expected_events([bank], PULSES)
    assert sum(found.charges_uc.values()) == pytest.approx(0.5 * 3600)
    assert len(found.charges_uc) == PULSES
    assert found.logs == {"TEMP1": [(START_NS, 3.5)]}
    with closing(open_recording(path, 1)) as recording:
        assert list(recording.remarks) == [
            "/raw_data_1/detector_1_events: its start has no time zone; it is taken as UTC",
            f"good_frames is {PULSES - 1}; all {PULSES} pulses are used",
        ]


def test_a_file_of_the_file_writer_of_the_ess(tmp_path: Path) -> None:
    banks = two_banks()
    path = ess_file(tmp_path / "ess.nxs", banks, PULSES)
    found = content_of(path, 2)
    assert found.sorted_events() == expected_events(banks, PULSES)
    assert found.charges_uc == {}
    assert found.logs == {"speed": [(START_NS, 14.0)]}


@pytest.mark.parametrize("seed", range(6))
def test_any_events_are_those_of_plain_arithmetic(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    pulses = int(random.integers(1, 60))
    banks = [
        random_bank(random, pulses, int(random.integers(0, 400)), 100 * number)
        for number in range(int(random.integers(1, 5)))
    ]
    banks.append(random_bank(random, pulses, 5, 9000))
    path = ess_file(tmp_path / "ess.nxs", banks, pulses)
    found = content_of(path, int(random.integers(1, 4)))
    assert found.sorted_events() == expected_events(banks, pulses)


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_reader_finds_every_place_and_the_values_before_it(
    tmp_path: Path, partitions: int
) -> None:
    path = sns_file(tmp_path / "sns.nxs", two_banks(), PULSES, np.ones(PULSES))
    with closing(open_recording(path, partitions)) as recording:
        messages = all_bytes(recording, 0)
        entries = [entry_of(each) for each in messages]
        reader = recording.reader(0)
        for pulse in range(-1, PULSES + 1):
            for time_ns in (START_NS + pulse * PERIOD_NS, START_NS + pulse * PERIOD_NS + 1):
                reader.seek(time_ns)
                found = all_of(reader)
                if time_ns <= START_NS + (PULSES - 1) * PERIOD_NS:
                    assert found == sought(entries, time_ns)
        for offset in range(len(messages) + 2):
            reader.seek_offset(offset)
            assert reader.began == min(offset, len(messages))
            assert reader.behind.messages >= len(messages) - offset
            found = all_of(reader)
            rest = [(each, messages[each]) for each in range(offset, len(messages))]
            assert [each for each in found if each[0] >= offset] == rest
            before = [each for each in found if each[0] < offset]
            assert before == [(each, messages[each]) for each, _ in before]
            logs = {entry.name: each for each, entry in enumerate(entries[:offset]) if entry.name}
            assert [each for each, _ in before] == sorted(logs.values())
        assert reader.behind.messages == 0
        reader.seek_to_end()
        assert reader.began == len(messages)


def test_blocks_are_bounded_and_large_pulses_are_cut_into_messages(tmp_path: Path) -> None:
    events = CHUNK_EVENTS * 2 + 5
    pulse = np.sort(np.concatenate([np.arange(3000), np.full(events, 7)]))
    bank = Bank(pulse, np.full(pulse.size, 3), np.full(pulse.size, 1.0, np.float32))
    path = ess_file(tmp_path / "ess.nxs", [bank], 3000)
    with closing(open_recording(path, 2)) as recording:
        report = read_by_rank(recording, RanksOrder(revision=1))
        assert report.stream.event_total == pulse.size
        assert report.stream.messages_missing == 0
        assert (report.stream.pulse_first, report.stream.pulse_last) == (0, 2999)
        sizes = [
            sum(1 for data in all_bytes(recording, each) if data[4:8] == b"ev44")
            for each in range(2)
        ]
        # Pulses come in blocks of 1024, in one partition after the other.
        assert sizes == [MOST_BLOCK_PULSES + 2 + 3000 - 2 * MOST_BLOCK_PULSES, MOST_BLOCK_PULSES]
    assert events < MOST_BLOCK_EVENTS


def test_a_rank_counts_events_and_charge_of_a_file(tmp_path: Path) -> None:
    banks = two_banks()
    path = sns_file(tmp_path / "sns.nxs", banks, PULSES, np.full(PULSES, 2e7))
    with closing(open_recording(path, 2)) as recording:
        report = read_by_rank(recording, RanksOrder(revision=1))
    assert report.stream.event_total == 400
    assert sum(report.results[0].charges_uc) == pytest.approx(PULSES * 20.0)


def test_a_file_is_played_as_a_log_is(tmp_path: Path) -> None:
    path, output = sns_file(tmp_path / "sns.nxs", two_banks(), PULSES), ListOutput()
    with closing(open_recording(path, 2)) as recording, closing(Stop()) as stop:
        replay(recording, output, PlaySettings(math.inf), stop)
        assert [output.data(each) for each in range(2)] == [
            all_bytes(recording, each) for each in range(2)
        ]


def changed(path: Path, name: str, values: object, **attributes: object) -> Path:
    """The file with a dataset replaced."""
    with h5py.File(path, "r+") as file:
        kept = dict(file[name].attrs) | attributes
        del file[name]
        put(file, name, values, **kept)
    return path


def message_of(path: Path) -> str:
    """What the reader of a file says once it has read everything."""
    with closing(open_recording(path, 1)) as recording:
        reader: LogReader = recording.reader(0)
        all_of(reader)
        return reader.message


def test_events_that_cannot_be_are_counted_and_told(tmp_path: Path) -> None:
    bank = two_banks()[0]
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    ids = bank.pixel_id.astype(np.uint32)
    ids[:2] = 2**31
    tof_us = bank.tof_us.astype(np.float64)
    tof_us[3:6] = -1.5, 1e10, np.nan
    changed(path, "entry/bank1_events/event_id", ids)
    changed(path, "entry/bank1_events/event_time_offset", tof_us)
    assert message_of(path) == (
        "2 events with pixel ids beyond 32 bits are invalid; 2 events with times of flight beyond"
        " 2.1 s are invalid; 1 events have times of flight below 0"
    )
    found = [pair for events in content_of(path, 1).events.values() for pair in events]
    assert len(found) == bank.pulse.size
    assert sum(pixel == -1 for pixel, _ in found) == 4
    assert sum(tof == -1500 for _, tof in found) == 1


def test_pulses_out_of_order_and_events_before_them_are_told(tmp_path: Path) -> None:
    bank = two_banks()[0]
    path = ess_file(tmp_path / "ess.nxs", [bank], PULSES)
    name = "entry/instrument/panel_0/panel_events"
    with h5py.File(path) as file:
        times_ns, index = file[f"{name}/event_time_zero"][()], file[f"{name}/event_index"][()]
    order = np.random.default_rng(3).permutation(times_ns.size)
    changed(path, f"{name}/event_time_zero", times_ns[order])
    index[0] = np.minimum(index[1], 4)
    changed(path, f"{name}/event_index", index)
    lost = int(index[0])
    with closing(open_recording(path, 1)) as recording:
        back, left_out = recording.remarks
        assert "pulses are earlier than the one before" in back
        assert left_out == f"{lost} events come before any pulse: left out"
    bounds = [*index, bank.pulse.size]
    expected: dict[int, int] = {}
    for row, time_ns in enumerate(times_ns[order].tolist()):
        expected[time_ns] = expected.get(time_ns, 0) + int(bounds[row + 1] - bounds[row])
    found = {time_ns: len(events) for time_ns, events in content_of(path, 1).events.items()}
    assert found == {time_ns: count for time_ns, count in expected.items() if count}


def test_a_monitor_without_pixel_ids_gets_the_one_that_is_given(tmp_path: Path) -> None:
    path = sns_file(tmp_path / "sns.nxs", two_banks()[:1], PULSES)
    with h5py.File(path, "r+") as file:
        file.move("entry/bank1_events", "entry/monitor1")
        del file["entry/monitor1/event_id"]
    with pytest.raises(OSError, match="it has no pulse with events"):
        open_recording(path, 1)
    found = content_of(path, 1, {"monitor1": 77})
    assert {pixel for events in found.events.values() for pixel, _ in events} == {77}


def test_charges_that_are_not_of_pulses_are_spread_or_left_out(tmp_path: Path) -> None:
    path = sns_file(tmp_path / "sns.nxs", two_banks(), PULSES, np.ones(PULSES))
    changed(path, "entry/DASlogs/proton_charge/time", np.arange(PULSES) * 1.005 + 0.004)
    assert content_of(path, 1).charges_uc == {}
    with h5py.File(path, "r+") as file:
        put(file["entry"], "proton_charge", np.array([60.0]), units="microCoulomb")
    assert list(content_of(path, 1).charges_uc.values()) == [60.0 / PULSES] * PULSES


def test_a_pulse_with_a_charge_and_no_events_is_a_pulse(tmp_path: Path) -> None:
    bank = Bank(np.array([0, 2]), np.array([1, 2]), np.ones(2, np.float32))
    path = sns_file(tmp_path / "sns.nxs", [bank], 3, np.full(3, 1e6))
    for name in ("event_time_zero", "event_index"):
        with h5py.File(path) as file:
            values = file[f"entry/bank1_events/{name}"][[0, 2]]
        changed(path, f"entry/bank1_events/{name}", values)
    found = content_of(path, 1)
    assert [number for number, _ in found.marks[0]] == [0, 1, 2]
    assert list(found.charges_uc.values()) == pytest.approx([1.0, 1.0, 1.0])
    assert len(found.events) == 2


EVENTS = "entry/bank1_events"


@pytest.mark.parametrize(
    ("name", "values", "attributes", "message"),
    [
        ("event_index", np.arange(PULSES)[::-1], {}, "event_index goes back"),
        ("event_index", np.full(PULSES, 5000), {}, "event_index goes beyond its 200 events"),
        ("event_index", np.zeros(3, int), {}, "3 event_index for 30 pulses"),
        ("event_id", np.zeros(3, int), {}, "event_id has 3 values for 200 times of flight"),
        ("event_id", np.zeros(200), {}, "event_id has no whole numbers"),
        ("event_time_offset", np.full(200, b"x"), {}, "event_time_offset is no number"),
        ("event_time_offset", np.zeros(200), {"units": "furlong"}, "units 'furlong' are no time"),
        ("event_time_zero", np.zeros(PULSES), {"offset": "noon"}, "'noon' is no time"),
        ("event_time_zero", np.zeros(PULSES), {"offset": "1960-01-01T00:00:00"}, "before 1970"),
        ("event_time_zero", np.full(PULSES, np.nan), {}, "times that are no numbers"),
        ("event_time_zero", np.full(PULSES, b"x"), {}, "times that are no numbers"),
        ("event_time_zero", np.full(PULSES, 2**62), {}, "times beyond all years"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_name(
    tmp_path: Path, name: str, values: object, attributes: dict[str, str], message: str
) -> None:
    path = sns_file(tmp_path / "sns.nxs", two_banks()[:1], PULSES)
    changed(path, f"{EVENTS}/{name}", values, **attributes)
    with pytest.raises(OSError, match=message) as refused:
        open_recording(path, 1)
    assert str(refused.value.strerror).startswith(f"recording {path}: ")


def test_what_is_no_event_file_is_refused(tmp_path: Path) -> None:
    path = sns_file(tmp_path / "sns.nxs", two_banks(), PULSES)
    damaged, text, empty = (tmp_path / name for name in ("damaged.nxs", "text.nxs", "empty.nxs"))
    damaged.write_bytes(path.read_bytes()[:5000])
    text.write_text("no HDF5")
    for each in (damaged, text):
        with pytest.raises(OSError, match="it is no readable HDF5 file"):
            open_recording(each, 1)
    with h5py.File(empty, "w") as file:
        file.create_group("entry")
    with pytest.raises(OSError, match="it has no NXentry"):
        open_recording(empty, 1)
    with h5py.File(empty, "r+") as file:
        file["entry"].attrs["NX_class"] = "NXentry"
    with pytest.raises(OSError, match="no group of /entry has event_time_offset"):
        open_recording(empty, 1)


def test_any_damage_is_told_and_never_a_traceback(tmp_path: Path) -> None:
    path = sns_file(tmp_path / "sns.nxs", two_banks(), PULSES, np.ones(PULSES))
    whole, random = path.read_bytes(), np.random.default_rng(5)
    for number in range(60):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 40):
            data[place] = random.integers(0, 256)
        each = tmp_path / f"{number}.nxs"
        each.write_bytes(data)
        try:
            with closing(open_recording(each, 2)) as recording:
                for partition in range(2):
                    all_bytes(recording, partition)
        except OSError as error:
            assert str(error.strerror).startswith(f"recording {each}: ")


def test_what_cannot_be_read_is_invalid_and_told(tmp_path: Path) -> None:
    bank = two_banks()[0]
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        del file[f"{EVENTS}/event_id"]
        data = file[EVENTS].create_dataset(
            "event_id", data=bank.pixel_id.astype(np.uint32), chunks=(200,), compression="gzip"
        )
        place = data.id.get_chunk_info(0).byte_offset
    with path.open("r+b") as raw:
        raw.seek(place)
        raw.write(b"\0" * 20)
    assert message_of(path) == "/entry/bank1_events: 200 events cannot be read"
    found = [pair for events in content_of(path, 1).events.values() for pair in events]
    assert found == [(-1, 0)] * 200
