from __future__ import annotations

import itertools
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reduction.parameters import bins
from tests.support.cost import costs_at_most

REFERENCE = Path(__file__).parents[2] / "reference" / "mantid"
EDGES = json.loads((REFERENCE / "edges.json").read_text())
REFUSED_HERE = ("5", "1,0.1,nan")  # Mantid takes them; see the README of the reference
ACCEPTED = [row for row in EDGES["accepted"] if row["bin_params"] not in REFUSED_HERE]
REFUSED = [row["bin_params"] for row in EDGES["refused"]] + [
    *REFUSED_HERE,
    "0.1",
    "inf,1,2",
    "0.4,0_1,5",
]


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row["bin_params"])
def test_edges_equal_mantids_to_the_last_bit(row: dict[str, Any]) -> None:
    with np.load(REFERENCE / "edges.npz") as edges:
        np.testing.assert_array_equal(bins.edges(row["bin_params"], 200_000), edges[row["key"]])


@pytest.mark.parametrize("bin_params", REFUSED)
def test_what_makes_no_edges_is_refused_with_a_reason(bin_params: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ \w+"):
        bins.edges(bin_params, 200_000)


@pytest.mark.parametrize(
    ("bin_params", "words"),
    [
        ("", "empty"),
        ("0.4,0,5", "the step from 0.4 to 5 is 0"),
        ("5,1,1", "1 follows 5"),
        ("0,-0.1,5", "start above 0, not 0"),
        ("1,x,5", "number 2 is 'x'"),
        ("1 0.1 5", "not a number; commas separate numbers"),
        ("1;0.1;5", "not a number; commas separate numbers, as in 0.4,0.001,5"),
        ("1:0.1:5", "not a number; commas separate numbers"),
        ("[1,0.1,5]", r"number 1 is '\[1', not a number; commas separate numbers"),
        ("1,0.1,inf", "number 3 is inf"),
        ("0,1e-9,1", "about 1e\\+09 bins; the limit is 200000"),
        ("1,-1e-12,2", "bins; the limit is 200000"),
        ("1e17,1,2e17", "too small to move"),
        ("0,1,2,1e-17,3", "too small to move 2"),
        ("1e9,3e-8,1000000000.0003", "too small to move 1e\\+09"),
    ],
)
def test_a_refusal_names_the_number_and_the_limit(bin_params: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        bins.edges(bin_params, 200_000)


def test_the_limit_itself_is_allowed() -> None:
    assert bins.edges("0,1,10", 10).size == 11
    with pytest.raises(ValueError, match="limit is 9"):
        bins.edges("0,1,10", 9)


starts = st.floats(0.01, 100)
steps = st.floats(0.01, 10) | st.floats(-1, -0.01)
lengths = st.floats(0.001, 50)


@given(starts, st.lists(st.tuples(steps, lengths), min_size=1, max_size=4))
def test_edges_rise_from_the_first_boundary_to_the_last_through_every_other(
    start: float, segments: list[tuple[float, float]]
) -> None:
    bounds, words = [start], [repr(start)]
    for step, length in segments:
        bounds.append(bounds[-1] + length)
        words += [repr(step), repr(bounds[-1])]
    edges = bins.edges(",".join(words), 200_000)
    assert np.all(np.diff(edges) > 0)
    assert (edges[0], edges[-1]) == (bounds[0], bounds[-1])
    assert set(bounds) <= set(edges)


@given(st.text(max_size=30))
def test_any_text_makes_edges_or_a_reason(text: str) -> None:
    try:
        edges = bins.edges(text, 1000)
    except ValueError as error:
        assert str(error)
    else:
        assert all(math.isfinite(edge) for edge in edges)


@pytest.mark.parametrize(
    ("bin_params", "most"),
    [("0.4,0.000002,5", 4_000_000), ("0.4,1e-9,5", 4_000_000), ("1,-1e-9,5", 4_000_000)],
)
def test_millions_of_bins_take_little_time_and_far_too_many_none(
    bin_params: str, most: int
) -> None:
    with costs_at_most(3), suppress(ValueError):
        assert bins.edges(bin_params, most).size == 2_300_001


@given(
    st.sampled_from([0.0, 0.1, 0.4, 1e9, 1e15, -5.0]),
    st.lists(
        st.tuples(st.floats(1e-6, 3), st.floats(0.01, 60)) | st.tuples(st.just(1e-9), st.just(0.2)),
        min_size=1,
        max_size=3,
    ),
)
def test_linear_bins_are_summed_one_by_one(
    start: float, segments: list[tuple[float, float]]
) -> None:
    words, expected = [start], [start]
    for width, parts in segments:
        step, high = width / parts, words[-1] + width
        words += [step, high]
        x = expected[-1]
        while x + step * 1.25 <= high:
            assume(x + step != x)
            x += step
            expected.append(x)
        expected.append(high)
    assume(all(each + step != each for each, step in zip(words[::2], words[1::2], strict=False)))
    assume(all(high > low for low, high in itertools.pairwise(words[::2])))
    found = bins.edges(",".join(map(repr, words)), 200_000)
    assert found.tolist() == expected
