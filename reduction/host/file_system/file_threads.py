"""Work on files in threads, with a time limit: a disk or a network folder may never answer.

A thread that waits for a disk cannot be ended. So these threads do not keep the process alive, and
work that takes too long is abandoned: its thread goes on, and nobody waits for it.
"""

from __future__ import annotations

import errno
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

ResultT = TypeVar("ResultT")

ANSWER_S = 20.0
"""Longest time for the work on a file, unless told otherwise."""

MOST_UNFINISHED = 16
"""While work on so many files has not ended, no further file is worked on."""


NO_THREAD = "no thread can be started: the limit of processes is reached (ulimit -u)"


def started_in_thread(work: Callable[[], ResultT]) -> Future[ResultT]:
    """The future result of ``work``, which a thread does that does not keep the process alive.

    At the limit of processes it is an OSError that says so.
    """
    try:
        return _started(work)
    except RuntimeError:
        refused: Future[ResultT] = Future()
        refused.set_exception(OSError(errno.EAGAIN, NO_THREAD))
        return refused


def computed_in_thread(work: Callable[[], ResultT]) -> Future[ResultT]:
    """The same for work that waits for nobody: at the limit of processes it is done here."""
    try:
        return _started(work)
    except RuntimeError:
        done: Future[ResultT] = Future()
        do_work(work, done)
        return done


def _started(work: Callable[[], ResultT]) -> Future[ResultT]:
    """The result of work that a new thread does; raises RuntimeError if none can be started."""
    result: Future[ResultT] = Future()
    result.set_running_or_notify_cancel()  # so that nobody can cancel it from here on
    threading.Thread(target=do_work, args=(work, result), daemon=True, name="file work").start()
    return result


def do_work(work: Callable[[], ResultT], result: Future[ResultT]) -> None:
    """Do work, and set its result."""
    try:
        result.set_result(work())
    except BaseException as error:  # noqa: BLE001, whoever waits for the result raises it
        result.set_exception(error)


async def in_thread(work: Callable[[], ResultT]) -> ResultT:
    """What ``work`` returns or raises, in such a thread; the event loop goes on meanwhile.

    At the limit of processes it is done here, and the event loop waits for it.
    """
    import asyncio  # 25 ms, which ranks and simulator save: they have no event loop

    return await asyncio.wrap_future(computed_in_thread(work))


class FirstOnly:
    """Is taken by one of several threads: by the one that asks first.

    So of work that takes too long either the worker goes on to its end, or whoever waits for it
    gives it up.
    """

    def __init__(self) -> None:
        self._token: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._token.put(None)

    def take(self) -> bool:
        """Whether this call is the first."""
        try:
            self._token.get_nowait()
        except queue.Empty:
            return False
        return True


@dataclass(frozen=True, eq=False)
class FileWork(Generic[ResultT]):
    """Work on the file at ``path`` that began at ``began_s``, and its result to come."""

    path: str
    began_s: float
    result: Future[ResultT]


class FileThreads:
    """Does work on files, one thread each, and abandons what takes longer than ``answer_s``.

    A file whose work was abandoned is refused at once until that work has ended, and so is every
    file while work on `MOST_UNFINISHED` files has not ended. So threads do not pile up.
    """

    def __init__(
        self, answer_s: float = ANSWER_S, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.answer_s, self._clock_s = answer_s, clock_s
        self._unfinished: list[FileWork[Any]] = []
        self._silent: list[FileWork[Any]] = []

    async def run(self, path: str, work: Callable[[], ResultT]) -> ResultT:
        """What ``work`` on the file at ``path`` returns, or raises.

        Raises TimeoutError with reason and path if it does not end in time, or is not begun because
        earlier work has not ended or no thread can be started.
        """
        import asyncio  # as in `in_thread`

        work_there = self._begun(path, work)
        result = asyncio.wrap_future(work_there.result)
        done, _ = await asyncio.wait({result}, timeout=self.answer_s)
        if not done:
            result.cancel()
            raise self._abandoned(work_there)
        return result.result()

    def run_here(self, path: str, work: Callable[[], ResultT]) -> ResultT:
        """The same for callers without an event loop, which wait here."""
        work_there = self._begun(path, work)
        wait([work_there.result], self.answer_s)
        if not work_there.result.done():
            raise self._abandoned(work_there)
        return work_there.result.result()

    def _begun(self, path: str, work: Callable[[], ResultT]) -> FileWork[ResultT]:
        """Work that has begun; raises TimeoutError if it cannot begin."""
        self._unfinished = [each for each in self._unfinished if not each.result.done()]
        self._silent = [each for each in self._silent if not each.result.done()]
        now_s = self._clock_s()
        for each in self._silent:
            if each.path == path:
                why = f"its disk has not answered for {now_s - each.began_s:.0f} s"
                raise TimeoutError(errno.ETIMEDOUT, f"{why}; put it again when it does", path)
        if len(self._unfinished) >= MOST_UNFINISHED:
            oldest = self._unfinished[0]
            why = f"{len(self._unfinished)} files are waited for, {oldest.path} among them"
            raise TimeoutError(errno.ETIMEDOUT, f"{why}; put it again when they answer", path)
        try:
            begun = FileWork(path, now_s, _started(work))
        except RuntimeError:
            raise TimeoutError(errno.EAGAIN, NO_THREAD, path) from None
        self._unfinished.append(begun)
        return begun

    def _abandoned(self, work: FileWork[ResultT]) -> TimeoutError:
        """The error for work that takes too long."""
        self._silent.append(work)
        why = f"its disk did not answer within {self.answer_s:g} s"
        return TimeoutError(errno.ETIMEDOUT, why, work.path)
