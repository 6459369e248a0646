"""What starts and stops of runs do to the orders of the ranks; no network is in these tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ioc.ca.client.pv_monitors import LOST
from ioc.model.run_parameters import FacilityRunSettings, RunAction
from reduction.control.facility_run import MOST_KNOWN, FacilityRun
from reduction.control.orders import RanksOrder
from reduction.messages.run_messages import RunMessage
from reduction.parameters.specs import Refused
from reduction.stream.pulses import NO_PULSE
from tests.support.ioc.run_bench import RunBench
from tests.support.ranks.one_rank import START_NS

ACQUIRE = FacilityRunSettings(action=RunAction.ACQUIRE, stops=True)
SERIES = FacilityRunSettings(action=RunAction.NEXT_SERIES)
BY_NAME = FacilityRunSettings(action=RunAction.ACQUIRE, name_pv="IN:RUN")
BY_BOTH = FacilityRunSettings(
    action=RunAction.ACQUIRE, stops=True, name_pv="IN:RUN", state_pv="IN:STATE", state_values="2, 3"
)


def start(number: int) -> RunMessage:
    return RunMessage(True, f"job {number}", str(number), f"Title {number}", at_ns(number))


def stop(number: int) -> RunMessage:
    return RunMessage(False, f"job {number}", "", "", at_ns(number) + 5)


def at_ns(number: int) -> int:
    return START_NS + number * 10


def done(work: Coroutine[object, object, None]) -> None:
    asyncio.run(work)


async def test_a_start_acquires_from_its_time_and_a_stop_ends_it_at_its_time() -> None:
    bench = RunBench(ACQUIRE)
    async with bench.running():
        order = await bench.told(start(7))
        assert (order.resets, order.starts, order.begins_ns) == (1, 1, at_ns(7))
        assert order.facility_run.name == "7"
        assert order.facility_run.title == "Title 7"
        assert order.facility_run.running
        assert order.acquiring
        order = await bench.told(start(7), stop(7))
        assert not order.acquiring
        assert order.ends_ns == at_ns(7) + 5
        assert not order.facility_run.running
        assert order.resets == 1


async def test_a_run_that_went_on_when_the_stream_was_joined_is_shown_and_has_no_effect() -> None:
    bench = RunBench(ACQUIRE)
    async with bench.running():
        order = await bench.told(replace(start(7), earlier=True))
        assert (order.facility_run.name, order.facility_run.running) == ("7", True)
        assert (order.resets, order.starts) == (0, 0)
        order = await bench.told(start(8))
        assert order.facility_run.name == "8"
        assert order.resets > 0


async def test_a_start_closes_a_series() -> None:
    bench = RunBench(SERIES)
    async with bench.running():
        order = await bench.told(start(7))
        assert (order.resets, order.closes, order.begins_ns) == (0, 1, at_ns(7))
        assert (await bench.told(start(7), stop(7))).acquiring


async def test_by_default_a_run_is_noted_and_changes_nothing_else() -> None:
    bench = RunBench(FacilityRunSettings())
    async with bench.running():
        before = bench.orders.ranks.accepted
        order = await bench.told(start(7), stop(7))
        assert order.facility_run.name == "7"
        assert not order.facility_run.running
        assert (order.resets, order.starts, order.closes) == (0, 0, 0)
        assert order.pulses_revision == before.pulses_revision


MESSAGES = st.lists(
    st.tuples(st.sampled_from([start, stop]), st.integers(0, 4)).map(lambda e: e[0](e[1])),
    max_size=12,
)


@settings(max_examples=40)
@given(MESSAGES, st.lists(st.integers(1, 12), max_size=3))
def test_whatever_comes_again_each_run_starts_once_and_stops_once(
    messages: list[RunMessage], again: list[int]
) -> None:
    starts = [each.job if each.starts else "" for each in messages]
    messages = [m for n, m in enumerate(messages) if m.starts or m.job in starts[:n]]

    async def told() -> None:
        bench, known, resets, stopped = RunBench(ACQUIRE), set[str](), 0, set[str]()
        newest = ""
        async with bench.running():
            for end in range(1, len(messages) + 1):
                history = messages[:end]
                for _ in range(1 + again.count(end)):
                    await bench.told(*history[-1:] if end % 2 else history)
                for each in history[-1:]:
                    if each.starts and each.job not in known:
                        known.add(each.job)
                        newest, resets = each.job, resets + 1
                    elif not each.starts and each.job == newest:
                        stopped.add(each.job)
            order = bench.orders.ranks.accepted
            sent = [each.resets for each in bench.ranks]
            assert len({each for each in sent if each}) == resets
            assert order.facility_run.key == newest
            assert order.acquiring == (newest not in stopped)

    done(told())


async def test_a_start_of_before_all_known_runs_is_old() -> None:
    run = FacilityRun()
    for number in range(1, MOST_KNOWN + 10):
        run = run.started(f"job {number}", "", "", at_ns(number))
    assert run.knows("job 3", at_ns(3))
    assert run.knows("a job never heard of", at_ns(3))
    assert not run.knows("a job never heard of", at_ns(MOST_KNOWN))
    assert len(run.known) == MOST_KNOWN


async def test_a_clock_that_is_set_back_starts_runs_all_the_same() -> None:
    bench = RunBench(ACQUIRE)
    async with bench.running():
        await bench.told(start(7))
        assert (await bench.told(start(3))).facility_run.name == "3"


async def test_a_start_of_no_time_is_from_the_next_pulse_on() -> None:
    bench = RunBench(ACQUIRE)
    async with bench.running():
        order = await bench.told(RunMessage(True, "job", "7", "", 0))
        assert (order.resets, order.begins_ns) == (1, NO_PULSE)


async def test_a_put_after_a_run_is_of_the_next_pulse() -> None:
    bench = RunBench(ACQUIRE)
    async with bench.running():
        await bench.told(start(7))
        put = await bench.put("Reset", 1)
        assert bench.orders.ranks.newest.begins_ns == NO_PULSE
        await bench.told()
        await put


async def test_a_series_that_is_refused_is_told_and_the_run_is_noted() -> None:
    @asynccontextmanager
    async def refused(former: RanksOrder, order: RanksOrder) -> AsyncIterator[None]:
        if former.closes != order.closes:
            raise Refused("NextSeries", True, "there are 1000 series")
        yield

    bench = RunBench(SERIES)
    bench.orders._check = refused
    async with bench.running():
        order = await bench.told(start(7))
        assert (order.facility_run.name, order.closes) == ("7", 0)
        assert "1000 series" in bench.watch.problem


async def test_a_start_that_is_not_obeyed_in_time_is_tried_again() -> None:
    bench = RunBench(ACQUIRE, timeout_s=0.05)
    async with bench.running():
        bench._report([start(7)])
        await asyncio.sleep(0.3)
        assert bench.orders.ranks.accepted.facility_run.name == ""
        assert (await bench.told()).facility_run.name == "7"


async def test_a_new_name_of_a_run_starts_it() -> None:
    bench = RunBench(BY_NAME)
    async with bench.running():
        order = await bench.value("IN:RUN", "00012345", at_ns(1))
        assert (order.facility_run.name, order.resets) == ("00012345", 0)  # it had started before
        assert (await bench.value("IN:RUN", "00012345", at_ns(2))).resets == 0
        order = await bench.value("IN:RUN", "00012346", at_ns(3))
        assert (order.facility_run.name, order.begins_ns) == ("00012346", at_ns(3))
        first = order.resets
        assert first > 0
        await bench.value("IN:RUN", LOST)
        assert "IN:RUN" in bench.watch.problem
        assert (await bench.value("IN:RUN", "00012346", at_ns(3))).resets == first
        assert bench.watch.problem == ""
        assert (await bench.told(start(9))).facility_run.name == "00012346"  # not by the stream


async def test_name_and_state_start_and_stop_runs_together() -> None:
    bench = RunBench(BY_BOTH)
    async with bench.running():
        await bench.value("IN:RUN", "5", at_ns(1))
        assert (await bench.value("IN:STATE", "1", at_ns(1))).facility_run.key == ""
        order = await bench.value("IN:STATE", "2", at_ns(2))
        assert (order.facility_run.name, order.begins_ns) == ("5", at_ns(2))
        assert (await bench.value("IN:STATE", "3", at_ns(3))).resets == order.resets
        order = await bench.value("IN:STATE", "1", at_ns(4))
        assert (order.acquiring, order.ends_ns) == (False, at_ns(4))
        again = await bench.value("IN:STATE", "2", at_ns(5))
        assert again.acquiring
        assert again.begins_ns == at_ns(5)
        assert again.resets > order.resets


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["IN:RUN", "IN:STATE"]), st.integers(1, 3)), max_size=12))
def test_each_value_that_comes_again_changes_nothing(values: list[tuple[str, int]]) -> None:
    async def told() -> None:
        bench = RunBench(BY_BOTH)
        async with bench.running():
            for number, (name, value) in enumerate(values):
                order = await bench.value(name, str(value), at_ns(number))
                again = await bench.value(name, str(value), at_ns(number))
                assert again == order
                assert order.facility_run.running == (
                    order.acquiring and order.facility_run.key != ""
                )

    done(told())


async def test_a_time_far_ahead_is_of_a_wrong_clock() -> None:
    bench = RunBench(BY_NAME)
    async with bench.running():
        await bench.value("IN:RUN", "1", at_ns(1))
        order = await bench.value("IN:RUN", "2", START_NS + 3600 * 10**9)
        assert order.resets > 0
        assert order.begins_ns == NO_PULSE


async def test_an_ioc_that_starts_again_sees_that_another_run_has_started() -> None:
    bench = RunBench(BY_NAME)
    run = FacilityRun().started("1 since 5", "1", "", at_ns(1))
    bench.orders.ranks.newest = bench.orders.ranks.accepted = RanksOrder(
        reductions=bench.orders.ranks.accepted.reductions, facility_run=run
    )
    async with bench.running():
        assert (await bench.value("IN:RUN", "1", at_ns(1))).resets == 0
        assert (await bench.value("IN:RUN", "2", at_ns(2))).resets > 0


async def test_other_process_variables_are_followed_once_they_are_named() -> None:
    bench = RunBench(FacilityRunSettings())
    async with bench.running():
        await bench.told(start(7))
        bench.settings = BY_NAME
        await bench.told()
        order = await bench.value("IN:RUN", "8", at_ns(8))
        assert order.facility_run.name == "8"
        bench.settings = ACQUIRE
        await bench.told()
        assert (await bench.value("IN:RUN", "9", at_ns(9))).facility_run.name == "8"
        assert (await bench.told(start(9))).facility_run.title == "Title 9"


@pytest.mark.parametrize("text", ["", "1", "2,3", " 2 , 3 "])
def test_states_of_a_run_that_goes_on_are_separated_by_commas(text: str) -> None:
    found = FacilityRunSettings(state_values=text).running_values
    assert found == {"": {""}, "1": {"1"}}.get(text.strip(), {"2", "3"})


async def test_the_time_of_a_run_is_that_of_the_value_that_came_last() -> None:
    bench = RunBench(BY_BOTH)
    async with bench.running():
        await bench.value("IN:RUN", "5", at_ns(1))
        await bench.value("IN:STATE", "2", at_ns(900))  # this clock is ahead of the other
        for number, time in ((6, 3), (5, 4), (6, 5)):
            order = await bench.value("IN:RUN", str(number), at_ns(time))
            assert (order.facility_run.name, order.begins_ns) == (str(number), at_ns(time))


async def test_a_refusal_stays_until_another_run_starts() -> None:
    @asynccontextmanager
    async def refused(former: RanksOrder, order: RanksOrder) -> AsyncIterator[None]:
        if former.closes == 0 != order.closes:
            raise Refused("NextSeries", True, "the scan is locked")
        yield

    bench = RunBench(SERIES)
    bench.orders._check = refused
    async with bench.running():
        await bench.told(start(7))
        await bench.told()
        await bench.told(start(7), stop(7))
        assert "the scan is locked" in bench.watch.problem
        bench.settings = FacilityRunSettings()
        await bench.told(start(8))
        assert bench.watch.problem == ""
