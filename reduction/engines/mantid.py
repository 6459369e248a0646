"""Mantid, as far as it is needed here: the one module that imports it.

What is called differently in its versions, from 4.0 to 6, is dealt with here.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import itertools
import os
import re
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from reduction.engines.mantid_files import EPOCH_NS, definition, has_shapes, write_events
from reduction.geometry import Instrument
from reduction.units import Units

OLDEST, NEWEST = (3, 13), (6,)
"""The first version, and the last major one, that this was made for."""

OUTERMOST = 4e307
"""Where the bins below and above all others end."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""

SETTINGS = """\
MultiThreaded.MaxCores = 1
UpdateInstrumentDefinitions.OnStartup = 0
CheckMantidVersion.OnStartup = 0
usagereports.enabled = 0
projectRecovery.enabled = false
logging.loggers.root.level = warning
logging.loggers.root.channel.class = SplitterChannel
logging.loggers.root.channel.channel1 = consoleChannel
logging.channels.consoleChannel.class = ConsoleChannel
logging.channels.consoleChannel.formatter = f1
logging.formatters.f1.class = PatternFormatter
logging.formatters.f1.pattern = %Y-%m-%d %H:%M:%S,%i mantid %p %s %t
logging.formatters.f1.times = local
"""

FAILURES = (RuntimeError, ValueError, MemoryError, OSError)
"""What Mantid's algorithms raise, and the files of events that they are given."""

DEPRECATED = ("AlignDetectors",)
"""What says so at each run in later versions."""

RUN = {"run_start": "1991-01-01T00:00:00", "run_end": "2100-01-01T00:00:00"}
"""When it was, for workspaces; later versions of FilterEvents take 1990 for no time."""

PARTS = "live"
"""Of these names are the workspaces of slices, for the moment; hidden names could not be listed."""

Workspace = Any
"""Mantid's, which has no types to check."""


class NoMantid(ImportError):
    """There is no Mantid that serves; the text says what to do."""


