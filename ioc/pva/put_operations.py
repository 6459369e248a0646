"""Puts of pvAccess clients, and a thread that drops what p4p has for each of them."""

from __future__ import annotations

import queue
import threading

from p4p.server.raw import ServOpWrap


class PutOperation:
    """A client's put: who puts which value, and what it asks for.

    What p4p has for it is in ``held`` alone. Whoever drops that waits for a thread of p4p, which
    may wait for the event loop, so it is left to `DropThread`.
    """

    def __init__(self, operation: ServOpWrap) -> None:
        self.user, self.address = operation.account(), operation.peer()
        self.value, self.request = operation.value(), operation.pvRequest()
        self.held = [operation]

    def done(self, error: str | None) -> None:
        """Tell the client that its put is done, or why it was refused."""
        self.held[0].done(error=error)


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
