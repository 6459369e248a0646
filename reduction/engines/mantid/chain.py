"""The chain of Mantid's algorithms of one recipe, run over blocks of events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reduction.engines.cells import SPECIAL, CellLayout
from reduction.engines.mantid.by_detector import ALL
from reduction.engines.mantid.counting import BinFinder
from reduction.engines.mantid.framework import FAILURES, Workspace
from reduction.engines.mantid.steps import MantidSteps
from reduction.engines.mantid.workspaces import Conversion, SplitWorkspaces, WorkspaceBlock
from reduction.engines.protocol import Cells, Recipe
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument
from reduction.instrument.selection import MASKED

MOST_TARGETS = 256
"""Most targets (slice and weight) for which the split workspaces of a block are kept: if events
fade, each pulse may be a target of its own."""


class MantidChain(CellLayout[WorkspaceBlock]):
    """The chain of algorithms of one recipe.

    ``failed`` is set when an algorithm fails on events that cells may hold already: they have to
    count as invalid from then on.
    """

    def __init__(self, mantid: MantidSteps, instrument: Instrument, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._mantid, self._bins = mantid, BinFinder.of(self.edges)
        self.failed = False
        detectors = ~instrument.is_monitor
        self._detectors = np.flatnonzero(detectors)
        self._all_detectors = instrument.detector_id.size
        group, calibration = recipe.group[detectors], recipe.calibration
        geometry = instrument.difc_us_per_angstrom
        self._masked = group == MASKED
        self._spectra = [np.flatnonzero(group == each).tolist() for each in range(recipe.groups)]
        self._calibration = None
        # From 6.2 on ConvertUnits drops events of detectors in the beam, and warns each time.
        if calibration is not None or np.isnan(geometry[detectors]).any():
            plain = Calibration.of_difc(geometry)
            used = plain if calibration is None else calibration.constants
            self._calibration = mantid.calibration(instrument.detector_id, used, detectors)
        self.conversion = Conversion(
            str(recipe.units), group.tobytes(), b"" if calibration is None else calibration.key
        )

    def try_out(self, empty: Workspace) -> None:
        """Run the chain without events; raises the errors of Mantid's algorithms (`FAILURES`)."""
        self._convert(empty)

    def _convert(self, raw: Workspace) -> list[Workspace]:
        """A workspace of events for each group that has detectors."""
        if not any(self._spectra):
            return []
        made = self._by_detector(raw)
        return [self._mantid.summed(made, each) for each in self._spectra if each]

    def _by_detector(self, raw: Workspace) -> Workspace:
        """A workspace of events with a spectrum for each detector, without those masked."""
        masked = np.flatnonzero(self._masked).tolist()
        return self._mantid.converted(raw, self.recipe.units, self._calibration, masked)

    @property
    def pixel_slots(self) -> int:
        return self._all_detectors

    def by_detector(self, counts: NDArray[np.int32]) -> NDArray[np.int32]:
        return counts

    def add_pixels(
        self,
        block: WorkspaceBlock,
        weights: NDArray[np.int64],
        values: tuple[float, float] | None,
        counts: NDArray[np.int32],
    ) -> None:
        """As `CellLayout.add_pixels`; events that the chain fails on are not counted."""
        if not self._detectors.size:
            return
        try:
            made = self._by_detector(block.raw)
            for weight, part in self._by_weight(made, block.times_ns, weights).items():
                found = self._mantid.detector_counts(part, values)
                counts[self._detectors] += (weight * found).astype(np.int32)
        except FAILURES:
            return

    def _by_weight(
        self, made: Workspace, times_ns: NDArray[np.int64], weights: NDArray[np.int64]
    ) -> dict[int, Workspace]:
        """The events of the spans of each weight; those of weight 0 are left out."""
        kinds = np.unique(weights)
        if kinds.size == 1:
            return {int(kinds[0]): made}
        times_ns, first = np.unique(times_ns, return_index=True)
        targets = np.where(weights == 0, -1, np.searchsorted(kinds, weights))[first]
        parts = self._mantid.split(made, times_ns, targets)
        return {int(kinds[target]): part for target, part in parts.items()}

    def add(
        self, block: WorkspaceBlock, slices: NDArray[np.int32], weights: Cells, cells: Cells
    ) -> None:
        outside = slices < 0
        cells[-1] += (weights * block.counts[:, ALL])[outside].sum()
        inside = np.flatnonzero(~outside & (weights != 0))
        if not inside.size:
            return
        kinds, target = np.unique([slices[inside], weights[inside]], axis=1, return_inverse=True)
        targets = np.full(slices.size, -1)
        targets[inside] = target.ravel()
        counted = self._counted(block, targets, kinds.shape[1])
        cells_of = cells[:-1].reshape(self.recipe.slices, -1)
        for number, (slice_number, weight) in enumerate(kinds.T):
            here = self._with_special(block, targets == number, counted[number])
            cells_of[int(slice_number)] += (weight * here).astype(cells.dtype)

    def _with_special(
        self, block: WorkspaceBlock, spans: NDArray[np.bool_], counted: NDArray[np.int64] | None
    ) -> NDArray[np.int64]:
        """The cells of a slice, (slice_cells,), of ``spans`` (spans,) bool.

        ``counted`` are the counts of the valid events in these spans. If it is None, the chain has
        failed on them: they count as events at bad times.
        """
        cells = np.zeros(self.slice_cells, np.int64)
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
        self, block: WorkspaceBlock, targets: NDArray[np.int64], kinds: int
    ) -> list[NDArray[np.int64] | None]:
        """For each target the counts of all groups: below, in and above the bins.

        ``targets`` (spans,) numbers the pairs of slice and weight that spans have, from 0 to
        ``kinds`` - 1. A target has None if the chain has failed.
        """
        try:
            parts = self._split(block, targets)
            return [self._histograms([part.get(each) for part in parts]) for each in range(kinds)]
        except FAILURES as error:
            self.failed |= isinstance(block.converted.get(self.conversion), list)
            block.converted[self.conversion] = str(error)
            block.split.pop(self.conversion, None)
            return [None] * kinds

    def _histograms(self, workspaces: list[Workspace | None]) -> NDArray[np.int64]:
        counts = np.zeros((self.recipe.groups, self.edges.size + 1), np.int64)
        groups = [number for number, spectra in enumerate(self._spectra) if spectra]
        for number, each in zip(groups, workspaces, strict=True):
            if each is not None:
                counts[number] = self._mantid.counts(each, self._bins)
        return counts.ravel()

    def _split(
        self, block: WorkspaceBlock, targets: NDArray[np.int64]
    ) -> list[dict[int, Workspace]]:
        """For each group its workspaces by target; ``targets`` (spans,) are those of the spans."""
        if self.conversion not in block.converted:
            block.converted[self.conversion] = self._convert(block.raw)
        groups = block.converted[self.conversion]
        if isinstance(groups, str):
            raise RuntimeError(groups)
        if not targets.any():
            return [{0: each} for each in groups]
        known = block.split.get(self.conversion)
        if known is not None and np.array_equal(known.targets, targets):
            return known.workspaces
        times_ns, first = np.unique(block.times_ns, return_index=True)
        parts = [self._mantid.split(each, times_ns, targets[first]) for each in groups]
        if targets.max() < MOST_TARGETS:
            block.split[self.conversion] = SplitWorkspaces(targets, parts)
        return parts
