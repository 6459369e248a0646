"""Receives the reports of a process, passes them on, and notices when they do not come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic

from ioc.model.paths import Part
from reduction.control.encoding import MessageNotUnderstood
from reduction.control.order_receiver import LONGEST_WORK_S, ReportT
from reduction.control.order_sender import OrderSender, Working

log = logging.getLogger(__name__)

OVERSLEPT_S = 0.25
"""A deadline noticed later than this was missed by this process, which was stopped or starved."""


FIRST_WORK = "load their engine; the first time it is compiled, which takes about a minute"


@dataclass(frozen=True)
class ReportActions(Generic[ReportT]):
    """What to call when a report of a process has come, and when it has not."""

    publish: Callable[[ReportT], Awaitable[None]]
    missed: Callable[[Part, str], Awaitable[None]]
    """Called with the reason when no report has come for ``silence_s`` of the `ReportWatch`."""
    lost: Callable[[Part, str], None]
    """Called with the reason when no report has come for the same time again."""
    begins: Callable[[Part, str], Awaitable[None]]
    """Called with what the process does when it works before its first report."""


class ReportDeadline:
    """The time at which the next report is due; none is due until a process is expected."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._due_s: float | None = None
        self._timeout: asyncio.Timeout | None = None

    def set(self, within_s: float) -> None:
        """The next report is due in ``within_s`` seconds; this replaces the old deadline."""
        self._due_s = self._clock() + within_s
        if self._timeout is not None and not self._timeout.expired():
            self._timeout.reschedule(self._due_s)

    def clear(self) -> None:
        """No report is due."""
        self._due_s = None

    @property
    def late_s(self) -> float:
        """Seconds since a report was due; negative before, and while none is due."""
        return -1.0 if self._due_s is None else self._clock() - self._due_s

    @asynccontextmanager
    async def enforced(self) -> AsyncIterator[None]:
        """A context that raises TimeoutError at the deadline, even if `set` has moved it."""
        try:
            async with asyncio.timeout_at(self._due_s) as self._timeout:
                yield
        finally:
            self._timeout = None


class ReportWatch(Generic[ReportT]):
    """Takes the reports of one process, and notices when none comes for ``silence_s``.

    A process that was only slow is taken as present again with its next report.
    """

    def __init__(
        self,
        part: Part,
        end: OrderSender[Any, ReportT],
        silence_s: float,
        actions: ReportActions[ReportT],
    ) -> None:
        self._part, self._end, self._actions = part, end, actions
        self.silence_s = silence_s
        self._deadline = ReportDeadline()
        self._missing = False
        self._clock = asyncio.get_running_loop().time
        self._reported_s = 0.0
        self.works = False
        """Whether its last message was that it works, on its start or on an order."""
        self.bad_reports = 0
        self.problem = ""
        """Why the last report was not understood; empty if it was."""
        self.latest: ReportT | None = None
        self.heard = False
        """Whether a report has come since the process was expected."""

    def expect(self, within_s: float) -> None:
        """The next report is due within ``within_s`` seconds."""
        self.heard = False
        self._expect_next(within_s)

    def _expect_next(self, within_s: float) -> None:
        """The next report is due within ``within_s`` seconds."""
        self._missing = False
        self._deadline.set(within_s)

    def process_starts(self, within_s: float) -> None:
        """The process starts: its first report is due within ``within_s`` seconds."""
        self.works = False
        self.expect(within_s)

    @property
    def patience_s(self) -> float:
        """Seconds without a report until the process is lost."""
        return 2 * self.silence_s

    @property
    def silent_s(self) -> float:
        """Seconds since the latest report."""
        return self._clock() - self._reported_s

    async def run(self) -> None:
        """Receive reports until cancelled. Before `expect`, no report is due."""
        while True:
            try:
                async with self._deadline.enforced():
                    report = await self._end.report()
            except TimeoutError:
                await self._late()
            except MessageNotUnderstood as error:
                self._count_bad(error)
            else:
                await self._take(report)

    async def _take(self, report: ReportT | Working) -> None:
        self._reported_s, self.problem = self._clock(), ""
        self.works = isinstance(report, Working)
        if isinstance(report, Working):
            self._expect_next(max(LONGEST_WORK_S, self.silence_s))
            if self.latest is None:
                await self._actions.begins(self._part, f"the {self._part} {FIRST_WORK}")
            return
        self.latest, self.heard = report, True
        self._expect_next(self.silence_s)
        await self._actions.publish(report)

    async def _late(self) -> None:
        late_s = self._deadline.late_s
        if late_s > OVERSLEPT_S:  # this process was stopped: reports may wait to be read
            self._expect_next(self.silence_s)
        elif late_s >= 0:  # else the deadline was moved at this very moment
            await self._silent()

    async def _silent(self) -> None:
        if self._missing:
            self._missing = False
            self._deadline.clear()
            self._actions.lost(self._part, f"gave no sign for {self.patience_s:g} s")
        else:
            self._missing = True
            self._deadline.set(self.patience_s - self.silence_s)
            why = f"no report from the {self._part} for {self.silence_s:g} s"
            await self._actions.missed(self._part, why)

    def _count_bad(self, error: MessageNotUnderstood) -> None:
        self.bad_reports += 1
        self.problem = str(error)
        if self.bad_reports.bit_count() == 1:  # the 1st, 2nd, 4th, 8th, …
            log.warning("bad report %d: %s", self.bad_reports, error)
