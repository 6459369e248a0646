"""Process variables as logs: monitored while a filter slices by them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing

from ioc.ca.client.pv_monitors import INVALID, LOST, NO_NUMBER, PvUpdate, PvValue
from ioc.pv_logs.recorder import PvLogRecorder
from reduction.control.reports import RanksReport
from reduction.parameters.reduction import TIME_LOG
from reduction.parameters.specs import Refused, nearest

log = logging.getLogger(__name__)

FIRST_VALUE_S = 0.7
"""Longest wait for the first value of a process variable: ``caput`` waits 1 s for its answer."""

SEARCH_ON_S = 10.0
"""How long one that did not answer is still looked for, so that the put may be repeated."""

UpdatesOf = Callable[[str], AsyncGenerator[PvUpdate, None]]
"""Name to the updates of that process variable; raises `Refused` if it cannot be a log."""


class PvFollower:
    """Has the values of one process variable recorded while its task runs."""

    def __init__(self, name: str, updates_of: UpdatesOf, recorder: PvLogRecorder) -> None:
        self.name = name
        self.problem = ""
        """Why there is no value now; empty if there is one."""
        self.has_answered = False
        """Whether there has been a value, since this process variable is followed."""
        self._recorder = recorder
        self._answered = asyncio.Event()
        self._refusal: Refused | None = None
        self.task = asyncio.create_task(self._run(updates_of))

    async def _run(self, updates_of: UpdatesOf) -> None:
        try:
            async with aclosing(updates_of(self.name)) as updates:
                async for update in updates:
                    await self._take(update)
        except Refused as refused:
            self._refusal, self.problem = refused, refused.why
            self._answered.set()

    async def _take(self, update: PvUpdate) -> None:
        if isinstance(update, PvValue):
            self.problem, self.has_answered = "", True
            await self._recorder.take(self.name, update)
            self._answered.set()
            return
        if update == LOST:
            self._recorder.missed(self.name)
        if update != self.problem:
            unknown = update == LOST and not self.has_answered  # a put of its name is refused
            log.log(logging.DEBUG if unknown else logging.WARNING, "log %s: %s", self.name, update)
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
    newest order slices by. A log that is not followed any more keeps its last value.
    """

    def __init__(
        self,
        updates_of: UpdatesOf,
        recorder: PvLogRecorder,
        filters: Callable[[], set[str]],
        first_value_s: float = FIRST_VALUE_S,
        search_on_s: float = SEARCH_ON_S,
    ) -> None:
        self._updates_of, self._recorder = updates_of, recorder
        self._filters, self._first_value_s = filters, first_value_s
        self._search_on_s = search_on_s
        self._stream: set[str] | None = None  # not known before the first report
        self._asked: Counter[str] = Counter()
        self._still_searched: dict[str, asyncio.TimerHandle] = {}
        self._followers: dict[str, PvFollower] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def reported(self, report: RanksReport) -> None:
        """Take the logs that the ranks have, from the stream or from this IOC, and their pulse."""
        self._recorder.reported(report.newest_pulse_ns)
        self._stream = (self._stream or set()) | (set(report.logs) - self._recorder.names)
        self._follow_needed()

    def in_stream(self, name: str) -> bool:
        """Whether a log is known to be in the event stream, or is the time."""
        return name == TIME_LOG or name in (self._stream or ())

    def forget_before(self, time_ns: int) -> None:
        """Drop the values that no pulse from ``time_ns`` on needs; ns since the Unix epoch.

        To be called when the accumulation starts afresh there.
        """
        self._recorder.forget_before(time_ns, self._needed | self._followers.keys())

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
                    self._search_on(name)
                    raise self._unknown(name, follower.problem)
            yield
        finally:
            self._asked.subtract(asked)
            self._follow_needed()

    def _search_on(self, name: str) -> None:
        """Look for a process variable a little longer: the next put of it need not wait."""
        if (former := self._still_searched.pop(name, None)) is not None:
            former.cancel()
        timer = asyncio.get_running_loop().call_later(self._search_on_s, self._end_search, name)
        self._still_searched[name] = timer

    def _end_search(self, name: str) -> None:
        self._still_searched.pop(name, None)
        self._follow_needed()

    @property
    def problems(self) -> str:
        """Which logs have no value now or a wrong time, and why; empty if all is well."""
        in_force = (self._followers.get(name) for name in sorted(self._filters()))
        missing = (self._problem_of(each) for each in in_force if each and each.problem)
        return "; ".join(filter(None, (*missing, self._recorder.problem)))

    def _problem_of(self, follower: PvFollower) -> str:
        """What is wrong with a log that a filter slices by."""
        name = follower.name
        if follower.problem == LOST and not (follower.has_answered or name in self._recorder.names):
            hint = nearest(name, self._stream or ())
            return f"log {name} is not there, in the stream or as a process variable{hint}"
        return f"log {name}: {follower.problem}, its last value is used"

    async def close(self) -> None:
        """Stop following all logs, and close the file that keeps their values."""
        for timer in self._still_searched.values():
            timer.cancel()
        self._still_searched.clear()
        self._follow(set())
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self._recorder.close()

    @property
    def _needed(self) -> set[str]:
        """The logs that are asked for or sliced by, those of the stream included."""
        return (self._filters() | set(+self._asked) | self._still_searched.keys()) - {""}

    def _follow_needed(self) -> None:
        """Follow the logs that are needed, once those of the stream are known."""
        if self._stream is not None:
            self._follow(self._needed - self._stream)

    def _follow(self, names: set[str]) -> None:
        """Follow these logs and no others."""
        for name in names - self._followers.keys():
            self._followers[name] = PvFollower(name, self._updates_of, self._recorder)
        for name in self._followers.keys() - names:
            self._recorder.missed(name)
            task = self._followers.pop(name).task
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _unknown(self, name: str, problem: str) -> Refused:
        """Why a process variable that has given no value is no log."""
        if problem in (INVALID, NO_NUMBER):
            return Refused("Log", name, f"the process variable has no value: it is {problem}")
        known = sorted(self._stream or ())
        logs = f"the logs are {', '.join(known)}" if known else "no log is known"
        why = (
            "no log of the stream, and no process variable of this name answers within"
            f" {self._first_value_s:g} s; if it is slow, put it again{nearest(name, known)}; {logs}"
        )
        return Refused("Log", name, why)
