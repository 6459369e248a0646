"""Values of process variables are read again as they were kept, whatever happens to the file."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ioc.app.server.starting_orders import kept_pv_logs
from ioc.ca.client.pv_monitors import PvValue
from ioc.pv_logs import log_store
from ioc.pv_logs.log_file import HEADER, LogFileContent, PvLogFile, replacement
from ioc.pv_logs.log_history import PvLogHistory
from ioc.pv_logs.log_store import LogStore
from ioc.pv_logs.log_times import DatedValue, HostClocks
from ioc.pv_logs.recorder import PvLogRecorder
from ioc.pv_logs.records import RECORD_TYPE

Kept = dict[str, list[tuple[int, float]]]
NAMES = st.sampled_from(["Cryo:T", "A:name/that is:longer.than_twenty-four characters", "p°"])
VALUES = st.builds(DatedValue, st.integers(0, 2**62), st.integers(0, 50), st.floats(-1e9, 1e9))
RESETS = st.integers(0, 50)
STEPS = st.lists(st.one_of(st.tuples(NAMES, VALUES), RESETS), max_size=30)


def aside(path: Path) -> str:
    path.rename(path.with_name("aside"))
    return "is aside"


def opened(path: Path, **options: int) -> PvLogHistory:
    return PvLogHistory(LogStore.opened(path, aside), **options)


def kept(history: PvLogHistory) -> Kept:
    """The values by log, with their times."""
    return {
        log.name: list(zip(log.times_ns.tolist(), log.values.tolist(), strict=True))
        for log in history.logs()
    }


async def fill(history: PvLogHistory, values: int, name: str = "T") -> None:
    for n in range(values):
        history.add(name, DatedValue(n, n, n / 2))
    await history.written()


@contextlib.contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """A context in which this process cannot write longer files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@given(steps=STEPS)
async def test_what_was_kept_is_read_again_and_goes_on(
    steps: list[tuple[str, DatedValue] | int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("kept") / "new" / "pv-logs"
    plain, history = PvLogHistory(), opened(path)
    for step in steps:
        for each in (plain, history):
            if isinstance(step, int):
                each.forget_before(step, each.names)
            else:
                each.add(*step)
        await history.written()
        again = opened(path)  # without an end: the process was killed
        assert kept(again) == kept(history) == kept(plain)
        assert again.size == plain.size == sum(map(len, kept(plain).values()))
        for name in plain.names:
            assert again.last(name) == plain.last(name)
        await again.close()
    await history.close()


async def test_what_a_killed_process_was_about_to_write_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "pv-logs"
    await kept_pv_logs(path).close()
    replacement(path).touch()
    await kept_pv_logs(path).close()
    assert list(tmp_path.iterdir()) == [path]


async def test_the_newest_pulse_is_kept(tmp_path: Path) -> None:
    history = opened(tmp_path / "pv-logs")
    assert history.newest_before_ns == -1
    history.note_newest(7 * 10**18)
    await history.written()
    assert opened(tmp_path / "pv-logs").newest_before_ns == 7 * 10**18


async def test_a_file_that_was_cut_anywhere_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "pv-logs"
    await fill(opened(path), 5)
    data = path.read_bytes()
    assert len(data) == HEADER.size + 6 * RECORD_TYPE.itemsize
    for cut in range(HEADER.size, len(data) + 1):
        path.write_bytes(data[:cut])
        whole = max(0, (cut - HEADER.size) // RECORD_TYPE.itemsize - 1)
        history = opened(path)
        assert kept(history) == ({"T": [(n, n / 2) for n in range(whole)]} if whole else {})
        history.add("T", DatedValue(9, 9, 9.0))
        await history.written()
        again = opened(path)
        assert kept(again)["T"][whole:] == [(9, 9.0)]
    assert not (tmp_path / "aside").exists()


async def test_the_end_may_be_of_zeros_after_a_loss_of_power(tmp_path: Path) -> None:
    path = tmp_path / "pv-logs"
    await fill(opened(path), 5)
    path.write_bytes(path.read_bytes() + bytes(1000))
    history = opened(path)
    assert len(kept(history)["T"]) == 5
    assert not (tmp_path / "aside").exists()


@pytest.mark.parametrize("byte", range(RECORD_TYPE.itemsize))
async def test_a_damaged_record_is_told_and_the_rest_is_used(
    byte: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pv-logs"
    await fill(opened(path), 5)
    data = bytearray(path.read_bytes())
    data[HEADER.size + 2 * RECORD_TYPE.itemsize + byte] ^= 0x10
    path.write_bytes(data)
    assert [n for n, _ in kept(opened(path))["T"]] == [0, 2, 3, 4]
    assert "1 values of it are damaged, and are not used" in caplog.text
    assert (tmp_path / "aside").read_bytes() == data
    caplog.clear()
    assert [n for n, _ in kept(opened(path))["T"]] == [0, 2, 3, 4]
    assert caplog.text == ""


@pytest.mark.parametrize("content", [b"", b"junk", b"live-pv-logs 2\n" + bytes(100), bytes(100)])
async def test_a_foreign_file_is_set_aside_and_told(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pv-logs"
    path.write_bytes(content)
    history = opened(path)
    assert (kept(history), history.newest_before_ns) == ({}, -1)
    assert "begun afresh: it does not begin with 'live-pv-logs 1'" in caplog.text
    assert (tmp_path / "aside").read_bytes() == content
    await fill(history, 3)
    assert len(kept(opened(path))["T"]) == 3


async def test_a_reset_makes_a_long_file_short_and_values_meanwhile_are_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pv-logs"
    history = opened(path)
    await fill(history, 20, "U")
    await fill(history, 15_000)
    history.forget_before(15_000, {"T"})
    for name in ("T", "U", "V"):
        history.add(name, DatedValue(20_000, 20_000, 1.0))
    await history.written()
    expected = {"T": [(14_999, 7499.5), (20_000, 1.0)], "U": [(20_000, 1.0)], "V": [(20_000, 1.0)]}
    assert kept(history) == expected
    killed = kept(opened(path))
    assert (killed["T"], killed["V"]) == (expected["T"], expected["V"])
    await history.close()
    assert path.stat().st_size < 20 * RECORD_TYPE.itemsize
    assert kept(opened(path)) == expected
    assert list(tmp_path.iterdir()) == [path]


async def test_a_disk_that_is_full_is_told_and_all_is_written_once_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pv-logs"
    history = opened(path)
    await fill(history, 3)
    with files_of_at_most(path.stat().st_size + 10):
        history.add("T", DatedValue(3, 3, 1.5))
        history.add("U", DatedValue(3, 3, 1.5))
        await history.written()
        told = "values of process variables are not kept: File too large"
        assert history.problem == told
        assert caplog.text.count(told) == 1
        history.note_newest(3)
        await history.rewritten()
        assert history.problem == told
    await history.close()
    assert len(kept(opened(path))["T"]) == 3

    now_s = 0.0
    store = LogStore.opened(path, aside, lambda: now_s)
    history = PvLogHistory(store)
    with files_of_at_most(path.stat().st_size + 10):
        history.add("T", DatedValue(3, 3, 1.5))
        await history.written()
        history.note_newest(3)
        await history.rewritten()
    now_s = 10.0
    history.add("U", DatedValue(4, 4, 2.0))
    await history.rewritten()
    assert history.problem == ""
    history.add("U", DatedValue(5, 5, 2.5))
    await history.written()
    assert kept(opened(path)) == kept(history)
    assert kept(history)["U"] == [(4, 2.0), (5, 2.5)]


class SilentFile(PvLogFile):
    """A file whose disk answers when the test says so."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, LogFileContent())
        self.answers = threading.Event()

    def add(self, name: str, value: DatedValue) -> None:
        assert self.answers.wait(60)
        super().add(name, value)


async def test_a_disk_that_does_not_answer_holds_up_no_value_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_store, "WRITE_PATIENCE_S", 0.05)
    monkeypatch.setattr(log_store, "MOST_PENDING", 50)
    path, sent = tmp_path / "pv-logs", list[float]()
    PvLogFile.create(path, LogFileContent()).close()
    file = SilentFile(path)
    history = PvLogHistory(LogStore(file))

    async def send(_name: str, _time_ns: int, value: float) -> None:
        sent.append(value)

    recorder = PvLogRecorder(history, send, HostClocks(lambda: 10**18, lambda: 0))
    async with asyncio.timeout(20):
        for number in range(100):
            await recorder.take("T", PvValue(10**18 + number, float(number)))
            recorder.reported(10**18)
    assert sent == list(range(100))
    assert history.problem == "values of process variables are not kept: the disk does not answer"
    file.answers.set()
    async with asyncio.timeout(20):
        while history.problem:
            await history.written()
        recorder.reported(2 * 10**18)
        await history.rewritten()
    assert kept(opened(path)) == kept(history)
    await history.close()


async def test_the_end_does_not_wait_for_a_disk_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_store, "CLOSING_S", 0.05)
    path = tmp_path / "pv-logs"
    PvLogFile.create(path, LogFileContent()).close()
    file = SilentFile(path)
    history = PvLogHistory(LogStore(file))
    history.add("T", DatedValue(0, 0, 1.0))
    async with asyncio.timeout(20):
        await history.close()
    file.answers.set()


async def test_too_many_values_are_thinned_where_they_are_old_and_that_is_told() -> None:
    history = PvLogHistory(most_values=100)
    await fill(history, 20, "U")
    await fill(history, 500)
    (few, many) = history.logs()
    assert few.values.size == 20
    assert history.size == few.values.size + many.values.size <= 100
    assert many.times_ns[0] == 0
    steps = np.diff(many.times_ns)
    assert (steps[-10:] == 1).all()
    assert steps.max() == steps[:20].max() > 1
    assert history.problem == (
        "log T: it has too many values since the reset, every other old one is dropped"
    )
    history.forget_before(500, {"T", "U"})
    assert history.problem == ""


async def test_a_folder_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        LogStore.opened(tmp_path / "file" / "pv-logs", aside)
