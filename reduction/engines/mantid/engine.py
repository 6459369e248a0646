"""The Mantid engine: the chain in Mantid's algorithms, on events in Mantid's workspaces.

Events are loaded in batches. Each batch goes through the chain by itself: ConvertUnits (or
AlignDetectors), MaskDetectors and SumSpectra give a workspace of events for each group,
FilterEvents divides them into slices, and their values are counted. Then the batch is joined to the
block before it, until that is full. So other bins need a count of each block, other slices
FilterEvents and what follows, and another unit, mask or grouping the whole chain, for which events
are loaded again.

Events that an algorithm fails on count as invalid until the reduction is configured again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from reduction.engines.block_engine import BlockEngine
from reduction.engines.mantid.chain import MantidChain
from reduction.engines.mantid.framework import FAILURES, MantidFramework
from reduction.engines.mantid.steps import MantidSteps
from reduction.engines.mantid.workspaces import WorkspaceBlock, Workspaces
from reduction.engines.protocol import MAX_TOF_NS, Recipe
from reduction.instrument.geometry import Instrument
from reduction.parameters.specs import Refused

WORKSPACE_BLOCK_EVENTS = 1 << 22
"""Events of a full block."""


class MantidEngine(BlockEngine[WorkspaceBlock]):
    """Keeps events in Mantid's workspaces and counts them with Mantid's algorithms."""

    _store: Workspaces

    def __init__(
        self,
        mantid: MantidFramework,
        instrument: Instrument,
        recipes: list[Recipe],
        max_tof_ns: int = MAX_TOF_NS,
        block_events: int = WORKSPACE_BLOCK_EVENTS,
    ) -> None:
        self._mantid = MantidSteps(mantid)
        self._instrument, self._capacity = instrument, block_events
        store = Workspaces(self._mantid, instrument, max_tof_ns, block_events)
        super().__init__(f"mantid {mantid.version}", store, recipes)

    def _layout(self, recipe: Recipe) -> MantidChain:
        return MantidChain(self._mantid, self._instrument, recipe)

    @property
    def _chains(self) -> Iterator[MantidChain]:
        """The chains of all histograms."""
        return (each.layout for each in self._all if isinstance(each.layout, MantidChain))

    @property
    def message(self) -> str:
        return next(filter(None, (block.fault for block in self._store.blocks)), "")

    def check(self, recipe: Recipe) -> None:
        try:
            self._layout(recipe).try_out(self._store.empty)
        except FAILURES as error:
            raise Refused("Units", recipe.units, f"Mantid says: {error}") from None

    def configure(self, reduction: int, recipe: Recipe) -> None:
        super().configure(reduction, recipe)
        used = {chain.conversion for chain in self._chains}
        for block in self._store.blocks:
            for made in (block.converted, block.split):
                for conversion in made.keys() - used:
                    del made[conversion]
        if self.message:
            for block in self._store.blocks:
                block.forget_failures()
            self._recount()

    def advance(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        while True:
            self._store.load()
            done = super().advance(max(deadline_s - time.monotonic(), 0))
            if any(chain.failed for chain in self._chains):
                self._recount()
                continue
            self._join()
            if not self._store.waiting or time.monotonic() >= deadline_s:
                return done and not self._store.waiting

    def _recount(self) -> None:
        """Count all events again, after events have become invalid."""
        for each in self._all:
            each.change_layout(self._layout(each.recipe))

    def _join(self) -> None:
        """Join neighbouring blocks that have been counted and fit into one block."""
        blocks, number = self._store.blocks, 1
        while number < len(blocks):
            first, second = blocks[number - 1 : number + 1]
            fit = first.size + second.size <= self._capacity
            counted = all(
                each.has_counted(number - 1, first) and each.has_counted(number, second)
                for each in self._counting
            )
            faults = first.fault or second.fault
            if fit and counted and not faults:
                first.join(second, self._mantid)
                for each in self._counting:
                    each.join(number)
                del blocks[number]
            else:
                number += 1

    def prepare(self, seconds: float) -> bool:  # noqa: ARG002
        return True  # there is nothing to prepare

    @property
    def unprepared(self) -> int:
        return 0
