"""A client may have many puts in progress: they begin in order, and its reads need not wait."""

from __future__ import annotations

import dataclasses
import struct
import time
from collections.abc import Iterator

import caproto
import pytest

from ioc.ca.serving.put_queue import (
    LONGEST_WAIT_S,
    MOST_PUT_BYTES,
    MOST_PUTS,
    PUT_BYTES,
    ArrivedPut,
    PutQueue,
)
from reduction.parameters.specs import Refused
from tests.support.clients.ca_client import network
from tests.support.clients.raw_ca_client import (
    DOUBLE,
    ECA_NORMAL,
    LONGEST_S,
    STRING,
    WRITE_NOTIFY,
    Message,
    RawClient,
    decoded,
)
from tests.support.ioc.ioc_bench import Ioc


class Channel:
    """A client's channel, by the name that it asked for."""

    name = "T:A"


def arrived(number: int, kind: type = caproto.WriteNotifyRequest, size: int = 8) -> ArrivedPut:
    """The put with a number, of so many bytes."""
    values = [1.0] * (size // 8)
    data_type = caproto.ChannelType.DOUBLE
    return ArrivedPut(kind(values, data_type, len(values), sid=1, ioid=number), Channel(), None)


async def test_puts_begin_in_the_order_of_their_arrival_and_no_more_than_may_be_in_progress() -> (
    None
):
    begun: list[ArrivedPut] = []
    puts = PutQueue(begun.append)
    all_puts = [arrived(number) for number in range(3 * MOST_PUTS)]
    for put in all_puts:
        await puts.add(put)
    assert begun == all_puts[:MOST_PUTS]
    for number in range(len(all_puts)):
        puts.end(begun[number])
        assert len(begun) == min(MOST_PUTS + number + 1, len(all_puts))
    assert begun == all_puts


async def test_puts_that_wait_are_not_begun_once_the_server_ends() -> None:
    begun: list[ArrivedPut] = []
    puts = PutQueue(begun.append)
    for number in range(MOST_PUTS + 5):
        await puts.add(arrived(number))
    puts.drop()
    puts.end(begun[0])
    assert len(begun) == MOST_PUTS


@pytest.mark.parametrize("size", [8, 400_000])
async def test_what_puts_hold_is_bounded(size: int) -> None:
    begun: list[ArrivedPut] = []
    puts, number = PutQueue(begun.append), 0
    while True:
        adding = puts.add(arrived(number, size=size))
        try:
            adding.send(None)
        except StopIteration:
            number += 1
        else:
            break  # it waits
    assert 0 < number * (size + PUT_BYTES) - MOST_PUT_BYTES <= size + PUT_BYTES
    puts.end(begun[0])
    with pytest.raises(StopIteration):
        adding.send(None)


def test_a_put_with_completion_is_refused_if_it_has_waited_for_longer_than_clients_do() -> None:
    before_s = time.monotonic() - LONGEST_WAIT_S - 1
    late = dataclasses.replace(arrived(1), arrived_s=before_s)
    why = "T:A: 1 refused: earlier puts of this client have not ended within 30 s"
    with pytest.raises(Refused, match=why):
        late.check_age()
    arrived(1).check_age()


def test_a_put_without_completion_is_never_too_old() -> None:
    before_s = time.monotonic() - LONGEST_WAIT_S - 1
    dataclasses.replace(arrived(1, caproto.WriteRequest), arrived_s=before_s).check_age()


@pytest.fixture(scope="module")
def ioc() -> Iterator[Ioc]:
    with network() as net, Ioc(net) as made:
        yield made


def put_without_waiting(client: RawClient, name: str, numbers: range) -> None:
    opened = client.open(name)
    assert opened is not None
    for number in numbers:
        payload = struct.pack(">d", 0.5 + number / 1e5)
        client.send(WRITE_NOTIFY, DOUBLE, 1, opened.sid, number, payload)


def statuses(client: RawClient, numbers: range) -> list[int]:
    """The statuses of puts, in the order of their answers."""
    found: list[Message] = []
    deadline_s = time.monotonic() + LONGEST_S
    while len(found) < len(numbers) and time.monotonic() < deadline_s:
        found += [each for each in client.answers() if each.command == WRITE_NOTIFY]
    assert [each.two for each in found] == list(numbers)
    return [each.one for each in found]


def test_a_client_reads_while_more_of_its_puts_than_may_be_in_progress_wait_for_the_ranks(
    ioc: Ioc,
) -> None:
    name, numbers = ioc.prefix + "Red1:BinMin", range(1000, 1000 + MOST_PUTS + 50)
    with RawClient(ioc.network.port) as client:
        before = client.get(name, DOUBLE).payload
        ioc.ranks.obeying.clear()
        put_without_waiting(client, name, numbers)
        began_s = time.monotonic()
        for _ in range(20):
            assert client.get(name, DOUBLE).payload == before
        assert decoded(client.get(ioc.prefix + "Status_RBV", STRING)).values
        assert time.monotonic() - began_s < LONGEST_S  # one that waits for the puts takes 30 s
        ioc.ranks.obeying.set()
        assert statuses(client, numbers)[-1] == ECA_NORMAL


def test_puts_that_wait_are_obeyed_though_their_client_has_closed_the_channel(ioc: Ioc) -> None:
    name, numbers = ioc.prefix + "Red1:BinMin", range(2000, 2000 + MOST_PUTS + 20)
    with RawClient(ioc.network.port) as client:
        ioc.ranks.obeying.clear()
        put_without_waiting(client, name, numbers)
        client.close(name)
        ioc.ranks.obeying.set()
        last = 0.5 + numbers[-1] / 1e5
        ioc.until(lambda: ioc.number("Red1:BinMin_RBV") == pytest.approx(last))
