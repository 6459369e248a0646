"""Runs stay few, hold all values in their order, and can be counted while they are merged."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.engines.memory_pool import FEW_SPARE, MemoryPool
from reduction.engines.native.engine import NativeEngine
from reduction.engines.native.sorted_kernels import SortedPiece, count_sorted
from reduction.engines.native.sorted_runs import (
    PieceReader,
    RunPieces,
    SortedRun,
    joined_run,
    merge,
    to_merge,
)
from tests.support import reference_data as reference
from tests.support.arc_engine import recipe_of
from tests.support.no_threads import no_threads

NO_SPECIAL = np.zeros(5, np.int64)
PIECE_VALUES = 8


def run(first: int, last: int, pieces: Sequence[SortedPiece] = ()) -> SortedRun:
    return SortedRun(first, last, (), NO_SPECIAL, RunPieces(pieces))


def pieces_of(spectra: Sequence[Sequence[float]], sizes: int) -> list[SortedPiece]:
    """The sorted values of spectra, cut into pieces of so many values."""
    spectrum = np.repeat(np.arange(len(spectra)), [len(each) for each in spectra])
    values = np.array(list(itertools.chain.from_iterable(map(sorted, spectra))), float)
    found = []
    for low in range(0, values.size, sizes):
        here = spectrum[low : low + sizes]
        starts = np.searchsorted(here, np.arange(here[0], here[-1] + 2))
        found.append(SortedPiece(values[low : low + sizes], int(here[0]), starts))
    return found


def spectra_of(pieces: Sequence[SortedPiece], count: int) -> list[list[float]]:
    """The values of each spectrum, in the order of the pieces."""
    found: list[list[float]] = [[] for _ in range(count)]
    for piece in pieces:
        assert piece.starts[0] == 0
        assert piece.starts[-1] == piece.values.size
        for number, (low, high) in enumerate(itertools.pairwise(piece.starts), piece.first):
            found[number] += piece.values[low:high].tolist()
    return found


def counted(pieces: Sequence[SortedPiece], spectra: int, edges: NDArray[np.float64]) -> list[int]:
    """The cells of spectra that are groups of one slice."""
    cells = np.zeros(spectra * (edges.size + 1) + 4, np.int64)
    for piece in pieces:
        count_sorted(piece, spectra, edges, cells.size, cells)
    return [int(each) for each in cells[:-4]]


def expected(spectra: Sequence[Sequence[float]], edges: NDArray[np.float64]) -> list[int]:
    """The same by numpy."""
    return [
        number
        for each in spectra
        for number in np.bincount(
            np.searchsorted(edges, each, side="right"), minlength=edges.size + 1
        ).tolist()
    ]


def joined_spectra(one: list[list[int]], other: list[list[int]]) -> list[list[int]]:
    """The values of each spectrum in either of two runs, of which one may have fewer spectra."""
    count = max(len(one), len(other))
    both = [[*each, *[[]] * (count - len(each))] for each in (one, other)]
    return [a + b for a, b in zip(*both, strict=True)]


@given(st.lists(st.integers(0, 5), max_size=80))
def test_runs_are_as_few_as_the_binary_digits_of_their_blocks(sorted_meanwhile: list[int]) -> None:
    runs: list[SortedRun] = []
    blocks = 0
    for count in [*sorted_meanwhile, *[0] * 400]:
        pair = to_merge(runs)
        if pair is not None:
            at = runs.index(pair[0])
            runs[at : at + 2] = [joined_run(*pair)]
        for _ in range(count):  # while the pair is being merged
            runs.append(run(blocks, blocks + 1))
            blocks += 1
        for each in runs:
            each.content.complete = True
    lengths = [each.last - each.first for each in runs]
    assert sum(lengths) == blocks
    assert len(lengths) == blocks.bit_count()
    assert to_merge(runs) is None


def test_a_run_that_is_being_merged_is_not_merged_again() -> None:
    pair = run(0, 1), run(1, 2)
    runs = [joined_run(*pair), run(2, 4)]
    assert to_merge(runs) is None
    merge(runs[0].content, pair[0].content, pair[1].content, MemoryPool(64))
    assert to_merge(runs) == tuple(runs)


SPECTRA = st.lists(st.lists(st.integers(0, 30), max_size=30), min_size=1, max_size=6)


@given(SPECTRA, SPECTRA, st.integers(1, 20), st.integers(1, 20))
def test_a_merge_has_all_values_of_both_runs_in_full_pieces(
    one: list[list[int]], other: list[list[int]], one_size: int, other_size: int
) -> None:
    pair = run(0, 1, pieces_of(one, one_size)), run(1, 2, pieces_of(other, other_size))
    joined = joined_run(*pair)
    merge(joined.content, pair[0].content, pair[1].content, MemoryPool(8 * PIECE_VALUES))
    both = joined_spectra(one, other)
    pieces = joined.content.pieces
    assert spectra_of(pieces, len(both)) == [sorted(map(float, each)) for each in both]
    assert [piece.values.size for piece in pieces[:-1]] == [PIECE_VALUES] * (len(pieces) - 1)
    assert joined.content.size == sum(map(len, both))
    assert joined.content.complete


@pytest.mark.parametrize("values", [50, 64, 70, 300, 20_000])
@pytest.mark.parametrize("distinct", [3, 10**6])
@pytest.mark.parametrize("share", [0.5, 0.03, 1.0])
def test_long_spectra_are_merged_as_numpy_sorts(values: int, distinct: int, share: float) -> None:
    random = np.random.default_rng(values)
    one, other = ([random.integers(0, distinct, values).tolist() for _ in range(3)] for _ in "ab")
    other = [[distinct * share + each for each in spectrum] for spectrum in other]
    pool = MemoryPool(8 * 5000)
    pair = run(0, 1, pieces_of(one, 5000)), run(1, 2, pieces_of(other, 5000))
    joined = joined_run(*pair)
    merge(joined.content, pair[0].content, pair[1].content, pool)
    both = [sorted(map(float, a + b)) for a, b in zip(one, other, strict=True)]
    assert spectra_of(joined.content.pieces, 3) == both


class WatchedPool(MemoryPool):
    """A pool that looks at the pieces of a merge whenever it asks for memory."""

    def __init__(self, content: RunPieces) -> None:
        super().__init__(8 * PIECE_VALUES)
        self.content, self.seen = content, list[tuple[SortedPiece, ...]]()

    def array(self, shape, dtype):  # type: ignore[no-untyped-def]
        self.seen.append(self.content.pieces)
        return super().array(shape, dtype)


@given(SPECTRA, SPECTRA, st.lists(st.floats(-1, 31), min_size=2, max_size=12, unique=True))
def test_a_run_has_the_same_counts_at_each_moment_of_its_merge(
    one: list[list[int]], other: list[list[int]], edges: list[float]
) -> None:
    pair = run(0, 1, pieces_of(one, 5)), run(1, 2, pieces_of(other, 7))
    joined = joined_run(*pair)
    pool = WatchedPool(joined.content)
    merge(joined.content, pair[0].content, pair[1].content, pool)
    both = joined_spectra(one, other)
    ascending = np.array(sorted(edges))
    for pieces in [*pool.seen, joined.content.pieces]:
        assert counted(pieces, len(both), ascending) == expected(both, ascending)


@pytest.mark.parametrize("bins", [1, 3, 50, 5000])
def test_pieces_of_one_spectrum_are_counted_as_numpy_counts(bins: int) -> None:
    random = np.random.default_rng(bins)
    values = np.round(random.normal(10, 3, 20_000), 2)
    edges = np.unique(np.round(np.linspace(4, 16, bins + 1), 3))
    pieces = pieces_of([values.tolist()], 777)
    assert counted(pieces, 1, edges) == expected([values.tolist()], edges)


def test_events_without_a_value_add_up_also_if_slices_were_added_meanwhile() -> None:
    few = SortedRun(0, 1, (), np.array([1, 2, 3, 4, 5]), RunPieces([]))
    many = SortedRun(1, 2, (), np.array([10, 20, 30, 40, 50, 60, 70, 80, 90]), RunPieces([]))
    total = [11, 22, 33, 44, 50, 60, 70, 80, 95]
    assert joined_run(few, many).special.tolist() == total
    assert joined_run(many, few).special.tolist() == total


def test_a_merge_gives_back_what_it_has_used_up() -> None:
    blocks = 32
    pool = MemoryPool(8 * PIECE_VALUES, most_spare=1000)

    def half(first: int) -> SortedRun:
        pieces = []
        for number in range(blocks):
            values = pool.array((PIECE_VALUES,), np.float64)
            values[:] = np.arange(PIECE_VALUES) + number * PIECE_VALUES
            pieces.append(SortedPiece(values, 0, np.array([0, PIECE_VALUES])))
        return run(first, first + blocks, pieces)

    pair = half(0), half(blocks)
    joined = joined_run(*pair)
    one, other = (each.content for each in pair)
    del pair
    merge(joined.content, one, other, pool)
    assert len(joined.content.pieces) == 2 * blocks
    assert pool.spare_bytes <= 4 * pool.block_bytes


def test_a_reader_leaves_what_it_has_not_used() -> None:
    pieces = pieces_of([[1, 2, 3], [], [4, 5], [6]], 4)
    reader = PieceReader(pieces)
    reader.go_on(2)
    assert spectra_of(reader.rest(0), 4) == [[3.0], [], [4.0, 5.0], [6.0]]
    reader.go_on(3)
    assert spectra_of(reader.rest(2), 4) == [[], [], [4.0, 5.0], [6.0]]
    reader.go_on(4)
    assert reader.is_last
    reader.go_on(2)
    assert reader.rest(3) == []


def test_memory_is_used_again_once_nothing_refers_to_it() -> None:
    pool = MemoryPool(800)
    first = pool.array((2, 100), np.int32)
    first[:] = 7
    view = first[1, 50:]
    place = first.ctypes.data
    del first
    assert pool.spare_bytes == 0  # the view is still there
    del view
    assert pool.spare_bytes == 800
    again = pool.array((100,), np.float64)
    assert again.ctypes.data == place
    assert pool.spare_bytes == 0


def test_a_pool_keeps_no_more_than_its_bound_and_gives_all_back_when_told() -> None:
    pool = MemoryPool(80, most_spare=3)
    arrays = [pool.array((10,), np.float64) for _ in range(8)]
    arrays.clear()
    assert pool.spare_bytes == 240
    pool.clear()
    assert pool.spare_bytes == 0


def test_a_trimmed_pool_has_what_there_is_room_for_and_a_few_blocks_in_any_case() -> None:
    pool = MemoryPool(80)
    arrays = [pool.array((10,), np.float64) for _ in range(40)]
    arrays.clear()
    pool.trim(1e9)
    assert pool.spare_bytes == 40 * 80
    pool.trim(30 * 80)
    assert pool.spare_bytes == 30 * 80
    pool.trim(-1)
    assert pool.spare_bytes == FEW_SPARE * 80


def test_an_array_that_is_larger_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match="buffer is smaller"):
        MemoryPool(80).array((11,), np.float64)


def test_threads_never_get_the_same_memory() -> None:
    pool = MemoryPool(64)
    wrong = []

    def work(number: int) -> None:
        for _ in range(2000):
            array = pool.array((8,), np.int64)
            array[:] = number
            other = pool.array((8,), np.int64)
            other[:] = -1
            if (array != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def resident_blocks(engine: NativeEngine) -> int:
    """The blocks that an engine uses or keeps: of raw events, of sorted runs, and spare ones."""
    pieces = sum(len(run.content.pieces) for run in engine._histograms[0].runs)
    spare = engine._pool.spare_bytes // engine._pool.block_bytes
    return len(engine._store.blocks) + pieces + spare


def test_at_the_memory_limit_memory_goes_round_and_a_reset_gives_it_back() -> None:
    instrument = reference.instrument("arc")
    engine = NativeEngine(instrument, [recipe_of(bin_params="0.4,0.02,5")], block_events=1000)
    block_bytes, limit_blocks = 8 * 1000, 200
    engine.limit(limit_blocks * block_bytes, keep=True)
    events = reference.events("arc")
    for round_ in range(4):
        for low in range(0, 100_000, 1000):
            pixel_id, tof_ns = (each[low : low + 1000] for each in (events.pixel_id, events.tof_ns))
            engine.accumulate(pixel_id, tof_ns, round_ * 1000 + low)
            assert engine.advance(60)
            assert engine.prepare(60)
        assert resident_blocks(engine) <= limit_blocks + FEW_SPARE
    assert engine.folded + engine.retained == 400_000
    assert engine.folded > 100_000
    np.testing.assert_array_equal(
        engine.tally(0, engine.cells(0)).counts, 4 * counts_of_first(100_000)
    )
    engine.clear()
    assert resident_blocks(engine) == 0


def test_at_the_limit_of_processes_an_engine_goes_on_sorting_and_a_new_one_is_refused() -> None:
    instrument, events = reference.instrument("arc"), reference.events("arc")
    engine = NativeEngine(instrument, [recipe_of(bin_params="0.4,0.02,5")], block_events=1000)
    with no_threads():
        engine.accumulate(events.pixel_id, events.tof_ns, 0)
        assert engine.advance(60)
        assert engine.prepare(60)
        with pytest.raises(OSError, match="no thread can be started: the limit of processes"):
            NativeEngine(instrument, [recipe_of(bin_params="0.4,0.02,5")])
    assert engine._histograms[0].runs


def counts_of_first(events: int) -> NDArray[np.int64]:
    """The counts of the first events of the arc, by another engine."""
    engine = NativeEngine(reference.instrument("arc"), [recipe_of(bin_params="0.4,0.02,5")])
    arc = reference.events("arc")
    engine.accumulate(arc.pixel_id[:events], arc.tof_ns[:events], 0)
    assert engine.advance(60)
    counts: NDArray[np.int64] = engine.tally(0, engine.cells(0)).counts
    return counts
