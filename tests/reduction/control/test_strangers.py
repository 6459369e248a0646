"""Messages that are none, and peers that are not in force: counted, told, and without effect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import zmq
from numpy.typing import NDArray

from reduction.control.encoding import MessageNotUnderstood, encoded
from reduction.control.hello import Hello, own_hello
from reduction.control.order_receiver import (
    LOGS,
    LONGEST_REFUSAL,
    ORDER,
    REFUSAL,
    OrderReceiver,
)
from reduction.control.order_sender import WORKING
from reduction.control.orders import RANKS_PART, RanksOrder
from reduction.host.network.key_file import Key
from tests.support.ranks.channel_bench import (
    IOC_HELLO,
    RANKS_HELLO,
    REPORT,
    Ioc,
    Ranks,
    arrived,
    ioc_end,
    peer,
    silent,
)


@pytest.fixture
async def ioc() -> AsyncIterator[Ioc]:
    """The IOC's end of a channel."""
    async with ioc_end() as end:
        yield end


@pytest.fixture
async def quick_ioc() -> AsyncIterator[Ioc]:
    """One that has little patience with ranks that are silent."""
    async with ioc_end(patience_s=0.2) as end:
        yield end


@dataclass
class Pair:
    """Looks like `PvLogValues`, and is not checked."""

    name: str
    times_ns: NDArray[Any]
    values: NDArray[Any]


JUNK = [
    b"junk",
    b"",
    b"\xff",
    b"\x91" * 5000,
    b"\xdf\xff\xff\xff\xff",
    encoded((("A", 7, 1.0),)),
    encoded(({"name": "A", "times_ns": ("<i8", (2,), b"12345678"), "values": ()},)),
    encoded((Pair("A", np.zeros(2), np.zeros(2)),)),
    encoded((Pair("A", np.zeros(2, np.int64), np.zeros(3)),)),
    encoded((Pair("A", np.zeros((2, 2), np.int64), np.zeros((2, 2))),)),
]


