"""Puts become orders and complete when a posted report shows them; no network is in these tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from reduction.control.orders import RanksOrder
from reduction.control.run_state import RunState
from reduction.control.transitions import without_changes
from reduction.parameters.acquisition import AcquisitionStatus
from reduction.parameters.reduction import FilterSettings, ReductionSettings, Segment
from reduction.parameters.specs import Refused
from reduction.parameters.units import Units
from simulator.orders import SimulatorReport
from simulator.status import SimulatorStatus
from tests.support.ioc.order_bench import OrderBench

SOON_S = 0.05


@pytest.fixture
def bench() -> OrderBench:
    return OrderBench()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


async def test_a_put_completes_once_a_result_of_its_revision_is_posted(bench: OrderBench) -> None:
    put = await bench.put("Red1:BinParams", "1,1,4")
    assert bench.ranks[-1].revision == bench.ranks[-1].reductions[0].generation == 1
    assert bench.bins == "0.4,0.001,5"
    await bench.report(RanksOrder())
    await bench.report(bench.ranks[-1], with_counts=False)
    assert not put.done()
    await bench.report(bench.ranks[-1])
    assert await put == bench.bins == "1,1,4"


async def test_a_put_that_changes_nothing_completes_at_once(bench: OrderBench) -> None:
    assert await bench.asked("Red1:BinParams", " 0.4,0.001,5 ") == bench.bins
    assert await bench.asked("Red1:BinMin", 0.4) == 0.4
    assert await bench.asked("Reset", False) is False
    assert bench.ranks == []


async def test_a_repeated_put_waits_for_the_first_one(bench: OrderBench) -> None:
    first = await bench.put("Pause", True)
    second = await bench.put("Pause", True)
    assert len(bench.ranks) == 1
    assert not second.done()
    await bench.report(bench.ranks[-1])
    assert (await first, await second) == (True, True)


async def test_a_refused_put_orders_nothing(bench: OrderBench) -> None:
    for pv, value, words in (
        ("Red1:BinParams", "1,0,4", "BinParams: '1,0,4' refused: the step"),
        ("Red1:BinStep", 0.0, "BinStep: 0 refused: a bin is wider than 0"),
        ("Sim:PulseRate", 1e9, "PulseRate: 1000000000 refused: the highest"),
    ):
        with pytest.raises(Refused) as refused:
            await bench.asked(pv, value)
        assert str(refused.value).startswith(words)
    assert bench.ranks == []
    assert bench.simulator == []


async def test_an_acquisition_completes_only_once_the_event_log_is_read_again(
    bench: OrderBench,
) -> None:
    put = await bench.put("Acquire", True)
    ended = AcquisitionStatus(acquiring=False)
    await bench.report(bench.ranks[-1], acquisition=ended, catching_up=True)
    assert not put.done()
    await bench.report(bench.ranks[-1], acquisition=ended)
    assert await put is False


async def test_the_next_series_starts_with_a_number_that_no_order_had(bench: OrderBench) -> None:
    numbers = []
    for _ in range(2):
        put = await bench.put("Acquire", False)
        await bench.report(bench.ranks[-1])
        await put
        put = await bench.put("NextSeries", True)
        assert bench.ranks[-1].acquiring
        assert bench.ranks[-1].closes == bench.ranks[-1].starts
        numbers.append(bench.ranks[-1].closes)
        await bench.report(bench.ranks[-1])
        assert await put is False
    assert 0 < numbers[0] < numbers[1]


async def test_ranks_that_put_off_the_end_of_a_series_have_no_put_since_then_completed(
    bench: OrderBench,
) -> None:
    before = await bench.put("Red1:BinParams", "1,1,4")
    series = await bench.put("NextSeries", True)
    after = await bench.put("Red1:BinParams", "1,1,5")
    newest = bench.ranks[-1]
    obeyed_now = without_changes(RunState(), newest)
    assert obeyed_now.reductions == newest.reductions
    await bench.report(obeyed_now)
    assert (before.done(), series.done(), after.done()) == (True, False, False)
    await bench.report(newest)
    assert (await series, await after) == (False, "1,1,5")


async def test_units_bring_their_last_bins_in_one_generation(bench: OrderBench) -> None:
    for pv, value in (
        ("Red1:Units", Units.TOF),
        ("Red1:BinParams", "1,1,4"),
        ("Red1:Units", Units.WAVELENGTH),
        ("Red1:Units", Units.TOF),
    ):
        put = await bench.put(pv, value)
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


async def test_the_segment_is_another_face_of_the_bins(bench: OrderBench) -> None:
    put = await bench.put("Red1:BinParams", "1,0.5,4,1,8")
    await bench.report(bench.ranks[-1])
    await put
    assert Segment.of(bench.bins) == Segment(1, 0.5, 8)
    put = await bench.put("Red1:BinStep", 0.5)
    await bench.report(bench.ranks[-1])
    assert (await put, bench.bins) == (0.5, "1,0.5,8")


async def test_a_put_to_one_reduction_changes_no_other_and_each_keeps_its_bins() -> None:
    bench = OrderBench(reductions=2)
    for pv, value in (
        ("Red2:Filter:Log", "temperature"),
        ("Red2:Filter:Max", 5.0),
        ("Red2:Mask", "0:15"),
        ("Red2:BinParams", "1,1,4"),
        ("Red1:Units", Units.TOF),
        ("Red2:Units", Units.TOF),
        ("Red2:Units", Units.D_SPACING),
    ):
        put = await bench.put(pv, value)
        await bench.report(bench.ranks[-1])
        assert await put == value
    first, second = bench.ranks[-1].reductions
    assert (first.generation, second.generation) == (1, 6)
    assert first.settings == ReductionSettings(Units.TOF, Units.TOF.default_bins)
    assert second.settings.bin_params == "1,1,4"
    assert second.settings.filter == FilterSettings("temperature", maximum=5.0)
    assert second.settings.detectors.mask == "0:15"


async def test_an_order_that_is_not_allowed_is_refused_under_the_name_of_its_setting() -> None:
    checked = []

    @asynccontextmanager
    async def allowed(old: RanksOrder, new: RanksOrder) -> AsyncIterator[None]:
        checked.append((old.reductions[0].settings, new.reductions[0].settings))
        if new.reductions[0].settings.detectors.mask == "5000":
            raise Refused("Detectors", "5000", "there is none")
        yield

    bench = OrderBench(check=allowed)
    with pytest.raises(Refused, match="Mask: '5000' refused: there is none"):
        await bench.asked("Red1:Mask", "5000")
    assert bench.ranks == []
    put = await bench.put("Red1:Mask", "7")
    await bench.report(bench.ranks[-1])
    assert await put == "7"
    assert checked[-1] == (ReductionSettings(), bench.ranks[-1].reductions[0].settings)


async def test_concurrent_puts_are_merged(bench: OrderBench) -> None:
    puts = [
        await bench.put("Red1:BinMin", 1.0),
        await bench.put("Red1:BinMax", 4.0),
        await bench.put("Pause", True),
    ]
    await bench.report(bench.ranks[1])
    assert [put.done() for put in puts] == [True, True, False]
    assert bench.bins == "1,0.001,4"
    await bench.report(bench.ranks[2])
    assert await puts[2] is True


async def test_a_put_that_is_not_obeyed_takes_nothing_of_another_back() -> None:
    bench = OrderBench(SOON_S)
    failing = await bench.put("Red1:BinMin", 1.0)
    await asyncio.sleep(SOON_S / 2)
    lasting = await bench.put("Red1:BinMax", 4.0)
    with pytest.raises(Refused, match="the ranks did not apply it within"):
        await failing
    assert bench.ranks[-1].revision == bench.ranks[-1].reductions[0].generation == 3
    await bench.report(bench.ranks[-2])
    assert not lasting.done(), "that result has the bins that were taken back"
    await bench.report(bench.ranks[-1])
    assert await lasting == 4
    assert bench.bins == "0.4,0.001,4"


async def test_bins_meant_for_a_unit_that_is_taken_back_are_refused() -> None:
    bench = OrderBench(SOON_S)
    units = await bench.put("Red1:Units", Units.TOF)
    await asyncio.sleep(SOON_S / 2)
    bins = await bench.put("Red1:BinParams", "1,1,4")
    with pytest.raises(Refused, match="did not apply"):
        await units
    with pytest.raises(Refused, match="meant for TOF, which was not applied"):
        await bins
    assert bench.ranks[-1].reductions[0].settings == ReductionSettings()


async def test_results_of_what_was_taken_back_are_stale() -> None:
    bench = OrderBench(SOON_S)
    with pytest.raises(Refused, match="did not apply"):
        await bench.asked("Red1:BinParams", "1,1,4")
    failed, restored = bench.ranks
    assert not bench.orders.ranks.may_show(failed.revision)
    assert bench.orders.ranks.may_show(restored.revision)
    assert not bench.orders.ranks.may_show(restored.revision + 1), "that is not our order"
    assert bench.orders.ranks.accepted == restored
    assert restored.reductions[0].settings == ReductionSettings()


async def test_a_put_waits_for_a_back_end_that_comes_back_soon() -> None:
    bench = OrderBench(SOON_S)
    bench.orders.ranks.reported_by(1)
    put = await bench.put("Red1:BinParams", "1,1,4")
    for replace in (bench.orders.ranks.ended, lambda: bench.orders.ranks.reported_by(2)):
        await asyncio.sleep(0.7 * SOON_S)
        replace()
        assert not put.done()
    await bench.report(bench.ranks[-1])
    assert await put == "1,1,4"


async def test_a_put_while_there_is_no_back_end_fails_in_time_and_is_never_applied() -> None:
    bench = OrderBench(SOON_S)
    bench.orders.ranks.set_present(True)
    bench.orders.ranks.set_present(False)
    with pytest.raises(Refused, match=f"the ranks have not reported for {SOON_S:g} s"):
        await bench.asked("Red1:BinParams", "1,1,4")
    bench.orders.ranks.set_present(True)
    assert bench.ranks[-1].reductions[0].settings == ReductionSettings()
    assert bench.bins == ReductionSettings().bin_params


async def test_ranks_that_a_put_has_waited_for_in_vain_are_not_waited_for_until_they_report() -> (
    None
):
    bench = OrderBench(SOON_S)
    bench.orders.ranks.set_present(False)
    with pytest.raises(Refused, match="the ranks have not reported for"):
        await bench.asked("Red1:BinParams", "1,1,4")
    sent = len(bench.ranks)
    put = await bench.put("Red1:BinParams", "1,1,5")
    assert put.done()
    with pytest.raises(Refused, match="the ranks have not reported for more than"):
        await put
    assert len(bench.ranks) == sent, "nothing was ordered"
    bench.orders.ranks.set_present(True)
    put = await bench.put("Red1:BinParams", "1,1,6")
    await bench.report(bench.ranks[-1])
    assert await put == "1,1,6"


async def test_a_reset_completes_with_a_result_and_is_never_uncounted() -> None:
    bench = OrderBench(SOON_S)
    reset = await bench.put("Reset", True)
    assert (bench.ranks[-1].resets, bench.ranks[-1].reductions[0].generation) == (1, 0)
    await bench.report(bench.ranks[-1], with_counts=False)
    assert not reset.done()
    await bench.report(bench.ranks[-1])
    assert await reset is False
    with pytest.raises(Refused, match="did not apply"):
        await bench.asked("Reset", True)
    assert [order.resets for order in bench.ranks] == [1, 2]


async def test_a_put_to_the_simulator_completes_with_its_report(bench: OrderBench) -> None:
    put = await bench.put("Sim:Pressure", 2.0)
    assert bench.simulator[-1].revision == 1
    bench.orders.simulator_report_posted(SimulatorReport(0, SimulatorStatus()))
    assert not put.done()
    bench.orders.simulator_report_posted(SimulatorReport(1, SimulatorStatus()))
    assert await put == 2.0


def test_a_change_that_ends_its_process_again_and_again_is_taken_back() -> None:
    async def test() -> None:
        bench = OrderBench()
        put = await bench.put("Red1:BinParams", "1,0.1,2")
        for incarnation in (1, 2, 3):
            bench.orders.ranks.reported_by(incarnation)
        with pytest.raises(Refused, match="the ranks ended 2 times"):
            await put
        assert bench.bins == ReductionSettings().bin_params
        assert bench.ranks[-1].reductions[0].settings == ReductionSettings()

    run(test())


def test_a_reset_has_a_number_that_no_ioc_had_before() -> None:
    async def test() -> None:
        bench = OrderBench()
        put = await bench.put("Reset", True)
        assert bench.ranks[-1].resets > 0
        await bench.report(bench.ranks[-1])
        await put
        again = await bench.put("Reset", True)
        assert bench.ranks[-1].resets > bench.ranks[-2].resets
        await bench.report(bench.ranks[-1])
        await again

    run(test())
