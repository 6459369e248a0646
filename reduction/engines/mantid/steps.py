"""The steps of the chain, each by one or two of Mantid's algorithms."""

from __future__ import annotations

import functools
import itertools

import numpy as np
from numpy.typing import NDArray

from reduction.engines.mantid.calibration import (
    NO_D_SPACING,
    CalibrationInMantid,
    calibration_in_mantid,
)
from reduction.engines.mantid.counting import BinFinder, count_values
from reduction.engines.mantid.files import EPOCH_NS, definition, write_events
from reduction.engines.mantid.framework import UNSEEN, MantidFramework, Workspace
from reduction.instrument.calibration import Calibration
from reduction.instrument.geometry import Instrument
from reduction.parameters.units import Units

OUTERMOST = 4e307
"""Outer edges of the two bins that hold the values below and above all other bins."""

RUN = {"run_start": "1991-01-01T00:00:00", "run_end": "2100-01-01T00:00:00"}
"""Start and end of the run in workspaces; later versions of FilterEvents take 1990 for none."""

SLICE_PREFIX = "live_"
"""FilterEvents names the workspaces of slices so, for a moment. (Hidden names cannot be listed.)"""


class MantidSteps:
    """The steps; each raises `reduction.engines.mantid.framework.FAILURES`."""

    def __init__(self, mantid: MantidFramework) -> None:
        self._mantid, self._run, self._api = mantid, mantid.run, mantid.api

    def empty(self, instrument: Instrument) -> Workspace:
        """A workspace without events; it has a spectrum for each detector, but no monitors."""
        ids = instrument.detector_id[~instrument.is_monitor]
        made = self._api.WorkspaceFactory.create("EventWorkspace", max(ids.size, 1), 2, 1)
        made.getAxis(0).setUnit("TOF")
        made.setYUnit("Counts")
        if not ids.size:  # an instrument of monitors alone
            return made
        self._run(
            "LoadInstrument",
            output="Workspace",
            Workspace=made,
            InstrumentXML=definition(instrument),
            InstrumentName="live",
            RewriteSpectraMap="False",
        )
        self._add_run_logs(made)
        for index, identifier in enumerate(ids.tolist()):
            spectrum = made.getSpectrum(index)
            spectrum.setDetectorID(identifier)
            spectrum.setSpectrumNo(index + 1)
        return made

    def load(
        self,
        into: Workspace,
        starts: NDArray[np.int64],
        tof_us: NDArray[np.float64],
        pulse_ns: NDArray[np.int64],
    ) -> Workspace:
        """A copy of the workspace ``into`` with events added, by way of a file.

        Events are as in `write_events`. The file is a processed NeXus file, because times lose no
        digits in this format.
        """
        made = self.copied(into)
        if not tof_us.size:
            return made
        file = self._mantid.folder / "events.nxs"
        try:
            write_events(file, starts, tof_us, pulse_ns)
            loaded = self._run("LoadNexusProcessed", Filename=str(file), LoadHistory=False)
        finally:
            file.unlink(missing_ok=True)
        return self.added(made, loaded)

    def added(self, workspace: Workspace, more: Workspace) -> Workspace:
        """``workspace`` with the events of another one added to it."""
        return self._run(
            "Plus", LHSWorkspace=workspace, RHSWorkspace=more, OutputWorkspace=workspace
        )

    def converted(
        self,
        workspace: Workspace,
        units: Units,
        calibration: CalibrationInMantid | None,
        masked: list[int],
    ) -> Workspace:
        """The events in another unit, without those of the spectra ``masked``."""
        if calibration is not None and units.calibrated:
            workspace = self._aligned(workspace, calibration)
        now = workspace.getAxis(0).getUnit().unitID()
        if now == units:
            made = self.copied(workspace)
        else:
            made = self._run("ConvertUnits", InputWorkspace=workspace, Target=str(units))
        if masked:
            where = {"Workspace": made, "WorkspaceIndexList": masked}
            self._run("MaskDetectors", output="Workspace", **where)
        one_bin = rebin_params(np.empty(0))  # the same for all spectra, or they cannot be summed
        return self._run("Rebin", InputWorkspace=made, OutputWorkspace=made, Params=one_bin)

    def calibration(
        self, ids: NDArray[np.int32], calibration: Calibration, where: NDArray[np.bool_]
    ) -> CalibrationInMantid:
        """The calibration of the detectors ``where`` (n,) is true; ``ids`` (n,) are of all."""
        table = self._api.WorkspaceFactory.createTable()
        return calibration_in_mantid(table, ids[where], calibration.of(where))

    def _aligned(self, workspace: Workspace, calibration: CalibrationInMantid) -> Workspace:
        """The events in d-spacing, those without one at `NO_D_SPACING`.

        Mantid makes them NaN, which breaks its sorting, or takes the other root, or fails.
        """
        cut = [
            each for each in calibration.ranges if each.cuts(workspace.getSpectrum(each.spectrum))
        ]
        if not cut:
            return self._mantid.aligned(workspace, calibration.table)
        inside, outside = self.copied(workspace), self.copied(workspace)
        for each in cut:
            events = inside.getSpectrum(each.spectrum)
            events.maskTof(-np.inf, np.nextafter(each.first_us, -np.inf))
            events.maskTof(np.nextafter(each.last_us, np.inf), np.inf)
            others = outside.getSpectrum(each.spectrum)
            others.maskTof(each.first_us, each.last_us)
            others.convertTof(0.0, NO_D_SPACING)
        made = self._mantid.aligned(inside, calibration.table)
        for each in cut:
            events = made.getSpectrum(each.spectrum)
            events += outside.getSpectrum(each.spectrum)
        return made

    def summed(self, workspace: Workspace, spectra: list[int]) -> Workspace:
        """A workspace with the events of some spectra in one."""
        return self._run("SumSpectra", InputWorkspace=workspace, ListOfWorkspaceIndices=spectra)

    def split(
        self, workspace: Workspace, times_ns: NDArray[np.int64], targets: NDArray[np.int64]
    ) -> dict[int, Workspace]:
        """A workspace for each target, with the events of its pulses.

        ``targets`` (n,) has the target of each pulse at ``times_ns`` (n,), which ascend. Events of
        other pulses, and of pulses whose target is below 0, are left out.
        """
        self._splitters.setRowCount(0)
        first = np.flatnonzero(np.diff(targets, prepend=targets[0] - 1))
        for start, stop in itertools.pairwise([*first.tolist(), targets.size]):
            if targets[start] >= 0:
                bounds = int(times_ns[start]) - EPOCH_NS, int(times_ns[stop - 1]) + 1 - EPOCH_NS
                self._splitters.addRow([*bounds, int(targets[start])])
        named = self._api.AnalysisDataService
        try:
            names = self._run(
                "FilterEvents",
                "OutputWorkspaceNames",
                InputWorkspace=workspace,
                SplitterWorkspace=self._splitters,
                OutputWorkspaceBaseName=SLICE_PREFIX.removesuffix("_"),
                OutputTOFCorrectionWorkspace=UNSEEN,
                FilterByPulseTime=True,
            )
            return {
                int(name.removeprefix(SLICE_PREFIX)): self.copied(named.retrieve(name))
                for name in names
                if name.startswith(SLICE_PREFIX) and name != f"{SLICE_PREFIX}unfiltered"
            }
        finally:  # FilterEvents names them even as a child
            for name in named.getObjectNames():
                named.remove(name)

    def copied(self, workspace: Workspace) -> Workspace:
        """A copy, which remains when the named workspace is removed from Mantid."""
        return self._run("CloneWorkspace", InputWorkspace=workspace)

    @functools.cached_property
    def _splitters(self) -> Workspace:
        """An empty table for FilterEvents.

        Python cannot make the kind of table that has integers of ns; GenerateEventsFilter can.
        """
        run = self._api.WorkspaceFactory.create("EventWorkspace", 1, 2, 1)
        self._add_run_logs(run)
        return self._run(
            "GenerateEventsFilter",
            InputWorkspace=run,
            InformationWorkspace=UNSEEN,
            StartTime="0",
            StopTime="1",
            UnitOfTime="Seconds",
        )

    def _add_run_logs(self, workspace: Workspace) -> None:
        """Add the logs of a run that FilterEvents needs, or warns about if they are missing."""
        for name, text in RUN.items():
            self._run(
                "AddSampleLog", output="Workspace", Workspace=workspace, LogName=name, LogText=text
            )
            self._run(
                "AddTimeSeriesLog",
                output="Workspace",
                Workspace=workspace,
                Name="proton_charge",
                Time=text,
                Value="0",
            )

    def counts(self, workspace: Workspace, bins: BinFinder) -> NDArray[np.int64]:
        """The events of the first spectrum below, in and above the bins, (bins + 2,) int64.

        They are those of Rebin, which would sort the events first.
        """
        return count_values(workspace.getSpectrum(0).getTofs(), bins)

    def detector_counts(
        self, workspace: Workspace, values: tuple[float, float] | None
    ) -> NDArray[np.float64]:
        """The events of each spectrum, (detectors,) float64: of values [low, high), or of all."""
        if values is None:
            spectra = range(workspace.getNumberHistograms())
            return np.array([float(workspace.getSpectrum(n).getNumberEvents()) for n in spectra])
        params = rebin_params(np.array(values))
        made = self._run("Rebin", InputWorkspace=workspace, Params=params, PreserveEvents=False)
        counts: NDArray[np.float64] = made.extractY()[:, 1].copy()
        return counts


def rebin_params(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rebin's parameters, (2 · bins + 5,), for bins between ``edges`` and one below and above them.

    Each bin is a segment with a step longer than the bin, so Rebin ends the bin exactly at the edge
    as it is given, without rounding.
    """
    all_edges = np.concatenate(([-OUTERMOST], edges, [OUTERMOST]))
    params = np.empty(2 * all_edges.size - 1)
    params[::2], params[1::2] = all_edges, 2 * np.diff(all_edges)
    return params
