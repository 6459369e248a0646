"""Results that were sent a short time ago, by number: what a page may still show."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from weakref import WeakKeyDictionary

from web.limits import WebLimits
from web.values.pv_value import WebValue

FIRST_NUMBERS = 1 << 48
"""The first number is random below this, so that a page of a former server names no result here."""


class SentResults:
    """Numbers results as they are sent, and has the newest of them, bounded in number and bytes."""

    def __init__(self, limits: WebLimits) -> None:
        self._limits = limits
        self._numbers: WeakKeyDictionary[WebValue, int] = WeakKeyDictionary()
        self._recent: OrderedDict[tuple[str, int], WebValue] = OrderedDict()
        self._bytes = 0
        self._next = secrets.randbelow(FIRST_NUMBERS)

    def number(self, name: str, value: WebValue) -> int:
        """The number of a result; ``name`` is that of its process variable."""
        known = self._numbers.get(value)
        if known is not None:
            return known
        number = self._numbers[value] = self._next
        self._next += 1
        self._recent[name, number] = value
        self._bytes += _array_bytes(value)
        while len(self._recent) > 1 and self._is_too_much():
            self._bytes -= _array_bytes(self._recent.popitem(last=False)[1])
        return number

    def find(self, name: str, number: int) -> WebValue | None:
        """The result with a number; None if it was sent too long ago, or never."""
        return self._recent.get((name, number))

    def _is_too_much(self) -> bool:
        limits = self._limits
        return len(self._recent) > limits.recent_results or self._bytes > limits.recent_result_bytes


def _array_bytes(value: WebValue) -> int:
    """The bytes of all arrays; more than a result takes if it shares some with the one before."""
    return sum(each.nbytes for each in (value.arrays or {}).values())
