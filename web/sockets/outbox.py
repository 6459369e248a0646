"""What is to be sent to one visitor: answers in order, and of each subscription the newest value.

A visitor that reads slowly gets fewer updates. What waits for it is bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from aiohttp import WSMsgType

from web.limits import WebLimits
from web.sockets.frames import SharedFrames
from web.sockets.sent_results import SentResults
from web.sockets.subscription import Subscription
from web.sockets.updates import SharedUpdates

GATHER_S = 0.005
"""How long updates wait for others that the IOC posted at the same time, in seconds."""

Send = Callable[[bytes, WSMsgType], Awaitable[None]]


class VisitorGone(Exception):
    """A visitor does not read what it is sent."""


class Encoders:
    """What encodes updates for all visitors, and the results that were sent last."""

    def __init__(self, limits: WebLimits) -> None:
        self.updates, self.frames = SharedUpdates(), SharedFrames()
        self.results = SentResults(limits)


class Outbox:
    """Sends to one visitor by ``send``; ``batched``: several updates in one message."""

    def __init__(self, send: Send, encoders: Encoders, limits: WebLimits) -> None:
        self.batched = False
        self.period_s = limits.period_s
        self._send, self._encoders, self._limits = send, encoders, limits
        self._loop = asyncio.get_running_loop()
        self._answers: deque[tuple[WSMsgType, bytes]] = deque()
        self._answers_bytes = 0
        self._changed: dict[Subscription, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next_s = 0.0
        self._due = False
        self._wake = asyncio.Event()

    def answer(self, message: bytes, kind: WSMsgType = WSMsgType.TEXT) -> None:
        """Send a message soon; raises `VisitorGone` if too much waits to be sent."""
        self._answers_bytes += len(message)
        if self._answers_bytes > self._limits.unsent_answers_bytes:
            raise VisitorGone("it does not read its answers")
        self._answers.append((kind, message))
        self._wake.set()

    def changed(self, subscription: Subscription) -> None:
        """Send the newest value of a subscription when the period is over."""
        self._changed[subscription] = None
        if self._timer is None and not self._due:
            at_s = max(self._next_s, self._loop.time() + GATHER_S)
            self._timer = self._loop.call_at(at_s, self._period_is_over)

    def forget(self, subscription: Subscription) -> None:
        """Send no further update of a subscription."""
        self._changed.pop(subscription, None)

    async def run(self) -> None:
        """Send until cancelled; raises `VisitorGone`, or what a closed connection raises."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._answers:
                    kind, message = self._answers.popleft()
                    self._answers_bytes -= len(message)
                    await self._send_in_time(message, kind)
                if self._due:
                    self._due = False
                    await self._send_changed()
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _period_is_over(self) -> None:
        self._timer, self._due = None, True
        self._wake.set()

    async def _send_changed(self) -> None:
        changed, self._changed = self._changed, {}
        self._next_s = self._loop.time() + self.period_s
        for message in self._text_messages(changed):
            await self._send_in_time(message, WSMsgType.TEXT)
        for subscription in changed:
            frame = subscription.frame(self._encoders.frames, self._encoders.results)
            if frame is not None:
                await self._send_in_time(frame, WSMsgType.BINARY)

    def _text_messages(self, changed: dict[Subscription, None]) -> Iterator[bytes]:
        """The updates, in one message if the client takes that."""
        updates = [
            update
            for each in changed
            if (update := each.update(self._encoders.updates)) is not None
        ]
        if not self.batched:
            yield from updates
        elif updates:
            yield b'{"type":"updates","updates":[' + b",".join(updates) + b"]}"

    async def _send_in_time(self, message: bytes, kind: WSMsgType) -> None:
        try:
            async with asyncio.timeout(self._limits.send_s):
                await self._send(message, kind)
        except TimeoutError:
            raise VisitorGone(f"it has read nothing for {self._limits.send_s:g} s") from None
