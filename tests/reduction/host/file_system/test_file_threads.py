"""A disk that does not answer holds up nobody for long, and no threads pile up behind it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from reduction.host.file_system.file_threads import (
    MOST_UNFINISHED,
    FileThreads,
    FirstOnly,
    computed_in_thread,
    in_thread,
)
from tests.support.no_threads import no_threads

SHORT_S = 0.02


@pytest.fixture
def answer() -> Iterator[threading.Event]:
    """Set when the disk of a test answers at last."""
    event = threading.Event()
    yield event
    event.set()


async def silent(threads: FileThreads, path: str, answer: threading.Event) -> str:
    """Why the work on a file whose disk waits for ``answer`` was abandoned, or not begun."""
    with pytest.raises(TimeoutError) as error:
        await threads.run(path, answer.wait)
    assert error.value.filename == path
    return error.value.strerror or ""


async def test_what_work_returns_or_raises_is_passed_on() -> None:
    threads = FileThreads()
    assert await threads.run("a", lambda: 5) == threads.run_here("a", lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        await threads.run("a", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        threads.run_here("a", lambda: 1 // 0)


async def test_a_silent_file_is_refused_in_time_and_then_at_once(answer: threading.Event) -> None:
    now_s = [0.0]
    threads = FileThreads(SHORT_S, lambda: now_s[0])
    assert await silent(threads, "a", answer) == "its disk did not answer within 0.02 s"
    threads.answer_s = 60
    assert await threads.run("b", lambda: 5) == 5, "other files are worked on"
    now_s[0] = 70
    again = await silent(threads, "a", answer)
    assert again == "its disk has not answered for 70 s; put it again when it does"
    answer.set()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await threads.run("a", lambda: 5) == 5
            except TimeoutError:
                await asyncio.sleep(0.001)
            else:
                break


async def test_with_many_silent_files_no_other_is_worked_on(answer: threading.Event) -> None:
    threads = FileThreads(SHORT_S)
    async with asyncio.TaskGroup() as group:
        for number in range(MOST_UNFINISHED):
            group.create_task(silent(threads, f"file {number}", answer))
    before = threading.active_count()
    assert await silent(threads, "b", answer) == (
        "16 files are waited for, file 0 among them; put it again when they answer"
    )
    assert threading.active_count() <= before


async def test_without_a_thread_a_file_is_refused_and_later_it_is_read() -> None:
    threads = FileThreads()
    with no_threads():
        why = await silent(threads, "a", threading.Event())
        assert why == "no thread can be started: the limit of processes is reached (ulimit -u)"
        with pytest.raises(TimeoutError):
            threads.run_here("a", lambda: 5)
    assert await threads.run("a", lambda: 5) == 5


async def test_without_a_thread_what_waits_for_nobody_is_done_at_once() -> None:
    with no_threads():
        assert await in_thread(threading.get_ident) == threading.get_ident()
        assert computed_in_thread(lambda: 5).result() == 5
        with pytest.raises(ZeroDivisionError):
            await in_thread(lambda: 1 // 0)
    assert await in_thread(threading.get_ident) != threading.get_ident()


async def test_of_several_threads_one_is_the_first() -> None:
    first = FirstOnly()
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: first.take(), range(100))) == 1


def test_a_process_ends_while_a_disk_does_not_answer() -> None:
    hanging = """
import threading
from reduction.host.file_system.file_threads import FileThreads
try:
    FileThreads(0.01).run_here("a", threading.Event().wait)
except TimeoutError as silent:
    print(silent.strerror)
"""
    ended = subprocess.run(
        [sys.executable, "-c", hanging], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "its disk did not answer within 0.01 s\n"
