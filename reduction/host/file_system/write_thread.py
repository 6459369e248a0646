"""A thread that does work in the order in which it is given, as appending to a file."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from reduction.host.file_system.file_threads import do_work

ResultT = TypeVar("ResultT")

Work = tuple[Callable[[], Any], Future[Any]]


class WriteThread:
    """Does work in its order. The thread does not keep the process alive, and ends with this."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        threading.Thread(target=_run, args=(self._work,), daemon=True, name="write").start()
        weakref.finalize(self, self._work.put, None)

    def do(self, work: Callable[[], ResultT]) -> Future[ResultT]:
        """The future result of ``work``, which is done after all earlier work."""
        result: Future[ResultT] = Future()
        result.set_running_or_notify_cancel()  # so that nobody can cancel it from here on
        self._work.put((work, result))
        return result


def _run(every: queue.SimpleQueue[Work | None]) -> None:
    while (each := every.get()) is not None:
        do_work(*each)
        del each  # else it is kept until more work comes
