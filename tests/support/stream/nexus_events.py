"""Small NeXus event files of the kinds that facilities write, and what is in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from reduction.messages.contents import LogValue, decode
from reduction.recordings.open_recording import open_recording
from tests.support.stream.recordings import all_bytes

START = "2024-03-01T10:00:00.5-05:00"
START_NS = 1_709_305_200_500_000_000
PERIOD_NS = 16_666_667


@dataclass(frozen=True)
class Bank:
    """Events of a bank: ``pulse`` (n,) numbers ascending, ``pixel_id`` (n,), ``tof_us`` (n,)."""

    pulse: NDArray[np.int64]
    pixel_id: NDArray[np.int64]
    tof_us: NDArray[np.floating[Any]]


def random_bank(random: np.random.Generator, pulses: int, events: int, first_id: int) -> Bank:
    """Events of random pulses, pixels and times of flight."""
    return Bank(
        np.sort(random.integers(0, pulses, events)),
        random.integers(first_id, first_id + 100, events),
        random.uniform(0, 16_000, events).astype(np.float32),
    )


def pulse_times_ns(pulses: int) -> NDArray[np.int64]:
    """The times of the pulses of all files here."""
    return START_NS + np.arange(pulses) * PERIOD_NS


def starts(pulse: NDArray[np.int64], pulses: int) -> NDArray[np.int64]:
    """The index of the first event of each pulse."""
    return np.searchsorted(pulse, np.arange(pulses))


def group(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    """A new group of a NeXus class."""
    made = parent.create_group(name)
    made.attrs["NX_class"] = kind
    return made


def put(parent: h5py.Group, name: str, values: Any, **attributes: Any) -> h5py.Dataset:
    """A new dataset with attributes."""
    made = parent.create_dataset(name, data=values)
    for key, value in attributes.items():
        made.attrs[key] = value
    return made


def put_log(parent: h5py.Group, name: str, seconds: Sequence[float], values: Any) -> h5py.Group:
    """A log of values at times after the start of the files."""
    made = group(parent, name, "NXlog")
    put(made, "time", np.array(seconds), units="second", start=START)
    put(made, "value", values)
    return made


def sns_file(path: Path, banks: Sequence[Bank], pulses: int, charge_pc: Any = None) -> Path:
    """A file as the SNS writes it; the third bank is an empty one of one element."""
    seconds = np.arange(pulses) * PERIOD_NS / 1e9
    with h5py.File(path, "w") as file:
        entry = group(file, "entry", "NXentry")
        for number, bank in enumerate(banks, 1):
            events = group(entry, f"bank{number}_events", "NXevent_data")
            index = starts(bank.pulse, pulses).astype(np.uint64)
            index[np.arange(pulses) > bank.pulse.max(initial=-1)] = 2**64 - 1
            put(events, "event_id", bank.pixel_id.astype(np.uint32))
            put(events, "event_index", index)
            put(events, "event_time_offset", bank.tof_us, units="microsecond")
            put(events, "event_time_zero", seconds, units="second", offset=START)
            put(events, "total_counts", np.array([bank.pulse.size], np.uint32))
        empty = group(entry, f"bank{len(banks) + 1}_events", "NXevent_data")
        for name, dtype in (("event_id", "u4"), ("event_index", "u8"), ("total_counts", "u4")):
            put(empty, name, np.zeros(1, dtype))
        put(empty, "event_time_offset", np.zeros(1, np.float32))
        put(empty, "event_time_zero", np.zeros(1))
        logs = group(entry, "DASlogs", "NXcollection")
        if charge_pc is not None:
            charge = group(logs, "proton_charge", "NXlog")
            put(charge, "time", seconds, units="second", offset=START)
            put(charge, "value", charge_pc, units="picoCoulombs")
        put_log(logs, "temperature", [0.0, 0.02, 99.0], np.array([295.0, 296.5, 300.0]))
        put_log(logs, "title", [0.0], np.array([b"words"]))
    return path


def isis_file(path: Path, bank: Bank, pulses: int, total_uah: float) -> Path:
    """A file as ISIS writes it."""
    with h5py.File(path, "w") as file:
        entry = group(file, "raw_data_1", "NXentry")
        events = group(entry, "detector_1_events", "NXevent_data")
        put(events, "event_id", bank.pixel_id.astype(np.uint32))
        put(events, "event_index", starts(bank.pulse, pulses).astype(np.uint64))
        put(events, "event_time_offset", bank.tof_us, units="microsecond")
        seconds = np.arange(pulses) * PERIOD_NS / 1e9
        put(events, "event_time_zero", seconds, units="second", offset="2024-03-01T15:00:00.5")
        put(events, "total_counts", np.array([bank.pulse.size], np.uint64))
        put(entry, "good_frames", np.array([pulses - 1], np.int32))
        put(entry, "proton_charge", np.array([total_uah], np.float32), units="uAh")
        selog = group(entry, "selog", "IXselog")
        block = group(selog, "TEMP1", "IXseblock")
        put_log(block, "value_log", [0.0], np.array([3.5], np.float32))
    return path


def ess_file(path: Path, banks: Sequence[Bank], pulses: int) -> Path:
    """A file as the ESS's file writer does it: ns since 1970, a row for each message."""
    with h5py.File(path, "w") as file:
        instrument = group(group(file, "entry", "NXentry"), "instrument", "NXinstrument")
        for number, bank in enumerate(banks):
            detector = group(instrument, f"panel_{number}", "NXdetector")
            events = group(detector, "panel_events", "NXevent_data")
            times_ns = np.repeat(pulse_times_ns(pulses), 2)  # two messages a pulse
            first = starts(bank.pulse, pulses)
            index = np.stack([first, np.append(first[1:], bank.pulse.size)], axis=1)
            index[:, 1] = (index[:, 0] + index[:, 1]) // 2
            put(events, "event_id", bank.pixel_id.astype(np.int32))
            put(events, "event_index", index.ravel().astype(np.int32))
            tof_ns = np.rint(bank.tof_us.astype(np.float64) * 1000).astype(np.int32)
            put(events, "event_time_offset", tof_ns, units="ns")
            put(events, "event_time_zero", times_ns, units="ns")
        log = group(group(instrument, "chopper", "NXdisk_chopper"), "speed", "NXlog")
        put(log, "time", pulse_times_ns(pulses)[:1], units="ns", start="1970-01-01T00:00:00Z")
        put(log, "value", np.array([14.0]))
    return path


