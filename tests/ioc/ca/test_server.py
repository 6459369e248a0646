"""The Channel Access server as a whole: whose turn it is, and whom it tells of itself."""

from __future__ import annotations

import asyncio

from ioc.ca.server import Server


async def test_updates_to_clients_take_turns_with_puts() -> None:
    server, order = Server({}, ["127.0.0.1"]), list[str]()

    async def pack(name: str) -> None:
        await server.turn()
        order.append(name)

    async def put() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        order.append("put")

    await asyncio.gather(*map(pack, "abcdefgh"), put())
    assert "".join(order).startswith("a")
    assert order.index("put") < order.index("h")


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
