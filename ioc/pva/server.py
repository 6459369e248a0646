"""Serves on pvAccess the same process variables as on Channel Access, and snapshots of results.

p4p runs its own threads. They call this module only to ask which names exist; everything else runs
on the event loop.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol

from caproto import CaprotoError
from p4p import Value
from p4p.server import DynamicProvider
from p4p.server import Server as P4pServer
from p4p.server.raw import ServOpWrap, SharedPV

from ioc.ca.channel import PvChannel
from ioc.ca.client.other_iocs import OtherIocs, ServedPlace
from ioc.ca.database import Database
from ioc.ca.serving.client_limits import MOST_CHANNELS
from ioc.pva.addresses import Addresses, server_place
from ioc.pva.connection_limit import ConnectionLimit, limits_connections, listening_files
from ioc.pva.message_limit import MessageLimit
from ioc.pva.normative import Normative
from ioc.pva.picture import Pictures, is_picture, picture_of
from ioc.pva.put_operations import DropThread, PutOperation, PutsInProgress
from ioc.pva.refusals import unsaid_refusals
from ioc.pva.search import PvaSearch
from ioc.pva.snapshot import snapshots
from ioc.security.rules import shown_name
from reduction.host.file_system.file_threads import started_in_thread
from reduction.parameters.specs import Command, Refused
from reduction.results.views import PostedReduction

log = logging.getLogger(__name__)

OPEN_S = 5.0
"""Longest time that a thread of p4p waits for the event loop, in seconds."""


CLIENTS_DETAIL = 2
"""With so much detail p4p lists the clients in the description of a server.

