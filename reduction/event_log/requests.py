"""What readers on other hosts ask of the process that serves an event log, and what it answers.

A request is one ZeroMQ frame. The answer to it begins with a frame that tells what follows: a frame
for each message. Both are MessagePack arrays.
"""

from __future__ import annotations

import enum

import msgspec

MOST_BYTES = 4 * 2**20
"""No message more is put into an answer that holds as many bytes."""

PATIENCE_S = 1.0
"""How long a request for messages may wait for them; then the answer is empty."""


class Go(enum.IntEnum):
    """Where the reader wants to be first."""

    TIME = 0
    END = 1
    OFFSET = 2


class LogRequest(msgspec.Struct, array_like=True, frozen=True):
    """Messages of a partition, after going to a place.

    ``place`` is the pulse time in ns since 1970 of `Go.TIME`, or the offset of `Go.OFFSET`.
    ``number`` is repeated in the answer.
    """

    number: int
    partition: int
    go: Go
    place: int = 0


class LogAnswer(msgspec.Struct, array_like=True, frozen=True):
    """What stands before the messages of an answer.

    ``offsets`` are those of the messages, ``next_offset`` is where to go on. The rest is as in
    `reduction.event_log.protocol`: what comes after the messages, what was dropped, and what is
    wrong.
    """

    number: int
    offsets: list[int]
    next_offset: int
    behind: tuple[int, int]
    dropped: tuple[int, int, int, int]
    message: str


REQUEST = msgspec.msgpack.Decoder(LogRequest)
ANSWER = msgspec.msgpack.Decoder(LogAnswer)
