"""The mantid engine: the chain in Mantid's algorithms, on events retained in its workspaces.

Events are loaded batch by batch. A batch goes through the chain alone: ConvertUnits (or
AlignDetectors), MaskDetectors and SumSpectra give a workspace of events for each group,
FilterEvents parts them by slices, Rebin counts them. Then it joins the block before it, events and
all, until that is full. So other bins are a Rebin of each block, other slices FilterEvents and what
follows, and another unit, mask or grouping everything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reduction.engines.arranged import arranged, row_table
from reduction.engines.blocks import BlockEngine
from reduction.engines.kernels import SPECIAL
from reduction.engines.layout import Layout
from reduction.engines.mantid import FAILURES, Mantid, Workspace, rebin_params
from reduction.engines.native import MAX_TOF_NS
from reduction.engines.passes import MAX_ID_RANGE
from reduction.engines.protocol import MASKED, Cells, Recipe
from reduction.geometry import Instrument
from reduction.specs import Refused

BLOCK_EVENTS = 1 << 22

EVENT_BYTES = 16
"""Of an event in a workspace."""

Conversion = tuple[str, bytes, bytes]
"""What events are converted, masked and summed by: equal ones give equal workspaces."""


@dataclass(eq=False)
class Block:
    """Events in workspaces, and of the rest how many there are.

    ``raw`` has a spectrum for each detector; ``times_ns`` (spans,) are those of pulses; ``counts``
    and ``bad_times`` are as `Arranged` has them. ``converted`` has a workspace for each group, or
    why there is none; ``parted`` the same by slices, and those of the spans.
    """

    raw: Workspace
    times_ns: NDArray[np.int64]
    counts: NDArray[np.int64]
    bad_times: NDArray[np.int64]
    converted: dict[Conversion, list[Workspace] | str] = field(default_factory=dict)
    parted: dict[Conversion, tuple[NDArray[np.int64], list[dict[int, Workspace]]]] = field(
        default_factory=dict
    )

    @property
    def size(self) -> int:
        return int(self.counts[:, 0].sum())

    @property
    def spans(self) -> int:
        return self.times_ns.size

    @property
    def nbytes(self) -> int:
        """Memory of the events, about."""
        copies = 1 + len(self.converted) + len(self.parted)
        return EVENT_BYTES * copies * int(self.counts[:, 1].sum())

    @property
    def fault(self) -> str:
        """Why its events could not be reduced, if they could not."""
        return next((each for each in self.converted.values() if isinstance(each, str)), "")

    def join(self, other: Block, mantid: Mantid) -> None:
        """Take in another block's events, after these."""
        self.raw = mantid.added(self.raw, other.raw)
        self.parted.clear()
        for conversion in list(self.converted):
            mine, others = self.converted.pop(conversion), other.converted.get(conversion)
            if isinstance(mine, list) and isinstance(others, list):
                self.converted[conversion] = list(map(mantid.added, mine, others))
        later = np.array([0, self.spans])
        self.bad_times = np.concatenate((self.bad_times, other.bad_times + later))
        self.times_ns = np.append(self.times_ns, other.times_ns)
        self.counts = np.concatenate((self.counts, other.counts))


