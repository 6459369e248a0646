"""A visitor's WebSocket: obeys its messages and sends it updates, until it leaves.

The protocol is in ``docs/reference/web-protocol.md``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

from aiohttp import WSCloseCode, WSMsgType
from aiohttp.web import WebSocketResponse

from web.message_rate import MessageRate
from web.sockets.client_messages import (
    Clear,
    Echo,
    Keep,
    ListSubscriptions,
    MessageRefused,
    Pace,
    Ping,
    Subscribe,
    SubscribeByOldName,
    Write,
    parsed,
)
from web.sockets.json_text import encode
from web.sockets.kept_references import ReferenceRefused
from web.sockets.outbox import Outbox, VisitorGone
from web.sockets.services import SessionServices
from web.sockets.subscription import Subscription
from web.sockets.visitor_puts import VisitorPuts
from web.sockets.visitors import Visitor
from web.values.names import NameRefused
from web.values.shared_pvs import SharedPv, TooManyPvs

log = logging.getLogger(__name__)

CLOSE_S = 2.0
"""How long a client may take to close its WebSocket properly, in seconds."""


class Session:
    """One WebSocket and its visitor; ``abort`` cuts the connection at once."""

    def __init__(
        self,
        socket: WebSocketResponse,
        visitor: Visitor,
        services: SessionServices,
        abort: Callable[[], None],
    ) -> None:
        self._socket, self.visitor, self._services = socket, visitor, services
        self._abort = abort
        self._outbox = Outbox(socket.send_frame, services.encoders, services.limits)
        self._subscriptions: dict[str, Subscription] = {}
        self._by_shared: dict[SharedPv, dict[Subscription, None]] = {}
        self._puts = VisitorPuts(visitor, services, self._outbox.answer)
        self._close_code = WSCloseCode.OK
        self._leaving = asyncio.Event()
        clock = asyncio.get_running_loop().time
        limits = services.limits
        self._rate = MessageRate(limits.messages_per_s, limits.message_burst, clock)
        self._forgiven = MessageRate(1.0, limits.refused_messages, clock)

    async def run(self) -> None:
        """Serve the visitor until it leaves, or is sent away."""
        self._services.visitors.enter(self.visitor, self)
        self._outbox.answer(encode({"type": "hello"} | self._services.info(self.visitor)))
        services = self._outbox.run(), self._receive(), self._sent_away()
        tasks = [asyncio.create_task(each) for each in services]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self._ended(task)
        finally:
            self._services.visitors.leave(self.visitor)
            self._clear(list(self._subscriptions))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, self._puts.cancel(), return_exceptions=True)
            await self._close()

    async def _sent_away(self) -> None:
        await self._leaving.wait()
        self._close_code = WSCloseCode.GOING_AWAY

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Count why a session ends, unless the visitor just left."""
        match task.exception():
            case VisitorGone() as gone:
                self._services.refusals.add("slow visitor", str(self.visitor), str(gone))
            case ConnectionError() | None:
                pass
            case error:
                log.error("the session of %s failed", self.visitor, exc_info=error)

    async def _close(self) -> None:
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close(code=self._close_code)
                return
        self._abort()

    async def _receive(self) -> None:
        """Obey messages until the visitor leaves; slow down one that sends too many."""
        async for message in self._socket:
            wait_s = self._rate.wait_s()
            if wait_s:
                if self._too_many("message rate", "more messages than the server takes"):
                    return
                await asyncio.sleep(wait_s)
            match message.type:
                case WSMsgType.TEXT:
                    if not self._obey_text(message.data):
                        return
                case WSMsgType.PING:
                    self._outbox.answer(message.data, WSMsgType.PONG)
                case WSMsgType.BINARY:
                    if self._too_many("message", "binary messages are not understood"):
                        return
                case WSMsgType.ERROR:
                    silent = isinstance(message.data, TimeoutError)  # it answers no ping
                    self._count("slow visitor" if silent else "message", str(message.data))

    def _obey_text(self, text: str) -> bool:
        """Obey a message; whether the session goes on."""
        try:
            self._obey(text)
        except MessageRefused as refused:
            return not self._too_many("message", str(refused))
        except (NameRefused, TooManyPvs) as refused:
            return not self._too_many("name", str(refused))
        return True

    def _too_many(self, kind: str, why: str) -> bool:
        """Count and answer a refusal; whether there were so many that the session ends."""
        self._count(kind, why)
        self._outbox.answer(encode({"type": "error", "message": why}))
        if not self._forgiven.wait_s():
            return False
        self._close_code = WSCloseCode.POLICY_VIOLATION
        return True

    def _count(self, kind: str, why: str) -> None:
        self._services.refusals.add(kind, str(self.visitor), why)

    def _obey(self, text: str) -> None:
        """Obey one message; raises what `_obey_text` catches."""
        match parsed(text):
            case Subscribe() as subscribe:
                self._outbox.batched = self._outbox.batched or subscribe.binary
                self._subscribe(subscribe)
            case SubscribeByOldName(pvs):
                self._subscribe(Subscribe(pvs))
            case Clear(pvs):
                self._clear(pvs)
            case ListSubscriptions():
                self._outbox.answer(encode({"type": "list", "pvs": list(self._subscriptions)}))
            case Write() as write:
                self._puts.begin(write)
            case Keep() as keep:
                self._keep(keep)
            case Ping():
                self._outbox.answer(b"", WSMsgType.PING)
            case Echo():
                self._outbox.answer(text.encode())
            case Pace(seconds):
                limits = self._services.limits
                self._outbox.period_s = min(max(seconds, limits.period_s), limits.slowest_period_s)

    def _subscribe(self, asked: Subscribe) -> None:
        """Subscribe to all names that are good; raises for the first one that is refused.

        Names that are subscribed to in the same way stay as they are.
        """
        refused: list[ValueError] = []
        for name in asked.pvs:
            if name in self._subscriptions and self._subscriptions[name].binary == asked.binary:
                continue
            try:
                self._subscribe_one(name, asked)
            except (NameRefused, TooManyPvs) as error:
                refused.append(error)
        if refused:
            more = f"; so {len(refused) - 1} more names" if len(refused) > 1 else ""
            raise type(refused[0])(f"{refused[0]}{more}")

    def _subscribe_one(self, name: str, asked: Subscribe) -> None:
        self._clear([name])
        if len(self._subscriptions) >= self._services.limits.subscriptions:
            raise TooManyPvs(f"{name}: one page has {len(self._subscriptions)} at most")
        pv = self._services.names.find(name)
        shared = self._services.shared.acquire(pv, self._changed, self.visitor.trusted)
        readonly = bool(pv.write_refusal) or not self.visitor.may_write
        made = self._subscriptions[name] = Subscription(
            name, shared, readonly, asked.binary, asked.arrays
        )
        self._by_shared.setdefault(shared, {})[made] = None
        self._outbox.changed(made)

    def _keep(self, keep: Keep) -> None:
        """Keep a result as a reference, and answer with its id, or why it is not kept."""
        services, answer = self._services, {"type": "kept", "id": keep.id}
        try:
            pv = services.names.find(keep.pv)
            reference = services.references.keep(self.visitor, pv, keep.result)
        except (NameRefused, ReferenceRefused) as refused:
            self._count("reference", str(refused))
            self._outbox.answer(encode(answer | {"ok": False, "message": str(refused)}))
        else:
            self._outbox.answer(encode(answer | {"ok": True, "reference": reference}))

    def _clear(self, names: list[str]) -> None:
        for name in names:
            ended = self._subscriptions.pop(name, None)
            if ended is None:
                continue
            self._outbox.forget(ended)
            others = self._by_shared[ended.shared]
            del others[ended]
            if not others:
                del self._by_shared[ended.shared]
                self._services.shared.release(ended.shared, self._changed)

    def _changed(self, shared: SharedPv) -> None:
        for subscription in self._by_shared[shared]:
            self._outbox.changed(subscription)

    def send_away(self) -> None:
        """End the session, because the server stops."""
        self._leaving.set()

    def tell(self, message: bytes) -> None:
        """Send a message that only our page understands."""
        if self._outbox.batched:
            with contextlib.suppress(VisitorGone):  # its own task finds that, too
                self._outbox.answer(message)
