"""Whatever is put, in whatever order, and whatever becomes of the ranks: nothing is ever stuck."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from caproto import ChannelType
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ioc.ca.database import Database
from ioc.model.paths import Part
from ioc.model.pvs import PvRow
from ioc.model.wire_type import wire_type
from ioc.posting.publisher import Publisher
from ioc.puts.order_puts import OrderPuts, orders_to_ranks, orders_to_simulator
from ioc.security.rules import Client
from reduction.control.orders import NO_REVISION, RanksOrder, ReductionOrder
from reduction.parameters.acquisition import Preset
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Choice, Refused, Switch, Text
from reduction.parameters.units import Units
from simulator.orders import SimulatorOrder
from tests.support.ioc.publisher_bench import report
from tests.support.ranks.counted_acquisition import CountedAcquisition
from tests.support.virtual_time import at_virtual_time

PULSE_S = 0.1
PULSE_NS = 100_000_000
NO_ORDER = RanksOrder(revision=NO_REVISION)


class FakeRanks:
    """What the ranks do with orders and pulses, without events; see `reduction.ranks.rank`."""

    def __init__(self) -> None:
        self.order = NO_ORDER
        self.acquisition = CountedAcquisition(NO_ORDER.acquisition)

    def obey(self, order: RanksOrder) -> None:
        if order.resets not in (0, self.order.resets):
            self.acquisition.next_series()
        if order.starts != self.order.starts:
            self.acquisition = CountedAcquisition(order.acquisition)
        self.order = order

    @property
    def accumulating(self) -> bool:
        return self.order.acquiring and not self.acquisition.ended

    def pulse(self, time_ns: int) -> None:
        if not self.accumulating or self.order.control.pause or self.order == NO_ORDER:
            return
        limit_ns = self.acquisition.limit_ns([time_ns])
        if time_ns <= limit_ns:
            self.acquisition.accumulated([time_ns])
        self.acquisition.end(limit_ns)

    def report(self, with_results: bool) -> Any:
        self.acquisition.counted(self.acquisition.pulses, 1)
        status = dataclasses.replace(self.acquisition.status, acquiring=self.accumulating)
        made = report(self.order, self.acquisition.pulses, acquisition=status)
        return made if with_results else dataclasses.replace(made, results=())


class Bench:
    """The IOC's channels, order puts and publisher, and ranks that do what the test lets them."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        first = ReductionOrder(settings=ReductionSettings(bin_params="1,1,4"))
        self.told = RanksOrder(reductions=(first,))
        self.orders = OrderPuts(
            orders_to_ranks(self.told, self._tell),
            orders_to_simulator(SimulatorOrder(), self._ignore),
        )
        self.database = Database("", self._put)
        self.publisher = Publisher(self.database, self.orders, 5.0, loop.time)
        self.ranks: FakeRanks | None = FakeRanks()
        self.obeying = True
        self.puts: list[asyncio.Task[str]] = []
        self._loop = loop

    async def _tell(self, order: RanksOrder) -> None:
        self.told = order

    async def _ignore(self, order: SimulatorOrder) -> None:
        return None

    async def _put(self, row: PvRow, value: Any, client: Client) -> Any:
        return await self.orders.put(row, value, client)

    def put(self, name: str, value: Any) -> asyncio.Task[str]:
        """A client's put, under way."""
        self.puts.append(asyncio.create_task(self._written(name, value)))
        return self.puts[-1]

    async def _written(self, name: str, value: Any) -> str:
        """How a put ends: refused in words, or not at all, which is an empty text."""
        channel = self.database.channels[name]
        match channel.spec:
            case Text():
                data, kind = np.frombuffer(str(value).encode() + b"\0", "u1"), ChannelType.CHAR
            case Choice() | Switch() as spec if isinstance(value, str):
                data, kind = np.array([wire_type(spec).labels.index(value)]), ChannelType.INT
            case _:
                data, kind = np.array([value]), ChannelType.DOUBLE
        try:
            await channel.auth_write("", "", data, kind, None)
        except Refused as refused:
            return str(refused)
        return ""

    async def pulses(self, count: int, with_results: bool = True) -> None:
        """Pulses go by; after each the ranks obey, and report."""
        for _ in range(count):
            await asyncio.sleep(PULSE_S)
            if self.ranks is not None:
                if self.obeying and self.told != self.ranks.order:
                    self.ranks.obey(self.told)
                self.ranks.pulse(round(self._loop.time() * 1e9))
                await self.publisher.ranks(self.ranks.report(with_results))

    async def lose_ranks(self) -> None:
        self.ranks = None
        await self.publisher.disconnected(Part.RANKS, "ranks ended with signal 9")

    async def start_ranks(self) -> None:
        if self.ranks is None:
            self.ranks = FakeRanks()

    def get(self, name: str) -> Any:
        return self.database.channels[name].value

    async def until(self, true: Callable[[], bool], pulses: int) -> None:
        for _ in range(pulses):
            if true():
                return
            await self.pulses(1)
        raise AssertionError(f"it never became true: {self.get('StatusMessage_RBV')}")


