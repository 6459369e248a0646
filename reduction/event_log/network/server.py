"""A server of the event log on this host for readers on other hosts, over ZeroMQ."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import zmq

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.network.requests import (
    ANSWER_BYTES,
    ANSWER_PATIENCE_S,
    REQUEST,
    Go,
    LogAnswer,
    LogRequest,
)
from reduction.event_log.protocol import LogMessage, LogRefused
from reduction.host.network.endpoints import HandshakeWatch, bind
from reduction.host.network.ignored_messages import IgnoredMessages
from reduction.host.network.key_file import Key

MOST_READERS = 256
"""The most readers whose places the server keeps. Those who asked longest ago seek again."""

REQUESTS_AT_ONCE = 64

LARGEST_REQUEST_BYTES = 1 << 16
"""Whoever sends more is disconnected; a request has some tens of bytes."""


@dataclass
class ServedReader:
    """The place of one reader, and the number of the request that last made it seek."""

    log: EmbeddedLogReader
    seek: int = -1


@dataclass(frozen=True)
class Waiting:
    """A request that waits for messages, until its deadline by the server's clock."""

    peer: bytes
    request: LogRequest
    deadline_s: float


class LogServer:
    """Answers the requests of readers, whenever `serve` is called.

    Raises OSError for an endpoint that cannot be bound, and names it.
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        endpoint: str,
        path: Path,
        partitions: int,
        clock_s: Callable[[], float] = time.monotonic,
        key: Key | None = None,
    ) -> None:
        self._path, self._partitions, self._clock_s = path, partitions, clock_s
        self.socket: zmq.Socket[bytes] = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 8)
        self.socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_REQUEST_BYTES)
        bind(self.socket, endpoint, key)
        self._endpoint, self._handshakes = endpoint, HandshakeWatch(self.socket)
        self._strangers = 0
        self._readers: OrderedDict[tuple[bytes, int], ServedReader] = OrderedDict()
        self._waiting: dict[tuple[bytes, int], Waiting] = {}
        self._ignored = IgnoredMessages(clock_s)

    @property
    def ignored(self) -> int:
        """How many requests could not be decoded or answered, or came without the key."""
        return self._ignored.count

    @property
    def problem(self) -> str:
        """Why a request was ignored in the last minute, in words; empty if none was."""
        before, self._strangers = self._strangers, self._handshakes.failed
        for _ in range(self._strangers - before):
            self._ignored.note(f"a process without the key would connect to {self._endpoint}")
        return self._ignored.problem

    @property
    def waits(self) -> bool:
        """Whether a request waits for messages."""
        return bool(self._waiting)

    def serve(self) -> None:
        """Take requests, and answer those for which there are messages or whose time is up."""
        for _ in range(REQUESTS_AT_ONCE):
            try:
                peer, *frames = self.socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            self._ask(peer, frames)
        for key, waiting in list(self._waiting.items()):
            reader = self._readers.get(key)
            messages = _batch(reader.log) if reader is not None else []
            if messages or self._clock_s() >= waiting.deadline_s:
                del self._waiting[key]
                self._answer(waiting.peer, waiting.request, messages)

    def _ask(self, peer: bytes, frames: list[bytes]) -> None:
        try:
            (frame,) = frames
            request = REQUEST.decode(frame)
        except (ValueError, msgspec.DecodeError):
            self._ignored.note(f"a message to {self._endpoint} is no request for events")
            return
        if request.partition not in range(self._partitions):
            why = f"there is no partition {request.partition}, for which {self._endpoint} was asked"
            self._ignored.note(why)
            return
        key = peer, request.partition
        try:
            reader = self._reader(key)
        except LogRefused as refused:  # somebody has put a log of another kind there
            self._ignored.note(str(refused.strerror))
            return
        self._go(reader, request)
        deadline_s = self._clock_s() + (ANSWER_PATIENCE_S if request.go is Go.ON else 0)
        self._waiting[key] = Waiting(peer, request, deadline_s)

    def _reader(self, key: tuple[bytes, int]) -> ServedReader:
        if key not in self._readers:
            self._readers[key] = ServedReader(EmbeddedLogReader(self._path, key[1]))
        self._readers.move_to_end(key)
        while len(self._readers) > MOST_READERS:
            oldest, _ = self._readers.popitem(last=False)
            self._waiting.pop(oldest, None)
        return self._readers[key]

    def _go(self, reader: ServedReader, request: LogRequest) -> None:
        log = reader.log
        known = request.identity in ("", log.identity)
        match request.go:
            case Go.ON if known and reader.seek >= 0 and request.place == log.offset:
                return
            case Go.TIME:
                log.seek(request.place)
            case Go.END:
                log.seek_to_end()
            case Go.OFFSET | Go.ON:
                log.seek_offset(request.place)
                if request.go is Go.ON and request.identity not in ("", log.identity):
                    log.seek_offset(0)  # The place belongs to a log that was deleted.
        reader.seek = request.number

    def _answer(self, peer: bytes, request: LogRequest, messages: list[LogMessage]) -> None:
        served = self._readers[peer, request.partition]
        reader = served.log
        behind, dropped = reader.behind, reader.dropped
        answer = LogAnswer(
            number=request.number,
            offsets=[each.offset for each in messages],
            next_offset=reader.offset,
            behind=(behind.messages, behind.size_bytes),
            dropped=(dropped.messages, dropped.pulses, dropped.since_ns, dropped.until_ns),
            message=reader.message,
            began=reader.began,
            identity=reader.identity,
            seek=served.seek,
        )
        frames = [peer, msgspec.msgpack.encode(answer), *(each.data for each in messages)]
        try:
            # Copied, so that ZeroMQ does not keep segments in memory that have been dropped.
            self.socket.send_multipart(frames, zmq.DONTWAIT)
        except zmq.Again:
            return  # the reader does not take its answers; it will ask again

    def close(self) -> None:
        """Close the socket."""
        self._handshakes.close()
        self.socket.close(linger=0)


def _batch(reader: EmbeddedLogReader) -> list[LogMessage]:
    """The next messages, until they have `ANSWER_BYTES` or no more have come."""
    found: list[LogMessage] = []
    size = 0
    while size < ANSWER_BYTES and (some := reader.read(8)):
        found += some
        size += sum(len(each.data) for each in some)
    return found
