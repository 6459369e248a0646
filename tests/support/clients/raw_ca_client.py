"""A Channel Access client that sees the bytes: what a server announces, answers and sends."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

HEADER = struct.Struct(">HHHHII")
VERSION, EVENT_ADD, EVENT_CANCEL, SEARCH, FAILED, NOT_FOUND, READ_NOTIFY = 0, 1, 2, 6, 11, 14, 15
CREATE, WRITE_NOTIFY, CLIENT_NAME, HOST_NAME, RIGHTS = 18, 19, 20, 21, 22
CLEAR, CREATE_FAILED, DISCONNECTED = 12, 26, 27
ECA_NORMAL, ECA_GETFAIL = 1, 152
LONGEST_S = 20.0

STRING, SHORT, FLOAT, ENUM, CHAR, LONG, DOUBLE = range(7)
STS, TIME, GRAPHIC, CONTROL = 7, 14, 21, 28
"""Added to a plain type: with status, also with time, with graphic and with control metadata."""
PUT_ACKT, PUT_ACKS, STSACK_STRING, CLASS_NAME = 35, 36, 37, 38

DBE_VALUE, DBE_LOG, DBE_ALARM, DBE_PROPERTY = 1, 2, 4, 8


@dataclass(frozen=True)
class Message:
    """A message of Channel Access: command, the fields of its header, and its payload."""

    command: int
    data_type: int
    count: int
    one: int
    two: int
    payload: bytes


@dataclass(frozen=True)
class Opened:
    """What a server announces of a channel: native type, elements, and whether it is writable."""

    data_type: int
    count: int
    writable: bool
    sid: int
    cid: int


class RawClient:
    """A connection to the server at ``port`` of an ``address``."""

    def __init__(self, port: int, address: str = "127.0.0.1", user: bytes = b"anna") -> None:
        self._socket = socket.create_connection((address, port), LONGEST_S)
        self._buffer = b""
        self._numbers = 0
        self._channels: dict[str, Opened | None] = {}
        self._rights: dict[int, int] = {}
        self.events: dict[int, list[Message]] = {}
        """Messages of monitors, by the number that `monitor` returns."""
        self.disconnected: list[int] = []
        """The numbers (``cid``) of channels that the server has ended."""
        self.send(VERSION, 0, 13)
        self.send(CLIENT_NAME, payload=user)
        self.send(HOST_NAME, payload=b"here")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(
        self,
        command: int,
        data_type: int = 0,
        count: int = 0,
        one: int = 0,
        two: int = 0,
        payload: bytes = b"",
    ) -> None:
        padded = payload + b"\0" * (-len(payload) % 8 or (8 if command in (20, 21, 18, 6) else 0))
        head = HEADER.pack(command, len(padded), data_type, count, one, two)
        self.send_bytes(head + padded)

    def send_bytes(self, data: bytes) -> None:
        """Send messages, or parts of them, as they are."""
        self._socket.sendall(data)

    def search(self, name: str) -> bool:
        """Whether the server has a name, asked by TCP as of a name server."""
        number = self._number()
        self.send(VERSION, 1, 13)  # as the C library: here is no priority
        self.send(SEARCH, 10, 13, number, number, name.encode())
        return self._wait(lambda m: m.command in (SEARCH, NOT_FOUND)).command == SEARCH

    def open(self, name: str) -> Opened | None:
        """What the server announces of a channel; None if it has none of this name."""
        if name not in self._channels:
            number = self._number()
            self.send(CREATE, 0, 0, number, 13, name.encode())
            made = self._wait(lambda m: m.command in (CREATE, CREATE_FAILED) and m.one == number)
            if made.command == CREATE_FAILED:
                self._channels[name] = None
            else:
                writable = bool(self._rights[number] & 2)
                self._channels[name] = Opened(
                    made.data_type, made.count, writable, made.two, number
                )
        return self._channels[name]

    def get(self, name: str, data_type: int, count: int = 0) -> Message:
        """The answer to a read; ``one`` is its status."""
        opened, number = self.open(name), self._number()
        assert opened is not None, f"there is no {name}"
        self.send(READ_NOTIFY, data_type, count, opened.sid, number)
        return self._wait(lambda m: m.command == READ_NOTIFY and m.two == number)

    def put(self, name: str, data_type: int, payload: bytes, count: int = 1) -> int:
        """The status with which a put completes."""
        opened, number = self.open(name), self._number()
        assert opened is not None, f"there is no {name}"
        self.send(WRITE_NOTIFY, data_type, count, opened.sid, number, payload)
        return self._wait(lambda m: m.command == WRITE_NOTIFY and m.two == number).one

    def monitor(self, name: str, data_type: int, mask: int, count: int = 0) -> int:
        """Subscribe; the number of the subscription, whose first message has come."""
        opened, number = self.open(name), self._number()
        assert opened is not None, f"there is no {name}"
        self.events[number] = []
        payload = struct.pack(">fffHH", 0, 0, 0, mask, 0)
        self.send(EVENT_ADD, data_type, count, opened.sid, number, payload)
        self._wait(lambda m: m.command == EVENT_ADD and m.two == number)
        return number

    def close(self, name: str) -> None:
        """Close a channel."""
        opened = self.forget(name)
        self.send(CLEAR, 0, 0, opened.sid, opened.cid)
        self._wait(lambda m: m.command == CLEAR)

    def forget(self, name: str) -> Opened:
        """Open a channel anew when it is used next."""
        opened = self._channels.pop(name)
        assert opened is not None
        return opened

    def listen(self, seconds: float) -> None:
        """Take what the server sends for some seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._take(left)

    def answers(self, seconds: float = LONGEST_S) -> Iterator[Message]:
        """The messages that come next; none if nothing comes for so long."""
        return self._take(seconds)

    def _wait(self, wanted: object) -> Message:
        end = time.monotonic() + LONGEST_S
        while (left := end - time.monotonic()) > 0:
            for message in self._take(left):
                if wanted(message):  # type: ignore[operator]
                    return message
        raise TimeoutError("no answer")

    def _take(self, seconds: float) -> Iterator[Message]:
        """The messages of the next bytes, after keeping those that concern all."""
        self._socket.settimeout(max(seconds, 0.001))
        try:
            data = self._socket.recv(1 << 16)
        except TimeoutError:
            return iter(())
        if not data:
            raise ConnectionResetError("the server has closed the connection")
        self._buffer += data
        messages = list(self._messages())
        for message in messages:
            if message.command == RIGHTS:
                self._rights[message.one] = message.two
            elif message.command == EVENT_ADD:
                self.events.setdefault(message.two, []).append(message)
            elif message.command == DISCONNECTED:
                self.disconnected.append(message.one)
        return iter(messages)

    def _messages(self) -> Iterator[Message]:
        while len(self._buffer) >= HEADER.size:
            command, size, data_type, count, one, two = HEADER.unpack_from(self._buffer)
            start = HEADER.size
            if size == 0xFFFF and count == 0:
                if len(self._buffer) < start + 8:
                    return
                size, count = struct.unpack_from(">II", self._buffer, start)
                start += 8
            if len(self._buffer) < start + size:
                return
            payload = self._buffer[start : start + size]
            self._buffer = self._buffer[start + size :]
            yield Message(command, data_type, count, one, two, payload)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers


VALUE_FORMATS = {SHORT: "h", FLOAT: "f", ENUM: "H", CHAR: "B", LONG: "i", DOUBLE: "d"}
TEXT_SIZE = 40


@dataclass(frozen=True)
class Decoded:
    """What a client of the C library sees in a message: values, alarm, and metadata by name."""

    values: tuple[str | float, ...]
    status: int | None = None
    severity: int | None = None
    metadata: tuple[str | float, ...] = ()


def decoded(message: Message) -> Decoded:
    """The contents of the answer to a read, or of an update."""
    kind, data = message.data_type, message.payload
    if kind == CLASS_NAME:
        return Decoded((text(data),))
    if kind == STSACK_STRING:
        status, severity, ackt, acks = struct.unpack_from(">HHHH", data)
        return Decoded((text(data[8:48]),), status, severity, (ackt, acks))
    plain, level = kind % 7, kind - kind % 7
    if level == 0:
        return Decoded(values_of(plain, data, message.count))
    status, severity = struct.unpack_from(">HH", data)
    metadata, start = _metadata(plain, level, data)
    return Decoded(values_of(plain, data[start:], message.count), status, severity, metadata)


def values_of(plain: int, data: bytes, count: int) -> tuple[str | float, ...]:
    """``count`` values of a plain type."""
    if plain == STRING:
        return tuple(text(data[n * TEXT_SIZE :][:TEXT_SIZE]) for n in range(count))
    return struct.unpack_from(f">{count}{VALUE_FORMATS[plain]}", data)


def text(data: bytes) -> str:
    """The text up to its NUL; fails if there is none where an EPICS string must end."""
    assert len(data) < TEXT_SIZE or b"\0" in data[:TEXT_SIZE], data
    return data.partition(b"\0")[0].decode("latin-1")


def _metadata(plain: int, level: int, data: bytes) -> tuple[tuple[str | float, ...], int]:
    """The metadata in a message of a type that is not plain, and where its values begin."""
    if level in (STS, TIME):
        pads = {STS: (0, 0, 0, 0, 1, 0, 4), TIME: (0, 2, 0, 2, 3, 0, 4)}
        return (), (4 if level == STS else 12) + pads[level][plain]
    if plain == STRING:
        return (), 4
    if plain == ENUM:
        count = struct.unpack_from(">H", data, 4)[0]
        return tuple(text(data[6 + 26 * n :][:26]) for n in range(count)), 6 + 26 * 16
    limits = f"{6 if level == GRAPHIC else 8}{VALUE_FORMATS[plain]}"
    head = ">HHhh8s" if plain in (FLOAT, DOUBLE) else ">HH8s"
    values = struct.unpack_from(head + limits, data)
    start = struct.calcsize(head + limits) + (plain == CHAR)
    precision = values[2:3] if plain in (FLOAT, DOUBLE) else ()
    units = values[4 if precision else 2]
    return (*precision, text(units), *values[5 if precision else 3 :]), start