def put(name: str, *values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values).map(lambda value: ("put", name, value))


STEPS = st.lists(
    st.one_of(
        put("Acquire", 0, 1),
        put("Stop", 0, 1),
        put("Pause", 0, 1),
        put("Reset", 1),
        put("Preset", *Preset),
        put("PresetPulses", 1, 3, 100, 0),
        put("AcquireTime", 0.05, 1.0),
        put("Red1:BinParams", "1,1,3", "1,0.5,4", "4,1,1"),
        put("Red1:Units", *Units),
        st.tuples(st.just("pulses"), st.integers(1, 12), st.booleans()),
        st.tuples(st.just("obeying"), st.booleans()),
        st.sampled_from([("lose",), ("start",), ("deaf for long",)]),
    ),
    max_size=30,
)


async def taken(bench: Bench, step: tuple[Any, ...]) -> None:
    match step:
        case ("put", name, value):
            bench.put(name, value)
            await asyncio.sleep(0)
        case ("pulses", count, with_results):
            await bench.pulses(count, with_results)
        case ("obeying", obeying):
            bench.obeying = obeying
        case ("lose",):
            await bench.lose_ranks()
        case ("start",):
            await bench.start_ranks()
        case ("deaf for long",):
            bench.obeying = False
            await bench.pulses(320)


def state_meant(bench: Bench) -> str:
    """The state that is right for what the ranks do."""
    assert bench.ranks is not None
    if not bench.ranks.accumulating:
        return "Idle"
    return "Waiting" if bench.ranks.order.control.pause else "Acquire"


async def settled(bench: Bench) -> None:
    """With ranks that obey, a stop ends every put, and what is shown is what is so."""
    bench.obeying = True
    await bench.start_ranks()
    await bench.pulses(5)
    assert bench.get("DetectorState_RBV") == state_meant(bench)
    assert await ended(bench, "Stop", 1) == ""
    await bench.until(lambda: all(each.done() for each in bench.puts), 400)
    for each in bench.puts:
        assert isinstance(each.result(), str)
    await bench.pulses(5)
    assert bench.get("DetectorState_RBV") == state_meant(bench) == "Idle"
    assert bench.get("Acquire_RBV") == "Done"
    assert {bench.get(name) for name in ("Acquire", "Stop", "Reset")} == {"Done"}
    assert bench.ranks is not None
    assert bench.told == bench.ranks.order == bench.orders.ranks.accepted
    assert bench.told.reductions[0].settings.bin_params == bench.get("Red1:BinParams_RBV")
    assert bench.get("Pause") == bench.get("Pause_RBV")


async def ended(bench: Bench, name: str, value: Any) -> str:
    """How a put ends."""
    put = bench.put(name, value)
    await bench.until(put.done, 400)
    return put.result()


