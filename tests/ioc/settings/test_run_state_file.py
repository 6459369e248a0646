"""The run state outlives the IOC: it is on the disk before what it holds is acknowledged."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ioc.app.server.server_start import server_start
from ioc.app.server.starting_orders import kept_run, kept_words
from ioc.options.commands import IocOptions
from ioc.options.event_log import run_state_path
from ioc.settings import run_state_file
from ioc.settings.kept_files import ForeignFile
from ioc.settings.run_state_file import (
    LARGEST_BYTES,
    RunStateFile,
    RunStateOwner,
    load_run_state,
)
from reduction.control.run_state import LogPlace, PulseGap, RunState
from reduction.instrument.geometry import powder_arc
from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.stream.pulses import NEVER_NS
from tests.support.no_threads import no_threads

OWNER = RunStateOwner("A:", "digest")
STATE = RunState(
    resets=2**60,
    starts=5,
    closes=7,
    log="abc",
    places=(LogPlace(3, True), LogPlace(2**40, False)),
    before_ns=(2**62, 2**62 + 1),
    start_ns=1_767_225_600_000_000_000,
    first=12,
    series_ends_ns=(2**62 + 9,),
    gaps=(PulseGap(2**62 + 10, NEVER_NS, True),),
    paused=True,
    preset=AcquisitionSettings(preset=Preset.TIME, acquire_time=0.1),
)


def keep(path: Path, state: RunState) -> RunStateFile:
    """A file in which a state is kept."""

    async def kept() -> RunStateFile:
        file = RunStateFile(path, OWNER, None)
        await file.keep(state)
        while file.problem:  # the disk is slow
            await asyncio.sleep(0.01)
            await file.keep(state)
        return file

    return asyncio.run(kept())


def test_a_state_that_is_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run-state.json"
    assert load_run_state(path, OWNER) is None
    file = keep(path, STATE)
    assert (file.state, file.problem) == (STATE, "")
    assert load_run_state(path, OWNER) == STATE
    assert os.listdir(path.parent) == ["run-state.json"]


def test_nothing_is_written_while_the_state_stays(tmp_path: Path) -> None:
    path = tmp_path / "run"

    async def scenario() -> None:
        file = RunStateFile(path, OWNER, None)
        await file.keep(STATE)
        path.unlink()
        await file.keep(replace(STATE))
        assert not path.exists()
        await file.keep(replace(STATE, first=13))
        assert path.exists()

    asyncio.run(scenario())


async def test_without_a_thread_a_state_is_not_kept_which_is_told_until_there_is_one(
    tmp_path: Path,
) -> None:
    file = RunStateFile(tmp_path / "run", OWNER, None)
    with no_threads():
        await file.keep(STATE)
    assert file.problem.startswith("the run state is not kept: no thread can be started: the limit")
    while file.problem:  # the disk is slow
        await file.keep(STATE)
    assert load_run_state(tmp_path / "run", OWNER) == STATE


def test_without_a_file_the_state_is_kept_in_memory() -> None:
    async def scenario() -> None:
        file = RunStateFile(None, OWNER, None)
        await file.keep(STATE)
        assert (file.state, file.problem) == (STATE, "")

    asyncio.run(scenario())


def altered(content: Any) -> bytes:
    return msgspec.json.encode(content)


def changed(content: Any, **fields: Any) -> bytes:
    """The content with other values in its state."""
    return altered(content | {"state": content["state"] | fields})


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda _: b"", "no run state"),
        (lambda _: b"\x00" * 100, "no run state"),
        (lambda content: altered(content)[:-20], "no run state"),
        (lambda content: altered(content | {"format": 99}), "format 99"),
        (lambda content: altered(content | {"program": "other"}), "of other"),
        (lambda content: altered(content | {"state": {"gaps": [[1, 2]]}}), "no run state"),
        (
            lambda content: altered(content | {"owner": {"prefix": "B:", "instrument": "digest"}}),
            "prefix 'B:'",
        ),
        (
            lambda content: altered(content | {"owner": {"prefix": "A:", "instrument": "other"}}),
            "another instrument",
        ),
        (lambda content: altered(content | {"format": 2**63}), "format 9223372036854775808"),
        (lambda content: altered(content | {"program": "x" * 1000}), "of xxxx.*…"),
        (lambda _: b'{"program":' + b"[" * 100_000, "no run state"),
        (lambda _: b'{"program": 1' + b"0" * 5000 + b"}", "no run state"),
        (lambda content: changed(content, resets=2**63), "resets"),
        (lambda content: changed(content, first=10**30), "first"),
        (lambda content: changed(content, first=1.5), "no run state"),
        (lambda content: changed(content, start_ns=None), "no run state"),
        (lambda content: changed(content, places=[[-5, True]] * 2), "places"),
        (lambda content: changed(content, places=[[2**64, True]] * 2), "places"),
        (lambda content: changed(content, places=[[1, True]] * 10_001), "more than 10000"),
        (lambda content: changed(content, series_ends_ns=[5, 4]), "series do not come"),
        (lambda content: changed(content, series_ends_ns=list(range(10**5))), "more than"),
        (lambda content: changed(content, gaps=[[5, 4, True]]), "pauses do not come"),
        (lambda content: changed(content, gaps=[[5, 6, True], [4, 7, True]]), "pauses do not"),
        (lambda content: changed(content, gaps=[[NEVER_NS, NEVER_NS, True]]), "never begins"),
        (lambda content: changed(content, gaps=[[1, 2, True]] * 10_001), "more than 20000 times"),
        (lambda content: changed(content, preset={"preset": "Never"}), "no run state"),
        (lambda content: changed(content, preset={"acquire_time": -1.0}), "no run state"),
        (lambda content: changed(content, facility_run={"start_ns": 2**70}), "facility_run"),
        (lambda _: b"\xff" * 1000, "no run state"),
        (lambda _: bytes(LARGEST_BYTES + 1), "it is larger than 16 MiB"),
    ],
)
def test_a_file_that_is_damaged_or_of_others_is_set_aside_and_told(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    alter: Callable[[dict[str, Any]], bytes],
    words: str,
) -> None:
    path = tmp_path / "run-state.json"
    keep(path, STATE)
    wrong = alter(msgspec.json.decode(path.read_bytes()))
    path.write_bytes(wrong)
    with pytest.raises(ForeignFile, match=words):
        load_run_state(path, OWNER)
    with caplog.at_level(logging.WARNING):
        assert kept_run(path, OWNER).run is None
    assert re.search(words, caplog.text)
    assert "begins afresh" in caplog.text
    assert not path.exists()
    (aside,) = tmp_path.iterdir()
    assert aside.read_bytes() == wrong


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "goes on (run-state.json); Reset drops it"),
        ({"paused": True}, "goes on (run-state.json); it is paused: put Run to Pause"),
        ({"acquiring": False}, "has ended and is kept in run-state.json. Acquire begins anew"),
        ({"reached": True}, "is kept (its preset was reached) in run-state.json. Acquire begins"),
    ],
)
def test_a_start_says_whether_what_was_accumulated_goes_on(
    change: dict[str, Any], words: str
) -> None:
    state = replace(STATE, paused=False, acquiring=True, reached=False)
    assert words in kept_words(replace(state, **change), Path("run-state.json"))


@pytest.mark.parametrize(("partitions", "fits"), [(0, True), (2, True), (3, False)])
def test_a_state_goes_on_only_with_as_many_partitions(
    tmp_path: Path, partitions: int, fits: bool
) -> None:
    path = tmp_path / "run-state.json"
    keep(path, STATE)
    owner = replace(OWNER, partitions=partitions)
    if fits:
        assert load_run_state(path, owner) == STATE
    else:
        with pytest.raises(ForeignFile, match="2 partitions, not 3"):
            load_run_state(path, owner)


def test_a_disk_that_is_full_is_told_and_it_is_tried_again(tmp_path: Path) -> None:
    blocker = tmp_path / "folder"
    blocker.write_text("a file")

    async def scenario() -> None:
        file = RunStateFile(blocker / "run", OWNER, None)
        await file.keep(STATE)
        assert "run state is not kept" in file.problem
        assert file.state == STATE
        blocker.unlink()
        await file.keep(STATE)
        assert file.problem == ""
        assert load_run_state(blocker / "run", OWNER) == STATE

    asyncio.run(scenario())


def test_a_disk_that_does_not_answer_holds_up_no_result_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_state_file, "PATIENCE_S", 0.05)
    path = tmp_path / "run"

    async def scenario() -> None:
        answered = asyncio.Event()
        loop = asyncio.get_running_loop()

        def slow(*_: Any) -> str:
            asyncio.run_coroutine_threadsafe(answered.wait(), loop).result()
            return ""

        monkeypatch.setattr(run_state_file, "_write", slow)
        file = RunStateFile(path, OWNER, None)
        await file.keep(STATE)
        assert "does not answer" in file.problem
        monkeypatch.setattr(run_state_file, "PATIENCE_S", 60)
        await asyncio.wait_for(file.keep(replace(STATE, first=13)), 20)
        answered.set()
        async with asyncio.timeout(20):
            while file.problem:
                await asyncio.sleep(0.01)
                await file.keep(replace(STATE, first=13))

    asyncio.run(scenario())


def test_an_instrument_is_known_by_its_detectors() -> None:
    arc = powder_arc()
    moved = arc.position_m.copy()
    moved[3, 0] += 1e-6
    assert RunStateOwner.of("A:", arc) == RunStateOwner.of("A:", powder_arc())
    assert RunStateOwner.of("A:", arc) != RunStateOwner.of("A:", replace(arc, positions=moved))
    assert RunStateOwner.of("A:", arc) != RunStateOwner.of("A:", replace(arc, l1_m=arc.l1_m + 1))
    masked = np.roll(arc.is_monitor, 1)
    assert RunStateOwner.of("A:", arc) != RunStateOwner.of("A:", replace(arc, is_monitor=masked))


def test_an_ioc_that_starts_again_goes_on_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run-state.json"
    options = IocOptions(prefix="A:", run_state=str(path))

    async def kept() -> None:
        await RunStateFile(path, RunStateOwner.of("A:", powder_arc()), None).keep(STATE)

    asyncio.run(kept())
    start = server_start(options, powder_arc())
    assert (start.run, start.run_state) == (STATE, path)
    assert (start.ranks.resets, start.ranks.starts, start.ranks.closes) == (2**60, 5, 7)
    assert start.ranks.control.pause
    assert "since 2026-01-01 00:00:00 UTC" in capsys.readouterr().out


def test_the_file_is_among_the_users_data_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "live-reduction" / "A%2FB:" / "run-state.json"
    assert run_state_path(IocOptions(prefix="A/B:")) == path
    assert run_state_path(IocOptions(run_state="none")) is None
    monkeypatch.chdir(tmp_path)
    assert run_state_path(IocOptions(run_state="here")) == tmp_path / "here"