With more it adds the names of their users, in which a client can write what it likes.
"""

STOP_S = 3.0
"""Longest time that the end waits for p4p, whose threads may wait for a client."""


class PvaView(Protocol):
    """The value of a name on pvAccess, which is posted whenever ``channel`` changes."""

    channel: PvChannel

    def complete(self) -> Value: ...
    def changes(self) -> Value: ...
    async def put(self, host: str, user: str, value: Value) -> None: ...


class PvaConnection(SharedPV):  # type: ignore[misc]
    """One client's connection to a name. Calls from p4p's threads are handled on the event loop.

    It is opened before p4p gets it. Later, opening waits for p4p's thread, which may wait for a
    lock that is held meanwhile: a client that subscribes and leaves at once would stop the event
    loop for good.

    Each client gets its own `SharedPV`. Subscribers of one `SharedPV` share the posted values: for
    a slow subscriber p4p writes a later post into a value that it is sending to others.
    """

    def __init__(self, name: str, peer: str, handler: PvAccess) -> None:
        super().__init__(handler)
        self.name, self.peer = name, peer
        self._loop = asyncio.get_running_loop()

    # Overrides a private method of p4p, which would call the handler on a thread of p4p. A test in
    # tests/ioc/pva/test_pva_server.py fails if p4p changes it.
    def _exec(self, _operation: Any, handle: Callable[..., None], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(handle, *arguments)


class OpenPv:
    """A name that clients are connected to; every change is posted to all of them."""

    def __init__(self, view: PvaView) -> None:
        self.view = view
        self._clients: set[PvaConnection] = set()

    def add(self, client: PvaConnection) -> None:
        client.open(self.view.complete())
        self._clients.add(client)
        self.view.channel.watchers.add(self._post)

    def remove(self, client: PvaConnection) -> bool:
        """Remove a client; returns whether no client is left."""
        self._clients.discard(client)
        if not self._clients:
            self.view.channel.watchers.discard(self._post)
        return not self._clients

    def _post(self) -> None:
        changes = self.view.changes()
        for client in self._clients:
            client.post(changes)


class PvAccess:
    """The pvAccess server.

    ``has(name)`` is true for the names that it serves; p4p calls it on its threads. ``view(name)``
    makes the view of a name when its first client connects. Other IOCs that serve the name
    ``searched`` are noted; empty: none are.
    """

    def __init__(
        self,
        has: Callable[[str], bool],
        view: Callable[[str], PvaView],
        addresses: Addresses,
        searched: str = "",
    ) -> None:
        self._has, self._make_view, self._addresses = has, view, addresses
        self._loop = asyncio.get_running_loop()
        self._opened: dict[str, OpenPv] = {}
        self._channels = Counter[str]()
        self._puts: asyncio.TaskGroup
        self._in_progress = PutsInProgress()
        self._dropping: DropThread
        self._limit: ConnectionLimit | None = None
        self._message_limit: MessageLimit | None = None
        self._others: OtherIocs | None = None
        self._searched = searched

    def _search_others(self, place: ServedPlace) -> asyncio.Task[None]:
        """Begin to search for others that serve the same names, if a name is given."""
        if not self._searched:
            return self._puts.create_task(asyncio.sleep(0))
        self._others = OtherIocs(PvaSearch(self._searched), lambda: place)
        return self._puts.create_task(self._others.run())

    def problem(self) -> str:
        """What is wrong, in words; empty if nothing is."""
        limits = self._limit, self._message_limit, self._others
        every = [each.problem for each in limits if each]
        return "; ".join(filter(None, every))

    async def serve(self) -> None:
        """Serve until cancelled."""
        self._dropping = DropThread()
        with unsaid_refusals():
            await self._serve()

    async def _serve(self) -> None:
        async with asyncio.TaskGroup() as self._puts:
            provider = DynamicProvider("live-reduction", self)
            before = listening_files() if limits_connections() else frozenset()
            try:
                server = P4pServer([provider], conf=self._addresses.settings, useenv=False)
            except RuntimeError as error:  # no file is left, or an address cannot be served on
                raise OSError(errno.EIO, f"pvAccess cannot be served: {error}") from None
            place = server_place(server.conf())
            helpers = [self._search_others(place)]
            try:
                if limits_connections():
                    describe = partial(server.tostr, CLIENTS_DETAIL)
                    self._message_limit = MessageLimit(place.port, describe, self._channels)
                    helpers.append(self._puts.create_task(self._message_limit.run()))
                    self._limit = ConnectionLimit(listening_files() - before)
                    await self._limit.run()
                await self._loop.create_future()
            finally:
                for each in helpers:
                    each.cancel()
                # On a thread, since p4p's threads may wait for the event loop.
                stopping = asyncio.wrap_future(started_in_thread(server.stop))
                await asyncio.wait({stopping}, timeout=STOP_S)
                await asyncio.sleep(0)  # handles the last calls of p4p's threads
                self._dropping.end()

    def testChannel(self, name: str) -> bool:  # noqa: N802
        """Whether there is such a name; called by p4p on one of its threads."""
        return self._has(name)

    def makeChannel(self, name: str, peer: str) -> PvaConnection | None:  # noqa: N802
        """The connection of a new client; called by p4p on one of its threads.

        Waits for the event loop, which never waits for this thread of p4p. None, which refuses the
        client, if that takes too long, if there is no such name (a client need not search first),
        or if the client, who is known by its address and port, has too many channels.
        """
        if not self._has(name):
            return None
        opened: Future[PvaConnection | None] = Future()
        try:
            self._loop.call_soon_threadsafe(self._open, name, peer, opened)
            return opened.result(OPEN_S)
        except (TimeoutError, RuntimeError):  # the event loop is stuck, or closed
            return None if opened.cancel() else opened.result()

    def _open(self, name: str, peer: str, opened: Future[PvaConnection | None]) -> None:
        """Make and open the connection of a new client, unless p4p has given up waiting for it."""
        if not opened.set_running_or_notify_cancel():
            return
        if self._channels[peer] >= MOST_CHANNELS:
            opened.set_result(None)
            return
        try:
            if name not in self._opened:
                self._opened[name] = OpenPv(self._make_view(name))
            client = PvaConnection(name, peer, self)
            self._opened[name].add(client)
        except Exception as error:
            # A defect of this program. Without a result p4p would wait.
            log.exception("%s cannot be opened", name)
            opened.set_exception(RuntimeError(str(error)))
        else:
            self._channels[peer] += 1
            opened.set_result(client)

    def onLastDisconnect(self, client: PvaConnection) -> None:  # noqa: N802
        """A client has disconnected."""
        self._channels[client.peer] -= 1
        if not self._channels[client.peer]:
            del self._channels[client.peer]
        if self._opened[client.name].remove(client):
            del self._opened[client.name]

    def put(self, client: PvaConnection, operation: ServOpWrap) -> None:
        """Begin a client's put, unless those of the client that are in progress hold too much."""
        begun = PutOperation(operation)
        if refusal := self._in_progress.begin(begun):
            begun.done(error=refusal)
            self._dropping.drop(begun)
            return
        view = self._opened[client.name].view  # the client may be gone when the task runs
        self._puts.create_task(self._answer(client.name, view, begun))

    async def _answer(self, name: str, view: PvaView, operation: PutOperation) -> None:
        """Tell a client that its put is done, or why it was refused.

        A put without completion is answered in the next round of the event loop. Its client is told
        of a refusal only if the put is refused by then.
        """
        try:
            doing = self._puts.create_task(self._refusal(name, view, operation))
            doing.add_done_callback(lambda _: self._in_progress.end(operation))
            if _waits(view, operation):
                await asyncio.wait({doing})
            else:
                await asyncio.sleep(0)
            operation.done(error=doing.result() if doing.done() else None)
        finally:
            self._dropping.drop(operation)

    async def _refusal(self, name: str, view: PvaView, operation: PutOperation) -> str | None:
        """Do a put; returns why it was refused, in words, or None."""
        user, address, value = operation.user, operation.address, operation.value
        try:
            await view.put(address.rpartition(":")[0], user, value)
        except (Refused, CaprotoError) as refusal:
            if value.changed():  # else the client only asked whether it may put
                log.warning("%s from %s@%s: %s", name, shown_name(user), address, refusal)
            return str(refusal)
        except Exception as error:
            # A defect of this program. Without an answer the client would wait for ever.
            log.exception("%s from %s@%s failed", name, shown_name(user), address)
            return str(error)
        return None


def _waits(view: PvaView, operation: PutOperation) -> bool:
    """Whether a put is answered only when it has taken effect.

    The client's option ``record[block=…]`` decides. Without it this is true, except for an endless
    command.
    """
    spec = view.channel.spec
    endless = isinstance(spec, Command) and spec.endless
    block = operation.request.get("record._options.block", not endless)
    return str(block).lower() in ("true", "1")


def pv_access(
    database: Database,
    posted: Mapping[int, PostedReduction],
    pictures: Pictures,
    addresses: Addresses,
) -> PvAccess:
    """The server of all names of ``database``, of the snapshots of results, and of pictures.

    ``posted`` holds the posted result of each reduction, by the index of the reduction.
    """
    all_snapshots = snapshots(database, posted)

    def view(name: str) -> PvaView:
        structure = all_snapshots.get(name) or picture_of(name, database, pictures)
        return structure or Normative(database.channels[name])

    def has(name: str) -> bool:
        return name in all_snapshots or is_picture(name, database) or database.has(name)

    return PvAccess(has, view, addresses, f"{database.prefix}HEARTBEAT")