class Mantid:
    """Runs Mantid's algorithms on workspaces that nobody else knows of.

    They run as child algorithms: with no history and no entry among the named workspaces, so that
    a workspace is gone when its last reference is.
    """

    def __init__(self, api: Any, kernel: Any, folder: Path) -> None:
        self._api, self._kernel, self._file = api, kernel, folder / "events.nxs"
        self.version: str = kernel.version_str()
        found = tuple(int(word) for word in re.findall(r"\d+", self.version)[:2])
        if found < OLDEST or found[:1] > NEWEST:
            oldest = ".".join(map(str, OLDEST))
            raise NoMantid(
                f"Mantid {self.version} is not one of {oldest} to {NEWEST[0]}.x, which the mantid "
                "engine works with: see environment.yml, or use --engine native"
            )

    @classmethod
    def imported(cls) -> Self:
        """Import Mantid, its settings and whatever it writes being in a folder of ours.

        Raises `NoMantid` if it cannot be.
        """
        memory = Path("/dev/shm")
        place = memory if os.access(memory, os.W_OK) else None
        folder = Path(tempfile.mkdtemp(prefix="live-reduction-mantid-", dir=place))
        atexit.register(shutil.rmtree, folder)
        properties = folder / ".mantid" / "Mantid.user.properties"
        properties.parent.mkdir()
        properties.write_text(SETTINGS, encoding="ascii")
        os.environ["HOME"] = str(folder)  # which Mantid asks for where its own files are
        try:
            with warnings.catch_warnings(action="ignore"):  # what it warns of is not ours to mend
                import mantid.api
                import mantid.kernel
        except ImportError as error:
            raise NoMantid(
                f"there is no Mantid here ({error}): install it as environment.yml has it, or use "
                "--engine native"
            ) from error
        _keep_memory()
        made = cls(mantid.api, mantid.kernel, folder)
        mantid.api.FrameworkManager.Instance()  # loads the algorithms
        return made

    def run(self, name: str, output: str = "OutputWorkspace", **properties: Any) -> Any:
        """Run an algorithm; what it gives as ``output``. Raises RuntimeError or ValueError."""
        algorithm = self._child(name)
        if output == "OutputWorkspace":
            algorithm.setPropertyValue(output, "__live")  # which nobody will see, but it must be
        for key, value in properties.items():
            algorithm.setProperty(key, value)
        algorithm.execute()
        return algorithm.getProperty(output).value

    def _child(self, name: str) -> Any:
        algorithm = self._api.AlgorithmManager.createUnmanaged(name)
        algorithm.initialize()
        algorithm.setChild(True)
        algorithm.setLogging(name not in DEPRECATED)
        return algorithm

    def _exists(self, name: str) -> bool:
        return bool(self._api.AlgorithmFactory.exists(name))

    def definition_of(self, name: str) -> str:
        """The file of an instrument that Mantid knows by name; raises ValueError."""
        # From version 6 on this is no longer where it was, which then warns of it.
        finder = getattr(self._api, "InstrumentFileFinder", self._api.ExperimentInfo)
        try:
            return str(finder.getInstrumentFilename(name))
        except RuntimeError as error:
            raise ValueError(f"{name}: Mantid says: {error}") from None

    def with_instrument(self, path: Path) -> Workspace:
        """A workspace with the instrument of a file.

        Files are definitions, NeXus geometry, and whatever Mantid loads that has an instrument: of
        event files their logs, which say where things stood, but no events. Raises RuntimeError or
        ValueError.
        """
        if not path.is_file():
            raise ValueError("no such file")
        file = str(path.resolve())
        if path.suffix.lower() == ".xml" or has_shapes(path):
            return self.run("LoadEmptyInstrument", Filename=file)
        algorithm = self._child("Load")
        algorithm.setProperty("Filename", file)  # from here on it has the properties for such files
        algorithm.setPropertyValue("OutputWorkspace", "__live")
        if algorithm.existsProperty("MetaDataOnly"):
            algorithm.setProperty("MetaDataOnly", True)
        algorithm.execute()
        loaded = algorithm.getProperty("OutputWorkspace").value
        return loaded.getItem(0) if isinstance(loaded, self._api.WorkspaceGroup) else loaded

    def empty(self, instrument: Instrument) -> Workspace:
        """An event workspace with a spectrum for each detector that is no monitor, in order."""
        ids = instrument.detector_id[~instrument.is_monitor]
        made = self._api.WorkspaceFactory.create("EventWorkspace", max(ids.size, 1), 2, 1)
        made.getAxis(0).setUnit("TOF")
        made.setYUnit("Counts")
        if not ids.size:  # monitors alone: nothing will be reduced
            return made
        self.run(
            "LoadInstrument",
            output="Workspace",
            Workspace=made,
            InstrumentXML=definition(instrument),
            InstrumentName="live",
            RewriteSpectraMap="False",
        )
        self._have_run(made)
        for index, identifier in enumerate(ids.tolist()):
            spectrum = made.getSpectrum(index)
            spectrum.setDetectorID(identifier)
            spectrum.setSpectrumNo(index + 1)
        return made

    def load(
        self,
        into: Workspace,
        ends: NDArray[np.int64],
        tof_us: NDArray[np.float64],
        pulse_ns: NDArray[np.int64],
    ) -> Workspace:
        """A workspace like ``into`` with events, spectrum by spectrum, by way of a file in memory.

        Spectrum i has the events from ``ends[i]`` to ``ends[i + 1]``, (spectra + 1,); times of
        flight (n,) in µs and pulse times (n,) in ns since 1990. It is a processed NeXus file, for
        in these both are as exact as they are here.
        """
        own = self.copied(into)
        if not tof_us.size:
            return own
        try:
            write_events(self._file, ends, tof_us, pulse_ns)
            loaded = self.run("LoadNexusProcessed", Filename=str(self._file), LoadHistory=False)
        finally:
            self._file.unlink(missing_ok=True)
        return self.added(own, loaded)

    def added(self, workspace: Workspace, more: Workspace) -> Workspace:
        """``workspace`` with the events of another one besides its own."""
        return self.run(
            "Plus", LHSWorkspace=workspace, RHSWorkspace=more, OutputWorkspace=workspace
        )

    def converted(
        self, workspace: Workspace, units: Units, calibration: Workspace | None, masked: list[int]
    ) -> Workspace:
        """The events in another unit, but for those of the spectra that are masked."""
        if calibration is not None and units in (Units.D_SPACING, Units.MOMENTUM_TRANSFER):
            workspace = self._aligned(workspace, calibration)
        now = workspace.getAxis(0).getUnit().unitID()
        if now == units:
            made = self.copied(workspace)
        else:
            made = self.run("ConvertUnits", InputWorkspace=workspace, Target=str(units))
        if masked:
            self.run("MaskDetectors", output="Workspace", Workspace=made, WorkspaceIndexList=masked)
        one_bin = rebin_params(np.empty(0))  # the same for all spectra, or they cannot be summed
        return self.run("Rebin", InputWorkspace=made, OutputWorkspace=made, Params=one_bin)

    def calibration(self, ids: NDArray[np.int32], difc: NDArray[np.float64]) -> Workspace:
        """A table of the DIFC, µs/Å, of detectors, (n,) each."""
        table = self._api.WorkspaceFactory.createTable()
        for kind, name in (("int", "detid"), ("double", "difc"), ("double", "difa")):
            table.addColumn(kind, name)
        table.addColumn("double", "tzero")
        for row in zip(ids.tolist(), difc.tolist(), strict=True):
            table.addRow([*row, 0.0, 0.0])
        return table

    def _aligned(self, workspace: Workspace, calibration: Workspace) -> Workspace:
        if self._exists("AlignDetectors"):
            return self.run(
                "AlignDetectors", InputWorkspace=workspace, CalibrationWorkspace=calibration
            )
        own = self.copied(workspace)
        self.run(
            "ApplyDiffCal",
            output="InstrumentWorkspace",
            InstrumentWorkspace=own,
            CalibrationWorkspace=calibration,
        )
        return self.run("ConvertUnits", InputWorkspace=own, Target="dSpacing")

    def summed(self, workspace: Workspace, spectra: list[int]) -> Workspace:
        """The events of some spectra as one."""
        return self.run("SumSpectra", InputWorkspace=workspace, ListOfWorkspaceIndices=spectra)

    def split(
        self, workspace: Workspace, times_ns: NDArray[np.int64], targets: NDArray[np.int64]
    ) -> dict[int, Workspace]:
        """The events by what their pulse is for: ``targets`` of the pulses at times, (n,) each.

        Times ascend. Events of other pulses, and of targets below 0, are left out.
        """
        self._splitters.setRowCount(0)
        first = np.flatnonzero(np.diff(targets, prepend=targets[0] - 1))
        for start, stop in itertools.pairwise([*first.tolist(), targets.size]):
            if targets[start] >= 0:
                bounds = int(times_ns[start]) - EPOCH_NS, int(times_ns[stop - 1]) + 1 - EPOCH_NS
                self._splitters.addRow([*bounds, int(targets[start])])
        named = self._api.AnalysisDataService
        try:
            names = self.run(
                "FilterEvents",
                "OutputWorkspaceNames",
                InputWorkspace=workspace,
                SplitterWorkspace=self._splitters,
                OutputWorkspaceBaseName=PARTS,
                OutputTOFCorrectionWorkspace="__live",
                FilterByPulseTime=True,
            )
            return {
                int(name.removeprefix(f"{PARTS}_")): self.copied(named.retrieve(name))
                for name in names
                if name != f"{PARTS}_unfiltered"
            }
        finally:  # even a child puts these there, and lets go of them
            for name in named.getObjectNames():
                named.remove(name)

    def copied(self, workspace: Workspace) -> Workspace:
        """A copy that stays when the name of the workspace goes."""
        return self.run("CloneWorkspace", InputWorkspace=workspace)

    @functools.cached_property
    def _splitters(self) -> Workspace:
        """A table for FilterEvents, to be filled.

        The kind that has whole ns cannot be made from Python: GenerateEventsFilter makes one.
        """
        run = self._api.WorkspaceFactory.create("EventWorkspace", 1, 2, 1)
        self._have_run(run)
        return self.run(
            "GenerateEventsFilter",
            InputWorkspace=run,
            InformationWorkspace="__live",
            StartTime="0",
            StopTime="1",
            UnitOfTime="Seconds",
        )

    def _have_run(self, workspace: Workspace) -> None:
        """Give a workspace the logs of a run that filters of events ask for, or warn of."""
        for name, text in RUN.items():
            self.run(
                "AddSampleLog", output="Workspace", Workspace=workspace, LogName=name, LogText=text
            )
            self.run(
                "AddTimeSeriesLog",
                output="Workspace",
                Workspace=workspace,
                Name="proton_charge",
                Time=text,
                Value="0",
            )

    def histogram(self, workspace: Workspace, params: NDArray[np.float64]) -> NDArray[np.float64]:
        """The counts of the first spectrum, (bins,), by Rebin's parameters."""
        made = self.run("Rebin", InputWorkspace=workspace, Params=params, PreserveEvents=False)
        counts: NDArray[np.float64] = made.readY(0).copy()
        return counts


def _keep_memory() -> None:
    """Have glibc keep what a batch used for the next one.

    Large pieces would go back to the system each time, and touching them anew takes half as long as
    all the rest.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            mallopt(option, 1 << 30)


def rebin_params(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rebin's parameters for bins between any edges, one below and one above them.

    Each bin is a segment of its own, with a step longer than itself: so it is cut at the edge as
    it is written, and no rounding comes in.
    """
    all_edges = np.concatenate(([-OUTERMOST], edges, [OUTERMOST]))
    params = np.empty(2 * all_edges.size - 1)
    params[::2], params[1::2] = all_edges, 2 * np.diff(all_edges)
    return params
