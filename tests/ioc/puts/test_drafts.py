"""Settings that only make sense together can be put in any order."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from ioc.ca.channels.alarms import NO_ALARM, NOT_IN_FORCE_ALARM
from ioc.model.paths import Part
from reduction.parameters.reduction import FilterSettings
from reduction.parameters.specs import Refused
from reduction.parameters.units import Units
from simulator.parameters import SimulatorSettings
from tests.support.ioc.order_bench import OrderBench
from tests.support.ioc.publisher_bench import PublisherBench

SLICES = {"Red1:Filter:Min": 270.0, "Red1:Filter:Step": 20.0, "Red1:Filter:Max": 350.0}
FEWER = {"Red1:Filter:Min": -5.0, "Red1:Filter:Step": 0.001, "Red1:Filter:Max": -4.5}
BINS = {"Red1:BinMin": 7.0, "Red1:BinStep": -0.01, "Red1:BinMax": 20.0}
LINEAR = {"Red1:BinMin": -3.0, "Red1:BinStep": 0.5, "Red1:BinMax": -1.0}
CRYSTAL = {
    "Sim:SpaceGroup": "P 63/m m c",
    "Sim:UnitCell": "2.95 2.95 4.68 90 90 120",
    "Sim:Atoms": "Ti 1/3 2/3 1/4 1 0.006",
}
RANGE = {"Sim:DMin": 5.0, "Sim:DMax": 8.0, "Sim:UnitCell": "15 15 15"}
CHUNKS = {"Sim:EventsPerPulse": 200, "Sim:MaxChunkSize": 1}


async def put_all(bench: OrderBench, puts: dict[str, Any]) -> None:
    """Put one setting after the other; reports follow at once."""
    for name, value in puts.items():
        put = await bench.put(name, value)
        if not put.done():
            await bench.report_all()
        assert await put == value


def orders_of(puts: dict[str, Any]) -> list[dict[str, Any]]:
    return [dict(order) for order in itertools.permutations(puts.items())]


@pytest.mark.parametrize("second", orders_of(FEWER))
@pytest.mark.parametrize("first", orders_of(SLICES))
async def test_a_slicing_after_another_is_put_in_any_order(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    bench = OrderBench()
    for puts in ({"Red1:Filter:Log": "temperature"}, first, second):
        await put_all(bench, puts)
    last = bench.ranks[-1].reductions[0].settings.filter
    assert last == FilterSettings("temperature", -5, 0.001, -4.5)
    assert bench.orders.drafts.message == ""


@pytest.mark.parametrize(
    ("puts", "words"),
    [(BINS, "7,-0.01,20"), (LINEAR, "-3,0.5,-1")],
)
async def test_ends_and_step_of_the_bins_are_put_in_any_order(
    puts: dict[str, Any], words: str
) -> None:
    for order in orders_of(puts):
        bench = OrderBench()
        await put_all(bench, order)
        assert bench.bins == words


@pytest.mark.parametrize("puts", [CRYSTAL, RANGE, CHUNKS])
async def test_what_makes_a_crystal_or_a_pulse_is_put_in_any_order(puts: dict[str, Any]) -> None:
    fields = {
        "Sim:SpaceGroup": "space_group",
        "Sim:UnitCell": "unit_cell",
        "Sim:Atoms": "atoms",
        "Sim:DMin": "d_min",
        "Sim:DMax": "d_max",
        "Sim:EventsPerPulse": "events_per_pulse",
        "Sim:MaxChunkSize": "max_chunk_size",
    }
    for order in orders_of(puts):
        bench = OrderBench()
        await put_all(bench, order)
        expected = SimulatorSettings(**{fields[name]: value for name, value in puts.items()})
        assert bench.simulator[-1].settings == expected


async def test_until_they_fit_those_in_force_stay_and_the_message_says_why() -> None:
    bench = OrderBench()
    await put_all(bench, {"Red1:Filter:Min": 270.0, "Red1:Filter:Step": 20.0})
    assert bench.ranks == []
    assert bench.orders.drafts.message == (
        "Red1:Filter:Min 270, Red1:Filter:Step 20 not in force yet: Max, 10, must be above Min, 270"
    )
    await put_all(bench, {"Red1:Filter:Max": 350.0})
    assert bench.orders.drafts.message == ""
    assert len(bench.ranks) == 1


async def test_a_value_that_can_never_be_right_is_refused_at_once() -> None:
    bench = OrderBench()
    await put_all(bench, {"Red1:Filter:Min": 270.0, "Red1:BinMin": 7.0, "Sim:DMin": 4.5})
    for name, value, words in (
        ("Red1:Filter:Step", 0.0, "a slice is wider than 0"),
        ("Red1:BinStep", 0.0, "a bin is wider than 0"),
        ("Red1:BinParams", "5,1,1", "boundaries must rise"),
        ("Red1:Filter:Params", "temperature,5,1,1", "must be above Min"),
        ("Sim:UnitCell", "5 5", "it takes 3 numbers"),
        ("Sim:SpaceGroup", "F d -3 n", "did you mean"),
    ):
        with pytest.raises(Refused, match=words):
            await bench.asked(name, value)
    fitting = {"Red1:Filter:Max": 350.0, "Red1:BinMax": 8.0, "Sim:DMax": 8.0}
    await put_all(bench, {**fitting, "Sim:UnitCell": "9 9 9"})
    assert bench.orders.drafts.message == ""


async def test_what_a_put_of_all_of_them_replaces_waits_no_longer() -> None:
    bench = OrderBench()
    await put_all(bench, {"Red1:BinMin": 7.0, "Red1:Filter:Min": 270.0})
    await put_all(bench, {"Red1:Filter:Params": "temperature,0,1,5"})
    assert bench.ranks[-1].reductions[0].settings.filter == FilterSettings("temperature", 0, 1, 5)
    await put_all(bench, {"Red1:Units": Units.TOF})
    assert bench.orders.drafts.values(Part.RANKS) == {}


async def test_putting_the_value_in_force_again_ends_the_wait() -> None:
    bench = OrderBench()
    await put_all(bench, {"Red1:Filter:Min": 270.0, "Red1:Filter:Max": -5.0})
    await put_all(bench, {"Red1:Filter:Min": 0.0})
    assert "Max, -5, must be above Min, 0" in bench.orders.drafts.message
    await put_all(bench, {"Red1:Filter:Max": 10.0})
    assert bench.orders.drafts.message == ""
    assert bench.ranks == []


async def test_drafts_stay_if_the_put_that_makes_them_fit_is_not_obeyed() -> None:
    bench = OrderBench(0.05)
    await put_all(bench, {"Red1:Filter:Min": 270.0})
    with pytest.raises(Refused, match="Max: 350 refused: the ranks did not apply it"):
        await bench.asked("Red1:Filter:Max", 350.0)
    assert bench.orders.ranks.accepted.reductions[0].settings.filter == FilterSettings()
    assert "Red1:Filter:Min 270 not in force yet" in bench.orders.drafts.message


async def test_puts_at_the_same_time_are_judged_together() -> None:
    bench = OrderBench()
    puts = [await bench.put(name, value) for name, value in SLICES.items()]
    await bench.report_all()
    assert [await each for each in puts] == list(SLICES.values())
    assert bench.orders.drafts.message == ""
    assert bench.ranks[-1].reductions[0].settings.filter == FilterSettings("", 270, 20, 350)


@pytest.mark.parametrize(
    ("text", "filtered"),
    [
        ("temperature,0.5,1,5", FilterSettings("temperature", 0.5, 1, 5)),
        (" temperature , 0 , 1.0 , 5 ", FilterSettings("temperature", 0, 1, 5)),
        ("a,b,0,1e3,5e3", FilterSettings("a,b", 0, 1000, 5000)),
        (",2,3,8", FilterSettings("", 2, 3, 8)),
    ],
)
async def test_log_and_numbers_of_the_slices_are_one_put(
    text: str, filtered: FilterSettings
) -> None:
    bench = OrderBench()
    put = await bench.put("Red1:Filter:Params", text)
    await bench.report_all()
    await put
    assert bench.ranks[-1].reductions[0].settings.filter == filtered
    assert len(bench.ranks) == 1
    put = await bench.put("Red1:Filter:Params", "")
    await bench.report_all()
    assert await put == ""
    assert bench.ranks[-1].reductions[0].settings.filter == replace(filtered, log="")


@pytest.mark.parametrize("text", ["temperature", "temperature,0,1", "T,0,x,5", "T,0,1,nan"])
async def test_a_text_that_is_no_log_and_three_numbers_is_refused(text: str) -> None:
    bench = OrderBench()
    with pytest.raises(Refused, match="Params: '"):
        await bench.asked("Red1:Filter:Params", text)
    assert bench.ranks == []


async def test_setpoint_and_readback_show_the_draft_and_the_readback_is_in_alarm() -> None:
    bench = PublisherBench()

    async def alarms() -> list[tuple[int, int]]:
        await bench.publisher.post_drafts()
        return [bench.alarm(f"Red1:Filter:Min{end}") for end in ("", "_RBV")]

    assert await bench.put("Red1:Filter:Min", 270.0) == 270
    assert await alarms() == [NO_ALARM, NOT_IN_FORCE_ALARM]
    assert (bench.get("Red1:Filter:Min"), bench.get("Red1:Filter:Min_RBV")) == (270, 270)
    assert bench.get("Red1:Filter:Max_RBV") == 10
    assert bench.get("Pending_RBV").startswith("Red1:Filter:Min 270 not in force yet")
    assert bench.alarm("Pending_RBV") == NOT_IN_FORCE_ALARM
    await bench.put("Red1:Filter:Min", 0.0)
    assert await alarms() == [NO_ALARM, NO_ALARM]
    assert (bench.get("Red1:Filter:Min_RBV"), bench.get("Pending_RBV")) == (0, "")
    assert bench.alarm("Pending_RBV") == NO_ALARM
