"""Reading an event log that a process on another host serves, with requests sent in advance."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import zmq

from reduction.event_log.network.requests import (
    ANSWER,
    ANSWER_PATIENCE_S,
    Go,
    LogAnswer,
    LogRequest,
)
from reduction.event_log.protocol import MESSAGES_AT_ONCE, Backlog, Dropped, LogMessage
from reduction.host.network.endpoints import connect
from reduction.host.network.key_file import Key

ASK_AGAIN_S = 2 * ANSWER_PATIENCE_S
"""After this time without an answer a request is sent again."""


class RemoteLogReader:
    """One partition of a served event log, as `reduction.event_log.protocol.LogReader`.

    The server may start later than its reader. If it is started again, the reader goes on where it
    was.

    Raises OSError for an endpoint that cannot be used, and names it.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        endpoint: str,
        partition: int,
        clock_s: Callable[[], float] = time.monotonic,
        key: Key | None = None,
    ) -> None:
        self._endpoint, self._partition, self._clock_s = endpoint, partition, clock_s
        self._socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        connect(self._socket, endpoint, key)
        self._request = LogRequest(0, partition, Go.OFFSET)
        self._began = -1
        self._sought = 0
        """The last request of this reader that was a seek."""
        self._dropped_before = Dropped()
        """What was dropped before the server last sought a place."""
        self._asked_s = self._clock_s()
        self._sent = self._heard = False
        self._answer = LogAnswer(0, [], 0, (0, 0), (0, 0, 0, 0), "")
        self._ready: list[LogMessage] = []

    def seek(self, time_ns: int) -> None:
        """See `LogReader.seek`."""
        self._go(Go.TIME, time_ns)

    def seek_to_end(self) -> None:
        """See `LogReader.seek_to_end`."""
        self._go(Go.END)

    def seek_offset(self, offset: int) -> None:
        """See `LogReader.seek_offset`."""
        self._go(Go.OFFSET, offset)

    def _go(self, go: Go, place: int = 0) -> None:
        self._ready.clear()
        self._began, self._dropped_before = -1, Dropped()
        self._ask(go, place)
        self._sought = self._request.number

    def _ask(self, go: Go, place: int = 0) -> None:
        number, identity = self._request.number + 1, self._answer.identity
        self._request = LogRequest(number, self._partition, go, place, identity)
        self._send()

    def _send(self) -> None:
        self._asked_s = self._clock_s()
        try:
            self._socket.send(msgspec.msgpack.encode(self._request), zmq.DONTWAIT)
            self._sent = True
        except zmq.Again:
            self._sent = False

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """See `LogReader.read`."""
        if not self._ready:
            self._receive()
        found, self._ready = self._ready[:most], self._ready[most:]
        return found

    def _receive(self) -> None:
        """Take the answer if it has come, and request the next messages; or repeat the request."""
        if not self._request.number:
            self._go(Go.OFFSET)
        while True:
            try:
                head, *frames = self._socket.recv_multipart(zmq.DONTWAIT, copy=False)
            except zmq.Again:
                break
            if self._take(head, frames):
                self._ask(Go.ON, self._answer.next_offset)
                return
        if self._clock_s() - self._asked_s >= ASK_AGAIN_S:
            self._heard = False
            self._send()

    def _take(self, head: zmq.Frame, frames: list[zmq.Frame]) -> bool:
        """Take an answer; whether it answers the last request."""
        try:
            answer = ANSWER.decode(head.buffer)
        except msgspec.DecodeError:
            return False
        if answer.number != self._request.number or len(answer.offsets) != len(frames):
            return False
        last, self._answer, self._heard = self._answer, answer, True
        least = 0
        if answer.seek == self._sought or answer.identity != last.identity:
            self._began = answer.began
        elif answer.seek == self._request.number:  # Of an older seek, the last values are read.
            least = self._request.place
        if answer.seek not in (self._sought, last.seek):
            self._dropped_before += Dropped(*last.dropped)
            if answer.identity != last.identity:
                self._dropped_before += Dropped(last.behind[0])
        self._ready = [
            LogMessage(offset, frame.buffer)
            for offset, frame in zip(answer.offsets, frames, strict=True)
            if offset >= least
        ]
        return True

    @property
    def began(self) -> int:
        """See `LogReader.began`."""
        return self._began

    @property
    def identity(self) -> str:
        """See `LogReader.identity`; as of the last answer."""
        return self._answer.identity

    @property
    def behind(self) -> Backlog:
        """See `LogReader.behind`; as of the last answer."""
        messages, size = self._answer.behind
        ready = sum(len(each.data) for each in self._ready)
        return Backlog(messages + len(self._ready), size + ready)

    @property
    def dropped(self) -> Dropped:
        """See `LogReader.dropped`; as of the last answer."""
        if self._began < 0:
            return Dropped()
        return self._dropped_before + Dropped(*self._answer.dropped)

    @property
    def message(self) -> str:
        """See `LogReader.message`."""
        if not self._heard:
            return f"log {self._endpoint}: no process serves it"
        return self._answer.message

    def close(self) -> None:
        """See `LogReader.close`."""
        self._socket.close(linger=0)
