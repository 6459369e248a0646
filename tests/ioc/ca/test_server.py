"""The Channel Access server as a whole: whose turn it is, and whom it tells of itself."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import caproto
import pytest

from ioc.ca.channel import channel
from ioc.ca.server import Server
from reduction.parameters.specs import Float
from tests.support.ports import free_port


async def test_a_server_of_this_host_alone_sends_beacons_to_nobody_else() -> None:
    class Socket:
        closed = False

        def close(self) -> None:
            self.closed = True

        async def send(self, _: bytes) -> None:
            return None

    for interface, kept in (("127.0.0.1", False), ("0.0.0.0", True)):
        server = Server({}, [interface])
        server.port = 5064
        everybody, self_only = Socket(), Socket()
        server.beacon_socks = {
            ("255.255.255.255", 5065): (interface, everybody),
            ("127.0.0.1", 5065): (interface, self_only),
        }
        beacons = asyncio.create_task(server.broadcast_beacon_loop())
        await asyncio.sleep(0.01)
        beacons.cancel()
        await asyncio.gather(beacons, return_exceptions=True)
        assert (("255.255.255.255", 5065) in server.beacon_socks) == kept
        assert (everybody.closed, self_only.closed) == (not kept, False)


async def test_a_server_of_this_host_alone_does_not_complain_that_there_is_no_network(
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = "Beacon (%s:%d) socket setup failed: %s", "255.255.255.255", 5065, "no network"
    Server({}, ["127.0.0.1"]).log.error(*words)
    assert not caplog.records
    Server({}, ["127.0.0.1"]).log.error("another %s", "fault")
    Server({}, ["0.0.0.0"]).log.error(*words)
    assert [each.getMessage() for each in caplog.records] == ["another fault", words[0] % words[1:]]


def search(name: str) -> bytes:
    """A datagram that asks for a name, as the C library sends it."""
    version = caproto.VersionRequest(priority=1, version=13)
    return bytes(version) + bytes(caproto.SearchRequest(name, 7, 13))


async def replies(address: str, port: int, name: str) -> list[str]:
    """The addresses that answer a search that is sent to one address."""
    loop = asyncio.get_running_loop()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.bind(("127.0.0.1", 0))
        await loop.sock_sendto(client, search(name), (address, port))
        answered: list[str] = []
        while True:
            try:
                async with asyncio.timeout(1):
                    _, (host, _) = await loop.sock_recvfrom(client, 1024)
            except TimeoutError:
                return answered
            answered.append(host)


@asynccontextmanager
async def serving(server: Server, sockets: int) -> AsyncIterator[None]:
    """A server that runs, with so many sockets for searches."""
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(5):
            while len(server.udp_socks) < sockets:
                await asyncio.sleep(0.01)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_each_interface_answers_the_searches_that_reach_it() -> None:
    port = free_port()
    served = channel(Float(pv="A", description=""), 1.0, name="P:A")
    server = Server({"P:A": served}, ["127.0.0.1", "127.0.0.2"], port)
    async with serving(server, 2):
        for address in ("127.0.0.1", "127.0.0.2"):
            assert await replies(address, port, "P:A.DESC") == [address]
        assert await replies("127.0.0.2", port, "P:B") == []
        assert await replies("127.0.0.2", port, "P:A.VAL[0:1]") == ["127.0.0.2"]


async def test_an_interface_answers_searches_that_are_broadcast_to_its_network() -> None:
    class OnLoopback(Server):
        def broadcast_addresses(self) -> dict[str, str]:
            return {"127.255.255.255": "127.0.0.2", "192.0.2.255": "127.0.0.1"}

    port = free_port()
    served = channel(Float(pv="A", description=""), 1.0, name="P:A")
    server = OnLoopback({"P:A": served}, ["127.0.0.1", "127.0.0.2"], port)
    async with serving(server, 3):
        assert await replies("127.255.255.255", port, "P:A") == ["127.0.0.2"]
        assert await replies("127.0.0.1", port, "P:A") == ["127.0.0.1"]


async def test_a_server_on_loopback_or_on_all_interfaces_needs_no_sockets_for_broadcasts() -> None:
    for interface in ("127.0.0.1", "0.0.0.0"):
        assert Server({}, [interface]).broadcast_addresses() == {}


@pytest.mark.parametrize("datagram", [b"junk", b"\0" * 15, b"\xff" * 100, search("P:A")[:-3]])
async def test_a_damaged_search_is_ignored(datagram: bytes) -> None:
    server = Server({}, ["127.0.0.1"])
    listening = asyncio.create_task(server.broadcaster_receive_loop())
    for _ in range(3):
        await server.broadcaster_datagram_queue.async_put(("127.0.0.1", datagram, ("127.0.0.1", 9)))
    await asyncio.sleep(0.02)
    assert not listening.done()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
