"""The records of the file that keeps values of process variables, as arrays of 32 bytes each.

A record holds a value of a log, or a piece of the name of a log, or the time of a reset. Logs are
numbered from 1 on. Each record has a check, by which damaged and torn ones are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ioc.pv_logs.log_times import DatedValue

RECORD_TYPE = np.dtype(
    [
        ("check", "<u4"),
        ("log", "<u4"),
        ("stamp_ns", "<i8"),
        ("time_ns", "<i8"),
        ("value", "<f8"),
    ]
)
"""The number of the log, the fields of `DatedValue`, and a check of these."""

NAME = 1 << 31
"""Added to the number of a log if a record holds 24 bytes of its name in place of a value."""

RESET = 0
"""In place of the number of a log: values before ``time_ns`` are not needed from here on."""

NAME_PIECE_BYTES = 24
"""Bytes of a name in one record."""

FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)

Records = NDArray[np.void]
"""Records of type `RECORD_TYPE`, (n,)."""


@dataclass(frozen=True, eq=False)
class StoredLog:
    """Values (n,) float64 of a log from ``times_ns`` (n,) int64 on, and the one that came last."""

    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    last: DatedValue


@dataclass(frozen=True)
class StoredPart:
    """The values by log that were written after a reset, at ``reset_ns`` if there was one."""

    reset_ns: int | None
    logs: dict[str, StoredLog]


def checks(records: Records) -> NDArray[np.uint32]:
    """The check (n,) of each record: a hash of its other fields, never 0 for a record of zeros."""
    words = np.ascontiguousarray(records).view(np.uint64).reshape(-1, 4).copy()
    words[:, 0] >>= np.uint64(32)
    mixed = (words + FACTORS[::-1]) * FACTORS
    mixed ^= mixed >> np.uint64(29)
    mixed *= FACTORS
    folded: NDArray[np.uint64] = np.bitwise_xor.reduce(mixed, axis=1)
    return (folded >> np.uint64(32)).astype(np.uint32)


def _sealed(records: Records) -> Records:
    records["check"] = checks(records)
    return records


def value_records(
    number: int,
    stamps_ns: NDArray[np.int64],
    times_ns: NDArray[np.int64],
    values: NDArray[np.float64],
) -> Records:
    """The records of values (n,) of a log with their stamps (n,) and times (n,)."""
    records = np.zeros(values.size, RECORD_TYPE)
    records["log"], records["stamp_ns"] = number, stamps_ns
    records["time_ns"], records["value"] = times_ns, values
    return _sealed(records)


def value_record(number: int, value: DatedValue) -> Records:
    """The record of one value."""
    return value_records(
        number, np.array([value.stamp_ns]), np.array([value.time_ns]), np.array([value.value])
    )


def name_records(number: int, name: str) -> Records:
    """The records that give the name of a log."""
    text = name.encode()
    pieces = [
        text[start : start + NAME_PIECE_BYTES] for start in range(0, len(text), NAME_PIECE_BYTES)
    ]
    raw = b"".join(bytes(8) + piece.ljust(NAME_PIECE_BYTES, b"\0") for piece in pieces)
    records = np.frombuffer(raw, RECORD_TYPE).copy()
    records["log"] = NAME | number
    return _sealed(records)


def reset_record(time_ns: int) -> Records:
    """The record of a reset."""
    nothing = np.zeros(1)
    return value_records(RESET, np.zeros(1, np.int64), np.array([time_ns]), nothing)


def names_of(records: Records) -> dict[int, str]:
    """The names of logs by their numbers."""
    pieces: dict[int, bytes] = {}
    for record in records[records["log"] >= NAME]:
        number = int(record["log"]) ^ NAME
        pieces[number] = pieces.get(number, b"") + record.tobytes()[8:]
    return {
        number: text.rstrip(b"\0").decode("utf-8", "replace") for number, text in pieces.items()
    }


def parts_of(records: Records) -> Iterator[StoredPart]:
    """What records say, from one reset to the next."""
    names = names_of(records)
    resets = np.flatnonzero(records["log"] == RESET)
    starts = [None, *resets.tolist()]
    for start, end in zip(starts, [*resets.tolist(), records.size], strict=True):
        part = records[start:end]
        reset_ns = None if start is None else int(records["time_ns"][start])
        yield StoredPart(reset_ns, _logs_of(part, names))


def _logs_of(records: Records, names: dict[int, str]) -> dict[str, StoredLog]:
    logs: dict[str, StoredLog] = {}
    if not records.size:
        return logs
    for name in sorted({names[n] for n in np.unique(records["log"]).tolist() if n in names}):
        numbers = [number for number, each in names.items() if each == name]
        of_log = records[np.isin(records["log"], numbers)]
        last = DatedValue(*of_log[-1].item()[2:])
        logs[name] = StoredLog(of_log["time_ns"].copy(), of_log["value"].copy(), last)
    return logs
