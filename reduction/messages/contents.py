"""The event stream on the wire: ESS flatbuffers ``ev44`` (events) and ``f144`` (log values).

The stream is divided into partitions. Each is an ordered sequence of messages. In a stream with
marks, in every partition, a pulse consists of its log values, its chunks of events, and last the
log ``pulse``, whose value is [pulse number, chunks sent on this partition so far]. This mark says
that the pulse is complete there, and how many chunks there must have been, so that a lost chunk is
not taken for a detector without events. ``message_id`` of the chunks counts up by one from 0 in
each partition. In a plain stream there are no marks, and each source has ids of its own.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from reduction.messages.ev44 import decoded_ev44, encoded_ev44
from reduction.messages.f144 import encoded_float, encoded_integers
from reduction.messages.flat_tables import Buffer
from reduction.messages.log_layouts import LogLayouts, LogNumber

PULSE_MARK = "pulse"
"""Name of the log that ends a pulse in a partition."""

NO_EVENTS = -1
"""The index of the first event of a pulse that has none, by a convention of some sources."""


FROM_FIRST = np.zeros(1, np.int32)
"""The starts of pulses in a message of one pulse that does not tell them."""

MOST_PULSES = 1000
"""Most pulses of one message, so that the time that a message takes is bounded."""

OLD_SCHEMAS = frozenset({"ev42", "ev43", "f142"})
"""Schemas of events and logs that facilities used before ``ev44`` and ``f144``; they are not read.
"""


class CorruptMessage(ValueError):
    """Bytes that name a known schema but cannot be decoded by it."""


class UnknownSchema(ValueError):
    """A message of a schema that is not read here; ``schema`` is its name."""

    def __init__(self, schema: bytes) -> None:
        self.schema = schema.decode("ascii", "backslashreplace")
        super().__init__(f"schema {self.schema}")


@dataclass(frozen=True)
class Chunk:
    """Events of a pulse: ``pixel_id`` and ``tof_ns`` are (n,) int32.

    ``pulse_time_ns`` is in ns since the Unix epoch. Of events ``without_pixels`` the message has
    times of flight alone, as some monitors send them; they are not in the arrays.
    """

    source: str
    message_id: int
    pulse_time_ns: int
    pixel_id: NDArray[np.int32]
    tof_ns: NDArray[np.int32]
    without_pixels: int = 0


@dataclass(frozen=True)
class LogValue:
    """The value, (n,), that a log has from ``time_ns`` on, in ns since the Unix epoch."""

    name: str
    time_ns: int
    value: NDArray[np.float64] | NDArray[np.int64]


def is_number(log: LogValue) -> bool:
    """Whether a log value is a single finite number."""
    return log.value.size == 1 and math.isfinite(log.value[0])


def encode_chunk(chunk: Chunk) -> bytes:
    """``ev44`` bytes of a chunk."""
    return b"".join(encoded_chunk(chunk))


def encoded_chunk(chunk: Chunk) -> tuple[Buffer, ...]:
    """``ev44`` bytes of a chunk in pieces, of which two are its arrays themselves."""
    return encoded_ev44(
        chunk.source, chunk.message_id, chunk.pulse_time_ns, chunk.pixel_id, chunk.tof_ns
    )


def encode_log(name: str, time_ns: int, value: float) -> bytes:
    """``f144`` bytes of a log value."""
    return encoded_float(name, time_ns, value)


def encode_pulse_mark(pulse: int, time_ns: int, chunks_sent: int) -> bytes:
    """``f144`` bytes of the mark that ends pulse number ``pulse`` in a partition."""
    return encoded_integers(PULSE_MARK, time_ns, (pulse, chunks_sent))


_LOG_LAYOUTS = LogLayouts()
"""What is remembered of messages, which changes how fast others are read, and nothing else."""

NO_MONITORS: Mapping[str, int] = MappingProxyType({})
"""No source of events without pixel ids is known."""


def known_number(message: Buffer) -> LogNumber | None:
    """The value of a log in a message, if it differs from one before only in time and value.

    It takes a third of the time of `decode`. None if that has to be asked. A mark is no number.
    """
    found = _LOG_LAYOUTS.number(message)
    return None if found is None or found.name == PULSE_MARK else found


def retimed_log(message: Buffer, time_ns: int) -> bytes | None:
    """The message of a log value with another time; see `LogLayouts.retimed`."""
    return _LOG_LAYOUTS.retimed(message, time_ns)


def decode(message: Buffer, monitors: Mapping[str, int] = NO_MONITORS) -> list[Chunk] | LogValue:
    """The log value that a message holds, or its chunks, one for each pulse.

    The arrays of chunks lie in the message. Events without pixel ids get the one that ``monitors``
    has for their source.

    Raises UnknownSchema or CorruptMessage and nothing else, whatever the bytes are.
    """
    schema = bytes(message[4:8])
    try:
        match schema:
            case b"ev44":
                return _chunks(message, monitors)
            case b"f144":
                return LogValue(*_LOG_LAYOUTS.decoded(message))
    except (IndexError, OverflowError, TypeError, ValueError, struct.error) as error:
        raise CorruptMessage(
            f"{schema.decode()} message of {len(message)} bytes: {error}"
        ) from error
    raise UnknownSchema(schema)


def _chunks(message: Buffer, monitors: Mapping[str, int]) -> list[Chunk]:
    event = decoded_ev44(message)
    times, starts, tof, pixel = event.times_ns, event.starts, event.tof_ns, event.pixel_id
    if times.size > MOST_PULSES:
        raise ValueError(f"{times.size} pulses; the most is {MOST_PULSES}")
    if not pixel.size and event.source in monitors:
        pixel = np.full(tof.size, monitors[event.source], np.int32)
    without_pixels = 0 if pixel.size else int(tof.size)
    if tof.size != pixel.size and not without_pixels:
        raise ValueError(f"{tof.size} times of flight for {pixel.size} pixels")
    if times.size == 1 and not starts.size:
        starts = FROM_FIRST
    if times.size == 0 or times.size != starts.size:
        raise ValueError(f"{times.size} pulse times with {starts.size} starts")
    source, number = event.source, event.message_id
    if starts.size == 1 and starts[0] == 0:  # most messages are of one pulse
        tof = pixel if without_pixels else tof
        return [Chunk(source, number, int(times[0]), pixel, tof, without_pixels)]
    lows, highs = _bounds(starts, int(tof.size))
    if without_pixels:
        tof, lows, highs = pixel, np.zeros_like(lows), np.zeros_like(highs)
    return [
        Chunk(source, number, int(time), pixel[low:high], tof[low:high], without_pixels)
        for time, low, high in zip(times, lows, highs, strict=True)
    ]


def _bounds(starts: NDArray[np.int32], events: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First events (pulses,) of each pulse, and the ends (pulses,), not included.

    ``starts`` (pulses,) has the index of the first event, or -1 for a pulse without events. Raises
    ValueError if these are not in order, or are no indices of the ``events``.
    """
    lows = starts.astype(np.int64)
    filled = lows != NO_EVENTS
    bounds = np.append(lows[filled], events)
    if bounds[0] != 0 or np.any(np.diff(bounds) < 0):
        raise ValueError("starts of pulses are not in order")
    lows[~filled] = 0
    highs = np.zeros_like(lows)
    highs[filled] = bounds[1:]
    return lows, highs