async def works(bench: Bench) -> None:
    """An acquisition begins, runs to its preset, and another can be stopped."""
    for name, value in (("Pause", 0), ("Preset", Preset.PULSES), ("PresetPulses", 10)):
        assert await ended(bench, name, value) == ""
    acquire = bench.put("Acquire", 1)
    await bench.until(lambda: bench.get("DetectorState_RBV") == "Acquire", 10)
    assert not acquire.done()
    assert 0 < bench.get("PulsesAccumulated_RBV") < 10
    assert 0 < bench.get("Progress_RBV") < 100
    await bench.until(acquire.done, 20)
    assert (acquire.result(), bench.get("DetectorState_RBV")) == ("", "Idle")
    assert bench.get("PulsesAccumulated_RBV") == 10
    assert (bench.get("Progress_RBV"), bench.get("TimeRemaining_RBV")) == (100, 0)
    assert await ended(bench, "Preset", Preset.NONE) == ""
    endless = bench.put("Acquire", 1)
    await bench.until(lambda: bench.get("DetectorState_RBV") == "Acquire", 20)
    end = bench.put("Acquire", 0)
    await bench.until(lambda: end.done() and endless.done(), 20)
    assert (end.result(), endless.result(), bench.get("DetectorState_RBV")) == ("", "", "Idle")


@settings(max_examples=60)
@given(STEPS)
@example([("put", "Acquire", 1), ("put", "Stop", 1), ("put", "Acquire", 1), ("pulses", 1, True)])
@example([("put", "Acquire", 1), ("lose",), ("put", "Reset", 1), ("put", "Stop", 1), ("start",)])
@example([("deaf for long",), ("put", "Acquire", 1), ("deaf for long",), ("obeying", True)])
@example([("put", "Red1:BinParams", "1,1,3"), ("put", "Red1:Units", Units.TOF)])
@at_virtual_time
async def test_no_sequence_of_puts_and_losses_wedges_anything(steps: list[tuple[Any, ...]]) -> None:
    bench = Bench()
    await bench.publisher.start()
    for step in steps:
        await taken(bench, step)
    await settled(bench)
    await works(bench)


@at_virtual_time
async def test_stop_ends_what_acquire_began() -> None:
    bench = Bench()
    await bench.publisher.start()
    await bench.pulses(5)
    acquire = bench.put("Acquire", 1)
    await bench.pulses(10)
    assert (bench.get("DetectorState_RBV"), bench.get("Acquire")) == ("Acquire", "Acquire")
    assert await ended(bench, "Stop", 1) == ""
    await bench.until(acquire.done, 10)
    accumulated = bench.get("PulsesAccumulated_RBV")
    await bench.pulses(10)
    assert bench.get("PulsesAccumulated_RBV") == accumulated > 0
    assert await ended(bench, "Stop", 1) == "", "there is nothing to stop, which is no error"


@at_virtual_time
async def test_ranks_that_have_just_started_do_not_say_that_they_acquire() -> None:
    bench = Bench()
    await bench.publisher.start()
    assert await ended(bench, "Stop", 1) == ""
    assert bench.get("Acquire_RBV") == "Done"
    await bench.lose_ranks()
    bench.obeying = False
    await bench.start_ranks()
    await bench.pulses(5)
    assert bench.get("DetectorState_RBV") == "Initializing"
    assert bench.get("Acquire_RBV") == "Done"


@at_virtual_time
async def test_a_put_fails_when_the_ranks_were_restarted_twice_and_not_when_they_were_silent() -> (
    None
):
    bench = Bench()
    bench.obeying = False
    await bench.publisher.start()
    ranks = bench.orders.ranks
    ranks.reported_by(1)
    put = bench.put("Red1:BinParams", "1,1,3")
    for _ in range(3):
        await bench.pulses(1)
        await bench.publisher.disconnected(Part.RANKS, "no report from the ranks for 2 s")
        await asyncio.sleep(2)
        assert not put.done()
    for restarts in (1, 2):
        await bench.pulses(1)
        ranks.reported_by(restarts)
        await bench.publisher.disconnected(Part.RANKS, "ranks ended with signal 9")
        await bench.publisher.restarted(Part.RANKS, restarts)
    await asyncio.sleep(1)
    assert "the ranks ended 2 times before the change was applied" in put.result()
