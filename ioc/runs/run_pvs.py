"""Runs that two process variables tell: one has the name of the run, one whether it goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from ioc.ca.client.pv_monitors import PvText
from ioc.model.run_parameters import FacilityRunSettings
from reduction.control.facility_run import FacilityRun
from reduction.messages.run_messages import MOST_NAME, RunMessage, plain_text
from reduction.parameters.specs import Refused

log = logging.getLogger(__name__)

TextsOf = Callable[[str], AsyncGenerator[PvText | str, None]]
"""Name to the values of that process variable as texts, or the reasons why there are none."""


@dataclass
class TextFollower:
    """Follows one process variable; ``value`` is its newest one, ``problem`` why there is none."""

    name: str
    value: PvText | None = None
    problem: str = ""
    arrival: int = 0
    """The place of this value among those of all followers, by their arrival."""

    async def run(self, texts_of: TextsOf, changed: Callable[[], int]) -> None:
        """Follow it until cancelled; whenever a value has come, ``changed`` tells its place."""
        try:
            async with aclosing(texts_of(self.name)) as updates:
                async for update in updates:
                    if isinstance(update, PvText):
                        self.value, self.problem = update, ""
                        self.arrival = changed()
                    elif update != self.problem:
                        log.warning("%s: %s", self.name, update)
                        self.problem = update
        except Refused as refused:
            self.problem = refused.why


class RunPvs:
    """The process variables that ``settings`` name, followed by tasks until `close`."""

    def __init__(
        self, settings: FacilityRunSettings, texts_of: TextsOf, changed: Callable[[], None]
    ) -> None:
        self.settings = settings
        self._run = TextFollower(settings.name_pv)
        self._state = TextFollower(settings.state_pv) if settings.state_pv else None
        self._arrivals, self._changed = 0, changed
        self._tasks = [
            asyncio.create_task(each.run(texts_of, self._arrived)) for each in self._followers
        ]
        self._compared = False
        """Whether the values have been compared with what was known."""

    def _arrived(self) -> int:
        self._arrivals += 1
        self._changed()
        return self._arrivals

    @property
    def _followers(self) -> list[TextFollower]:
        return [self._run] if self._state is None else [self._run, self._state]

    @property
    def problem(self) -> str:
        """Which process variable has no value, and why; empty if each has one."""
        return "; ".join(f"{each.name}: {each.problem}" for each in self._followers if each.problem)

    def news(self, run: FacilityRun) -> RunMessage | None:
        """What the values tell that is not known of ``run``, the newest one that is known.

        The time is that of the value that has come last: clocks of hosts differ. If no run is known
        yet and one goes on, it had started before anybody looked. So its start
        has no key: it is to be noted and nothing more.
        """
        values = [each.value for each in self._followers if each.value is not None]
        if len(values) < len(self._followers):
            return None
        first, self._compared = not self._compared, True
        name = plain_text(values[0].text, MOST_NAME)
        goes_on = self._state is None or values[1].text in self.settings.running_values
        if not goes_on:
            return (
                RunMessage(False, run.key, run.name, "", values[1].time_ns) if run.running else None
            )
        if not name or (run.running and run.name == name):
            return None
        last = max(self._followers, key=lambda each: each.arrival)
        time_ns = last.value.time_ns if last.value else 0
        job = "" if first and not run.key else f"{name} since {time_ns}"
        return RunMessage(True, job, name, "", time_ns)

    async def close(self) -> None:
        """Follow them no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
