"""A child process that cannot start says why, and is tried again after longer and longer pauses."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from ioc.app.processes import child
from ioc.app.processes.child import Child
from ioc.app.processes.child_words import LONGEST_REASON, reason_in
from ioc.app.processes.die_with_parent import FIRST_TO_END, OOM_SCORE_ADJ
from reduction.host.memory.memory_limits import MemoryKills
from tests.support.no_threads import no_threads


def no_file_left(_number: int) -> int:
    raise OSError(errno.EMFILE, "Too many open files")


async def ends_of(
    command: Callable[[], Sequence[str]], count: int, worked: Callable[[], bool]
) -> list[str]:
    """Why a child ended, so many times."""
    reasons: list[str] = []
    enough = asyncio.Event()

    async def ended(reason: str) -> None:
        reasons.append(reason)
        if len(reasons) == count:
            enough.set()

    running = asyncio.create_task(Child("ranks").run(command, ended, worked))
    try:
        async with asyncio.timeout(60):
            await enough.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    return reasons


async def test_a_child_that_cannot_be_started_says_why_once_and_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def command() -> Sequence[str]:
        raise OSError(24, "Too many open files")

    words = "ranks cannot be started: Too many open files"
    assert await ends_of(command, 3, lambda: False) == [words] * 3
    assert caplog.text.count(words) == 1


async def test_a_child_that_ends_says_why_in_its_own_words(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    program = "import sys; sys.exit('live-reduction: no memory is left: 2 GB are the limit')"
    words = "ranks ended with exit status 1: no memory is left: 2 GB are the limit"
    assert await ends_of(lambda: (sys.executable, "-c", program), 2, lambda: True) == [words] * 2
    assert caplog.text.count(words) == 2
    assert capfd.readouterr().err.count("live-reduction: no memory is left") == 2


@pytest.mark.parametrize("killer", ["the system", "somebody"])
async def test_a_child_that_was_killed_for_lack_of_memory_says_so(
    killer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = itertools.count() if killer == "the system" else itertools.repeat(1)
    limit = "memory.max of the control group /g"

    def killed_so_far() -> MemoryKills:
        number = next(kills)
        return MemoryKills(number, {limit: number}, {limit: 2_000_000_000})

    monkeypatch.setattr(child, "memory_kills", killed_so_far)
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    killed = f": the system killed processes for lack of memory: {limit} is 2 GB"
    words = killed if killer == "the system" else ""
    (reason,) = await ends_of(lambda: (sys.executable, "-c", program), 1, lambda: True)
    assert reason == f"ranks ended with signal 9{words}"


@pytest.mark.skipif(not OOM_SCORE_ADJ.exists(), reason="this system is not Linux")
async def test_the_system_ends_a_child_before_this_process_when_memory_is_short() -> None:
    said = "print('live-reduction:', open('/proc/self/oom_score_adj').read(), file=sys.stderr)"
    (reason,) = await ends_of(
        lambda: (sys.executable, "-c", f"import sys; {said}"), 1, lambda: True
    )
    assert int(reason.rpartition(":")[2]) == FIRST_TO_END > int(OOM_SCORE_ADJ.read_text())


@pytest.mark.parametrize("files_left", [True, False])
async def test_at_the_limit_of_processes_and_files_a_process_that_runs_is_not_lost(
    files_left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = psutil.Process().children()
    if not files_left:
        monkeypatch.setattr(os, "pidfd_open", no_file_left)
    with no_threads():
        reasons = await ends_of(lambda: (sys.executable, "-c", "exit(3)"), 2, lambda: True)
    assert reasons == ["ranks ended with exit status 3"] * 2
    assert set(psutil.Process().children()) <= set(before)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ""),
        ("2026-11-26 ranks WARNING something\n", ""),
        ("Traceback\n  File x\nModuleNotFoundError: No module named 'zmq'\n", "ModuleNotFound"),
        ("numpy.exceptions.AxisError: 3\nlive-reduction: this\nlive-reduction: that\n", "that"),
        ("-----\nprterun was unable to launch x\n-----\n", "prterun was unable to launch x"),
        (
            "It appears as if there is not enough space for /dev/shm/a/sm_segment.b.0 (the\nx.\n",
            "not enough space for /dev/shm/a",
        ),
        ("prterun noticed that process rank 0 exited on signal 9 (Killed).\n", ""),
        ("live-reduction: " + "x" * 1000, "x" * LONGEST_REASON),
    ],
)
def test_the_reason_is_the_last_one_that_is_given(text: str, reason: str) -> None:
    found = reason_in(text)
    assert found.startswith(reason)
    assert bool(found) == bool(reason)


SLEEPING = (sys.executable, "-c", "import time; time.sleep(600)")


async def test_a_child_that_was_begun_is_taken_over_and_then_started_again_if_it_ends() -> None:
    begun, reasons = Child("ranks"), asyncio.Queue[str]()
    begun.begin(SLEEPING)
    first = begun.family[0]
    running = asyncio.create_task(begun.run(lambda: SLEEPING, reasons.put, lambda: True))
    try:
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
            assert begun.family[0] == first
            begun.kill("was told to restart")
            assert await reasons.get() == "ranks was told to restart"
            while not begun.family or begun.family[0] == first:
                await asyncio.sleep(0.01)
        begun.drop()
        second = begun.family[0]
        assert second.is_running(), "it is no longer the one that was begun"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert not first.is_running()
    assert not second.is_running()


def test_a_child_that_was_begun_and_is_not_taken_over_is_dropped() -> None:
    begun = Child("ranks")
    begun.begin(SLEEPING)
    process = begun.family[0]
    begun.drop()
    assert not process.is_running()
    assert not begun.family


LEAVES_ONE_TO_INIT = """
import os, sys, time
if os.fork() == 0:
    if os.fork() == 0:
        open(sys.argv[1] + ".part", "w").write(str(os.getpid()))
        os.rename(sys.argv[1] + ".part", sys.argv[1])
    else:
        os._exit(0)
time.sleep(1000)
"""


async def test_what_a_launcher_has_left_to_init_ends_with_the_child(tmp_path: Path) -> None:
    async def ended(_reason: str) -> None:
        raise AssertionError("it does not end by itself")

    words = [sys.executable, "-c", LEAVES_ONE_TO_INIT, str(tmp_path / "left")]
    running = asyncio.create_task(Child("ranks").run(lambda: words, ended))
    async with asyncio.timeout(60):
        while not (tmp_path / "left").exists():
            await asyncio.sleep(0.01)
    left = psutil.Process(int((tmp_path / "left").read_text()))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    async with asyncio.timeout(60):
        while left.is_running() and left.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)
