from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ioc.top.sparkline import BLOCKS, columns, sparkline

COUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=50)


@given(COUNTS, st.integers(1, 120))
def test_columns_keep_the_mean_and_leave_no_bin_out(counts: list[int], width: int) -> None:
    shown = columns(np.array(counts, float), width)
    assert shown.shape == (width,)
    np.testing.assert_allclose(shown.mean(), np.mean(counts), rtol=1e-6, atol=1e-3)


@given(COUNTS, st.integers(1, 120), st.integers(1, 8), st.booleans())
def test_the_highest_column_is_full_and_none_that_counts_is_empty(
    counts: list[int], width: int, height: int, logarithmic: bool
) -> None:
    lines = sparkline(np.array(counts, float), width, height, logarithmic)
    assert [len(line) for line in lines] == [width] * height
    assert ("█" in lines[0]) == any(counts)
    if all(counts):
        assert " " not in lines[-1]


def test_eighths_are_told_apart() -> None:
    assert sparkline(np.arange(9.0), 9, 1) == [BLOCKS]
    assert sparkline(np.array([8.0, 16.0]), 2, 2) == [" █", "██"]


def test_a_logarithm_lifts_what_is_small() -> None:
    (line,) = sparkline(np.array([10.0, 1e6]), 2, 1)
    (lifted,) = sparkline(np.array([10.0, 1e6]), 2, 1, logarithmic=True)
    assert (line, lifted) == ("▁█", "▂█")


def test_nothing_is_drawn_of_no_bins_and_blanks_of_no_counts() -> None:
    assert sparkline(np.array([]), 10, 2) == []
    assert sparkline(np.zeros(3), 3, 2) == ["   ", "   "]
