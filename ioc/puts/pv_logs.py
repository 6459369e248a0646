"""Process variables as logs: monitored while a filter slices by them, and sent to the ranks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing

from ioc.ca.pv_monitors import INVALID, NO_NUMBER, PvUpdate, PvValue
from reduction.parameters.specs import Refused, nearest

log = logging.getLogger(__name__)

FIRST_VALUE_S = 2.0
"""Longest wait for the first value of a process variable."""

SendLogValue = Callable[[str, int, float], Awaitable[None]]
"""Sends a value to the ranks: (log, time in ns since 1970, value)."""

UpdatesOf = Callable[[str], AsyncGenerator[PvUpdate, None]]
"""Name to the updates of that process variable; raises `Refused` if it cannot be a log."""


class PvFollower:
    """Sends the values of one process variable while its task runs."""

    def __init__(self, name: str, updates_of: UpdatesOf, send: SendLogValue) -> None:
        self.name = name
        self.problem = ""
        """Why there is no value now; empty if there is one."""
        self._answered = asyncio.Event()
        self._refusal: Refused | None = None
        self.task = asyncio.create_task(self._run(updates_of, send))

    async def _run(self, updates_of: UpdatesOf, send: SendLogValue) -> None:
        try:
            async with aclosing(updates_of(self.name)) as updates:
                async for update in updates:
                    await self._take(update, send)
        except Refused as refused:
            self._refusal, self.problem = refused, refused.why
            self._answered.set()

    async def _take(self, update: PvUpdate, send: SendLogValue) -> None:
        if isinstance(update, PvValue):
            self.problem = ""
            await send(self.name, update.time_ns, update.value)
            self._answered.set()
        elif update != self.problem:
            log.warning("log %s: %s", self.name, update)
            self.problem = update

    async def answers(self, within_s: float) -> bool:
        """Whether a value is sent in ``within_s`` seconds; raises `Refused` if it is no log."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), within_s)
        if self._refusal is not None:
            raise self._refusal
        return self._answered.is_set()


class PvLogs:
    """The logs that are process variables: followed while a put or a filter needs them.

    A log of the stream itself is never followed. ``filters`` returns the names of the logs that the
    newest order slices by.
    """

    def __init__(
        self,
        updates_of: UpdatesOf,
        send: SendLogValue,
        forget: Callable[[str], None],
        filters: Callable[[], set[str]],
        first_value_s: float = FIRST_VALUE_S,
    ) -> None:
        self._updates_of, self._send, self._forget = updates_of, send, forget
        self._filters, self._first_value_s = filters, first_value_s
        self._stream: set[str] | None = None  # not known before the first report
        self._sent: set[str] = set()
        self._asked: Counter[str] = Counter()
        self._followers: dict[str, PvFollower] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def reported(self, logs: Iterable[str]) -> None:
        """Take the names of the logs that the ranks have: from the stream, or from this IOC."""
        self._stream = (self._stream or set()) | (set(logs) - self._sent)
        self._follow_needed()

    @contextlib.asynccontextmanager
    async def available(self, names: Iterable[str]) -> AsyncIterator[None]:
        """A context in which the ranks have a value of each log.

        Raises `Refused` for a name that is no log. Before the first report of the ranks every name
        is accepted, because the logs of the stream are not known.
        """
        self._asked.update(asked := list(names))
        try:
            self._follow_needed()
            for name in asked:
                follower = self._followers.get(name)
                if follower is not None and not await follower.answers(self._first_value_s):
                    raise self._unknown(name, follower.problem)
            yield
        finally:
            self._asked.subtract(asked)
            self._follow_needed()

    @property
    def problems(self) -> str:
        """Which logs have no value now, and why; empty if all have one."""
        problems = {each.name: each.problem for each in self._followers.values() if each.problem}
        return "; ".join(
            f"log {name}: {why}, its last value is used" for name, why in problems.items()
        )

    async def close(self) -> None:
        """Stop following all logs."""
        self._follow(set())
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _follow_needed(self) -> None:
        """Follow the logs that are asked for or sliced by, once those of the stream are known."""
        if self._stream is not None:
            self._follow((self._filters() | set(+self._asked)) - self._stream - {""})

    def _follow(self, names: set[str]) -> None:
        """Follow these logs and no others."""
        for name in names - self._followers.keys():
            self._followers[name] = PvFollower(name, self._updates_of, self._send_value)
        for name in self._followers.keys() - names:
            self._forget(name)
            task = self._followers.pop(name).task
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _send_value(self, name: str, time_ns: int, value: float) -> None:
        self._sent.add(name)  # from now on the ranks report this name too
        await self._send(name, time_ns, value)

    def _unknown(self, name: str, problem: str) -> Refused:
        """Why a process variable that has given no value is no log."""
        if problem in (INVALID, NO_NUMBER):
            return Refused("Log", name, f"the process variable has no value: it is {problem}")
        known = sorted(self._stream or ())
        logs = f"the logs are {', '.join(known)}" if known else "no log is known"
        why = (
            f"no log of the stream, and no process variable of this name answers within"
            f" {self._first_value_s:g} s{nearest(name, known)}; {logs}"
        )
        return Refused("Log", name, why)
