"""Values of process variables as they come: our own directly, others by Channel Access."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from ioc.ca.channel import channel
from ioc.ca.channels.alarms import DISCONNECTED_ALARM
from ioc.ca.client.pv_monitors import (
    INVALID,
    LOST,
    NO_NUMBER,
    PvText,
    PvUpdate,
    PvValue,
    local_texts,
    local_updates,
    remote_texts,
    remote_updates,
)
from reduction.parameters.specs import Array, Float, Refused, Spec, Switch, Text
from tests.support.clients.soft_ioc import SoftIoc

S = 1_000_000_000


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


async def first(news: AsyncGenerator[PvUpdate, None]) -> PvUpdate:
    """The first news alone."""
    async with aclosing(news):
        return await anext(news)


async def sample(news: AsyncGenerator[PvUpdate, None]) -> PvValue:
    async for each in news:
        if isinstance(each, PvValue):
            return each
    raise AssertionError("no sample")


async def test_a_channel_of_this_ioc_tells_its_value_at_once_and_every_change_with_its_time() -> (
    None
):
    number = channel(Float(pv="T", description=""), 295.0, time_ns=10**9 * S)
    async with aclosing(local_updates(number)) as news:
        assert await anext(news) == PvValue(10**9 * S, 295.0)
        await number.publish_value(300, 10**9 * S + 7)
        assert await anext(news) == PvValue(10**9 * S + 7, 300.0)
        await number.publish_value(float("nan"), 10**9 * S + 8)
        assert await anext(news) == NO_NUMBER
        await number.publish_alarm(DISCONNECTED_ALARM)
        assert await anext(news) == INVALID
    assert number.watchers == set()


async def test_a_channel_of_this_ioc_with_states_tells_their_number_and_text_is_refused() -> None:
    switch = channel(Switch(pv="S", description=""), True)
    assert (await sample(local_updates(switch))).value == 1
    for spec in (Text(pv="N", description=""), Array(pv="A", description="")):
        with pytest.raises(Refused, match="no single number"):
            await first(local_updates(channel(spec, None, max_length=3)))


async def test_a_channel_of_another_ioc_tells_value_and_time_is_lost_and_found_again(
    cryo: SoftIoc,
) -> None:
    before_ns = time.time_ns()
    async with aclosing(remote_updates("Cryo:Temperature")) as news:
        first = await sample(news)
        assert first.value == 295.5
        assert before_ns - 10 * S < first.time_ns < before_ns
        await asyncio.to_thread(cryo.put, "Temperature", "300")
        second = await sample(news)
        assert (second.value, second.time_ns > first.time_ns) == (300, True)
        cryo.stop()
        assert await anext(news) == LOST
        await asyncio.to_thread(cryo.run)
        assert (await sample(news)).value == 295.5


async def test_what_holds_no_single_number_is_refused(cryo: SoftIoc) -> None:
    for name, words in (("Name", "it holds text"), ("Scan", "it holds 0 values")):
        with pytest.raises(Refused, match=words):
            await first(remote_updates("Cryo:" + name))
    state = await first(remote_updates("Cryo:State"))
    assert isinstance(state, PvValue)
    assert state.value == 1
    assert await first(remote_updates("Cryo:Broken")) == INVALID


async def test_a_channel_that_nobody_serves_is_lost_from_the_start(cryo: SoftIoc) -> None:
    assert await first(remote_updates("Cryo:Temprature")) == LOST


async def test_a_channel_of_another_ioc_tells_its_value_as_text(cryo: SoftIoc) -> None:
    for name, text in (("Name", "Si"), ("State", "1"), ("Temperature", "295.5")):
        async with aclosing(remote_texts("Cryo:" + name)) as news:
            found = await anext(news)
            assert isinstance(found, PvText)
            assert found.text == text
            assert abs(time.time_ns() - found.time_ns) < 100 * S
    with pytest.raises(Refused, match="it holds an array"):
        async with aclosing(remote_texts("Cryo:Scan")) as news:
            await anext(news)


@pytest.mark.parametrize(
    ("spec", "value", "text"),
    [
        (Float(pv="T", description=""), 12345.0, "12345"),
        (Float(pv="T", description=""), 0.5, "0.5"),
        (Switch(pv="T", description=""), True, "1"),
        (Text(pv="T", description=""), "Ice", "Ice"),
    ],
)
async def test_a_channel_of_this_ioc_tells_its_value_as_text(
    spec: Spec, value: Any, text: str
) -> None:
    async with aclosing(local_texts(channel(spec, value, time_ns=10**9 * S))) as news:
        assert await anext(news) == PvText(10**9 * S, text)


async def test_an_array_of_this_ioc_is_no_text() -> None:
    array = channel(Array(pv="A", description=""), np.zeros(3), max_length=3)
    with pytest.raises(Refused, match="it holds an array"):
        await anext(local_texts(array))
