"""The one module that imports Mantid; it runs Mantid's algorithms.

Differences between the versions of Mantid, from 4.0 to 6, are handled here.
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

from reduction.host.file_system.runtime_folder import own_folder

OLDEST, NEWEST = (3, 13), (6,)
"""The first version, and the last major version, that this engine supports."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Options of ``mallopt``, from glibc's malloc.h."""

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
"""What Mantid's algorithms raise, and what writing a file of events for them may raise."""

DEPRECATED = ("AlignDetectors",)
"""Algorithms that log a warning at each run in later versions."""

UNSEEN = "__live"
"""Name of the output of a child algorithm. Mantid requires a name, though it is never used."""

Workspace = Any
"""A workspace of Mantid, which has no types to check."""


class NoMantid(ImportError):
    """Mantid is missing or of an unsupported version; the text says what to do."""


class MantidFramework:
    """Runs Mantid's algorithms on workspaces that have no name in Mantid.

    They run as child algorithms, without history and without an entry among the named workspaces.
    So a workspace is freed with the last reference to it.
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
        """Import Mantid, with its settings and everything that it writes in a temporary folder.

        Raises `NoMantid` if that fails.
        """
        until_the_end = ExitStack()
        atexit.register(until_the_end.close)
        folder = until_the_end.enter_context(own_folder())
        properties = folder / ".mantid" / "Mantid.user.properties"
        properties.parent.mkdir()
        properties.write_text(SETTINGS, encoding="ascii")
        os.environ["HOME"] = str(folder)  # where Mantid looks for its files
        try:
            with warnings.catch_warnings(action="ignore"):  # Mantid's modules raise warnings
                import mantid.api
                import mantid.dataobjects  # adds methods to its workspaces
                import mantid.kernel
        except ImportError as error:
            raise NoMantid(
                f"there is no Mantid here ({error}): install it as environment.yml has it, or use "
                "--engine native"
            ) from error
        made = cls(mantid.api, mantid.kernel, folder)
        mantid.api.FrameworkManager.Instance()  # loads the algorithms
        _keep_memory()  # after the framework, which tells glibc the opposite
        return made

    def run(self, name: str, output: str = "OutputWorkspace", **properties: Any) -> Any:
        """Run an algorithm; the value of its ``output``. Raises RuntimeError or ValueError."""
        algorithm = self.child(name)
        if output == "OutputWorkspace":
            algorithm.setPropertyValue(output, UNSEEN)
        for key, value in properties.items():
            algorithm.setProperty(key, value)
        algorithm.execute()
        return algorithm.getProperty(output).value

    def child(self, name: str) -> Any:
        """An algorithm without properties; the caller sets them and runs it."""
        algorithm = self.api.AlgorithmManager.createUnmanaged(name)
        algorithm.initialize()
        algorithm.setChild(True)
        algorithm.setLogging(name not in DEPRECATED)
        return algorithm

    def aligned(self, workspace: Workspace, calibration: Workspace) -> Workspace:
        """The events of a workspace in d-spacing, by a calibration table."""
        if self.api.AlgorithmFactory.exists("AlignDetectors"):
            return self.run(
                "AlignDetectors", InputWorkspace=workspace, CalibrationWorkspace=calibration
            )
        copy = self.run("CloneWorkspace", InputWorkspace=workspace)
        self.run(
            "ApplyDiffCal",
            output="InstrumentWorkspace",
            InstrumentWorkspace=copy,
            CalibrationWorkspace=calibration,
        )
        made = self.run(
            "ConvertUnits", InputWorkspace=copy, OutputWorkspace=copy, Target="dSpacing"
        )
        # Without this each copy would keep the calibration and apply it in later steps.
        self.run(
            "ApplyDiffCal",
            output="InstrumentWorkspace",
            InstrumentWorkspace=made,
            ClearCalibration=True,
        )
        return made

    def definition_of(self, name: str) -> str:
        """The path of the definition of an instrument by its name in Mantid; raises ValueError."""
        # From version 6 on the method is in another class; the former class warns.
        finder = getattr(self.api, "InstrumentFileFinder", self.api.ExperimentInfo)
        try:
            return str(finder.getInstrumentFilename(name))
        except RuntimeError as error:
            raise ValueError(f"{name}: Mantid says: {error}") from None

    def instrument_names(self) -> list[str]:
        """The names of the instruments that Mantid has, of all facilities."""
        config = self.kernel.ConfigService.Instance()
        facilities = (config.getFacility(name) for name in config.getFacilityNames())
        return [each.name() for facility in facilities for each in facility.instruments()]


def _keep_memory() -> None:
    """Make glibc keep the memory of a batch for the next one.

    By default large pieces go back to the system each time, and the first access to new memory
    takes half as long as all other work on a batch.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
            mallopt(option, 1 << 30)
