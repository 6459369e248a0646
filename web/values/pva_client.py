"""A pvAccess client of the event loop. The only module of `web` that imports p4p."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from p4p import Value
from p4p.client.raw import Context, RemoteError

Received = Callable[[Any], None]
"""Gets the complete value of a process variable whenever it changes; None: it is disconnected."""


class PutRefused(Exception):
    """A put was not obeyed; the text says why, as far as possible in the words of the IOC."""


class PvaMonitor:
    """One subscription; p4p keeps at most four values that were not taken yet."""

    def __init__(self, received: Received) -> None:
        self.received = received
        self.source: Any = None

    def take(self) -> None:
        """Hand the newest value on, or that the connection is lost."""
        newest: Any = None
        while self.source is not None and (found := self.source.pop()) is not None:
            newest = found
        if newest is not None and self.source is not None:
            self.received(newest if isinstance(newest, Value) else None)

    def close(self) -> None:
        """End the subscription."""
        if self.source is not None:
            self.source.close()
            self.source = None


class PvaQuestion:
    """A question to a server, which waits for the answer until it is closed."""

    def __init__(self) -> None:
        self.operation: Any = None

    def close(self) -> None:
        """Wait no longer."""
        if self.operation is not None:
            self.operation.close()
            self.operation = None


class PvaClient:
    """A client of the servers that p4p finds with ``settings``, or with the environment if None.

    p4p calls back on its own threads. All values are handed on in the event loop.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = Context("pva", conf=settings, useenv=settings is None, nt=False)
        self._ready: deque[PvaMonitor] = deque()
        self._awake = False

    def monitor(self, name: str, received: Received) -> PvaMonitor:
        """Subscribe to a process variable, also before it can be found."""
        made = PvaMonitor(received)
        made.source = self._context.monitor(name, partial(self._on_event, made))
        return made

    async def put(self, name: str, field: str, value: Any) -> None:
        """Put ``value`` to a field, and return when the server has obeyed; raises `PutRefused`.

        Does not end while the server is away; the caller limits the time.
        """
        done: asyncio.Future[None] = self._loop.create_future()

        def fill(request: Any) -> None:
            request[field] = value

        def ended(answer: Any) -> None:
            self._loop.call_soon_threadsafe(_settle, done, answer)

        operation = self._context.put(name, ended, builder=fill, get=False)
        try:
            await done
        finally:
            operation.close()

    def ask_whether_put(self, name: str, answered: Callable[[bool], None]) -> PvaQuestion:
        """Ask the server whether this program may put; ``answered`` is called once it has said so.

        The question is a put without a value. It waits while the server is away.
        """
        question = PvaQuestion()

        def fill_nothing(_request: Any) -> None:
            """Leaves out the value."""

        def settle(answer: Any) -> None:
            refused = isinstance(answer, RemoteError)
            accepted = answer is None or isinstance(answer, Value)
            if question.operation is not None and (refused or accepted):
                question.close()
                answered(accepted)

        def ended(answer: Any) -> None:
            self._loop.call_soon_threadsafe(settle, answer)

        question.operation = self._context.put(name, ended, builder=fill_nothing, get=False)
        return question

    def hurry(self) -> None:
        """Search at once for what is not connected."""
        self._context.hurryUp()

    def close(self) -> None:
        """Close all connections."""
        self._context.close()

    def _on_event(self, monitor: PvaMonitor) -> None:
        """Called by p4p on its threads: a monitor has something to take."""
        self._ready.append(monitor)
        if not self._awake:
            self._awake = True
            self._loop.call_soon_threadsafe(self._take_all)

    def _take_all(self) -> None:
        self._awake = False  # before the first take: what comes from now on is taken again
        while self._ready:
            self._ready.popleft().take()


def _settle(done: asyncio.Future[None], answer: Any) -> None:
    if done.done():
        return
    if answer is None or isinstance(answer, Value):
        done.set_result(None)
    elif isinstance(answer, RemoteError):
        done.set_exception(PutRefused(str(answer)))
    else:
        words = str(answer) or type(answer).__name__
        done.set_exception(PutRefused(f"the connection to the IOC was lost: {words}"))
