"""Requests of readers on other hosts to the process that serves an event log, and its answers.

A request is one ZeroMQ frame. The answer is a frame that describes it, and one for each message.
The request and the first frame of the answer are MessagePack arrays.
"""

from __future__ import annotations

import enum

import msgspec

ANSWER_BYTES = 4 * 2**20
"""An answer with this many bytes gets no further message."""

ANSWER_PATIENCE_S = 1.0
"""How long a request waits for messages. Then its answer is empty."""


class Go(enum.IntEnum):
    """Where the answer to a request begins.

    The first three are the seeks of `reduction.event_log.protocol.LogReader`, after which the last
    values of all logs come first. `Go.ON` goes on behind the previous answer.
    """

    TIME = 0
    END = 1
    OFFSET = 2
    ON = 3


class LogRequest(msgspec.Struct, array_like=True, frozen=True):
    """A request for messages of a partition, from a place on.

    - ``number``: is repeated in the answer
    - ``place``: the pulse time of `Go.TIME` in ns since 1970, or an offset
    - ``identity``: the log to which the offset of `Go.ON` belongs; empty if the reader knows none
    """

    number: int
    partition: int
    go: Go
    place: int = 0
    identity: str = ""


class LogAnswer(msgspec.Struct, array_like=True, frozen=True):
    """The first frame of an answer, before its messages.

    - ``offsets``: of the messages
    - ``next_offset``: where to go on
    - ``behind``, ``dropped``, ``message``, ``began``, ``identity``: as in
      `reduction.event_log.protocol.LogReader`
    - ``seek``: number of the last request for which the server sought a place. All but the first
      one of a reader are new seeks of a server that was started again, or that has forgotten the
      reader
    """

    number: int
    offsets: list[int]
    next_offset: int
    behind: tuple[int, int]
    dropped: tuple[int, int, int, int]
    message: str
    began: int = 0
    identity: str = ""
    seek: int = 0


REQUEST = msgspec.msgpack.Decoder(LogRequest)
ANSWER = msgspec.msgpack.Decoder(LogAnswer)
