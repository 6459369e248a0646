"""Serves on pvAccess what is served on Channel Access, and the snapshots of the reductions.

p4p runs threads of its own; all that is ours runs on the event loop, but for saying which names
there are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from caproto import CaprotoError
from p4p import Value
from p4p.server import DynamicProvider
from p4p.server import Server as P4pServer
from p4p.server.raw import ServOpWrap, SharedPV

from ioc.ca.channel import PvChannel
from ioc.ca.database import Database
from ioc.pva.addresses import Addresses
from ioc.pva.normative import Normative
from ioc.pva.snapshot import snapshots
from reduction.parameters.specs import Command, Refused
from reduction.results.views import PostedReduction

log = logging.getLogger(__name__)


class PvaView(Protocol):
    """How a name shows on pvAccess; it is posted whenever ``channel`` changes."""

    channel: PvChannel

    def whole(self) -> Value: ...
    def change(self) -> Value: ...
    async def put(self, host: str, user: str, value: Value) -> None: ...


class PvaConnection(SharedPV):  # type: ignore[misc]
    """A name as one client has it open; what comes on p4p's threads is handled on the loop.

    Each client has its own, because a `SharedPV` lets all its subscribers share what is posted,
    and for one that is slow later posts are written over it, while others are sent it.
    """

    def __init__(self, name: str, handler: PvAccess, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(handler)
        self.name, self._loop = name, loop

    def _exec(self, _operation: Any, handle: Callable[..., None], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(handle, *arguments)


class OpenPv:
    """A name that clients have open: they are told of every change."""

    def __init__(self, face: PvaView) -> None:
        self.face = face
        self._clients: set[PvaConnection] = set()

    def add(self, client: PvaConnection) -> None:
        client.open(self.face.whole())
        self._clients.add(client)
        self.face.channel.watchers.add(self._post)

    def remove(self, client: PvaConnection) -> bool:
        """Whether it was the last one."""
        self._clients.discard(client)
        if not self._clients:
            self.face.channel.watchers.discard(self._post)
        return not self._clients

    def _post(self) -> None:
        change = self.face.change()
        for client in self._clients:
            client.post(change)


class PvAccess:
    """A server of ``names``; ``face`` makes what one shows when the first client opens it."""

    def __init__(
        self, names: Iterable[str], face: Callable[[str], PvaView], addresses: Addresses
    ) -> None:
        self._names, self._face, self._addresses = frozenset(names), face, addresses
        self._loop = asyncio.get_running_loop()
        self._opened: dict[str, OpenPv] = {}
        self._puts: asyncio.TaskGroup

    async def serve(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as self._puts:
            provider = DynamicProvider("live-reduction", self)
            server = P4pServer([provider], conf=self._addresses.settings)
            try:
                await self._loop.create_future()
            finally:
                server.stop()
                await asyncio.sleep(0)  # what its threads have said last is heard

    def testChannel(self, name: str) -> bool:  # noqa: N802
        """Whether there is such a name. Called by p4p on a thread of its own."""
        return name in self._names

    def makeChannel(self, name: str, _peer: str) -> PvaConnection:  # noqa: N802
        """What a client that connects is given. Called by p4p on a thread of its own."""
        return PvaConnection(name, self, self._loop)

    def onFirstConnect(self, client: PvaConnection) -> None:  # noqa: N802
        """A client is there; p4p lets it wait until its channel is open."""
        if client.name not in self._opened:
            self._opened[client.name] = OpenPv(self._face(client.name))
        self._opened[client.name].add(client)

    def onLastDisconnect(self, client: PvaConnection) -> None:  # noqa: N802
        """A client has gone."""
        if self._opened[client.name].remove(client):
            del self._opened[client.name]

    def put(self, client: PvaConnection, operation: ServOpWrap) -> None:
        """A client puts."""
        face = self._opened[client.name].face  # now: the client may be gone when its turn comes
        self._puts.create_task(self._answer(client.name, face, operation))

    async def _answer(self, name: str, face: PvaView, operation: ServOpWrap) -> None:
        """Tell a client that its put is done, or why not.

        One that does not wait is told what is refused at once, and nothing of what comes later.
        """
        doing = self._puts.create_task(self._refusal(name, face, operation))
        if _waits(face, operation):
            await asyncio.wait({doing})
        else:
            await asyncio.sleep(0)
        operation.done(error=doing.result() if doing.done() else None)

    async def _refusal(self, name: str, face: PvaView, operation: ServOpWrap) -> str | None:
        """Do what a put asks; why it cannot be, in words, or None."""
        user, address = operation.account(), operation.peer()
        try:
            await face.put(address.rpartition(":")[0], user, operation.value())
        except (Refused, CaprotoError) as refusal:
            log.warning("%s from %s@%s: %s", name, user, address, refusal)
            return str(refusal)
        except Exception as error:
            # A defect of ours: the client is to hear of it, rather than wait for ever.
            log.exception("%s from %s@%s failed", name, user, address)
            return str(error)
        return None


def _waits(face: PvaView, operation: ServOpWrap) -> bool:
    """Whether a client's put is answered only when it is done: with ``record[block=true]``.

    Without the option too, but for a command that may take for ever.
    """
    spec = face.channel.spec
    endless = isinstance(spec, Command) and spec.endless
    block = operation.pvRequest().get("record._options.block", not endless)
    return str(block).lower() in ("true", "1")


def pv_access(
    database: Database, posted: Mapping[int, PostedReduction], addresses: Addresses
) -> PvAccess:
    """The server of all names of ``database``, and of the snapshots of what is posted."""
    whole = snapshots(database, posted)

    def face(name: str) -> PvaView:
        return whole.get(name) or Normative(database.channels[name])

    return PvAccess((*database.names, *whole), face, addresses)
