"""What ranks exchange at a tick comes back as it was, and each field has its own meaning."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reduction.ranks.reporting.result_tick import FIGURES, RankFigures, ResultTick, ResultTicks
from reduction.ranks.tick import Tick, Ticks
from reduction.stream.dialect import Dialect
from reduction.stream.faults import Faults
from reduction.stream.pulses import NEVER_NS, NO_PULSE

int64 = st.integers(-(2**63), 2**63 - 1)
small = st.integers(0, 2**50)
flag = st.booleans()
ticks = st.builds(Tick, *[int64] * 6, *[flag] * 4, small, int64, flag, small)
faults = st.builds(Faults, *[small] * len(dataclasses.fields(Faults)))
figures = st.builds(RankFigures, *[small] * 8, faults)


def result_ticks(reductions: int) -> st.SearchStrategy[ResultTick]:
    displaced = st.tuples(*[small] * reductions)
    flags = st.booleans(), st.booleans()
    return st.builds(ResultTick, st.booleans(), small, *flags, figures, displaced)


@given(st.lists(ticks, min_size=1, max_size=5))
def test_ticks_come_back_as_they_were(of_ranks: list[Tick]) -> None:
    exchanged = Ticks.of(np.stack([tick.vector() for tick in of_ranks]))
    assert exchanged == Ticks(tuple(of_ranks))


def tick(**changes: int) -> Tick:
    usual = {field.name: 0 for field in dataclasses.fields(Tick)}
    return Tick(**usual | changes)  # type: ignore[arg-type]


def test_all_ranks_go_as_far_as_the_slowest_and_begin_where_the_last_one_does() -> None:
    first = tick(reached_ns=30, reached_number=3, complete_from_ns=10, newest_ns=30, revision=7)
    second = tick(reached_ns=20, reached_number=2, complete_from_ns=12, newest_ns=25, stopping=1)
    both = Ticks((first, second))
    assert both.slowest is second
    assert (both.complete_from_ns, both.newest_ns) == (12, 30)
    assert both.of_rank_0.revision == 7
    assert both.stopping
    assert not Ticks((first, first)).stopping


def test_without_marks_a_pulse_is_complete_by_a_later_one_or_after_the_grace_time() -> None:
    never = NEVER_NS
    first = tick(reached_ns=30, aged_ns=25, unread_ns=30)
    silent = tick(reached_ns=10, aged_ns=10, unread_ns=never)
    behind = tick(reached_ns=10, aged_ns=10, unread_ns=10)
    assert Ticks((first, first)).plain_until_ns == 30, "a later pulse was seen in all partitions"
    assert Ticks((first, silent)).plain_until_ns == 25, "what a rank has seen for long enough"
    assert Ticks((first, behind)).plain_until_ns == 10, "some of it waits to be read"
    none = tick(reached_ns=NO_PULSE, aged_ns=NO_PULSE, unread_ns=never)
    assert Ticks((none, none)).plain_until_ns == NO_PULSE


def test_one_mark_anywhere_shows_that_the_stream_has_marks() -> None:
    unknown, marked, plain = tick(), tick(marked=1), tick(plain=1)
    assert Ticks((unknown, unknown)).dialect is Dialect.AUTO
    assert Ticks((unknown, plain)).dialect is Dialect.PLAIN
    assert Ticks((plain, marked)).dialect is Dialect.MARKED


@given(st.integers(1, 3).flatmap(lambda n: st.lists(result_ticks(n), min_size=1, max_size=4)))
def test_result_ticks_come_back_as_they_were(of_ranks: list[ResultTick]) -> None:
    rows = np.stack([each.vector() for each in of_ranks])
    assert rows.shape[1] == 4 + FIGURES + len(of_ranks[0].displaced)
    assert ResultTicks.of(rows) == ResultTicks(tuple(of_ranks))


def test_results_are_due_once_all_have_caught_up_and_figures_add_up() -> None:
    one = RankFigures(1, 2, 3, 4, 5, 6, 7, 8, Faults(1, 2, 3, 4, 5, 6))
    other = RankFigures(10, 20, 30, 40, 50, 60, 70, 80, Faults(10, 20, 30, 40, 50, 60))
    ready = ResultTick(True, 3, False, True, one, (1, 2))
    behind = ResultTick(False, 4, True, False, other, (5, 6))
    both = ResultTicks((ready, behind))
    assert both.figures == RankFigures(
        11, 22, 33, 44, 55, 66, 77, 88, Faults(11, 22, 33, 44, 55, 66)
    )
    assert both.displaced == [6, 8]
    assert both.incomplete_pulses == (3, 4)
    assert (both.caught_up, both.any_message) == (False, True)
    assert ResultTicks((ready, ready)).caught_up
    assert (both.views_ready, ResultTicks((ready, ready)).views_ready) == (False, True)
