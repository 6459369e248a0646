"""A slow client costs one value of each of its subscriptions, and nobody else anything."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import caproto
import numpy as np
import pytest

from ioc.ca.channel import channel
from ioc.ca.serving.circuit import BATCH, Circuit, FlushMarker
from ioc.ca.serving.client_subscriptions import Subscribers, spec_of
from ioc.ca.serving.messages import PackedUpdate
from ioc.ca.serving.sending_turns import SendingTurns
from ioc.ca.serving.updates import SharedMessages, Update
from ioc.records.channel_names import channel_name
from reduction.parameters.specs import Float
from tests.support.clients.subscribed import Named, Subscribed

TIME_DOUBLE = caproto.ChannelType.TIME_DOUBLE


class Client:
    """A client that keeps what it is sent, and takes it when it is ``ready``."""

    def __init__(self) -> None:
        self.send_lock = asyncio.Lock()
        self.said: list[str] = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.asked = asyncio.Event()

    @property
    def writer(self) -> Client:
        return self

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 5064

    def write(self, data: bytes) -> None:
        numbers = {each.subscriptionid.to_bytes(4, "big"): each for each in (X, Y, OTHERS)}
        for number, sub in numbers.items():
            data = data.replace(number, str(sub.subscriptionid).encode())
        self.said += bytes(data).decode().split()

    async def drain(self) -> None:
        self.asked.set()
        await self.ready.wait()

    def close(self) -> None:
        pass


class SlowClient(Client):
    """A client that takes nothing until it is ready."""

    def __init__(self) -> None:
        super().__init__()
        self.ready.clear()


class GoneClient(Client):
    """A client that is found to be gone when something is sent to it."""

    async def drain(self) -> None:
        raise ConnectionResetError


NUMBER = channel(Float(pv="F", description=""), 10.0, name="P:F")

X, OTHERS = (Subscribed(number, channel=Named("P:F"), db_entry=NUMBER) for number in (1, 3))
"""Subscriptions to a number, whose messages are joined."""

Y = Subscribed(2)
"""A subscription to an array."""


class Said(Update):
    """An update that reads as ``number=value``, and ``size`` blanks."""

    def __init__(self, value: int, size: int = 0) -> None:
        super().__init__("spec", None, [value], 0)
        self.value, self.blanks = value, size

    def serves(self, _: Any) -> bool:
        return True

    def common(self, _: Any) -> PackedUpdate:
        tail = f"={self.value} ".encode() + self.blanks * b" "
        return PackedUpdate(b"", tail, (), 4 + len(tail))


class Context:
    """A context in which every circuit may send at once."""

    def __init__(self) -> None:
        self.subscription_queue: asyncio.Queue[object] = asyncio.Queue()
        self.dropped = asyncio.Event()
        self.subscriptions: defaultdict[Any, Subscribers] = defaultdict(Subscribers)
        for each in (X, Y, OTHERS):
            self.subscriptions[spec_of(each)].append(each)
        self.shared = SharedMessages()
        self.turns = SendingTurns()

    async def circuit_disconnected(self, _: Circuit) -> None:
        self.dropped.set()


def circuit(client: Client, context: Context | None = None) -> Circuit:
    virtual = caproto.VirtualCircuit(caproto.SERVER, ("127.0.0.1", 5064), None)
    made = Circuit(virtual, client, context or Context())
    for each in (X, Y):
        made.subscriptions.append(each)
    return made


def offer(to: Circuit, sub: Subscribed, update: Update) -> None:
    """Have an update sent to one subscription, as the server does."""
    to.latest[sub.subscriptionid] = update
    to.updated()


@asynccontextmanager
async def telling(client: Client, context: Context | None = None) -> AsyncIterator[Circuit]:
    """A circuit that tells a client what it is offered."""
    to = circuit(client, context)
    await to.run()
    yield to
    await to.tasks.cancel_all(wait=True)


async def settled(client: Client, said: int) -> list[str]:
    """What a client was told, once it is so much."""
    async with asyncio.timeout(5):
        while len(client.said) < said:
            await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    return client.said


async def test_only_the_latest_value_of_a_subscription_is_kept() -> None:
    client = Client()
    async with telling(client) as to:
        for value in range(1000):
            offer(to, X, Said(value))
            offer(to, Y, Said(value))
        assert await settled(client, 2) == ["1=999", "2=999"]


async def test_a_client_that_takes_nothing_is_told_the_latest_of_each_when_it_does() -> None:
    client = SlowClient()
    async with telling(client) as to:
        for value in range(1000):
            offer(to, X, Said(value))
            offer(to, Y, Said(value))
            await asyncio.sleep(0)
        client.ready.set()
        assert (await settled(client, 4))[-2:] == ["1=999", "2=999"]
        assert len(client.said) == 4


async def test_what_was_posted_together_leaves_before_anything_newer_in_whatever_batches() -> None:
    client = SlowClient()
    async with telling(client) as to:
        offer(to, X, Said(1, BATCH))
        offer(to, Y, Said(1, BATCH))
        await client.asked.wait()
        offer(to, X, Said(2))
        offer(to, Y, Said(2))
        client.ready.set()
        assert await settled(client, 4) == ["1=1", "2=1", "1=2", "2=2"]


async def test_a_subscription_that_is_cancelled_gets_nothing_more() -> None:
    client = SlowClient()
    async with telling(client) as to:
        offer(to, X, Said(1, BATCH))
        offer(to, Y, Said(1))
        await client.asked.wait()
        await to.cancel_of(Y.channel)
        client.ready.set()
        offer(to, X, Said(2))
        assert await settled(client, 2) == ["1=1", "1=2"]


async def test_a_client_that_has_turned_events_off_gets_the_latest_when_they_are_on() -> None:
    client = Client()
    async with telling(client) as to:
        await asyncio.sleep(0)
        to.events_on.clear()
        for value in range(5):
            offer(to, X, Said(value))
            await asyncio.sleep(0)
        assert not client.said
        to.events_on.set()
        assert await settled(client, 1) == ["1=4"]


async def test_a_marker_is_passed_once_all_updates_before_it_are_sent() -> None:
    client = SlowClient()
    async with telling(client) as to:
        mark = FlushMarker(asyncio.get_running_loop().create_future())
        offer(to, X, Said(1))
        to.mark(mark)
        await client.asked.wait()
        assert not mark.passed.done()
        client.ready.set()
        await asyncio.wait_for(mark.passed, 5)
        assert client.said == ["1=1"]


async def test_a_send_that_finds_the_client_gone_drops_the_circuit_and_leaves_no_task() -> None:
    before, to = asyncio.all_tasks(), circuit(GoneClient(), context := Context())
    await to.run()
    offer(to, X, Said(1))
    async with asyncio.timeout(5):
        await context.dropped.wait()
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0)


async def test_a_client_that_goes_while_it_takes_nothing_ends_the_sending_to_it() -> None:
    client = SlowClient()
    async with telling(client) as to:
        offer(to, X, Said(1))
        await client.asked.wait()
        await to.drop()
        assert not to.connected


@pytest.mark.parametrize(
    ("sub", "values"),
    [
        (Subscribed(1, data_count=3), [0, 1, 2]),
        (Subscribed(1, data_count=12), [*range(10), 0, 0]),
        (Subscribed(1, channel=Named("P:A.[0:3]")), [0, 1, 2, 3]),
        (Subscribed(1, channel=Named("P:A.VAL[-2:]")), [8, 9]),
        (Subscribed(1, 2, channel=Named('P:A.{"arr":{"s":1,"i":4}}')), [1, 5]),
        (Subscribed(1, channel=Named("P:A.[20:30]")), []),
    ],
)
async def test_a_client_that_asks_for_some_elements_or_with_a_filter_gets_those(
    sub: Subscribed, values: list[float]
) -> None:
    update = Update("spec", caproto.DBR_TYPES[TIME_DOUBLE](), np.arange(10, dtype=">f8"), 0)
    assert not update.serves(sub)
    assert update.serves(Subscribed(1, data_count=10))
    expected = caproto.EventAddResponse(
        np.array(values, ">f8"), TIME_DOUBLE, len(values), 1, 1, metadata=update.metadata
    )
    assert b"".join(map(bytes, circuit(Client()).packed(sub, update))) == bytes(expected)


@pytest.mark.parametrize(
    ("deadband", "sent"),
    [
        ('{"abs":1}', [10, 12, 20]),
        ('{"rel":50}', [10, 20]),
        ('{"m":"rel","d":15}', [10, 12, 20]),
        ('{"abs":0}', [10, 10.5, 12, 12.5, 20]),
    ],
)
async def test_a_client_with_a_deadband_gets_values_that_differ_by_more_and_every_alarm(
    deadband: str, sent: list[float]
) -> None:
    to = circuit(Client())
    sub = Subscribed(1, channel=Named(f'P:F.{{"dbnd":{deadband}}}'))
    got = []
    for value in (10, 10.5, 12, 12.5, 20, 20):
        update = Update("spec", caproto.DBR_TYPES[TIME_DOUBLE](), np.array([value], ">f8"), 1)
        if to.packed(sub, update):
            got.append(value)
    assert got == sent
    alarm = Update("spec", caproto.DBR_TYPES[TIME_DOUBLE](), np.array([20], ">f8"), 4)
    assert to.packed(sub, alarm)


async def test_a_deadband_judges_the_value_where_a_time_is_sent_in_its_place() -> None:
    to = circuit(Client())
    number = channel(Float(pv="F", description=""), 10.0, name="P:F")
    name = 'P:F.{"ts":{"num":"sec"},"dbnd":{"abs":1}}'
    stamp = channel_name(name).filter.stamp
    assert stamp is not None
    sub = Subscribed(1, 0, TIME_DOUBLE, Named(name), number.stamp_channel(stamp))
    sent = []
    for second, value in enumerate((10.0, 10.5, 12.0, 12.5, 20.0)):
        await number.publish_value(value)
        times = np.array([1e9 + 60 * second], ">f8")
        if to.packed(sub, Update("spec", caproto.DBR_TYPES[TIME_DOUBLE](), times, 1)):
            sent.append(value)
    assert sent == [10.0, 12.0, 20.0]
