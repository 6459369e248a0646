"""What is sent to a visitor that reads slowly, or not at all."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import WSMsgType

from web.limits import DEFAULT_LIMITS
from web.sockets.outbox import Encoders, Outbox, VisitorGone
from web.sockets.subscription import Subscription
from web.values.names import WebPv
from web.values.pv_value import PvMetadata, WebValue
from web.values.shared_pvs import SharedPv

LIMITS = replace(DEFAULT_LIMITS, period_s=0.02, send_s=0.2, unsent_answers_bytes=100)
METADATA = PvMetadata("VDouble")


class Reader:
    """A visitor that reads while ``reading`` is set."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()
        self.reading.set()
        self.read: list[bytes] = []

    async def send(self, message: bytes, _kind: WSMsgType) -> None:
        await self.reading.wait()
        self.read.append(message)

    @property
    def values(self) -> list[Any]:
        return [json.loads(each)["value"] for each in self.read]


def shared(number: float) -> SharedPv:
    made = SharedPv(WebPv("T:A", None))
    made.connected, made.value = True, WebValue(METADATA, 0, 0, 0, value=number)
    return made


async def test_a_slow_visitor_gets_the_newest_value() -> None:
    reader, pv = Reader(), shared(1.0)
    outbox, one = Outbox(reader.send, Encoders(LIMITS), LIMITS), Subscription("T:A", pv, True)
    task = asyncio.create_task(outbox.run())
    outbox.changed(one)
    while not reader.read:
        await asyncio.sleep(0)
    reader.reading.clear()
    for number in (2.0, 3.0, 4.0):
        pv.value = WebValue(METADATA, 0, 0, 0, value=number)
        outbox.changed(one)
        await asyncio.sleep(LIMITS.period_s * 1.5)
    reader.reading.set()
    await asyncio.sleep(LIMITS.period_s * 5)
    assert (reader.values[0], reader.values[-1]) == (1.0, 4.0)
    assert len(reader.values) <= 3
    task.cancel()


async def test_a_visitor_that_does_not_read_is_given_up() -> None:
    reader, pv = Reader(), shared(1.0)
    reader.reading.clear()
    outbox = Outbox(reader.send, Encoders(LIMITS), LIMITS)
    outbox.changed(Subscription("T:A", pv, True))
    with pytest.raises(VisitorGone, match=r"read nothing for 0\.2 s"):
        await outbox.run()


async def test_answers_that_are_not_read_are_bounded() -> None:
    outbox = Outbox(Reader().send, Encoders(LIMITS), LIMITS)
    outbox.answer(b"x" * 60)
    with pytest.raises(VisitorGone, match="does not read its answers"):
        outbox.answer(b"x" * 60)


async def test_a_lost_connection_is_told_once_and_then_all_is_told_again() -> None:
    reader, pv = Reader(), shared(1.0)
    outbox, one = Outbox(reader.send, Encoders(LIMITS), LIMITS), Subscription("T:A", pv, True)
    task = asyncio.create_task(outbox.run())
    for connected in (True, False, False, True):
        pv.connected = connected
        outbox.changed(one)
        await asyncio.sleep(LIMITS.period_s * 3)
    told = [json.loads(each) for each in reader.read]
    assert [each.get("connected") for each in told] == [True, False, True]
    assert told[1]["severity"] == "UNDEFINED"
    assert told[2]["vtype"] == "VDouble"
    task.cancel()
