"""Threads that are all started at once: later, the limit of processes may be reached."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from reduction.host.file_system.file_threads import NO_THREAD


def started_pool(
    threads: int, name: str, initializer: Callable[[], None] = lambda: None
) -> ThreadPoolExecutor:
    """A pool of so many threads that run; each calls ``initializer`` first.

    Raises OSError if they cannot be started.
    """
    pool = ThreadPoolExecutor(threads, name, initializer)
    together = threading.Barrier(threads)
    try:
        wait([pool.submit(together.wait) for _ in range(threads)])
    except RuntimeError:
        together.abort()
        raise OSError(errno.EAGAIN, NO_THREAD) from None
    return pool