@contextmanager
def ranks_and_router() -> Iterator[tuple[Ranks, Callable[..., None]]]:
    """Ranks, and a function that sends them frames as the IOC would."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, context.socket(zmq.ROUTER) as router:
        port = router.bind_to_random_port("tcp://127.0.0.1")
        end: Ranks = OrderReceiver(context, f"tcp://127.0.0.1:{port}", RanksOrder, RANKS_PART)
        end.report(REPORT)
        identity, _, _ = router.recv_multipart()

        def send(*frames: bytes) -> None:
            router.send_multipart([identity, *frames])
            assert end.socket.poll(5000)

        try:
            yield end, send
        finally:
            end.close()


@pytest.mark.parametrize("junk", JUNK)
def test_orders_and_log_values_that_are_none_are_counted_and_told(junk: bytes) -> None:
    with ranks_and_router() as (ranks, send):
        send(IOC_HELLO, LOGS, junk)
        assert ranks.logs() == []
        assert (ranks.ignored, "not understood" in ranks.message) == (1, True)
        send(IOC_HELLO, ORDER, junk)
        assert ranks.ordered
        assert ranks.latest() is None
        assert ranks.ignored == 2
        send(IOC_HELLO, ORDER, encoded(RanksOrder(revision=4)))
        assert ranks.latest() == RanksOrder(revision=4)
        assert ranks.message == ""


@pytest.mark.parametrize("junk", [b"", b"junk", encoded(("ranks",)), encoded((7, "ioc"))])
def test_messages_of_other_frames_are_counted(junk: bytes) -> None:
    with ranks_and_router() as (ranks, send):
        for frames in ([junk], [junk, ORDER, b"x"], [IOC_HELLO], [IOC_HELLO, b"other", b"x"]):
            before = ranks.ignored
            send(*frames)
            assert not ranks.ordered
            assert ranks.ignored == before + 1


def test_orders_of_another_version_are_obeyed_and_told() -> None:
    other = Hello(1, "ioc", "99.1", "control", 7)
    with ranks_and_router() as (ranks, send):
        send(encoded(other), ORDER, encoded(RanksOrder(revision=2)))
        assert ranks.latest() == RanksOrder(revision=2)
        assert "ioc of version 99.1 on control, process 7" in ranks.message


def test_messages_without_end_do_not_hold_up_who_reads_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reduction.control.order_receiver.MOST_AT_ONCE", 10)
    with ranks_and_router() as (ranks, send):
        for revision in range(1, 26):
            send(IOC_HELLO, ORDER, encoded(RanksOrder(revision=revision)))
        found = list[int]()
        while ranks.socket.poll(1000):
            order = ranks.latest()
            found += [order.revision] if order else []
        assert found[-1] == 25
        assert len(found) <= 4
        assert found[0] <= 10
        send(IOC_HELLO, REFUSAL, b"no" * 1000)
        assert ranks.latest() is None
        assert len(ranks.message) == LONGEST_REFUSAL


def test_a_sender_is_a_part_of_one_line_whatever_it_calls_itself() -> None:
    words = Hello(1, "ioc", "1\n\x1b[31m", "a\0b", 7).words
    assert words == "ioc of version 1??[31m on a?b, process 7"


def test_orders_of_another_protocol_are_ignored_and_told() -> None:
    with ranks_and_router() as (ranks, send):
        send(encoded(Hello(2, "ioc", "99.1", "control", 7)), ORDER, encoded(RanksOrder(revision=2)))
        assert ranks.latest() is None
        assert "speaks protocol 2, and this process 1" in ranks.message


async def test_what_strangers_send_changes_nothing_and_is_counted(ioc: Ioc) -> None:
    with peer(ioc.endpoint) as ranks, zmq.Context() as context:
        await ioc.report()
        with context.socket(zmq.DEALER) as stranger:
            stranger.connect(ioc.endpoint)
            for frames in (
                [b"hello"],
                [b"a", b"b"],
                [RANKS_HELLO, b"junk", b"c"],
                *([each] for each in JUNK),
            ):
                stranger.send_multipart(frames)
            stranger.send_multipart([encoded(own_hello("simulator")), encoded(REPORT)])
            await silent(ioc)
            assert ioc.peers.ignored == 4 + len(JUNK)
            assert "reports where ranks do" in ioc.peers.problem
            assert stranger.poll(1000)  # it is told why
            assert b"ranks" in stranger.recv_multipart()[-1]
            assert not stranger.poll(100)  # and never sent an order
        ranks.report(REPORT)
        assert await ioc.report() == REPORT


async def test_a_second_ranks_job_waits_is_told_and_takes_over_when_the_first_ends(
    ioc: Ioc,
) -> None:
    with peer(ioc.endpoint) as first:
        await ioc.report()
        await ioc.command(RanksOrder(revision=1))
        with peer(ioc.endpoint) as second:
            await silent(ioc)
            await arrived(second)
            assert second.latest() is None
            assert "has to wait: the IOC has ranks of version" in second.message
            assert "has to wait" in ioc.peers.problem
            assert ioc.peers.incarnation == 1
            first.end()
            await silent(ioc)
            second.report(REPORT)
            await ioc.report()
            while (order := second.latest()) is None:
                await arrived(second)
            assert order.revision == 1
            assert second.message == ""
            assert ioc.peers.incarnation == 2


async def test_ranks_that_are_silent_for_long_lose_their_place(quick_ioc: Ioc) -> None:
    with peer(quick_ioc.endpoint) as first:
        await quick_ioc.report()
        await arrived(first)
        await asyncio.sleep(0.3)
        with peer(quick_ioc.endpoint) as second:
            await quick_ioc.report()
            await arrived(second)
            assert second.latest() is not None
            first.report(REPORT)
            await silent(quick_ioc)
            assert "has to wait" not in second.message


async def test_ranks_that_work_on_an_order_keep_their_place(quick_ioc: Ioc) -> None:
    with peer(quick_ioc.endpoint) as first:
        await quick_ioc.report()
        first.report_work()
        assert await quick_ioc.report() is WORKING
        await asyncio.sleep(0.3)
        with peer(quick_ioc.endpoint) as second:
            await silent(quick_ioc)
            await arrived(second)
            assert second.latest() is None
            assert "has to wait" in second.message
            first.report(REPORT)
            assert await quick_ioc.report() == REPORT


@pytest.mark.parametrize("key", [None, Key(bytes(zmq.curve_keypair()[1]))])
async def test_without_the_key_nobody_reports_or_gets_orders(key: Key | None) -> None:
    ours = Key(bytes(zmq.curve_keypair()[1]))
    async with ioc_end(key=ours) as ioc:
        with peer(ioc.endpoint, key) as stranger:
            await silent(ioc, 0.5)
            ioc.note_strangers()
            assert ioc.peers.ignored > 0
            assert "without the key" in ioc.peers.problem
            assert not stranger.socket.poll(0)
            with peer(ioc.endpoint, ours) as ranks:
                assert await asyncio.wait_for(ioc.report(), 5) == REPORT
                await arrived(ranks)
                assert ranks.latest() is not None


async def test_a_report_of_a_wrong_shape_is_not_understood_and_its_sender_told(ioc: Ioc) -> None:
    wrong = encoded(REPORT).replace(encoded("pulse_time_ns"), encoded("pulse_lime_ns"))
    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        await arrived(ranks)
        ranks.latest()
        ranks.socket.send_multipart([RANKS_HELLO, wrong])
        with pytest.raises(MessageNotUnderstood, match="a report of ranks of version"):
            await ioc.report()
        await arrived(ranks)
        assert ranks.latest() is None
        assert "pulse_time_ns" in ranks.message


async def test_while_bad_reports_come_without_end_others_have_their_turns(ioc: Ioc) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    with peer(ioc.endpoint) as ranks:
        await ioc.report()
        for _ in range(200):
            ranks.socket.send_multipart([RANKS_HELLO, b"junk"])
        turning = asyncio.create_task(others())
        for _ in range(200):
            with pytest.raises(MessageNotUnderstood):
                await ioc.report()
        turning.cancel()
    assert turns >= 200
