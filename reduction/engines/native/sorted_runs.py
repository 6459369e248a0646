"""Values of retained events in sorted runs, so that new bins need no pass over the events.

The values of a full block are sorted into a run. Two neighbouring runs of the same length are
merged into one, as a log-structured store does. So n blocks become about log2(n) runs. To count
between new edges costs one search for each edge in each run.

A run is in pieces of one block of memory each. A merge gives back each piece as soon as it has used
it up, and its result can be counted at any time. So it needs little more memory than the runs have.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reduction.engines.event_store import EventBlock
from reduction.engines.memory_pool import MemoryPool
from reduction.engines.native.compiled_recipe import CompiledRecipe, merged_spans
from reduction.engines.native.sorted_kernels import MergePlace, SortedPiece, merge_pieces

LONGEST_RUN = 1 << 27
"""Most values of a run, so that no merge takes longer than about a second."""

NOTHING = SortedPiece(np.empty(0), 0, np.zeros(1, np.int64))


class RunPieces:
    """The values of a run.

    Whoever reads ``pieces`` gets all values, while a thread that merges them replaces the pieces by
    others with the same values. ``complete`` is set when there is nothing left to merge.
    """

    def __init__(self, pieces: Sequence[SortedPiece], *, complete: bool = True) -> None:
        self.pieces, self.complete = tuple(pieces), complete

    @property
    def size(self) -> int:
        """Number of values."""
        return sum(piece.values.size for piece in self.pieces)


@dataclass(frozen=True, eq=False)
class SortedRun:
    """The sorted values of the blocks with numbers ``first`` to ``last`` - 1.

    ``slices`` has an array for each block: the slices of its spans. ``special`` counts the events
    without a value, see `reduction.engines.native.kernels.values_by_spectrum`.
    """

    first: int
    last: int
    slices: tuple[NDArray[np.int32], ...]
    special: NDArray[np.int64]
    content: RunPieces

    def renumbered(self) -> SortedRun:
        """The run with the block numbers that hold after block 0 has been dropped."""
        return dataclasses.replace(self, first=self.first - 1, last=self.last - 1)


def sorted_run(
    layout: CompiledRecipe,
    block: EventBlock,
    number: int,
    slices: NDArray[np.int32],
    memory: NDArray[np.float64],
) -> SortedRun:
    """The run of one block, whose spans are in ``slices`` (spans,), in ``memory`` (events,)."""
    bounds, merged = merged_spans(block.starts, slices)
    values = memory[: block.size]
    ordered = layout.sorted_values(block.pixel_id, block.tof_ns, bounds, merged, values)
    piece = SortedPiece(ordered.values, 0, ordered.starts)
    content = RunPieces([piece] if ordered.values.size else [])
    return SortedRun(number, number + 1, (slices,), ordered.special, content)


def joined_run(one: SortedRun, next_one: SortedRun) -> SortedRun:
    """Two neighbouring runs as one, whose pieces are not merged yet; see `merge`."""
    content = RunPieces(one.content.pieces + next_one.content.pieces, complete=False)
    special = _sum_of_special(one.special, next_one.special)
    return SortedRun(one.first, next_one.last, one.slices + next_one.slices, special, content)


def _sum_of_special(one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of counts of events without a value, of which one may have fewer slices."""
    longer, shorter = (one, other) if one.size >= other.size else (other, one)
    total = longer.copy()
    total[: shorter.size - 1] += shorter[:-1]
    total[-1] += shorter[-1]
    return total


class PieceReader:
    """The pieces of a run that a merge has not used up yet."""

    def __init__(self, pieces: Sequence[SortedPiece]) -> None:
        self._pieces = list(reversed(pieces))
        self.place = 0
        """How many values of the present piece have been used."""

    @property
    def piece(self) -> SortedPiece:
        """The present piece; it is empty if nothing is left."""
        return self._pieces[-1] if self._pieces else NOTHING

    @property
    def is_last(self) -> bool:
        """Whether no piece comes after the present one."""
        return len(self._pieces) <= 1

    def go_on(self, place: int) -> None:
        """Note how many values of the present piece have been used; at its end, take the next."""
        self.place = place
        if self._pieces and place == self.piece.values.size:
            self._pieces.pop()
            self.place = 0

    def rest(self, spectrum: int) -> list[SortedPiece]:
        """All that has not been used, which is of ``spectrum`` or later ones."""
        if not self._pieces:
            return []
        return [_rest_of(self.piece, self.place, spectrum), *reversed(self._pieces[:-1])]


def _rest_of(piece: SortedPiece, place: int, spectrum: int) -> SortedPiece:
    """A piece without its first values, which are of spectra up to ``spectrum``."""
    skipped = max(spectrum - piece.first, 0) if place else 0
    starts = np.maximum(piece.starts[skipped:] - place, 0)
    return SortedPiece(piece.values[place:], piece.first + skipped, starts)


def merge(content: RunPieces, one: RunPieces, other: RunPieces, pool: MemoryPool) -> None:
    """Merge the pieces of two runs, which ``content`` has, into pieces that fill their blocks.

    Any thread may do it. Nothing else may refer to the two runs, or their memory is kept.
    """
    readers = PieceReader(one.pieces), PieceReader(other.pieces)
    one.pieces = other.pieces = ()
    spectra = max((each.first + each.starts.size - 1 for each in content.pieces), default=0)
    ends, spectrum = np.zeros(spectra, np.int64), 0
    merged: list[SortedPiece] = []
    while any(reader.piece.values.size for reader in readers):
        values = pool.array((pool.block_bytes // 8,), np.float64)
        made = _merged_piece(*readers, values, ends, spectrum)
        spectrum = made.first + made.starts.size - 2
        merged.append(made)
        content.pieces = (*merged, *(each for reader in readers for each in reader.rest(spectrum)))
    content.complete = True


def _merged_piece(
    one: PieceReader,
    other: PieceReader,
    values: NDArray[np.float64],
    ends: NDArray[np.int64],
    spectrum: int,
) -> SortedPiece:
    """The next piece of a merge, which fills ``values`` unless nothing is left for it."""
    first, size = spectrum, 0
    while size < values.size and (one.piece.values.size or other.piece.values.size):
        place = MergePlace(one.place, other.place, size, spectrum)
        i, j, size, spectrum = merge_pieces(
            one.piece, one.is_last, other.piece, other.is_last, place, values, ends
        )
        one.go_on(i)
        other.go_on(j)
    spectrum = min(spectrum, ends.size - 1)
    starts = np.concatenate(([0], ends[first:spectrum], [size]))
    return SortedPiece(values[:size], first, starts)


def to_merge(runs: Sequence[SortedRun]) -> tuple[SortedRun, SortedRun] | None:
    """The earliest two neighbouring runs to merge; None if no two have the same length.

    No run is ever longer than the runs before it, whichever blocks are sorted meanwhile. So every
    run gets a neighbour of its length, once enough blocks have been sorted.
    """
    for one, next_one in itertools.pairwise(runs):
        equal = one.last - one.first == next_one.last - next_one.first
        complete = one.content.complete and next_one.content.complete
        small = one.content.size + next_one.content.size <= LONGEST_RUN
        if one.last == next_one.first and equal and complete and small:
            return one, next_one
    return None
