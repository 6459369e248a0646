"""Reports that do not come are missed, then given up; time is virtual."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from ioc.app.server.report_watch import ReportActions, ReportWatch
from ioc.model.paths import Part
from reduction.control.encoding import MessageNotUnderstood
from reduction.control.order_sender import WORKING, OrderSender, Working
from tests.support.virtual_time import VirtualLoop, at_virtual_time

SILENCE_S = 2.0


class FakeEnd:
    """Reports that come when the test sends them; an exception comes as a bad report."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[int | Exception | Working] = asyncio.Queue()

    async def report(self) -> int | Working:
        sent = await self.sent.get()
        if isinstance(sent, Exception):
            raise sent
        return sent


class Bench:
    """A watch, with what it said and when."""

    def __init__(self) -> None:
        self.end = FakeEnd()
        self.events: list[tuple[float, str]] = []
        self._clock = asyncio.get_running_loop().time
        self._began_s = self._clock()
        actions = ReportActions[int](self._publish, self._missed, self._lost, self._begins)
        end = cast("OrderSender[Any, int]", self.end)
        self.watch = ReportWatch(Part.RANKS, end, SILENCE_S, actions)

    def _note(self, event: str) -> None:
        self.events.append((round(self._clock() - self._began_s, 3), event))

    async def _publish(self, report: int) -> None:
        self._note(f"report {report}")

    async def _missed(self, part: Part, reason: str) -> None:
        self._note(f"missed: {reason}")

    async def _begins(self, part: Part, words: str) -> None:
        self._note(f"begins: {words}")

    def _lost(self, part: Part, reason: str) -> None:
        self._note(f"lost: {reason}")


@asynccontextmanager
async def watched() -> AsyncIterator[Bench]:
    """A bench whose watch runs until the end of the block."""
    bench = Bench()
    task = asyncio.create_task(bench.watch.run())
    await asyncio.sleep(0)
    yield bench
    task.cancel()


@at_virtual_time
async def test_a_process_that_was_never_expected_is_not_missed() -> None:
    async with watched() as bench:
        await asyncio.sleep(100)
    assert bench.events == []


@at_virtual_time
async def test_a_silent_process_is_missed_and_then_lost_and_then_forgotten() -> None:
    async with watched() as bench:
        bench.end.sent.put_nowait(1)
        await asyncio.sleep(100)
    assert bench.events == [
        (0, "report 1"),
        (2, "missed: no report from the ranks for 2 s"),
        (4, "lost: gave no sign for 4 s"),
    ]


@at_virtual_time
async def test_a_process_that_was_slow_is_back_with_its_next_report() -> None:
    async with watched() as bench:
        for report, wait_s in ((1, 3.0), (2, 1.5), (3, 1.5)):
            bench.end.sent.put_nowait(report)
            await asyncio.sleep(wait_s)
        assert bench.watch.latest == 3
        assert bench.watch.silent_s == pytest.approx(1.5)

    assert [event for _, event in bench.events] == [
        "report 1",
        "missed: no report from the ranks for 2 s",
        "report 2",
        "report 3",
    ]


@at_virtual_time
async def test_a_process_that_works_on_an_order_is_not_lost_however_long_it_takes() -> None:
    async with watched() as bench:
        bench.end.sent.put_nowait(1)
        await asyncio.sleep(1)
        bench.end.sent.put_nowait(WORKING)
        await asyncio.sleep(590)
        bench.end.sent.put_nowait(2)
        await asyncio.sleep(1)
    assert bench.events == [(0, "report 1"), (591, "report 2")]


@at_virtual_time
async def test_a_process_works_from_its_word_to_its_report_in_its_start_and_in_orders() -> None:
    async with watched() as bench:
        bench.watch.process_starts(20)
        found = []
        for message in (WORKING, 1, WORKING, WORKING, 2, 3, WORKING):
            bench.end.sent.put_nowait(message)
            await asyncio.sleep(1)
            found.append(bench.watch.works)
        bench.watch.process_starts(20)
        found.append(bench.watch.works)
    assert found == [True, False, True, True, False, False, True, False]


@at_virtual_time
async def test_a_process_that_never_ends_its_work_is_lost_in_the_end() -> None:
    async with watched() as bench:
        bench.end.sent.put_nowait(WORKING)
        await asyncio.sleep(1000)
    assert [at_s for at_s, _ in bench.events] == [0, 600, 602]


@at_virtual_time
async def test_work_before_any_report_is_said_to_be_the_first_of_the_engine() -> None:
    async with watched() as bench:
        for message in (WORKING, 1, WORKING):
            bench.end.sent.put_nowait(message)
            await asyncio.sleep(1)
    words = "begins: the ranks load their engine; the first time it is compiled, which takes"
    assert bench.events == [(0, f"{words} about a minute"), (1, "report 1")]


@at_virtual_time
async def test_a_process_that_starts_has_the_time_that_it_is_given() -> None:
    async with watched() as bench:
        bench.end.sent.put_nowait(1)
        await asyncio.sleep(1)
        bench.watch.expect(20)
        await asyncio.sleep(19)
        assert [event for _, event in bench.events] == ["report 1"]
        await asyncio.sleep(1.5)
    assert bench.events[-1] == (21, "missed: no report from the ranks for 2 s")


@at_virtual_time
async def test_bad_reports_are_counted_and_are_no_sign_of_life() -> None:
    async with watched() as bench:
        bench.end.sent.put_nowait(1)
        await asyncio.sleep(1)
        for _ in range(3):
            bench.end.sent.put_nowait(MessageNotUnderstood("no report"))
        await asyncio.sleep(1.5)

    assert bench.watch.bad_reports == 3
    assert bench.events[1:] == [(2, "missed: no report from the ranks for 2 s")]


@at_virtual_time
async def test_a_deadline_that_this_process_slept_through_is_set_anew() -> None:
    async with watched() as bench:
        bench.end.sent.put_nowait(1)
        await asyncio.sleep(1)
        cast(VirtualLoop, asyncio.get_running_loop()).sleep_through(10)
        await asyncio.sleep(1)
        bench.end.sent.put_nowait(2)
        await asyncio.sleep(1)

    assert [event for _, event in bench.events] == ["report 1", "report 2"]
