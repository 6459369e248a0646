"""What happens to the processes of a live reduction: each is over at the end of its context."""

from __future__ import annotations

import contextlib
import resource
import socket
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import psutil
import zmq

from reduction.control.encoding import encoded
from reduction.control.hello import own_hello
from tests.support.clients.ca_client import Network
from tests.support.clients.raw_ca_client import DBE_ALARM, DBE_VALUE, DOUBLE, TIME, RawClient

STEPPED_CLOCK = Path(__file__).parents[1] / "stepped_clock"
GONE = psutil.NoSuchProcess, psutil.ZombieProcess
SLOW = "Red1:Spec:YC", "Red1:Spec:Y", "EventTotal_RBV"
"""What a client that does not read monitors."""


class StepClock:
    """The time of day of all processes with ``environment``, which may be stepped."""

    def __init__(self, net: Network) -> None:
        self._path = Path(net.environment["XDG_STATE_HOME"], "clock")
        self._step(0)
        path = net.environment.get("PYTHONPATH", "")
        net.environment["PYTHONPATH"] = ":".join(filter(None, (str(STEPPED_CLOCK), path)))
        net.environment["STEPPED_CLOCK"] = str(self._path)

    @contextlib.contextmanager
    def stepped(self, seconds: float) -> Iterator[None]:
        """The clock is set by so many seconds, and set back at the end."""
        self._step(int(seconds * 1e9))
        try:
            yield
        finally:
            self._step(0)

    def _step(self, offset_ns: int) -> None:
        with self._path.open("r+b" if self._path.exists() else "wb") as file:
            file.write(offset_ns.to_bytes(8, "little", signed=True))


@contextlib.contextmanager
def stopped(process: psutil.Process) -> Iterator[None]:
    """A process is stopped, and goes on at the end if nobody has ended it."""
    with contextlib.suppress(*GONE):
        process.suspend()
    try:
        yield
    finally:
        with contextlib.suppress(*GONE):
            process.resume()


@contextlib.contextmanager
def full_disk(head: psutil.Process) -> Iterator[None]:
    """A process and those that it starts can write to no file, as if the disk were full."""
    _limit_files(head, 0)
    try:
        yield
    finally:
        _limit_files(head, resource.RLIM_INFINITY)


def _limit_files(head: psutil.Process, size_bytes: int) -> None:
    with contextlib.suppress(*GONE):
        for each in (head, *head.children(recursive=True)):
            with contextlib.suppress(*GONE):
                _, hard = each.rlimit(psutil.RLIMIT_FSIZE)
                each.rlimit(psutil.RLIMIT_FSIZE, (size_bytes, hard))


@contextlib.contextmanager
def slow_client(port: int, prefix: str) -> Iterator[None]:
    """A client that monitors arrays, and does not read what it is sent."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, TimeoutError):
            client = stack.enter_context(RawClient(port))
            for name in SLOW:
                client.monitor(prefix + name, TIME + DOUBLE, DBE_VALUE | DBE_ALARM)
        yield


def throw_junk(family: Sequence[psutil.Process], chance: Random) -> int:
    """Send junk to every socket that the processes have; returns how many there were."""
    places = [place for each in family for place in _places(each)]
    for place in places:
        with contextlib.suppress(OSError):  # it may be gone, off the network, or close at once
            _throw(place, _junk(chance))
    return len(places)


def _places(process: psutil.Process) -> list[tuple[int, int, Any]]:
    """Family, kind and address of the sockets at which a process receives."""
    try:
        found = process.net_connections("all")
    except (psutil.AccessDenied, *GONE):
        return []
    places: list[tuple[int, int, Any]] = []
    for each in found:
        address: Any = each.laddr
        if each.family == socket.AF_UNIX:
            if address and Path(address).is_socket():
                places.append((each.family, each.type, address))
        elif each.family == socket.AF_INET and not each.raddr:
            places.append((each.family, each.type, ("127.0.0.1", address.port)))
    return places


def _throw(place: tuple[int, int, Any], junk: bytes) -> None:
    family, kind, address = place
    with socket.socket(family, kind) as client:
        client.settimeout(1)
        client.connect(address)
        client.send(junk)


def _junk(chance: Random) -> bytes:
    """Random bytes, a header of Channel Access that promises much, one of ZeroMQ, or of HTTP."""
    head = chance.choice(
        (
            b"",
            struct.pack(">HHHHIIII", chance.randrange(30), 0xFFFF, 0, 0, 1, 1, 2**31, 2**31),
            struct.pack(">HHHHII", chance.randrange(30), 16, 6, 1, 2**32 - 1, 7),
            b"\xca\x02\x00" + chance.randbytes(1) + b"\xff\xff\xff\x7f",
            b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00NULL" + bytes(48),
            b"GET /pvws/pv HTTP/1.1\r\nHost: ",
        )
    )
    return head + chance.randbytes(chance.choice((0, 1, 8, 200, 1400)))


def send_as_strangers(family: Sequence[psutil.Process], chance: Random) -> None:
    """Other ranks and another simulator report to the IOC, in words and in junk."""
    local = {address for process in family for address in _local_sockets(process)}
    endpoints = {f"ipc://{address}" for address in local if Path(address).is_socket()}
    with zmq.Context() as context:
        for endpoint in endpoints:
            with context.socket(zmq.DEALER) as stranger:
                stranger.setsockopt(zmq.LINGER, 200)
                stranger.connect(endpoint)
                for part in ("ranks", "simulator"):
                    stranger.send_multipart([encoded(own_hello(part)), chance.randbytes(40)])
                    stranger.send_multipart([encoded(own_hello(part)), b""])
                stranger.send_multipart([chance.randbytes(9)] * chance.randrange(1, 5))


def _local_sockets(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.AccessDenied, *GONE):
        return [str(each.laddr) for each in process.net_connections("unix") if each.laddr]
    return []
