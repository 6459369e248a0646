"""However a NeXus file stores its events, they are those that h5py gives, or it is told why not."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.recordings.open_recording import open_recording
from tests.support.stream.nexus_events import (
    START_NS,
    Bank,
    content_of,
    ess_file,
    expected_events,
    put,
    random_bank,
    sns_file,
)

PULSES, EVENTS = 40, 3000
GROUP = "entry/bank1_events"
UNKNOWN_FILTER = 499
"""A number that no filter has."""


@pytest.fixture
def bank() -> Bank:
    """A bank with more events than a chunk has."""
    return random_bank(np.random.default_rng(7), PULSES, EVENTS, 1000)


def stored_as(path: Path, name: str, dtype: str, **layout: Any) -> None:
    """Store a dataset of a file in another way."""
    with h5py.File(path, "r+") as file:
        old = file[name]
        values, attributes = old[()], dict(old.attrs)
        del file[name]
        data = file.create_dataset(name, data=values.astype(dtype), dtype=dtype, **layout)
        data.attrs.update(attributes)


@pytest.mark.parametrize(
    ("ids", "tofs"),
    [("<u4", "<f4"), (">u4", ">f4"), ("<i8", "<f8"), (">u8", ">f8"), ("<u2", "<f4")],
)
@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"chunks": (1,)},
        {"chunks": (1024,), "compression": "gzip"},
        {"chunks": (1024,), "compression": "gzip", "shuffle": True},
        {"chunks": (1024,), "compression": "lzf"},
        {"chunks": (EVENTS,), "maxshape": (None,)},
    ],
)
def test_events_in_any_layout_and_of_any_type(
    tmp_path: Path, bank: Bank, ids: str, tofs: str, layout: dict[str, Any]
) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    stored_as(path, f"{GROUP}/event_id", ids, **layout)
    stored_as(path, f"{GROUP}/event_time_offset", tofs, **layout)
    stored_as(path, f"{GROUP}/event_index", ">u8")
    stored_as(path, f"{GROUP}/event_time_zero", ">f8")
    assert content_of(path, 2).sorted_events() == expected_events([bank], PULSES)


def test_whole_banks_are_dealt_out_where_that_is_even(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    banks = [random_bank(random, PULSES, 900 + 50 * each, 1000 * each) for each in range(6)]
    path = ess_file(tmp_path / "ess.nxs", banks, PULSES)
    for partitions in (2, 3):
        assert content_of(path, partitions).sorted_events() == expected_events(banks, PULSES)
    with closing(open_recording(path, 2)) as recording:
        messages = [recording.reader(each).read(10_000) for each in range(2)]
    sizes = [sum(len(each.data) for each in some if each.data[4:8] == b"ev44") for some in messages]
    assert min(sizes) > 0.8 * max(sizes)


@pytest.mark.parametrize("linked", [GROUP, "entry", f"{GROUP}/event_id"])
def test_what_is_in_another_file_is_read_from_there(
    tmp_path: Path, bank: Bank, linked: str
) -> None:
    sns_file(tmp_path / "other.nxs", [bank], PULSES)
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        del file[linked]
        file[linked] = h5py.ExternalLink("other.nxs", f"/{linked}")
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)
    (tmp_path / "other.nxs").unlink()
    with pytest.raises(OSError, match="it has no"):
        open_recording(path, 1)


def test_groups_that_several_links_lead_to_are_read_once(tmp_path: Path, bank: Bank) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        file.move(GROUP, "kept")
        for number in range(2):
            file[f"entry/soft_{number}"] = h5py.SoftLink("/kept")
        file["entry/round"] = h5py.SoftLink("/entry")
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)


def test_a_bank_whose_file_is_missing_is_told(tmp_path: Path, bank: Bank) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank, bank], PULSES)
    with h5py.File(path, "r+") as file:
        del file["entry/bank2_events/event_id"]
        file["entry/bank2_events/event_id"] = h5py.ExternalLink("gone.nxs", "/x")
        file["entry/bank9_events"] = h5py.ExternalLink("gone.nxs", "/entry/bank9_events")
    with closing(open_recording(path, 1)) as recording:
        assert list(recording.remarks) == [
            "/entry/bank2_events: event_id leads to nothing: it is left out",
            "/entry/bank9_events leads to /entry/bank9_events of gone.nxs, which is missing",
            "/entry/bank2_events/event_id leads to /x of gone.nxs, which is missing",
        ]
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)


def test_virtual_events_are_read_and_missing_sources_refused(tmp_path: Path, bank: Bank) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    name = f"{GROUP}/event_id"
    with h5py.File(path, "r+") as file:
        values = file[name][()]
        del file[name]
        layout = h5py.VirtualLayout((EVENTS,), values.dtype)
        for number, low in enumerate(range(0, EVENTS, 1000)):
            part = values[low : low + 1000]
            with h5py.File(tmp_path / f"{number}.h5", "w") as other:
                other["ids"] = part
            layout[low : low + 1000] = h5py.VirtualSource(f"{number}.h5", "ids", part.shape)
        file.create_virtual_dataset(name, layout)
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)
    (tmp_path / "1.h5").unlink()
    with pytest.raises(OSError, match=r"event_id: it is virtual, and 1\.h5:ids is missing"):
        open_recording(path, 1)


def test_a_bank_without_a_shape_is_empty_and_one_of_two_dimensions_is_refused(
    tmp_path: Path, bank: Bank
) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank, bank], PULSES)
    names = [f"entry/bank2_events/{each}" for each in ("event_time_offset", "event_id")]
    with h5py.File(path, "r+") as file:
        del file["entry/bank2_events/total_counts"]
        for name in names:
            del file[name]
            file[name] = h5py.Empty("u4")
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)
    with h5py.File(path, "r+") as file:
        for name in names:
            del file[name]
            put(file, name, np.zeros((EVENTS, 1), np.uint32))
    with pytest.raises(OSError, match="event_time_offset: it has 2 dimensions, not 1"):
        open_recording(path, 1)


def test_a_filter_that_is_not_there_is_named(tmp_path: Path, bank: Bank) -> None:
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    with h5py.File(path, "r+") as file:
        del file[f"{GROUP}/event_id"]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((EVENTS,))
        properties.set_filter(UNKNOWN_FILTER, h5py.h5z.FLAG_OPTIONAL)
        kind, space = h5py.h5t.NATIVE_UINT32, h5py.h5s.create_simple((EVENTS,))
        h5py.h5d.create(file[GROUP].id, b"event_id", kind, space, properties)
    words = f"/{GROUP}/event_id: the filter {UNKNOWN_FILTER} of HDF5 is not installed"
    with pytest.raises(OSError, match=words):
        open_recording(path, 1)


def test_events_in_a_raw_file_that_is_missing_are_refused(tmp_path: Path, bank: Bank) -> None:
    path, raw = sns_file(tmp_path / "sns.nxs", [bank], PULSES), tmp_path / "raw"
    ids = bank.pixel_id.astype(np.uint32)
    raw.write_bytes(ids.tobytes())
    with h5py.File(path, "r+") as file:
        del file[f"{GROUP}/event_id"]
        outside = [(str(raw), 0, ids.nbytes)]
        file[GROUP].create_dataset("event_id", ids.shape, ids.dtype, external=outside)
    assert content_of(path, 1).sorted_events() == expected_events([bank], PULSES)
    raw.unlink()
    with pytest.raises(OSError, match=f"/{GROUP}/event_id: it is in {raw}, which is missing"):
        open_recording(path, 1)


WRITER = """
import os, sys, h5py
file = h5py.File(sys.argv[1], "r+", libver="latest")
file.swmr_mode = True
print("open", flush=True)
sys.stdin.read()
os._exit(0)
"""


def test_a_file_that_is_written_or_was_not_closed_is_refused_in_words(
    tmp_path: Path, bank: Bank
) -> None:
    path = tmp_path / "written.nxs"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_group("entry").attrs["NX_class"] = "NXentry"
    words = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        with pytest.raises(OSError, match="it is still being written, or was not closed"):
            open_recording(path, 1)
        writer.communicate(timeout=60)
    with pytest.raises(OSError, match="it is still being written, or was not closed"):
        open_recording(path, 1)


def test_pulses_before_any_event_and_events_of_one_pulse(tmp_path: Path) -> None:
    bank = Bank(np.full(5, PULSES - 1), np.arange(5), np.ones(5, np.float32))
    path = sns_file(tmp_path / "sns.nxs", [bank], PULSES)
    found = content_of(path, 3)
    assert found.sorted_events() == expected_events([bank], PULSES)
    assert found.marks[0][0] == (0, START_NS)
