"""All visitors with an open WebSocket: how many may be there, and what all of them are told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from web.limits import WebLimits
from web.sockets.session_names import new_name


@dataclass(frozen=True)
class Visitor:
    """Who is at the other end: a name for people, the IP address, and what it may do.

    ``trusted``: it has shown the token. ``may_write``: its puts are passed on.
    """

    name: str
    address: str
    trusted: bool
    may_write: bool

    def __str__(self) -> str:
        return f"{self.name}@{self.address}"


class Presence(Protocol):
    """What can be done with a visitor that is there."""

    def tell(self, message: bytes) -> None:
        """Send it a message that only our page understands."""

    def send_away(self) -> None:
        """End its session."""


class TooManyVisitors(Exception):
    """No further WebSocket is accepted; the text says why."""


class Visitors:
    """The visitors that are there, and a function for each that sends it a message."""

    def __init__(self, limits: WebLimits) -> None:
        self._limits = limits
        self._present: dict[Visitor, Presence] = {}

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._present)

    def admit(self, address: str, trusted: bool, may_write: bool) -> Visitor:
        """A new visitor; raises `TooManyVisitors`."""
        limits, others = self._limits, [each for each in self._present if not each.trusted]
        if trusted and self.count - len(others) >= limits.trusted_sockets:
            raise TooManyVisitors(f"{limits.trusted_sockets} pages with the token are open")
        if not trusted and len(others) >= limits.sockets:
            raise TooManyVisitors(f"{limits.sockets} pages are open; try again later")
        of_address = Counter(each.address for each in others)
        if not trusted and of_address[address] >= limits.sockets_of_address:
            raise TooManyVisitors(f"{limits.sockets_of_address} pages of {address} are open")
        taken = {each.name for each in self._present}
        return Visitor(new_name(taken), address, trusted, may_write)

    def enter(self, visitor: Visitor, presence: Presence) -> None:
        """Add a visitor."""
        self._present[visitor] = presence

    def leave(self, visitor: Visitor) -> None:
        """Remove a visitor."""
        self._present.pop(visitor, None)

    def tell_all(self, message: bytes) -> None:
        """Send a message to every visitor with a page that understands it."""
        for presence in list(self._present.values()):
            presence.tell(message)

    def send_away(self) -> None:
        """End all sessions, because the server stops."""
        for presence in list(self._present.values()):
            presence.send_away()
