"""Finds out whether another IOC serves the same process variables."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import caproto
import psutil

log = logging.getLogger(__name__)

FIRST_SEARCHES_S = (0.0, 1.0, 5.0)
"""Times of the first searches, in seconds after the start."""

SEARCH_PERIOD_S = 30.0

FORGOTTEN_S = 3 * SEARCH_PERIOD_S
"""After this time without an answer another IOC counts as gone."""

MOST_PLACES = 8
"""So many places of other IOCs are known at a time, since anybody can send answers."""

SEARCH_NUMBER = 1


@dataclass(frozen=True)
class ServedPlace:
    """The TCP port of this IOC, and the addresses and UDP ports at which others would be found."""

    port: int
    targets: frozenset[tuple[str, int]]


class NameSearch(Protocol):
    """A search for one name, by one of the protocols."""

    @property
    def name(self) -> str:
        """The name that is searched for."""

    def request(self, port: int) -> bytes:
        """The datagram that asks for the name; answers come to a UDP ``port`` of this host."""

    def server_port(self, data: bytes) -> int | None:
        """The TCP port of the server that has sent an answer; None if it is no answer.

        May raise an exception of `NO_MESSAGE` for what is no message.
        """


NO_MESSAGE = (caproto.CaprotoError, ValueError, LookupError, struct.error)


@dataclass(frozen=True)
class CaSearch:
    """A search on Channel Access."""

    name: str

    def request(self, port: int) -> bytes:  # noqa: ARG002, they come to where it is sent from
        version = caproto.DEFAULT_PROTOCOL_VERSION
        messages = (
            caproto.VersionRequest(priority=0, version=version),
            caproto.SearchRequest(self.name, SEARCH_NUMBER, version),
        )
        return b"".join(map(bytes, messages))

    def server_port(self, data: bytes) -> int | None:
        for answer in caproto.Broadcaster(caproto.CLIENT).recv(data, ("", 0)):
            if isinstance(answer, caproto.SearchResponse) and answer.cid == SEARCH_NUMBER:
                return int(answer.port)
        return None


class OtherIocs(asyncio.DatagramProtocol):
    """Searches for a process variable of this IOC, and notes who else answers.

    ``place`` returns where this IOC serves, and ``clock`` seconds.
    """

    def __init__(
        self,
        search: NameSearch,
        place: Callable[[], ServedPlace],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._search, self._place, self._clock = search, place, clock
        self._answered_s: dict[str, float] = {}

    @property
    def problem(self) -> str:
        """Which other IOCs serve the same names, in words; empty if none does."""
        self._forget_silent()
        if not self._answered_s:
            return ""
        places = ", ".join(sorted(self._answered_s))
        return f"another IOC serves {self._search.name} too, at {places}"

    async def run(self) -> None:
        """Search again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            loopback = all(
                ipaddress.ip_address(host).is_loopback for host, _ in self._place().targets
            )
            sender.bind(("127.0.0.1" if loopback else "", 0))
            sender.setblocking(False)
            transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sender)
            with contextlib.closing(transport):
                waited_s = 0.0
                for at_s in FIRST_SEARCHES_S:
                    await asyncio.sleep(at_s - waited_s)
                    waited_s = at_s
                    self._send(transport)
                while True:
                    await asyncio.sleep(SEARCH_PERIOD_S)
                    self._send(transport)

    def _send(self, transport: asyncio.DatagramTransport) -> None:
        """Ask, unless no file is left to look at the networks with."""
        port = transport.get_extra_info("sockname")[1]
        with contextlib.suppress(OSError):
            for target in self._place().targets:
                with contextlib.suppress(OSError):  # a network may be down
                    transport.sendto(self._search.request(port), target)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Note the IOC that sends an answer, unless it is this one."""
        with contextlib.suppress(*NO_MESSAGE, OSError):
            port = self._search.server_port(data)
            if port is not None:
                self._note(addr[0], port)

    def error_received(self, exc: Exception) -> None:
        """Do nothing: nobody listens at an address."""

    def _note(self, host: str, port: int) -> None:
        if port == self._place().port and is_this_host(host):
            return
        where = f"{host}:{port}"
        self._forget_silent()
        if where not in self._answered_s:
            if len(self._answered_s) == MOST_PLACES:
                return
            log.warning("another IOC serves %s too, at %s", self._search.name, where)
        self._answered_s[where] = self._clock()

    def _forget_silent(self) -> None:
        """Forget the places that have not answered for `FORGOTTEN_S`."""
        since_s = self._clock() - FORGOTTEN_S
        self._answered_s = {at: s for at, s in self._answered_s.items() if s > since_s}


def is_this_host(address: str) -> bool:
    """Whether an address is one of this host."""
    if ipaddress.ip_address(address).is_loopback:
        return True
    every = (each for network in psutil.net_if_addrs().values() for each in network)
    return any(each.address == address for each in every)
