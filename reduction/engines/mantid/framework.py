"""Mantid: the one module that imports it, and runs its algorithms.

What is called differently in its versions, from 4.0 to 6, is dealt with here.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import re
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import h5py  # noqa: F401  # before Mantid, which may bring another HDF5

from reduction.host.runtime_folder import own_folder

OLDEST, NEWEST = (3, 13), (6,)
"""The first version, and the last major one, that this was made for."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Of glibc's malloc.h."""

SETTINGS = """\
MultiThreaded.MaxCores = 1
UpdateInstrumentDefinitions.OnStartup = 0
CheckMantidVersion.OnStartup = 0
usagereports.enabled = 0
algorithms.deprecated = Log
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

UNSEEN = "__live"
"""Name of what a child gives, which nobody will see, but it must be."""

Workspace = Any
"""Mantid's, which has no types to check."""


class NoMantid(ImportError):
    """There is no Mantid that serves; the text says what to do."""


class MantidFramework:
    """Runs Mantid's algorithms on workspaces that nobody else knows of.

    They run as child algorithms: with no history and no entry among the named workspaces, so that
    a workspace is gone when its last reference is.
    """

    def __init__(self, api: Any, kernel: Any, folder: Path) -> None:
        self.api, self.kernel, self.folder = api, kernel, folder
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
        until_the_end = ExitStack()
        atexit.register(until_the_end.close)
        folder = until_the_end.enter_context(own_folder())
        properties = folder / ".mantid" / "Mantid.user.properties"
        properties.parent.mkdir()
        properties.write_text(SETTINGS, encoding="ascii")
        os.environ["HOME"] = str(folder)  # which Mantid asks for where its own files are
        try:
            with warnings.catch_warnings(action="ignore"):  # what it warns of is not ours to mend
                import mantid.api
                import mantid.dataobjects  # without which its workspaces lack methods
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
        algorithm = self.child(name)
        if output == "OutputWorkspace":
            algorithm.setPropertyValue(output, UNSEEN)
        for key, value in properties.items():
            algorithm.setProperty(key, value)
        algorithm.execute()
        return algorithm.getProperty(output).value

    def child(self, name: str) -> Any:
        """An algorithm that is still to be given its properties."""
        algorithm = self.api.AlgorithmManager.createUnmanaged(name)
        algorithm.initialize()
        algorithm.setChild(True)
        algorithm.setLogging(name not in DEPRECATED)
        return algorithm

    def aligned(self, workspace: Workspace, calibration: Workspace) -> Workspace:
        """The events of a workspace in d-spacing by a calibration, which is a table."""
        if self.api.AlgorithmFactory.exists("AlignDetectors"):
            return self.run(
                "AlignDetectors", InputWorkspace=workspace, CalibrationWorkspace=calibration
            )
        own = self.run("CloneWorkspace", InputWorkspace=workspace)
        self.run(
            "ApplyDiffCal",
            output="InstrumentWorkspace",
            InstrumentWorkspace=own,
            CalibrationWorkspace=calibration,
        )
        made = self.run("ConvertUnits", InputWorkspace=own, OutputWorkspace=own, Target="dSpacing")
        # The calibration is in the workspace, and would be in each copy and in what comes after.
        self.run(
            "ApplyDiffCal",
            output="InstrumentWorkspace",
            InstrumentWorkspace=made,
            ClearCalibration=True,
        )
        return made

    def definition_of(self, name: str) -> str:
        """The file of an instrument that Mantid knows by name; raises ValueError."""
        # From version 6 on this is no longer where it was, which then warns of it.
        finder = getattr(self.api, "InstrumentFileFinder", self.api.ExperimentInfo)
        try:
            return str(finder.getInstrumentFilename(name))
        except RuntimeError as error:
            raise ValueError(f"{name}: Mantid says: {error}") from None


def _keep_memory() -> None:
    """Have glibc keep what a batch used for the next one.

    Large pieces would go back to the system each time, and touching them anew takes half as long as
    all the rest.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            mallopt(option, 1 << 30)
