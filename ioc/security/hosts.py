"""The IP addresses of hosts that an access security file names."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping

from ioc.security.rules import plain_address

HostAddresses = frozenset[str]
Resolve = Callable[[str], HostAddresses]
"""Gives the IP addresses of a host; raises OSError or UnicodeError if it has none."""

LOOKUPS = 32
"""Most look-ups at the same time."""

LOOKUP_S = 5.0
"""Time for all look-ups together."""


def addresses(host: str) -> HostAddresses:
    """The IP addresses of a host, given by address or by name.

    Raises OSError or UnicodeError if it has none.
    """
    try:
        return frozenset({plain_address(host)})
    except ValueError:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return frozenset(plain_address(str(sockaddr[0])) for *_, sockaddr in found)


def resolved(
    hosts: Collection[str], resolve: Resolve = addresses, within_s: float = LOOKUP_S
) -> Mapping[str, HostAddresses]:
    """The addresses of each host that has some; without those that take longer than ``within_s``.

    A name server that does not answer holds up its threads alone: they are abandoned.
    """
    names: queue.SimpleQueue[str] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[str, HostAddresses]] = queue.SimpleQueue()
    for host in hosts:
        names.put(host)

    def look_up() -> None:
        while not names.empty():
            try:
                host = names.get_nowait()
            except queue.Empty:
                return
            try:
                answers.put((host, resolve(host)))
            except (OSError, UnicodeError):
                answers.put((host, frozenset()))

    for _ in range(min(LOOKUPS, len(hosts))):
        threading.Thread(target=look_up, daemon=True, name="host look-up").start()
    found: dict[str, HostAddresses] = {}
    deadline_s = time.monotonic() + within_s
    while len(found) < len(hosts):
        try:
            host, its = answers.get(timeout=max(deadline_s - time.monotonic(), 0))
        except queue.Empty:
            break
        found[host] = its
    return {host: its for host, its in found.items() if its}
