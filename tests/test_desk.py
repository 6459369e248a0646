"""Puts become orders and complete when a posted report shows them; no network is in these tests."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest

from ioc.desk import Desk
from reduction.messages import RanksOrder, RanksReport, ReductionResult
from reduction.parameters import BackendStatus, RunCommands, RunControl, StreamStatus
from reduction.settings import ReductionSettings, ReductionStatus, Segment
from reduction.specs import Refused
from reduction.units import Units
from simulator.messages import SimulatorOrder, SimulatorReport
from simulator.parameters import SimulatorSettings, SimulatorStatus

SOON_S = 0.05


class Bench:
    """A desk with the orders that it gave, and reports on them when the test says so."""

    def __init__(self, timeout_s: float = 5.0) -> None:
        self.ranks: list[RanksOrder] = []
        self.simulator: list[SimulatorOrder] = []
        self.desk = Desk(
            RanksOrder(), SimulatorOrder(), self._to_ranks, self._to_simulator, timeout_s
        )
        self.desk.ranks.present(True)
        self.desk.simulator.present(True)

    async def _to_ranks(self, order: RanksOrder) -> None:
        self.ranks.append(order)

    async def _to_simulator(self, order: SimulatorOrder) -> None:
        self.simulator.append(order)

    async def put(self, of: type[Any], field: str, value: Any) -> asyncio.Task[Any]:
        """A put that is under way."""
        task = asyncio.create_task(self.desk.put(of, field, value))
        await self.settle()
        return task

    async def settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def report(self, order: RanksOrder, with_counts: bool = True) -> None:
        counts = np.zeros((1, 1), np.int64) if with_counts else None
        results = tuple(
            ReductionResult(each, ReductionStatus(), np.arange(2.0), counts)
            for each in order.reductions
        )
        self.desk.posted_ranks(
            RanksReport(order.revision, 0, StreamStatus(), BackendStatus(), results)
        )
        await self.settle()

    @property
    def bins(self) -> str:
        settings: ReductionSettings = self.desk.accepted(ReductionSettings)
        return settings.bin_params


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


def test_a_put_completes_once_a_result_of_its_revision_is_posted() -> None:
    async def story() -> None:
        bench = Bench()
        put = await bench.put(ReductionSettings, "bin_params", "1,1,4")
        assert bench.ranks[-1].revision == bench.ranks[-1].reductions[0].generation == 1
        assert bench.bins == "0.4,0.001,5"
        await bench.report(RanksOrder())
        await bench.report(bench.ranks[-1], with_counts=False)
        assert not put.done()
        await bench.report(bench.ranks[-1])
        assert await put == bench.bins == "1,1,4"

    run(story())


def test_a_put_that_changes_nothing_completes_at_once() -> None:
    async def story() -> None:
        bench = Bench()
        assert await bench.desk.put(ReductionSettings, "bin_params", " 0.4,0.001,5 ") == bench.bins
        assert await bench.desk.put(Segment, "bin_min", 0.4) == 0.4
        assert await bench.desk.put(RunCommands, "reset", False) is False
        assert bench.ranks == []

    run(story())


def test_a_repeated_put_waits_for_the_first_one() -> None:
    async def story() -> None:
        bench = Bench()
        first = await bench.put(RunControl, "pause", True)
        second = await bench.put(RunControl, "pause", True)
        assert len(bench.ranks) == 1
        assert not second.done()
        await bench.report(bench.ranks[-1])
        assert (await first, await second) == (True, True)

    run(story())


def test_a_refused_put_orders_nothing() -> None:
    async def story() -> None:
        bench = Bench()
        for of, field, value, words in (
            (ReductionSettings, "bin_params", "1,0,4", "BinParams: '1,0,4' refused: the step"),
            (Segment, "bin_min", 9.0, "BinMin: 9.0 refused: boundaries must rise"),
            (SimulatorSettings, "pulse_rate", 1e9, "PulseRate: 1000000000.0 refused: the highest"),
        ):
            with pytest.raises(Refused) as refused:
                await bench.desk.put(of, field, value)
            assert str(refused.value).startswith(words)
        assert bench.ranks == bench.simulator == []

    run(story())


def test_units_bring_their_last_bins_in_one_generation() -> None:
    async def story() -> None:
        bench = Bench()
        for of, field, value in (
            (ReductionSettings, "units", Units.TOF),
            (ReductionSettings, "bin_params", "1,1,4"),
            (ReductionSettings, "units", Units.WAVELENGTH),
            (ReductionSettings, "units", Units.TOF),
        ):
            put = await bench.put(of, field, value)
            await bench.report(bench.ranks[-1])
            await put
        said = [(o.reductions[0].generation, o.reductions[0].settings) for o in bench.ranks]
        assert [generation for generation, _ in said] == [1, 2, 3, 4]
        assert [settings.bin_params for _, settings in said] == [
            Units.TOF.default_bins,
            "1,1,4",
            Units.WAVELENGTH.default_bins,
            "1,1,4",
        ]

    run(story())


def test_the_segment_is_another_face_of_the_bins() -> None:
    async def story() -> None:
        bench = Bench()
        put = await bench.put(ReductionSettings, "bin_params", "1,0.5,4,1,8")
        await bench.report(bench.ranks[-1])
        await put
        assert bench.desk.accepted(Segment) == Segment(1, 0.5, 8)
        put = await bench.put(Segment, "bin_step", 0.5)
        await bench.report(bench.ranks[-1])
        assert (await put, bench.bins) == (0.5, "1,0.5,8")

    run(story())


def test_concurrent_puts_are_merged() -> None:
    async def story() -> None:
        bench = Bench()
        puts = [
            await bench.put(Segment, "bin_min", 1.0),
            await bench.put(Segment, "bin_max", 4.0),
            await bench.put(RunControl, "pause", True),
        ]
        await bench.report(bench.ranks[1])
        assert [put.done() for put in puts] == [True, True, False]
        assert bench.bins == "1,0.001,4"
        await bench.report(bench.ranks[2])
        assert await puts[2] is True

    run(story())


def test_a_put_that_is_not_obeyed_takes_nothing_of_another_back() -> None:
    async def story() -> None:
        bench = Bench(SOON_S)
        failing = await bench.put(Segment, "bin_min", 1.0)
        await asyncio.sleep(SOON_S / 2)
        lasting = await bench.put(Segment, "bin_max", 4.0)
        with pytest.raises(Refused, match="the back end did not apply it within"):
            await failing
        assert bench.ranks[-1].revision == bench.ranks[-1].reductions[0].generation == 3
        await bench.report(bench.ranks[-2])
        assert not lasting.done(), "that result has the bins that were taken back"
        await bench.report(bench.ranks[-1])
        assert await lasting == 4
        assert bench.bins == "0.4,0.001,4"

    run(story())


def test_bins_meant_for_a_unit_that_is_taken_back_are_refused() -> None:
    async def story() -> None:
        bench = Bench(SOON_S)
        units = await bench.put(ReductionSettings, "units", Units.TOF)
        await asyncio.sleep(SOON_S / 2)
        bins = await bench.put(ReductionSettings, "bin_params", "1,1,4")
        with pytest.raises(Refused, match="did not apply"):
            await units
        with pytest.raises(Refused, match="meant for TOF, which was not applied"):
            await bins
        assert bench.ranks[-1].reductions[0].settings == ReductionSettings()

    run(story())


def test_results_of_what_was_taken_back_are_stale() -> None:
    async def story() -> None:
        bench = Bench(SOON_S)
        with pytest.raises(Refused, match="did not apply"):
            await bench.desk.put(ReductionSettings, "bin_params", "1,1,4")
        failed, restored = bench.ranks
        assert not bench.desk.ranks.current(failed.revision)
        assert bench.desk.ranks.current(restored.revision)
        assert not bench.desk.ranks.current(restored.revision + 1), "that is not our order"
        assert bench.desk.ranks.accepted == restored
        assert restored.reductions[0].settings == ReductionSettings()

    run(story())


def test_puts_wait_without_limit_while_the_back_end_is_away() -> None:
    async def story() -> None:
        bench = Bench(SOON_S)
        put = await bench.put(ReductionSettings, "bin_params", "1,1,4")
        bench.desk.ranks.present(False)
        await asyncio.sleep(4 * SOON_S)
        assert not put.done()
        bench.desk.ranks.present(True)
        await asyncio.sleep(SOON_S / 2)
        await bench.report(bench.ranks[-1])
        assert await put == "1,1,4"

    run(story())


def test_a_reset_completes_with_a_result_and_is_never_uncounted() -> None:
    async def story() -> None:
        bench = Bench(SOON_S)
        reset = await bench.put(RunCommands, "reset", True)
        assert (bench.ranks[-1].resets, bench.ranks[-1].reductions[0].generation) == (1, 0)
        await bench.report(bench.ranks[-1], with_counts=False)
        assert not reset.done()
        await bench.report(bench.ranks[-1])
        assert await reset is False
        with pytest.raises(Refused, match="did not apply"):
            await bench.desk.put(RunCommands, "reset", True)
        assert [order.resets for order in bench.ranks] == [1, 2]

    run(story())


def test_a_put_to_the_simulator_completes_with_its_report() -> None:
    async def story() -> None:
        bench = Bench()
        put = await bench.put(SimulatorSettings, "pressure", 2.0)
        assert bench.simulator[-1].revision == 1
        bench.desk.posted_simulator(SimulatorReport(0, SimulatorStatus()))
        assert not put.done()
        bench.desk.posted_simulator(SimulatorReport(1, SimulatorStatus()))
        assert await put == 2.0

    run(story())
