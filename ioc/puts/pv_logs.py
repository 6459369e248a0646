"""Process variables as logs: monitored while a filter slices by them, forwarded to the ranks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing

from ioc.ca.pv_monitors import PvUpdate, PvValue
from reduction.parameters.specs import Refused, nearest

log = logging.getLogger(__name__)

ANSWER_S = 2.0
"""Time that a process variable has to give its first value."""

Send = Callable[[str, int, float], Awaitable[None]]
"""Forwards a value: (log, time in ns since 1970, value)."""

Source = Callable[[str], AsyncGenerator[PvUpdate, None]]
"""The news of the process variable of a name; raises `Refused` if it cannot be a log."""


class Follower:
    """Forwards the values of one process variable while its task runs."""

    def __init__(self, name: str, source: Source, send: Send) -> None:
        self.name = name
        self.trouble = ""
        self._heard = asyncio.Event()
        self._refusal: Refused | None = None
        self.task = asyncio.create_task(self._run(source, send))

    async def _run(self, source: Source, send: Send) -> None:
        try:
            async with aclosing(source(self.name)) as news:
                async for each in news:
                    await self._take(each, send)
        except Refused as refused:
            self._refusal, self.trouble = refused, refused.why
            self._heard.set()

    async def _take(self, news: PvUpdate, send: Send) -> None:
        if isinstance(news, PvValue):
            self.trouble = ""
            await send(self.name, news.time_ns, news.value)
            self._heard.set()
        elif news != self.trouble:
            log.warning("log %s: %s", self.name, news)
            self.trouble = news

    async def answers(self, within_s: float) -> bool:
        """Whether a value has been sent; raises `Refused` if it can be no log."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), within_s)
        if self._refusal is not None:
            raise self._refusal
        return self._heard.is_set()


class PvLogs:
    """The logs that are no logs of the stream: which there must be, and how they are.

    ``filters`` tells the logs that the present orders slice by.
    """

    def __init__(
        self,
        source: Source,
        send: Send,
        forget: Callable[[str], None],
        filters: Callable[[], set[str]],
        answer_s: float = ANSWER_S,
    ) -> None:
        self._source, self._send, self._forget = source, send, forget
        self._filters, self._answer_s = filters, answer_s
        self._stream: set[str] | None = None
        self._forwarded: set[str] = set()
        self._asked: Counter[str] = Counter()
        self._followers: dict[str, Follower] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def reported(self, logs: Iterable[str]) -> None:
        """The ranks report these logs: the stream's, and what was forwarded to them."""
        self._stream = (self._stream or set()) | (set(logs) - self._forwarded)
        self._settle()

    @contextlib.asynccontextmanager
    async def available(self, names: Iterable[str]) -> AsyncIterator[None]:
        """Inside, the ranks have the value of each log. Raises `Refused` for what is no log.

        Before the first report nobody knows the stream's logs, and any name is taken for one.
        """
        self._asked.update(asked := list(names))
        try:
            self._settle()
            for name in asked:
                follower = self._followers.get(name)
                if follower is not None and not await follower.answers(self._answer_s):
                    raise self._unknown(name)
            yield
        finally:
            self._asked.subtract(asked)
            self._settle()

    @property
    def remark(self) -> str:
        """What there is to say of them; empty if all is well."""
        troubles = {each.name: each.trouble for each in self._followers.values() if each.trouble}
        return "; ".join(
            f"log {name}: {why}, its last value stands" for name, why in troubles.items()
        )

    async def close(self) -> None:
        """Follow nothing any more."""
        self._follow(set())
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _settle(self) -> None:
        """Follow what is asked for and sliced by, once it is known what the stream has."""
        if self._stream is not None:
            self._follow((self._filters() | set(+self._asked)) - self._stream - {""})

    def _follow(self, names: set[str]) -> None:
        for name in names - self._followers.keys():
            self._followers[name] = Follower(name, self._source, self._forward)
        for name in self._followers.keys() - names:
            self._forget(name)
            task = self._followers.pop(name).task
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _forward(self, name: str, time_ns: int, value: float) -> None:
        self._forwarded.add(name)  # the ranks report it from now on as they do the stream's
        await self._send(name, time_ns, value)

    def _unknown(self, name: str) -> Refused:
        known = sorted(self._stream or ())
        logs = f"the logs are {', '.join(known)}" if known else "no log is known"
        why = (
            f"no log of the stream, and no process variable of this name answers within"
            f" {self._answer_s:g} s{nearest(name, known)}; {logs}"
        )
        return Refused("Log", name, why)
