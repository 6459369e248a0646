"""Puts and reads through the C client library of Channel Access."""

from __future__ import annotations

import ctypes
import itertools
import threading
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks.many_clients.libca import NATIVE, NORMAL, CaContext, Channel, Event, handler
from benchmarks.robustness.wild import ACCEPTED, KINDS, NOT_SENT, REFUSED, Done, Wild

ANSWER_S, RETRY_S = 10.0, 0.02
MOST_AT_ONCE = 100
"""Channels asked for at once: a search for a thousand would be lost on the way."""


class LibcaPuts:
    """A `benchmarks.robustness.fuzz.Transport` with one connection."""

    def __init__(self) -> None:
        self._session = CaContext()
        self._channels: dict[str, Channel] = {}
        self._tags = itertools.count(1)
        self._waiting: dict[int, Done] = {}
        self._answer = handler(self._answered)
        self._value: tuple[str, bytes] | None = None
        self._come = threading.Event()
        self._told = handler(self._took)

    def connect(self, names: Iterable[str]) -> None:
        left = iter(names)
        while some := list(itertools.islice(left, MOST_AT_ONCE)):
            self._channels |= {each.name: each for each in self._session.connect(some)}

    def begin(self, name: str, put: Wild, done: Done) -> None:
        """What the library itself refuses, it does not send: too many values, or no right to."""
        data, tag = np.ascontiguousarray(put.array), next(self._tags)
        self._waiting[tag] = done
        status = self._session.put(
            self._channels[name],
            NATIVE.index(put.kind),
            data.size,
            data.ctypes.data_as(ctypes.c_void_p),
            self._answer,
            tag,
        )
        if status == NORMAL:
            self._session.flush()
        elif self._waiting.pop(tag, None) is not None:
            done(NOT_SENT)

    def _answered(self, event: Event) -> None:
        done = self._waiting.pop(event.user, None)
        if done is not None:
            done(ACCEPTED if event.status == NORMAL else REFUSED)

    def read(self, name: str) -> Any:
        """A number, the text of a string or of characters, or the bytes of an array.

        A channel whose array has outgrown what its client was told is connected anew meanwhile.
        Raises TimeoutError without a value within `ANSWER_S`.
        """
        channel, deadline_s = self._channels[name], time.monotonic() + ANSWER_S
        while (found := self._found(channel, deadline_s)) is None:
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"no value of {name} within {ANSWER_S:g} s")
            time.sleep(RETRY_S)
        kind, data = found
        values = np.frombuffer(data, KINDS[kind])
        if kind in ("string", "char"):
            return values.tobytes().partition(b"\0")[0].decode("latin-1")
        return values[0].item() if channel.count == 1 else data

    def _found(self, channel: Channel, deadline_s: float) -> tuple[str, bytes] | None:
        """The type and the bytes of a value; None if the channel is not connected."""
        self._come.clear()
        try:
            self._session.get(channel, channel.native, self._told)
        except OSError:
            return None
        return self._value if self._come.wait(deadline_s - time.monotonic()) else None

    def _took(self, event: Event) -> None:
        self._value = None
        if event.status == NORMAL:
            kind = NATIVE[event.type]
            size = event.count * np.dtype(KINDS[kind]).itemsize
            self._value = kind, ctypes.string_at(event.data, size)
        self._come.set()