class Workspaces:
    """Blocks of events in Mantid, oldest first; what was appended is in none until it is loaded."""

    def __init__(
        self, mantid: Mantid, instrument: Instrument, max_tof_ns: int, block_events: int
    ) -> None:
        ids = instrument.detector_id
        if int(ids.max()) - int(ids.min()) >= MAX_ID_RANGE:
            raise ValueError(f"detector ids span {np.ptp(ids)}; the limit is {MAX_ID_RANGE}")
        self._mantid, self._capacity = mantid, block_events
        self.empty = mantid.empty(instrument)
        self._rows = row_table(ids, instrument.is_monitor)
        self._detectors = int(ids.min()), self._rows, int((~instrument.is_monitor).sum())
        self._max_tof_ns = max_tof_ns
        self.blocks: list[Block] = []
        self._pending: list[tuple[NDArray[np.int32], NDArray[np.int32], int]] = []
        self.fault = ""

    @property
    def waiting(self) -> int:
        """Events that are not loaded yet."""
        return sum(tof_ns.size for _, tof_ns, _ in self._pending)

    @property
    def size(self) -> int:
        return sum(block.size for block in self.blocks) + self.waiting

    @property
    def nbytes(self) -> int:
        return sum(block.nbytes for block in self.blocks) + EVENT_BYTES * self.waiting

    def append(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        if pixel_id.size:
            self._pending.append((pixel_id.copy(), tof_ns.copy(), pulse_time_ns))

    def clear(self) -> None:
        self.blocks.clear()
        self._pending.clear()

    def load(self) -> None:
        """Make a block of what is waiting, as far as it and the last block have room for it.

        What cannot be loaded waits on, and ``fault`` says why.
        """
        last = self.blocks[-1].size if self.blocks else 0
        chunks, rest = _cut(self._pending, self._capacity - last % self._capacity)
        if not chunks:
            return
        try:
            self.blocks.append(self._loaded(chunks))
            self._pending, self.fault = rest, ""
        except (*FAILURES, OSError) as error:
            self.fault = f"{self.waiting} events cannot be loaded: {error}"

    def _loaded(self, chunks: list[tuple[NDArray[np.int32], NDArray[np.int32], int]]) -> Block:
        pixel_ids, tofs_ns, pulses_ns = zip(*chunks, strict=True)
        starts = np.cumsum([0, *(each.size for each in tofs_ns)])
        times_ns = np.array(pulses_ns, np.int64)
        by_row = arranged(
            np.concatenate(pixel_ids),
            np.concatenate(tofs_ns),
            starts,
            *self._detectors,
            self._max_tof_ns,
        )
        raw = self._mantid.load(self.empty, by_row.ends, by_row.tof_us, times_ns[by_row.span])
        return Block(raw, times_ns, by_row.counts, by_row.bad_times)


def _cut(
    chunks: list[tuple[NDArray[np.int32], NDArray[np.int32], int]], events: int
) -> tuple[
    list[tuple[NDArray[np.int32], NDArray[np.int32], int]],
    list[tuple[NDArray[np.int32], NDArray[np.int32], int]],
]:
    """Chunks that have together up to so many events, and the rest."""
    for number, (pixel_id, tof_ns, time_ns) in enumerate(chunks):
        if tof_ns.size >= events:
            head = (pixel_id[:events], tof_ns[:events], time_ns)
            tail = (pixel_id[events:], tof_ns[events:], time_ns)
            rest = [tail] if tail[1].size else []
            return [*chunks[:number], head], [*rest, *chunks[number + 1 :]]
        events -= tof_ns.size
    return chunks, []


class Chain(Layout[Block]):
    """The chain of algorithms of one recipe."""

    def __init__(self, mantid: Mantid, instrument: Instrument, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._mantid, self._params = mantid, rebin_params(self.edges)
        detectors = ~instrument.is_monitor
        group, difc = recipe.group[detectors], recipe.difc_us_per_angstrom
        self._masked = group == MASKED
        self._spectra = [np.flatnonzero(group == each).tolist() for each in range(recipe.groups)]
        self._calibration = None
        if difc is not None:
            self._calibration = mantid.calibration(
                instrument.detector_id[detectors], difc[detectors]
            )
        self.conversion: Conversion = (
            str(recipe.units),
            group.tobytes(),
            b"" if difc is None else difc.tobytes(),
        )

    def try_out(self, empty: Workspace) -> None:
        """Run the chain with no events; raises what Mantid raises."""
        for each in self._convert(empty):
            self._mantid.histogram(each, self._params)

    def _convert(self, raw: Workspace) -> list[Workspace]:
        """The events of each group."""
        masked = np.flatnonzero(self._masked).tolist()
        made = self._mantid.converted(raw, self.recipe.units, self._calibration, masked)
        return [self._mantid.summed(made, each) for each in self._spectra if each]

    def add(self, block: Block, keys: NDArray[np.int32], weights: Cells, cells: Cells) -> None:
        outside = keys < 0
        cells[-1] += (weights * block.counts[:, 0])[outside].sum()
        inside = np.flatnonzero(~outside & (weights != 0))
        if not inside.size:
            return
        kinds, target = np.unique([keys[inside], weights[inside]], axis=1, return_inverse=True)
        targets = np.full(keys.size, -1)
        targets[inside] = target.ravel()
        counted = self._counted(block, targets, kinds.shape[1])
        slices = cells[:-1].reshape(self.recipe.slices, -1)
        for number, (key, weight) in enumerate(kinds.T):
            here = self._with_rest(block, targets == number, counted[number])
            slices[int(key)] += (weight * here).astype(cells.dtype)

    def _with_rest(
        self, block: Block, spans: NDArray[np.bool_], counted: NDArray[np.float64] | None
    ) -> NDArray[np.float64]:
        """The cells of a slice, (slice_cells,), for some spans and what was counted of them."""
        cells = np.zeros(self.slice_cells)
        rows = block.bad_times[spans[block.bad_times[:, 1]], 0]
        masked = int(self._masked[rows].sum())
        _, good, bad_pixel, monitors = block.counts[spans].sum(axis=0)
        special = cells[-SPECIAL:]
        special[:] = masked, bad_pixel, monitors, rows.size - masked
        if counted is None:
            special[3] += good
        else:
            cells[:-SPECIAL] = counted
            special[0] += good - counted.sum()
        return cells

    def _counted(
        self, block: Block, targets: NDArray[np.int64], kinds: int
    ) -> list[NDArray[np.float64] | None]:
        """Counts of all groups, below, in and above the bins, for each target of spans."""
        try:
            parts = self._parts(block, targets)
            return [self._histograms([part.get(each) for part in parts]) for each in range(kinds)]
        except FAILURES as error:
            block.converted[self.conversion] = str(error)
            return [None] * kinds

    def _histograms(self, workspaces: list[Workspace | None]) -> NDArray[np.float64]:
        counts = np.zeros((self.recipe.groups, self.edges.size + 1))
        groups = [number for number, spectra in enumerate(self._spectra) if spectra]
        for number, each in zip(groups, workspaces, strict=True):
            if each is not None:
                counts[number] = self._mantid.histogram(each, self._params)
                counts[number, -1] += each.getNumberEvents() - counts[number].sum()  # no number
        return counts.ravel()

    def _parts(self, block: Block, targets: NDArray[np.int64]) -> list[dict[int, Workspace]]:
        """The workspaces of each group by the targets of the block's spans."""
        if self.conversion not in block.converted:
            block.converted[self.conversion] = self._convert(block.raw)
        groups = block.converted[self.conversion]
        if isinstance(groups, str):
            raise RuntimeError(groups)
        if not targets.any():
            return [{0: each} for each in groups]
        known = block.parted.get(self.conversion)
        if known is not None and np.array_equal(known[0], targets):
            return known[1]
        times_ns, first = np.unique(block.times_ns, return_index=True)
        parts = [self._mantid.split(each, times_ns, targets[first]) for each in groups]
        block.parted[self.conversion] = targets, parts
        return parts


class MantidEngine(BlockEngine[Block]):
    """Events retained and reduced in Mantid."""

    _store: Workspaces

    def __init__(
        self,
        mantid: Mantid,
        instrument: Instrument,
        recipes: list[Recipe],
        max_tof_ns: int = MAX_TOF_NS,
        block_events: int = BLOCK_EVENTS,
    ) -> None:
        self._mantid = mantid
        self._instrument, self._capacity = instrument, block_events
        store = Workspaces(self._mantid, instrument, max_tof_ns, block_events)
        super().__init__(f"mantid {self._mantid.version}", store, recipes)

    def _made(self, recipe: Recipe) -> Chain:
        return Chain(self._mantid, self._instrument, recipe)

    @property
    def message(self) -> str:
        faults = (block.fault for block in self._store.blocks)
        return self._store.fault or next(filter(None, faults), "")

    def check(self, recipe: Recipe) -> None:
        try:
            self._made(recipe).try_out(self._store.empty)
        except FAILURES as error:
            raise Refused("Units", recipe.units, f"Mantid says: {error}") from None

    def configure(self, reduction: int, recipe: Recipe) -> None:
        super().configure(reduction, recipe)
        used = {each.ready.conversion for each in self._all if isinstance(each.ready, Chain)}
        for block in self._store.blocks:
            for made in (block.converted, block.parted):
                for conversion in made.keys() - used:
                    del made[conversion]

    def advance(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        while True:
            self._store.load()
            done = super().advance(max(deadline_s - time.monotonic(), 0))
            self._join()
            if not self._store.waiting or time.monotonic() >= deadline_s or self._store.fault:
                return done and not self._store.waiting

    def _join(self) -> None:
        """Make one block of each two neighbours that are small and whole in all cells."""
        blocks, number = self._store.blocks, 1
        while number < len(blocks):
            pair = blocks[number - 1 : number + 1]
            fit = sum(each.size for each in pair) <= self._capacity
            whole = all(
                each.covers(number - 1, pair[0]) and each.covers(number, pair[1])
                for each in self._all
            )
            if fit and whole and not any(each.fault for each in pair):
                for each in self._all:
                    each.join(number)
                pair[0].join(blocks.pop(number), self._mantid)
            else:
                number += 1

    def prepare(self, seconds: float) -> bool:  # noqa: ARG002
        return True  # Rebin sorts what it needs by itself
