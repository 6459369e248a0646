"""A stream without marks, by hand, for one partition of a rank."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from reduction.messages.contents import Chunk, encode_chunk
from reduction.stream.dialect import Dialect, StreamFormat
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.pulses import NEVER_NS

NOW = 1_767_225_600_000_000_000
SECOND = 10**9
PERIOD = 71_428_571
NONE = np.empty(0, np.int32)
ONE = np.ones(1, np.int32)


def time(pulse: float) -> int:
    return NOW + round(pulse * PERIOD)


class Clock:
    """A clock that a test holds."""

    def __init__(self) -> None:
        self.now_ns = time(1000)

    def __call__(self) -> int:
        return self.now_ns


def plain(clock: Any = None, monitors: dict[str, int] | None = None) -> PulseAssembler:
    """A rank's one partition of a stream without marks."""
    stream_format = StreamFormat(Dialect.PLAIN, monitors or {})
    return PulseAssembler([0], clock or Clock(), stream_format)


def chunk(pulse: float, number: int, source: str = "bank") -> bytes:
    """A chunk with an event that no other chunk has."""
    return encode_chunk(
        Chunk(source, number, time(pulse), np.full(1, number % 1000, np.int32), ONE)
    )


def feed(to: PulseAssembler, messages: Iterable[bytes]) -> None:
    for message in messages:
        to.take(0, message)


def events_of(assembler: PulseAssembler) -> int:
    return sum(each.tof_ns.size for each in assembler.pending)


def pulses_of(assembler: PulseAssembler) -> list[int]:
    return [each.time_ns for each in assembler.uncut_until(NEVER_NS)]
