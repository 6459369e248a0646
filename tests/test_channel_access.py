"""A slow client costs one value of each of its subscriptions, and nobody else anything."""

from __future__ import annotations

import asyncio

import caproto
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ioc.channel_access import Circuit, Mark, Server, pieces


class Client:
    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 5064


class GoneClient(Client):
    """A client that is found to be gone when something is sent to it."""

    @property
    def writer(self) -> GoneClient:
        return self

    def __init__(self) -> None:
        self.send_lock = asyncio.Lock()

    def close(self) -> None:
        pass

    def write(self, _: bytes) -> None:
        pass

    async def drain(self) -> None:
        raise ConnectionResetError


class StuckClient(GoneClient):
    """A client that takes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def drain(self) -> None:
        self.asked.set()
        await asyncio.get_running_loop().create_future()


class Turns:
    """A context in which every circuit may pack at once."""

    async def turn(self) -> None:
        pass


PACKED = caproto.EventAddResponse([1.0], caproto.ChannelType.DOUBLE, 1, 1, 0)
"""An update that can be sent."""


class Sending(Turns):
    """A context whose updates can be sent."""

    def __init__(self) -> None:
        self.subscription_queue: asyncio.Queue[object] = asyncio.Queue()
        self.dropped = asyncio.Event()

    async def pack(self, _sub: str, _update: object) -> None:
        await self.circuit.subscription_queue.put(lambda: PACKED)

    async def circuit_disconnected(self, _: Circuit) -> None:
        self.dropped.set()

    async def sends_to(self, client: Client) -> Circuit:
        virtual = caproto.VirtualCircuit(caproto.SERVER, ("127.0.0.1", 5064), None)
        self.circuit = Circuit(virtual, client, self)
        await self.circuit.run()
        offer(self.circuit, x=1)
        return self.circuit


class Packing(Turns):
    """A context whose packed updates are (subscription, value)."""

    circuit: Circuit

    async def pack(self, sub: str, update: tuple[None, int]) -> None:
        await self.circuit.subscription_queue.put((sub, update[1]))


def circuit() -> Circuit:
    context = Packing()
    virtual = caproto.VirtualCircuit(caproto.SERVER, ("127.0.0.1", 5064), None)
    context.circuit = Circuit(virtual, Client(), context)
    return context.circuit


async def offered(to: Circuit, **values: int) -> None:
    offer(to, **values)


def offer(to: Circuit, **values: int) -> None:
    for sub, value in values.items():
        to.offer(sub, (None, value))


def test_only_the_latest_value_of_a_subscription_is_kept() -> None:
    async def story() -> None:
        to = circuit()
        for value in range(1000):
            offer(to, x=value, y=value)
        assert [await to.get_from_sub_queue(0.01) for _ in range(3)] == [
            ("x", 999),
            ("y", 999),
            None,
        ]

    asyncio.run(story())


def test_what_was_posted_together_leaves_together() -> None:
    async def story() -> None:
        to = circuit()
        offer(to, x=1, y=1)
        assert await to.get_from_sub_queue() == ("x", 1)
        offer(to, x=2, y=2)
        offer(to, x=3, y=3)
        left = [await to.get_from_sub_queue() for _ in range(3)]
        assert left == [("y", 1), ("x", 3), ("y", 3)]

    asyncio.run(story())


def test_what_comes_while_a_circuit_waits_for_its_turn_leaves_after_the_rest() -> None:
    async def story() -> None:
        to = circuit()
        to.context.turn = lambda: offered(to, x=2, y=2)
        offer(to, x=1)
        assert await to.get_from_sub_queue() == ("x", 1)
        to.context.turn = lambda: offered(to)
        assert [await to.get_from_sub_queue() for _ in range(2)] == [("x", 2), ("y", 2)]
        later = asyncio.create_task(to.get_from_sub_queue())
        await asyncio.sleep(0)
        assert not later.done()
        offer(to, x=3)
        assert await later == ("x", 3)

    asyncio.run(story())


def test_circuits_take_turns_with_whoever_puts() -> None:
    async def story() -> None:
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

    asyncio.run(story())


def test_a_mark_is_passed_once_what_came_before_it_is_sent() -> None:
    async def story() -> None:
        to = circuit()
        mark = Mark(to, asyncio.get_running_loop().create_future())
        offer(to, x=1)
        to.offer(mark, None)
        offer(to, y=1)
        assert await to.get_from_sub_queue() == ("x", 1)
        assert await to.get_from_sub_queue(0.01) is None, "caproto sends x now"
        assert not mark.passed.done()
        assert await to.get_from_sub_queue() == ("y", 1)
        assert mark.passed.done()

    asyncio.run(story())


def test_a_send_that_finds_the_client_gone_drops_the_circuit() -> None:
    async def story() -> None:
        context = Sending()
        await context.sends_to(GoneClient())
        await asyncio.wait_for(context.dropped.wait(), 5)

    asyncio.run(story())


def test_a_client_that_goes_while_it_takes_nothing_ends_the_sending_to_it() -> None:
    async def story() -> None:
        client = StuckClient()
        to = await Sending().sends_to(client)
        await client.asked.wait()
        await to._on_disconnect()
        assert not to.connected
        await to.tasks.cancel_all(wait=True)

    asyncio.run(story())


def test_who_serves_this_host_alone_sends_beacons_to_nobody_else() -> None:
    class Socket:
        closed = False

        def close(self) -> None:
            self.closed = True

        async def send(self, _: bytes) -> None:
            return None

    async def story() -> None:
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

    asyncio.run(story())


class Array(Circuit):
    """A circuit whose one channel holds up to a thousand elements."""

    max_length = 1000

    def _get_db_entry_from_command(self, command: object) -> tuple[None, Array]:
        return None, self


def test_a_subscription_to_all_that_fits_is_told_how_many_elements_it_gets() -> None:
    async def asked(count: int) -> int:
        virtual = caproto.VirtualCircuit(caproto.SERVER, ("127.0.0.1", 5064), None)
        request = caproto.EventAddRequest(
            caproto.ChannelType.TIME_DOUBLE, count, 1, 1, 0, 0, 0, caproto.SubscriptionType(1)
        )
        Array(virtual, Client(), Packing())._take_what_is_there(request)
        return int(request.data_count)

    # 0 is as many as there are; Phoebus asks for 1000 and would believe that it got them.
    assert [asyncio.run(asked(count)) for count in (0, 10, 1000)] == [0, 10, 0]


@given(st.lists(st.binary(max_size=2000), max_size=6), st.integers(0, 300))
def test_what_is_sent_in_pieces_is_the_same(texts: list[bytes], numbers: int) -> None:
    header = caproto.DBR_TYPES[caproto.ChannelType.TIME_DOUBLE]()
    parts = [*texts, memoryview(np.arange(numbers, dtype=">f8")), header]
    sent = [bytes(each) for each in pieces(parts, 500)]
    assert b"".join(sent) == b"".join(parts)
    assert all(len(each) <= 500 for each in sent)
