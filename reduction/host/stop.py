"""A request to stop that a ZeroMQ poll can wait for."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """An event that any thread may set; its file descriptor is readable from then on.

    There is no lock: a signal handler that sets it may interrupt another one that does.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def set(self) -> None:
        if not self._is_set:
            self._is_set = True
            os.write(self._write, b"s")

    def is_set(self) -> bool:
        return self._is_set

    def fileno(self) -> int:
        return self._read

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


@contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """A context in which SIGTERM and SIGINT set ``stop``; no effect outside the main thread."""

    def handler(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {each: signal.signal(each, handler) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, previous in former.items():
            signal.signal(number, previous)
