"""Rows of detectors in the tables of the engines: right for any ids, and small."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.engines.detector_rows import DetectorRows
from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Recipe
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.parameters.units import Units
from tests.support.engines.arc_engine import tally

INT32 = (-(2**31), 2**31 - 1)
Ids = NDArray[np.int32]


def made_of(ids: Ids) -> Instrument:
    count = ids.size
    return Instrument("made", ids, np.ones((count, 3)), np.zeros(count, bool), 9.0)


def found(rows: DetectorRows, pixel_id: Ids) -> NDArray[np.int64]:
    """The row that the compiled passes find for each id."""
    kept = rows.kept(pixel_id).astype(np.int64) - rows.first
    return np.where((kept < 0) | (kept >= rows.count), rows.count - 1, kept)


any_id = st.integers(*INT32)
runs = st.lists(st.tuples(any_id, st.integers(1, 300)), min_size=1, max_size=8)


@given(runs, st.lists(any_id, max_size=20))
def test_every_id_has_a_row_of_its_own_and_other_ids_the_last(
    runs: list[tuple[int, int]], others: list[int]
) -> None:
    every = {each for start, count in runs for each in range(start, start + count)}
    ids = np.array([each for each in every if each <= INT32[1]], np.int32)
    np.random.default_rng(len(others)).shuffle(ids)
    rows = DetectorRows.of(made_of(ids))
    of_detectors = np.arange(rows.count)[rows.of_detectors]
    assert found(rows, ids).tolist() == of_detectors.tolist()
    assert np.unique(of_detectors).size == ids.size
    beside = np.concatenate([ids.astype(np.int64) + step for step in (-1, 1)])
    away = np.array([*others, *INT32, *beside[(beside >= INT32[0]) & (beside <= INT32[1])]])
    away = away[~np.isin(away, ids)].astype(np.int32)
    assert rows.sparse is None or (found(rows, away) == rows.count - 1).all()
    table = rows.table(ids.astype(np.int64), 0.5, np.float64)
    assert (table[found(rows, ids)] == ids).all()
    assert (table[found(rows, away)] == 0.5).all()


def test_dense_ids_take_a_subtraction_and_sparse_ones_a_look_up() -> None:
    assert DetectorRows.of(powder_arc()).sparse is None
    tubes = (1000 * np.arange(300)[:, None] + np.arange(512)).ravel().astype(np.int32)
    assert DetectorRows.of(made_of(tubes)).sparse is None
    assert DetectorRows.of(made_of(tubes * 10)).sparse is not None


def table_bytes(rows: DetectorRows) -> int:
    arrays = [rows.of_detectors, *(rows.sparse[:2] if rows.sparse else ())]
    return sum(each.nbytes for each in arrays if isinstance(each, np.ndarray))


@pytest.mark.parametrize("width", [1000, 20_000_000, 2**32 - 1])
@pytest.mark.parametrize("count", [4, 1000, 100_000])
def test_memory_is_by_detectors_and_not_by_the_range_of_ids(count: int, width: int) -> None:
    spread = np.linspace(-(2**31), -(2**31) + width, count).astype(np.int64).astype(np.int32)
    rows = DetectorRows.of(made_of(np.unique(spread)))
    assert rows.count <= 4 * count + 5000
    assert table_bytes(rows) < 20 * count + 1000


def test_an_engine_of_four_detectors_takes_kilobytes_over_twenty_million_ids() -> None:
    wide = made_of(np.array([1, 2, 3, 20_000_000], np.int32))
    near = dataclasses.replace(wide, detector_id=np.arange(4, dtype=np.int32))
    recipe = Recipe(Units.TOF, np.array([0.0, 1e4]), np.zeros(4, np.int32))
    for each in (near, wide, wide):  # the first ones compile
        tracemalloc.start()
        engine = NativeEngine(each, [recipe], block_events=16)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 100_000
    engine.accumulate(wide.detector_id, np.full(4, 1000, np.int32), 0)
    assert tally(engine).binned == 4


def test_an_engine_takes_little_memory_while_it_is_made() -> None:
    many = made_of(np.arange(200_000, dtype=np.int32))
    group = np.zeros(200_000, np.int32)
    edges = np.linspace(0.5, 3, 11)
    NativeEngine(many, [Recipe(Units.D_SPACING, edges, group)], block_events=16)  # it compiles
    tracemalloc.start()
    recipes = [Recipe(Units.D_SPACING, edges, group), Recipe(Units.D_SPACING, edges, group)]
    engine = NativeEngine(many, recipes, block_events=16)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept / 200_000 < 45  # bytes: 24 and 14 for two reductions, which share coefficients
    assert peak / 200_000 < 80
    engine.accumulate(many.detector_id[:4], np.full(4, 20_000_000, np.int32), 0)
    assert tally(engine).binned == tally(engine, 1).binned
