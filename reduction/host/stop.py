"""How a process stops: a request that a ZeroMQ poll can wait for, signals, and an end by force."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from types import FrameType

import psutil


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


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SPARE_S = 2
"""Time after which the kernel ends a process that could not end itself."""


def end_after_stop_signals(within_s: float) -> None:
    """See to it that this process ends at most a time after a signal to stop, whatever hangs in it.

    It is to be called once, in the main thread. Whoever stops the process in an orderly way sets
    handlers by `signal.signal`; a signal without a handler ends the process as ever. After
    ``within_s`` seconds a thread kills all that this process has started, and ends it with status
    1. If not even that thread can run, the kernel ends the process a little later.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)

    def end() -> None:
        while not set(os.read(read, 100)) & set(STOP_SIGNALS):
            pass
        signal.alarm(math.ceil(within_s) + SPARE_S)
        time.sleep(within_s)
        os.write(2, b"live-reduction: something hangs at the end, and is abandoned\n")
        family = [each.pid for each in psutil.Process().children(recursive=True)]
        sys.setswitchinterval(within_s + SPARE_S)  # a thread that waits for one could end first
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=end, daemon=True, name="end").start()


def keep_sighup_from_ucx(environment: MutableMapping[str, str]) -> None:
    """Have MPI leave SIGHUP alone, unless the ``environment`` says otherwise.

    UCX, which Open MPI loads, would take it as the signal to log for debugging, and so replace the
    handler that ends this process.
    """
    environment.setdefault("UCX_DEBUG_SIGNO", "0")


class StopSignals:
    """SIGINT, SIGTERM and SIGHUP end a start at once, and later do what the program wants.

    No exception is lost if Python swallows it, as it does in a finalizer: ``came`` tells of it.
    """

    def __init__(self) -> None:
        self.came = False
        self._act: Callable[[], object] | None = None

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """A context, in the main thread, in which such a signal raises SystemExit."""
        former = {each: signal.signal(each, self._signalled) for each in STOP_SIGNALS}
        try:
            yield
        except RuntimeError as error:  # Python makes it of what is raised while a class is made
            if isinstance(error.__cause__, SystemExit):
                raise SystemExit(0) from None
            raise
        finally:
            for number, previous in former.items():
                signal.signal(number, previous)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A context at whose end such a signal takes effect.

        Else a process that is just being started could be lost: it runs, and nobody knows it. And
        extension modules that are being loaded take no exception.
        """
        act, self._act = self._act, lambda: None
        try:
            yield
        finally:
            self._act = act
        if self.came and act is None:
            raise SystemExit(0)
        if self.came and act is not None:
            act()

    def calls(self, act: Callable[[], object]) -> None:
        """From now on a signal calls ``act`` in place of raising; at once if one has come."""
        self._act = act
        if self.came:
            act()

    def _signalled(self, _number: int, _frame: FrameType | None) -> None:
        self.came = True
        if self._act is None:
            raise SystemExit(0)
        self._act()
