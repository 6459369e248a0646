"""Arrays and structures as one binary message, made once for all visitors that get the same.

::

    uint32, little-endian       n, the length of the header
    n bytes                     the header: JSON, with blanks behind it so that 4 + n is 8 m
    arrays, one after another   each with zeros behind it up to a length of 8 m

The header has ``pv``, ``severity``, ``seconds``, ``nanos``, ``fields`` and ``arrays``: for each
array ``name``, ``dtype`` (``f4`` or ``f8``, little-endian) and ``shape``. An array with ``same`` is
left out: the client has it from its last message about this process variable. A result has a number
``result``, by which it can be frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from web.sockets.json_text import encode
from web.values.pv_value import SEVERITY_WORDS, WebValue

ALIGNMENT = 8


FrameKey = tuple[str, tuple[str, ...], frozenset[str]]
"""Name, arrays, and those among them that the client has."""


class SharedFrames:
    """The binary messages about values, by name and by the arrays that are left out."""

    def __init__(self) -> None:
        self._made: WeakKeyDictionary[WebValue, dict[FrameKey, bytes]] = WeakKeyDictionary()

    def frame(
        self,
        value: WebValue,
        name: str,
        dtype: Callable[[str], str],
        arrays: Mapping[str, NDArray[np.float64]],
        known: Mapping[str, NDArray[np.float64]],
        result: int | None = None,
    ) -> bytes:
        """The message with ``arrays`` of a value, for a client that already has those ``known``.

        ``name`` is how the client wrote the name; ``dtype`` gives ``f4`` or ``f8`` for the name of
        an array. ``result`` is the number of a result, one for each value.
        """
        same = frozenset(each for each, array in arrays.items() if known.get(each) is array)
        made = self._made.setdefault(value, {})
        key = (name, tuple(arrays), same)
        if key not in made:
            made[key] = _frame(value, name, arrays, dtype, same, result)
        return made[key]


def complete_frame(
    value: WebValue,
    name: str,
    dtype: Callable[[str], str],
    arrays: Mapping[str, NDArray[np.float64]],
) -> bytes:
    """The message with all of ``arrays``, each (n,), which is not remembered."""
    return _frame(value, name, arrays, dtype, frozenset(), None)


def _frame(
    value: WebValue,
    name: str,
    arrays: Mapping[str, NDArray[np.float64]],
    dtype: Callable[[str], str],
    same: frozenset[str],
    result: int | None,
) -> bytes:
    described: list[Mapping[str, Any]] = []
    parts: list[bytes] = []
    for each, array in arrays.items():
        entry = {"name": each, "dtype": dtype(each), "shape": [array.size]}
        if each in same:
            described.append(entry | {"same": True})
            continue
        described.append(entry)
        parts.append(_padded(array.astype(f"<{entry['dtype']}").tobytes(), b"\0"))
    header = encode(
        {
            "pv": name,
            "severity": SEVERITY_WORDS[value.severity],
            "seconds": value.seconds,
            "nanos": value.nanos,
            "fields": value.fields or {},
            "arrays": described,
        }
        | ({} if result is None else {"result": result})
    )
    header += b" " * (-(4 + len(header)) % ALIGNMENT)
    return b"".join((len(header).to_bytes(4, "little"), header, *parts))


def _padded(data: bytes, filling: bytes) -> bytes:
    return data + filling * (-len(data) % ALIGNMENT)
