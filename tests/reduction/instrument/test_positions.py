"""Positions in little memory: the same bits, and some bytes for each detector."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument
from reduction.instrument.positions import (
    LARGE,
    MOST_DISTINCT,
    CodedPositions,
    coded_if_smaller,
    joined_positions,
)
from tests.support.cost import costs_at_most


def tubes(count: int = 1024, pixels: int = 512) -> NDArray[np.float64]:
    """Positions (count · pixels, 3) of pixels in vertical tubes around the sample."""
    angle, height = np.meshgrid(
        np.linspace(-np.pi, np.pi, count), np.linspace(-0.5, 0.5, pixels), indexing="ij"
    )
    return np.stack([2 * np.sin(angle), height, 2 * np.cos(angle)], axis=-1).reshape(-1, 3)


def instrument(position_m: NDArray[np.float64]) -> Instrument:
    ids = np.arange(len(position_m), dtype=np.int32) * 7
    return Instrument("tubes", ids, position_m, np.zeros(ids.size, np.bool_), 9.0)


def test_positions_that_repeat_are_the_same_to_the_bit_in_a_quarter_of_the_memory() -> None:
    given = tubes()
    given[:5] = [-0.0, 0.0, 5e-324]
    kept = coded_if_smaller(given)
    assert isinstance(kept, CodedPositions)
    assert kept[:].tobytes() == given.tobytes()
    assert kept.nbytes < 0.26 * given.nbytes
    some = np.array([7, 3, 500_000])
    assert kept[some].tobytes() == given[some].tobytes()
    assert kept[given[:, 1] > 0.2].tobytes() == given[given[:, 1] > 0.2].tobytes()


@pytest.mark.parametrize("column", range(3))
def test_positions_with_a_coordinate_that_differs_everywhere_stay_an_array(column: int) -> None:
    given = np.zeros((MOST_DISTINCT + 1, 3))
    given[:, column] = np.arange(len(given)) / 3
    assert coded_if_smaller(given) is given


def test_the_most_different_values_have_codes() -> None:
    given = np.repeat(np.arange(MOST_DISTINCT) / 3, 3).reshape(-1, 3)
    kept = coded_if_smaller(given)
    assert isinstance(kept, CodedPositions)
    assert (kept[:] == given).all()


@pytest.mark.parametrize("before", [0, 1, 300])
@pytest.mark.parametrize("after", [0, 77])
@pytest.mark.parametrize("period", [1, 2, 333, 1024])
def test_coordinates_that_repeat_in_parts_are_the_same_to_the_bit(
    before: int, after: int, period: int
) -> None:
    generator = np.random.default_rng(7)
    row = generator.choice([0.0, -0.0, 1.5, *generator.normal(size=9)], period)
    banks = np.repeat(np.arange(5.0), LARGE // period // 4)
    repeated = (row + banks[:, None]).ravel()
    once = generator.normal(size=before), repeated, generator.normal(size=after)
    given = np.stack([np.concatenate(once)] * 3, axis=1)
    kept = coded_if_smaller(given)
    assert isinstance(kept, CodedPositions)
    assert kept[:].tobytes() == given.tobytes()


def test_values_that_are_not_in_the_sample_have_codes() -> None:
    given = np.zeros((5 * LARGE, 3))
    given[LARGE::1000] = np.arange(len(given[LARGE::1000]))[:, None]
    kept = coded_if_smaller(given)
    assert isinstance(kept, CodedPositions)
    assert kept[:].tobytes() == given.tobytes()


def test_values_that_are_too_many_are_not_sorted_to_find_that() -> None:
    given = np.zeros((40 * LARGE, 3))
    hidden = np.arange(LARGE, len(given)) % 41 > 0  # no even sample has them
    given[LARGE:][hidden] = np.random.default_rng(5).normal(size=(np.count_nonzero(hidden), 3))
    with costs_at_most(1.5):
        assert coded_if_smaller(given) is given


@pytest.mark.parametrize("pixels", [16, 512])
@pytest.mark.parametrize("ordered", [False, True])
def test_positions_of_blocks_are_those_of_all_together_to_the_bit(
    pixels: int, ordered: bool
) -> None:
    given = tubes(pixels=pixels)
    given[3000:3100] = np.random.default_rng(3).normal(size=(100, 3))
    order = np.argsort(given[:, 1], kind="stable") if ordered else None
    kept = joined_positions(np.split(given, [1000, 1001, 9000]), order)
    assert isinstance(kept, CodedPositions) == (pixels == 512)
    assert kept.shape == given.shape
    assert kept[:].tobytes() == (given if order is None else given[order]).tobytes()


def test_positions_of_few_detectors_stay_an_array() -> None:
    given = np.zeros((LARGE - 1, 3))
    assert coded_if_smaller(given) is given


def test_what_follows_from_positions_does_not_depend_on_how_they_are_kept() -> None:
    given = tubes()
    coded = instrument(given)
    part = slice(300_000, 300_000 + LARGE - 1)
    alone = instrument(given[part])
    assert isinstance(coded.positions, CodedPositions)
    assert isinstance(alone.positions, np.ndarray)
    for name in ("position_m", "l2_m", "two_theta_rad", "difc_us_per_angstrom", "path_m"):
        assert getattr(coded, name)[part].tobytes() == getattr(alone, name).tobytes(), name


def test_an_instrument_of_tubes_keeps_13_bytes_for_each_detector() -> None:
    position_m = tubes()
    ids, none = np.arange(len(position_m), dtype=np.int32), np.zeros(len(position_m), np.bool_)
    banks = np.arange(ids.size, dtype=np.int32) // 100_000
    names = tuple(f"bank{number}" for number in range(6))
    tracemalloc.start()
    try:
        made = Instrument(
            "tubes", ids.copy(), position_m.copy(), none.copy(), 9.0, banks.copy(), names
        )
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.bank.tolist() == banks.tolist()
    assert kept / ids.size < 13.2
