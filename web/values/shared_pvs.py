"""One subscription of each process variable, which all visitors share."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from web.limits import WebLimits
from web.values.names import WebPv
from web.values.pv_value import WebValue, pv_value
from web.values.pva_client import PvaClient, PvaMonitor, PvaQuestion

log = logging.getLogger(__name__)

LOOK_PERIOD_S = 1.0
"""How often unused subscriptions are closed, and lost servers searched for, in seconds."""

LINGER_S = 5.0
"""How long a subscription stays open that nobody uses: a page that is reloaded finds it."""

Watcher = Callable[["SharedPv"], None]
"""Is called after every change of a process variable or of its connection."""


class TooManyPvs(ValueError):
    """A limit of `WebLimits` is reached; the text says which."""


class SharedPv:
    """A process variable and its newest value; ``value`` None: there was none yet.

    ``may_put``: whether the IOC lets this server put to it, as far as is known.
    """

    def __init__(self, pv: WebPv) -> None:
        self.pv = pv
        self.value: WebValue | None = None
        self.connected, self.may_put = False, True
        self.watchers: set[Watcher] = set()
        self.unused_since_s: float | None = None
        self._client: PvaClient | None = None
        self._monitor: PvaMonitor | None = None
        self._question: PvaQuestion | None = None
        self._told = False

    def open(self, client: PvaClient) -> None:
        """Begin the subscription."""
        self._client = client
        self._monitor = client.monitor(self.pv.name, self._received)

    def close(self) -> None:
        """End the subscription."""
        if self._monitor is not None:
            self._monitor.close()
        if self._question is not None:
            self._question.close()

    def _received(self, new: Any) -> None:
        if new is None:
            if not self.connected:
                return
            self.connected = False
        else:
            if not self.connected:
                self._ask_whether_put()
            try:
                self.value, self.connected = pv_value(new, self.value), True
            except (KeyError, TypeError, ValueError):
                if not self._told:  # values come several times a second
                    log.exception("%s has a value that is not understood", self.pv.name)
                self._told = True
                return
        self._tell()

    def _ask_whether_put(self) -> None:
        """Ask the IOC, which may have been started anew with other rules."""
        if self.pv.row is None or not self.pv.row.access.writable or self._client is None:
            return
        if self._question is not None:
            self._question.close()
        self._question = self._client.ask_whether_put(self.pv.name, self._may_put)

    def _may_put(self, may_put: bool) -> None:
        if may_put != self.may_put:
            self.may_put = may_put
            self._tell()

    def _tell(self) -> None:
        for watcher in list(self.watchers):
            watcher(self)


class SharedPvs:
    """All process variables that are open, by name."""

    def __init__(self, client: PvaClient, limits: WebLimits) -> None:
        self._client, self._limits = client, limits
        self._opened: dict[str, SharedPv] = {}
        self._rare_names: set[str] = set()
        """The rare process variables that visitors without the token have opened."""
        self._clock = asyncio.get_running_loop().time

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._opened)

    def acquire(self, pv: WebPv, watcher: Watcher, trusted: bool = True) -> SharedPv:
        """The shared process variable, opened if it is not; ``watcher`` is told of changes.

        Raises `TooManyPvs` if it is for a visitor that is not ``trusted``. The bounds are of rare
        process variables alone, so no visitor keeps the others from anybody.
        """
        shared = self._opened.get(pv.name)
        if shared is None:
            if pv.is_rare and not trusted:
                self._admit_rare(pv.name)
            shared = self._opened[pv.name] = SharedPv(pv)
            shared.open(self._client)
        shared.watchers.add(watcher)
        shared.unused_since_s = None
        return shared

    def release(self, shared: SharedPv, watcher: Watcher) -> None:
        """Undo `acquire`; the subscription ends a little later unless it is acquired again."""
        shared.watchers.discard(watcher)
        if not shared.watchers:
            shared.unused_since_s = self._clock()

    async def run(self) -> None:
        """Close what nobody uses, and search for lost servers, until cancelled."""
        try:
            while True:
                await asyncio.sleep(LOOK_PERIOD_S)
                self._close_unused()
                if not all(each.connected for each in self._opened.values()):
                    self._client.hurry()
        finally:
            for shared in self._opened.values():
                shared.close()
            self._client.close()

    def _admit_rare(self, name: str) -> None:
        """Count a rare process variable for a visitor without the token; raises `TooManyPvs`."""
        opened = len(self._rare_names & self._opened.keys())
        if opened >= self._limits.rare_pvs:
            raise TooManyPvs(f"{name}: all visitors together have {opened} such open")
        if len(self._rare_names) >= self._limits.rare_names_ever and name not in self._rare_names:
            raise TooManyPvs(f"{name}: {len(self._rare_names)} such have been opened")
        self._rare_names.add(name)

    def _close_unused(self) -> None:
        latest_s = self._clock() - LINGER_S
        unused = [
            name
            for name, shared in self._opened.items()
            if shared.unused_since_s is not None and shared.unused_since_s < latest_s
        ]
        for name in unused:
            self._opened.pop(name).close()