@dataclass
class Content:
    """What a recording holds: events of each pulse by its time, charges, values of logs, marks."""

    events: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    charges_uc: dict[int, float] = field(default_factory=dict)
    logs: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    marks: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, partition: int, data: bytes) -> None:
        """Add a message."""
        content = decode(data)
        if not isinstance(content, LogValue):
            (chunk,) = content
            pairs = zip(chunk.pixel_id.tolist(), chunk.tof_ns.tolist(), strict=True)
            self.events[chunk.pulse_time_ns] += list(pairs)
        elif content.name == "pulse":
            self.marks[partition].append((int(content.value[0]), content.time_ns))
        elif content.name == "proton_charge":
            self.charges_uc[content.time_ns] = float(content.value[0])
        elif partition == 0:
            self.logs[content.name].append((content.time_ns, float(content.value[0])))

    def sorted_events(self) -> dict[int, list[tuple[int, int]]]:
        """The events of each pulse in the order of pixels and times of flight."""
        return {time_ns: sorted(found) for time_ns, found in self.events.items()}


def content_of(path: Path, partitions: int, monitors: dict[str, int] | None = None) -> Content:
    """What a recording holds, over all partitions."""
    found = Content()
    with closing(open_recording(path, partitions, monitors or {})) as recording:
        for partition in range(recording.partitions):
            for data in all_bytes(recording, partition):
                found.add(partition, data)
    return found


def expected_events(banks: Sequence[Bank], pulses: int) -> dict[int, list[tuple[int, int]]]:
    """The events of each pulse, by plain arithmetic."""
    times_ns, found = pulse_times_ns(pulses), defaultdict(list)
    for bank in banks:
        tof_ns = np.rint(bank.tof_us.astype(np.float64) * 1000).astype(int)
        for pulse, pixel, tof in zip(bank.pulse, bank.pixel_id, tof_ns, strict=True):
            found[int(times_ns[pulse])].append((int(pixel), int(tof)))
    return {time_ns: sorted(events) for time_ns, events in found.items()}
