"""A callback in machine code that notes when the C client library brought which value.

One in Python needs its interpreter's lock. When thousands of updates come at once to clients of one
process, their threads wait for that lock longer than the server needs to send: the age of a value
would be that of the clients' queue. Compiled for x86-64 under System V's calling convention.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import sys
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from benchmarks.many_clients.libca import TIME_DOUBLE_VALUE

CLOCK_MONOTONIC = 1

RECORD_BYTES = 24
"""Of a record: the value as a double, and a ``struct timespec`` of two 64-bit integers."""

MOST_ARRIVALS = 200_000
"""Most updates of one client that are kept; later ones are left out."""


class Arrivals:
    """The updates that came to one client, whose callback gets `address` as its user pointer."""

    def __init__(self) -> None:
        self._words = np.zeros(1 + MOST_ARRIVALS * RECORD_BYTES // 8, np.int64)

    @property
    def address(self) -> int:
        """Where the records are: their number, then the records."""
        return int(self._words.ctypes.data)

    @property
    def rows(self) -> NDArray[np.float64]:
        """Rows (n, 2) of the value, and the monotonic time of its arrival in s."""
        records = self._words[1 : 1 + 3 * int(self._words[0])].reshape(-1, 3)
        times = records[:, 1] + 1e-9 * records[:, 2]
        return np.column_stack([records[:, 0].view(np.float64), times])


@functools.cache
def noting_handler() -> Any:
    """A handler, for `CaContext.monitor`, that adds each update to the `Arrivals` of its client.

    The C library passes a structure by value. It lies on the stack, behind the six arguments that
    would come in registers, of which there are none. Raises RuntimeError on another machine.
    """
    if (platform.machine(), sys.platform) != ("x86_64", "linux"):
        raise RuntimeError("the clients of this benchmark need Linux on x86-64")
    clock = ctypes.CDLL(None).clock_gettime
    clock.argtypes, clock.restype = (ctypes.c_int, ctypes.c_void_p), ctypes.c_int
    word = types.int64
    value_at, clock_id, most = TIME_DOUBLE_VALUE, CLOCK_MONOTONIC, MOST_ARRIVALS

    @numba.cfunc(types.void(*[word] * 12))
    def note(
        _0: int, _1: int, _2: int, _3: int, _4: int, _5: int,
        user: int, _channel: int, _type: int, _count: int, data: int, _status: int,
    ) -> None:  # fmt: skip
        number = words_at(user, 1)
        if number[0] < most:
            place = user + 8 + RECORD_BYTES * number[0]
            words_at(place, 1)[0] = words_at(data + value_at, 1)[0]
            clock(clock_id, place + 8)
            number[0] += 1

    return note


@numba.njit
def words_at(address: int, count: int) -> Any:
    """The 64-bit words (count,) at an address, for compiled code."""
    return numba.carray(_pointer(address), (count,))  # type: ignore[attr-defined, call-arg]


@intrinsic
def _pointer(_context: Any, _address: int) -> Any:
    """A pointer to 64-bit words at an address."""
    pointer = types.CPointer(types.int64)  # type: ignore[no-untyped-call]

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(pointer))

    return pointer(types.int64), generate
