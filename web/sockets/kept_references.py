"""References that pages have frozen, kept for all who open a link to them.

A reference is a result as it was sent, in the form of `web.sockets.frames`. Its id follows from its
content. References are forgotten when the server ends, and the oldest ones when there are too many.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

from web.limits import WebLimits
from web.message_rate import AddressRates
from web.sockets.frames import complete_frame
from web.sockets.sent_results import SentResults
from web.sockets.visitors import Visitor
from web.values.names import WebPv

REFERENCE_ARRAYS = ("XE", "Y", "E")
"""The arrays of a reference: edges, intensity and its error, as the page draws them."""

ID_DIGITS = 16
"""Hexadecimal digits of an id."""


class ReferenceRefused(ValueError):
    """A result that is not kept as a reference; the text says why."""


class ReferenceShelf:
    """References of some visitors, as many as the limits allow; ``clock`` returns seconds."""

    def __init__(self, limits: WebLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._rates = AddressRates(limits.references_per_s, limits.reference_burst, clock)
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def admit(self, address: str) -> None:
        """Count one more reference of an IP address; raises `ReferenceRefused`."""
        if not self._rates.admit(address):
            raise ReferenceRefused("too many references were frozen; try again in a minute")

    def add(self, content: bytes) -> str:
        """Keep a reference as the newest one; returns its id. Raises `ReferenceRefused`."""
        if len(content) > self._limits.reference_bytes:
            raise ReferenceRefused(f"{len(content)} bytes are too many for a reference")
        name = hashlib.sha256(content).hexdigest()[:ID_DIGITS]
        self._bytes += len(content) - len(self._kept.pop(name, b""))
        self._kept[name] = content
        while len(self._kept) > self._limits.references or (
            self._bytes > self._limits.reference_bytes
        ):
            self._bytes -= len(self._kept.popitem(last=False)[1])
        return name

    def content(self, name: str) -> bytes | None:
        """The reference with an id; None if it is not kept, or no more."""
        return self._kept.get(name)


class KeptReferences:
    """References of visitors with the token, and apart from them those of all others.

    So nobody without the token makes the server forget what the others have frozen.
    """

    def __init__(self, results: SentResults, limits: WebLimits, clock: Callable[[], float]) -> None:
        self._results = results
        self._trusted, self._others = (ReferenceShelf(limits, clock) for _ in range(2))

    def keep(self, visitor: Visitor, pv: WebPv, number: int) -> str:
        """Keep the result that was sent with a number; returns the id of the reference.

        Raises `ReferenceRefused`.
        """
        shelf = self._trusted if visitor.trusted else self._others
        shelf.admit(visitor.address)
        if not pv.is_result:
            raise ReferenceRefused(f"{pv.name} is no result")
        value = self._results.find(pv.name, number)
        if value is None:
            raise ReferenceRefused("this result was sent too long ago; freeze a newer one")
        sent = value.arrays or {}
        arrays = {name: sent[name] for name in REFERENCE_ARRAYS if name in sent}
        if len(arrays) < len(REFERENCE_ARRAYS) or not arrays["Y"].size:
            raise ReferenceRefused("there is no result yet")
        return shelf.add(complete_frame(value, pv.name, pv.dtype, arrays))

    def content(self, name: str) -> bytes | None:
        """The reference with an id, as a binary message; None if it is not kept, or no more."""
        return self._trusted.content(name) or self._others.content(name)
