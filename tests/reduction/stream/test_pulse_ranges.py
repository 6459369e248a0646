from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reduction.stream import pulse_ranges

pairs = st.tuples(st.integers(0, 60), st.integers(0, 8)).map(lambda p: (p[0], p[0] + p[1]))


def numbers(of: Sequence[tuple[int, int]]) -> set[int]:
    return {n for first, last in of for n in range(first, last + 1)}


@given(st.lists(pairs))
def test_a_union_holds_each_number_once_in_runs_that_are_apart(
    given_runs: list[tuple[int, int]],
) -> None:
    merged = pulse_ranges.union(given_runs)
    assert numbers(merged) == numbers(given_runs)
    assert pulse_ranges.size(merged) == len(numbers(given_runs))
    assert all(b[0] > a[1] + 1 for a, b in itertools.pairwise(merged))


@given(st.lists(pairs), st.integers(0, 70))
def test_numbers_are_taken_out_one_by_one_or_below_a_bound(
    given_runs: list[tuple[int, int]], number: int
) -> None:
    without = pulse_ranges.union(given_runs)
    pulse_ranges.discard(without, number)
    assert numbers(without) == numbers(given_runs) - {number}
    above = pulse_ranges.union(given_runs)
    pulse_ranges.discard_below(above, number)
    assert numbers(above) == {n for n in numbers(given_runs) if n >= number}
