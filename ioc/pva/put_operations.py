"""Puts of pvAccess clients, and a thread that drops what p4p has for each of them."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from typing import Any

from p4p.server.raw import ServOpWrap

MOST_PUT_BYTES = 32 << 20
"""What the puts of a client that are in progress may hold: about 13000 puts of numbers."""

PUT_BYTES = 2500
"""What a put holds besides its texts and arrays, about."""

TEXT_BYTES = 64
"""What a text of several holds besides its characters, about."""


class PutOperation:
    """A client's put: who puts which value, and what it asks for.

    What p4p has for it is in ``held`` alone. Whoever drops that waits for a thread of p4p, which
    may wait for the event loop, so it is left to `DropThread`.
    """

    def __init__(self, operation: ServOpWrap) -> None:
        self.user, self.address = operation.account(), operation.peer()
        self.value, self.request = operation.value(), operation.pvRequest()
        self.held = [operation]
        self.size = PUT_BYTES + sum(map(_length, self._sent()))

    def _sent(self) -> list[Any]:
        """The values of all fields that the client has sent."""
        return [self.value[each] for each in self.value.changedSet(expand=True)]

    def done(self, error: str | None) -> None:
        """Tell the client that its put is done, or why it was refused."""
        self.held[0].done(error=error)


class PutsInProgress:
    """What the puts of each client hold that are in progress; a client is its address and port.

    Messages of a client cannot be left unread for a while, as on Channel Access: p4p reads them.
    """

    def __init__(self) -> None:
        self._bytes = Counter[str]()

    def begin(self, operation: PutOperation) -> str:
        """Note that a put begins; why it must not, in words, if its client has too many."""
        if self._bytes[operation.address] + operation.size > MOST_PUT_BYTES:
            held = f"{MOST_PUT_BYTES >> 20} MiB"
            return (
                f"puts of this client that are in progress hold {held}: wait until some have ended"
            )
        self._bytes[operation.address] += operation.size
        return ""

    def end(self, operation: PutOperation) -> None:
        """Note that a put has ended."""
        self._bytes[operation.address] -= operation.size
        if not self._bytes[operation.address]:
            del self._bytes[operation.address]


class DropThread:
    """A thread that drops what p4p has for puts that are done."""

    def __init__(self) -> None:
        self._done: queue.SimpleQueue[list[ServOpWrap] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="puts").start()

    def drop(self, operation: PutOperation) -> None:
        """Have dropped what p4p has for a put."""
        self._done.put(operation.held)

    def end(self) -> None:
        """End the thread, once it has dropped all."""
        self._done.put(None)

    def _run(self) -> None:
        while (held := self._done.get()) is not None:
            held.clear()


def _length(value: Any) -> int:
    """How many bytes a field holds, about; 0 if it is a number or has fields."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(TEXT_BYTES + len(each) for each in value)
    return int(getattr(value, "nbytes", 0))
