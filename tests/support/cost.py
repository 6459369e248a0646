"""What tests demand of the cost of something: that it does not grow with what somebody sends."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def costs_at_most(limit_s: float) -> Iterator[None]:
    """Fails if this thread works for longer on what is done within, on a busy machine too.

    Other threads, waiting, and collections of what other tests left are not counted. A limit is
    ten times what it takes, or more: it tells a cost that grows without bound from one that does
    not, and no fast machine from a slow one.
    """
    collecting = gc.isenabled()
    gc.disable()
    began_s = time.thread_time()
    try:
        yield
        took_s = time.thread_time() - began_s
    finally:
        if collecting:
            gc.enable()
    assert took_s < limit_s, f"it took {took_s:.3g} s; the limit is {limit_s} s"
