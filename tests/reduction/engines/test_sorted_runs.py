"""Runs stay few, in whatever order blocks are sorted and runs are merged."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reduction.engines.native.compiled_recipe import ValuesBySpectrum
from reduction.engines.native.sorted_runs import SortedRun, to_merge

NOTHING = ValuesBySpectrum(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))


def run(first: int, last: int) -> SortedRun:
    return SortedRun(first, last, (), NOTHING)


@given(st.lists(st.integers(0, 5), max_size=80))
def test_runs_are_as_few_as_the_binary_digits_of_their_blocks(sorted_meanwhile: list[int]) -> None:
    runs: list[SortedRun] = []
    blocks = 0
    for count in [*sorted_meanwhile, *[0] * 400]:
        pair = to_merge(runs)
        for _ in range(count):  # while the pair is being merged
            runs.append(run(blocks, blocks + 1))
            blocks += 1
        if pair is not None:
            at = runs.index(pair[0])
            runs[at : at + 2] = [run(pair[0].first, pair[1].last)]
    lengths = [each.last - each.first for each in runs]
    assert sum(lengths) == blocks
    assert len(lengths) == blocks.bit_count()
    assert to_merge(runs) is None
