"""Puts and reads over pvAccess, through p4p."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
from p4p.client.raw import Context, RemoteError
from p4p.client.thread import Context as Waiting

from benchmarks.robustness.wild import ACCEPTED, NOT_SENT, REFUSED, Done, Wild

ANSWER_S = 20.0
PROVIDER = "pva"
COMPLETION = "record[process=passive,block=true]field(value)"


class P4pPuts:
    """A `benchmarks.robustness.fuzz.Transport`: wild values of the types that the server announces.

    What p4p cannot put into such a type it does not send.
    """

    def __init__(self) -> None:
        names = [each for each in os.environ if each.startswith("EPICS_PVA_")]
        conf = {name: os.environ[name] for name in names}
        self._raw = Context(PROVIDER, conf=conf, useenv=False)
        self._waiting = Waiting(PROVIDER, conf=conf, useenv=False)
        self._under_way: dict[object, Any] = {}
        self._over: list[Any] = []
        self._lock = threading.Lock()

    def connect(self, names: Iterable[str]) -> None:
        for _ in self._waiting.get(list(names), timeout=ANSWER_S):
            pass

    def begin(self, name: str, put: Wild, done: Done) -> None:
        """Completion may come at once, in another thread."""
        tag = object()
        with self._lock:
            over, self._over = self._over, []
        over.clear()  # not to be done by the thread that tells of the end

        def built(value: Any) -> Any:
            _assign(value, put)
            return value

        def ended(outcome: Any) -> None:
            with self._lock:
                self._over.append(self._under_way.pop(tag, None))
            if isinstance(outcome, RemoteError):
                done(REFUSED)
            else:
                done(NOT_SENT if isinstance(outcome, Exception) else ACCEPTED)

        operation = self._raw.put(name, ended, builder=built, request=COMPLETION, get=False)
        with self._lock:
            self._under_way[tag] = operation  # one that nobody holds is cancelled

    def read(self, name: str) -> Any:
        """A number, a text, or the bytes of an array."""
        value = self._waiting.get(name, timeout=ANSWER_S).raw.value
        if isinstance(value, np.ndarray):
            return value.tobytes()
        return value.index if hasattr(value, "index") and not isinstance(value, str) else value


def _assign(value: Any, put: Wild) -> None:
    """Set the value of a structure to what is put; raises what p4p raises."""
    data = put.array
    if put.kind in ("string", "char"):
        words = (data.tobytes() if put.kind == "char" else data[0]).partition(b"\0")[0]
        new: Any = words.decode("latin-1")
    else:
        new = data[0].item() if data.size == 1 else data
    if "index" in getattr(value["value"], "keys", list)():
        value["value.index"] = new
    else:
        value["value"] = new
