"""``python -m benchmarks.many_clients.clients``: C clients that watch, put or come and go.

``watch CLIENTS PV ...`` and ``put PV`` work until their input ends, then write what they have seen
as a numpy file; ``visit TIMES PV ...`` connects and disconnects, and then ends.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import threading
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.many_clients.arrivals import Arrivals, noting_handler
from benchmarks.many_clients.libca import DBR_DOUBLE, NORMAL, CaContext, Event, Handler, handler

PUT_PERIOD_S = 0.02
ANSWER_S = 10.0


def watch(clients: int, names: Sequence[str]) -> NDArray[np.float64]:
    """Rows of client, time sent (the first element of the value), time of arrival: s, monotonic."""
    connected = []
    for _ in range(clients):
        session = CaContext()
        connected.append((session, session.connect(names)))
    told = ctypes.cast(noting_handler().address, Handler)
    seen = [Arrivals() for _ in range(clients)]
    for arrivals, (session, channels) in zip(seen, connected, strict=True):
        session.attach()
        for channel in channels:
            session.monitor(channel, told, arrivals.address)
    _ready_and_input_ended().wait()
    for session, _ in connected:
        session.attach()
        session.close()
    return np.concatenate([np.insert(each.rows, 0, at, axis=1) for at, each in enumerate(seen)])


def put(name: str) -> list[tuple[float, ...]]:
    """Rows of time sent, time of completion: s, monotonic. One put at a time, 50 a second."""
    rows: list[tuple[float, ...]] = []
    answered = threading.Event()
    statuses = []

    def answer(event: Event) -> None:
        statuses.append(event.status)
        answered.set()

    told, session = handler(answer), CaContext()
    (channel,) = session.connect([name])
    value, ended = ctypes.c_double(), _ready_and_input_ended()
    while not ended.wait(PUT_PERIOD_S):
        answered.clear()
        value.value = began = time.monotonic()
        session.put(channel, DBR_DOUBLE, 1, ctypes.byref(value), told, 0)
        session.flush()
        if not answered.wait(ANSWER_S) or statuses.pop() != NORMAL:
            raise RuntimeError(f"the put of {name} was not answered as it should be")
        rows.append((began, time.monotonic()))
    session.close()
    return rows


def visit(times: int, names: Sequence[str]) -> None:
    """Clients that come, see every value once, and go, one after the other."""
    for _ in range(times):
        session, seen = CaContext(), threading.Semaphore(0)
        told = handler(functools.partial(_came, seen))
        for channel in session.connect(names):
            session.monitor(channel, told)
        for _ in names:
            if not seen.acquire(timeout=ANSWER_S):
                raise RuntimeError("a value did not come")
        session.close()


def _came(seen: threading.Semaphore, _: Event) -> None:
    seen.release()


def _ready_and_input_ended() -> threading.Event:
    """Say that it begins; set once the input ends."""
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    ended = threading.Event()

    def read() -> None:
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    return ended


def main(how: str, *words: str) -> None:
    """Do what the command line asks for."""
    match how:
        case "watch":
            np.save(sys.stdout.buffer, watch(int(words[0]), words[1:]))
        case "put":
            np.save(sys.stdout.buffer, np.array(put(*words)))
        case "visit":
            visit(int(words[0]), words[1:])
        case _:
            raise SystemExit(f"{how}: watch, put or visit")


if __name__ == "__main__":
    main(*sys.argv[1:])
