"""Values of process variables as they come: our own directly, others by Channel Access."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from soft_ioc import SoftIoc, client_environment, soft_ioc

from ioc.channels import channel
from ioc.database import GONE
from ioc.samples import INVALID, LOST, News, Sample, served_elsewhere, served_here
from reduction.specs import Array, Float, Refused, Switch, Text

S = 1_000_000_000


@pytest.fixture
def cryo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoftIoc]:
    with soft_ioc(tmp_path) as ioc:
        for name, value in client_environment(ioc).items():
            monkeypatch.setenv(name, value)
        yield ioc


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 20))


async def first(news: AsyncGenerator[News, None]) -> News:
    """The first news alone."""
    async with aclosing(news):
        return await anext(news)


async def sample(news: AsyncGenerator[News, None]) -> Sample:
    async for each in news:
        if isinstance(each, Sample):
            return each
    raise AssertionError("no sample")


def test_one_of_ours_tells_its_value_at_once_and_every_change_with_its_time() -> None:
    async def story() -> None:
        number = channel(Float(pv="T", description=""), 295.0, time_ns=10**9 * S)
        async with aclosing(served_here(number)) as news:
            assert await anext(news) == Sample(10**9 * S, 295.0)
            await number.publish_value(300, 10**9 * S + 7)
            assert await anext(news) == Sample(10**9 * S + 7, 300.0)
            await number.publish_alarm(GONE)
            assert await anext(news) == INVALID
        assert number.watchers == set()

    run(story())


def test_one_of_ours_with_states_tells_their_number_and_text_is_refused() -> None:
    async def story() -> None:
        switch = channel(Switch(pv="S", description=""), True)
        assert (await sample(served_here(switch))).value == 1
        for spec in (Text(pv="N", description=""), Array(pv="A", description="")):
            with pytest.raises(Refused, match="no single number"):
                await first(served_here(channel(spec, None, max_length=3)))

    run(story())


def test_another_tells_its_value_with_its_own_time_is_lost_and_found_again(cryo: SoftIoc) -> None:
    async def story() -> None:
        before_ns = time.time_ns()
        async with aclosing(served_elsewhere("Cryo:Temperature")) as news:
            first = await sample(news)
            assert first.value == 295.5
            assert before_ns - 10 * S < first.time_ns < before_ns
            await asyncio.to_thread(cryo.put, "Temperature", "300")
            second = await anext(news)
            assert (second.value, second.time_ns > first.time_ns) == (300, True)
            cryo.stop()
            assert await anext(news) == LOST
            await asyncio.to_thread(cryo.run)
            assert (await sample(news)).value == 295.5

    run(story())


def test_what_holds_no_single_number_is_refused(cryo: SoftIoc) -> None:
    async def story() -> None:
        for name, words in (("Name", "it holds text"), ("Scan", "it holds 0 values")):
            with pytest.raises(Refused, match=words):
                await first(served_elsewhere("Cryo:" + name))
        state = await first(served_elsewhere("Cryo:State"))
        assert isinstance(state, Sample)
        assert state.value == 1
        assert await first(served_elsewhere("Cryo:Broken")) == INVALID

    run(story())


def test_one_that_there_is_not_is_lost_from_the_start(cryo: SoftIoc) -> None:
    async def story() -> None:
        assert await first(served_elsewhere("Cryo:Temprature")) == LOST

    run(story())
