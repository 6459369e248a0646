"""Very many monitors of one client are bounded, cost little each, and end as quickly as few."""

from __future__ import annotations

import gc
import struct
import tracemalloc
from collections.abc import Iterator

import pytest

from ioc.ca.serving.client_subscriptions import ClientSubscriptions
from tests.support.clients.ca_client import network
from tests.support.clients.raw_ca_client import (
    DBE_VALUE,
    DOUBLE,
    ECA_NORMAL,
    EVENT_ADD,
    EVENT_CANCEL,
    FAILED,
    Message,
    RawClient,
)
from tests.support.clients.subscribed import Subscribed
from tests.support.cost import costs_at_most
from tests.support.ioc.ioc_bench import Ioc

MANY = 100_000
ECA_ALLOCMEM = 48
REFUSED = b"a client may have 3 monitors: end some, or connect again"
MASK = struct.pack(">fffHH", 0, 0, 0, DBE_VALUE, 0)


@pytest.fixture(scope="module")
def ioc() -> Iterator[Ioc]:
    with network() as net, Ioc(net) as made:
        yield made


def subscribe(client: RawClient, name: str, number: int) -> Message:
    """The first message to a subscription with a number, or that it is refused."""
    opened = client.open(name)
    assert opened is not None
    client.send(EVENT_ADD, DOUBLE, 1, opened.sid, number, MASK)
    while True:
        for each in client.answers():
            if each.command == FAILED or (each.command == EVENT_ADD and each.two == number):
                return each


def test_a_client_may_have_many_monitors_and_not_any_number(
    ioc: Ioc, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ioc.ca.serving.subscribing_circuit.MOST_MONITORS", 3)
    one, other = ioc.prefix + "Red1:BinMin", ioc.prefix + "Red1:BinMax"
    with RawClient(ioc.network.port) as client:
        made = [subscribe(client, name, 70 + n) for n, name in enumerate((one, one, other))]
        assert [each.command for each in made] == [EVENT_ADD] * 3
        refused = [subscribe(client, one, number) for number in (80, 81)]
        assert [(each.command, each.two) for each in refused] == [(FAILED, ECA_ALLOCMEM)] * 2
        assert all(REFUSED in each.payload for each in refused)
        opened = client.open(one)
        assert opened is not None
        client.send(EVENT_CANCEL, DOUBLE, 1, opened.sid, 81)  # of what it does not have
        client.send(EVENT_CANCEL, DOUBLE, 1, opened.sid, 70)
        assert subscribe(client, one, 82).command == EVENT_ADD
        client.close(one)
        assert subscribe(client, other, 83).command == EVENT_ADD
        assert not client.disconnected
    assert sum("may have 3 monitors" in each for each in caplog.messages) == 1
    assert "Traceback" not in caplog.text


def test_a_number_that_a_client_uses_for_a_second_monitor_is_of_that_alone(ioc: Ioc) -> None:
    one, other = ioc.prefix + "Red1:BinMin", ioc.prefix + "Red1:BinMax"
    with RawClient(ioc.network.port) as client:
        for name in (one, other):
            assert subscribe(client, name, 90).command == EVENT_ADD
        client.events.clear()
        for name, value in ((one, 0.4375), (other, 2.5625)):
            assert client.put(name, DOUBLE, struct.pack(">d", value)) == ECA_NORMAL
        while not client.events.get(90):
            list(client.answers())
        assert [each.payload for each in client.events[90]] == [struct.pack(">d", 2.5625)]


def test_a_monitor_does_not_hold_what_came_from_the_client_behind_it(ioc: Ioc) -> None:
    many = 500
    with RawClient(ioc.network.port) as client:
        opened = client.open(ioc.prefix + "Red1:BinMin")
        assert opened is not None
        heads = (struct.pack(">HHHHII", 1, 16, DOUBLE, 1, opened.sid, n) for n in range(many))
        requests = b"".join(head + MASK for head in heads)
        gc.collect()
        tracemalloc.start()
        try:
            client.send_bytes(requests)
            while len(client.events) < many:
                list(client.answers())
            client.events.clear()
            gc.collect()
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert held < 4000 * many


def test_very_many_monitors_end_one_by_one_without_a_search_for_each() -> None:
    subs = ClientSubscriptions()
    for each in range(MANY):
        subs.append(Subscribed(each))
    with costs_at_most(5):
        for number in reversed(range(MANY)):
            subs.remove(subs.by_number[number])
    assert len(subs) == 0
