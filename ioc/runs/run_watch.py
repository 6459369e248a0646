"""Has starts and stops of the facility's runs begin and end accumulations, as settings say.

Every message about a run may come twice, and all of them come again when the event log is read
again. So what is done with one depends on the run that is known, which goes with the orders and is
kept with the run state.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ioc.model.run_parameters import FacilityRunSettings, RunAction
from ioc.puts.order_changes import RanksChange, run_started, run_stopped
from ioc.puts.order_puts import OrderPuts
from ioc.runs.run_pvs import RunPvs, TextsOf
from reduction.control.facility_run import FacilityRun
from reduction.control.reports import RanksReport
from reduction.messages.run_messages import RunMessage
from reduction.parameters.specs import Refused
from reduction.stream.run_queue import RUN_AHEAD_NS

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Most messages that wait until those before them are obeyed; the oldest ones go."""


class RunWatch:
    """Obeys messages about runs, one after the other, while `run` runs.

    ``settings`` returns those in force; ``clock_ns`` is the time of day, ns since the Unix epoch.
    """

    def __init__(
        self,
        orders: OrderPuts,
        settings: Callable[[], FacilityRunSettings],
        texts_of: TextsOf,
        clock_ns: Callable[[], int],
    ) -> None:
        self._orders, self._settings = orders, settings
        self._texts_of, self._clock_ns = texts_of, clock_ns
        self._waiting: deque[RunMessage] = deque(maxlen=MOST_WAITING)
        self._noted: tuple[RunMessage, ...] = ()
        self._reported = FacilityRun()
        self._pvs: RunPvs | None = None
        self._changed = asyncio.Event()
        self._refusal = ""

    def reported(self, report: RanksReport) -> None:
        """Take the messages and the run of a report of the ranks."""
        new = [each for each in report.run_messages if each not in self._noted]
        self._noted, self._reported = report.run_messages, report.run.facility_run
        if not self._settings().name_pv:
            self._waiting += new
        self._changed.set()

    @property
    def problem(self) -> str:
        """What could not be done, or which process variable has no value; empty if all is well."""
        return "; ".join(filter(None, (self._refusal, self._pvs.problem if self._pvs else "")))

    @property
    def known(self) -> FacilityRun:
        """The newest run: that of the newest order, or else of the ranks."""
        ordered = self._orders.ranks.newest.facility_run
        return ordered if ordered.key else self._reported

    async def run(self) -> None:
        """Obey what comes, until cancelled."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._follow(self._settings())
                while self._waiting:
                    await self._obey(self._waiting.popleft())
                if self._pvs is not None and (news := self._pvs.news(self.known)) is not None:
                    await self._obey(self._believed(news))
        finally:
            await self._follow(FacilityRunSettings())

    async def _follow(self, settings: FacilityRunSettings) -> None:
        """Follow the process variables that the settings name, and no others."""
        if self._pvs is not None and self._pvs.settings != settings:
            await self._pvs.close()
            self._pvs = None
        if self._pvs is None and settings.name_pv:
            self._pvs = RunPvs(settings, self._texts_of, self._changed.set)

    def _believed(self, message: RunMessage) -> RunMessage:
        """``message`` of process variables, as of now if its time cannot be."""
        if message.time_ns <= self._clock_ns() + RUN_AHEAD_NS:
            return message
        return replace(message, time_ns=0)

    async def _obey(self, message: RunMessage) -> None:
        """Do what a message tells, unless it is done already; until the ranks have obeyed.

        If what a start is to do is refused, the run is noted all the same.
        """
        action = self._action(message)
        if message.starts and self._change(message, action) is not None:
            self._refusal = ""  # that of the run before
        while (change := self._change(message, action)) is not None:
            try:
                await self._orders.change_ranks(change, in_result=False)
                return
            except TimeoutError as late:
                log.warning("run %s: %s; tried again", message.name, late)
            except Refused as refused:
                self._refusal = f"run {message.name}: {refused}"
                log.warning("%s", self._refusal)
                if action is RunAction.NOTHING:
                    return
                action = RunAction.NOTHING

    def _action(self, message: RunMessage) -> RunAction:
        """What a start does; nothing if a run had started before anybody looked."""
        settings = self._settings()
        if message.earlier:
            return RunAction.NOTHING
        return settings.action if message.job or not settings.name_pv else RunAction.NOTHING

    def _change(self, message: RunMessage, action: RunAction) -> RanksChange | None:
        """The change of the order that a message makes; None if it tells nothing new."""
        known = self.known
        if message.starts:
            if known.knows(message.key, message.time_ns):
                return None
            run = known.started(message.key, message.name, message.title, message.time_ns)
            return run_started(run, action)
        if not known.running or message.key not in (known.key, known.name):
            return None
        return run_stopped(known.stopped(), message.time_ns, stops=self._settings().stops)
