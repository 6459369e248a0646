"""Mutated reports of ranks, received as the IOC does, and posted on its channels."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import zmq
import zmq.asyncio

from benchmarks.robustness.fuzzing.target import Uncounted
from benchmarks.robustness.fuzzing.tree_mutation import mutated_tree
from reduction.control.encoding import MessageNotUnderstood, encoded
from reduction.control.hello import own_hello
from reduction.control.order_receiver import END, WORK
from reduction.control.order_sender import OrderSender
from reduction.control.orders import RANKS_PART, RanksOrder
from reduction.control.reports import RanksReport
from tests.support.ioc.publisher_bench import PublisherBench, report

PEER, STRANGER, FRAMES = b"p", b"s", b"f"
"""First byte of an input: the peer in force sends the rest as a report, or a stranger does.

With `FRAMES` the stranger sends it in as many frames as `BETWEEN` makes them.
"""

BETWEEN = b"\xc1"
"""Never used in MessagePack."""

POSTED_EVERY, READ_EVERY, POSTED_ON_ONE = 10, 100, 1000
"""One of so many reports is posted. After so many of these all channels are read, and after so many
the channels are made anew."""

ENDED_EVERY = 500
"""The peer ends with one of so many reports that say so."""

MOST_TRIES = 20
AFRESH = 0.6
"""Share of changes that begin with a valid input, so that many inputs are nearly valid."""

HELLO = encoded(own_hello(RANKS_PART))
MARK = secrets.token_hex(8)
"""The message of the valid report that follows each input, by which it is known."""

MARKED = encoded(report(PublisherBench().order, message=MARK, results=()))
VALID = encoded(report(PublisherBench().order))


class SendingEnd:
    """The IOC's socket with a peer in force and a stranger."""

    def __init__(self) -> None:
        context = zmq.asyncio.Context()
        self._end: OrderSender[RanksOrder, RanksReport] = OrderSender(
            context, f"inproc://{secrets.token_hex(8)}", RanksReport, RanksOrder()
        )
        self._plain: zmq.Context[Any] = zmq.Context.shadow(context.underlying)
        self._peer, self._stranger = self._socket(), self._socket()

    def _socket(self) -> zmq.Socket[Any]:
        socket: zmq.Socket[Any] = self._plain.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(self._end.endpoint)
        return socket

    async def begin(self) -> None:
        """Have a peer in force; the first report over ``inproc`` may not wake the receiver."""
        while True:
            self._peer.send_multipart([HELLO, MARKED])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end.report(), 0.05)
                return

    async def end(self) -> None:
        """Have the peer in force say that it ends, and another one take its place."""
        self._peer.send_multipart([HELLO, END])
        self._peer.close()
        self._peer = self._socket()
        await self.begin()

    async def receive(self, frames: list[bytes], *, peer: bool) -> tuple[str, RanksReport | None]:
        """Receive a message of the peer or the stranger: how it ended, and the report in it."""
        ignored = self._end.peers.ignored
        (self._peer if peer else self._stranger).send_multipart(frames)
        outcome, found = "", None
        for _ in range(MOST_TRIES):  # what two sockets send comes in any order
            said = await self._until_valid()
            outcome, found = said or (outcome, found)
            added = self._end.peers.ignored - ignored
            if outcome or added:
                break
        for each in (self._peer, self._stranger):
            while each.poll(0):
                each.recv_multipart()
        if (added, bool(outcome)) not in ((1, False), (0, True)):
            raise Uncounted(f"{added} messages ignored, and: {outcome or 'nothing'}")
        return outcome or "ignored", found

    async def _until_valid(self) -> tuple[str, RanksReport | None] | None:
        """What comes before the next valid report of the peer in force."""
        said: tuple[str, RanksReport | None] | None = None
        self._peer.send_multipart([HELLO, MARKED])
        while True:
            try:
                got = await self._end.report()
            except MessageNotUnderstood:
                said = "not understood", None
                continue
            if not isinstance(got, RanksReport):
                said = "work", None
            elif got.message == MARK:
                return said
            else:
                said = "report", got


class ReportTarget:
    """Receives each input over ZeroMQ, and posts some of the reports."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.seeds = seeds()
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._begin())
        self._reports = self._posted = self._ends = 0

    async def _begin(self) -> None:
        self._end = SendingEnd()
        await self._end.begin()

    def take(self, data: bytes) -> None:
        """Receive an input; raises `Uncounted` if it is neither received nor ignored."""
        self._loop.run_until_complete(self._take(data[:1], data[1:]))

    async def _take(self, kind: bytes, body: bytes) -> None:
        if body == END and kind not in (STRANGER, FRAMES):
            self._ends += 1
            self.outcomes["end"] += 1
            if self._ends % ENDED_EVERY == 0:  # it takes long until another peer is in force
                await self._end.end()
            return
        frames = body.split(BETWEEN) if kind == FRAMES else [HELLO, body]
        outcome, found = await self._end.receive(frames, peer=kind not in (STRANGER, FRAMES))
        self.outcomes[outcome] += 1
        if found is not None:
            self._reports += 1
            if self._reports % POSTED_EVERY == 0:
                await self._post(found)

    async def _post(self, found: RanksReport) -> None:
        """Post a report, and now and then read all channels."""
        if self._posted % POSTED_ON_ONE == 0:
            self._bench = PublisherBench()
        self._posted += 1
        self._bench.now_s += 1.0
        await self._bench.publisher.ranks(found)
        msgspec.json.encode(found.run)
        if self._posted % READ_EVERY == 0:
            for channel in list(self._bench.database.channels.values()):
                await channel.read(channel.data_type)

    def mutated(self, data: bytes, seed: int) -> bytes | None:
        """An input whose MessagePack is changed as a tree, or None."""
        random = Random(seed)
        if random.random() < 0.2 or not data:
            return None
        if random.random() < AFRESH:
            data = random.choice(self.seeds)
        kind, body = data[:1], data[1:]
        if kind != FRAMES:
            return random.choice((PEER, PEER, PEER, STRANGER)) + mutated_tree(body, random)
        frames = body.split(BETWEEN)
        place = random.randrange(len(frames))
        frames[place] = mutated_tree(frames[place], random)
        return kind + BETWEEN.join(frames)


def seeds() -> list[bytes]:
    """Valid inputs of each kind."""
    return list(_seeds())


def _seeds() -> Iterator[bytes]:
    order = PublisherBench().order
    yield PEER + VALID
    yield PEER + encoded(report(order, 7, message="words", logs=("T", "p"), unaccounted=3))
    yield PEER + encoded(report(order, 7, results=()))
    yield PEER + WORK
    yield STRANGER + VALID
    yield STRANGER + END
    yield FRAMES + BETWEEN.join([HELLO, VALID])
    yield FRAMES + BETWEEN.join([encoded(own_hello("simulator")), VALID])
    yield FRAMES + BETWEEN.join([HELLO, b"x", b"y"])
