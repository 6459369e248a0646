"""Instruments from files that Mantid reads."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reduction.definitions.parts.component_names import plain_name
from reduction.definitions.places.frames import Vectors
from reduction.engines.mantid.files import has_shapes
from reduction.engines.mantid.framework import FAILURES, UNSEEN, MantidFramework, Workspace
from reduction.instrument.geometry import Instrument


def load_instrument(mantid: MantidFramework, path: Path) -> Instrument:
    """The instrument of a file that Mantid reads, in its order of detectors.

    Banks are as in `reduction.definitions.parts.banks`. But a detector directly
    below the instrument is in a bank only if other detectors have the same name. Raises ValueError
    that names the file.
    """
    try:
        return _instrument(_with_instrument(mantid, path))
    except FAILURES as error:
        raise ValueError(f"{path}: Mantid says: {error}") from None


def _with_instrument(mantid: MantidFramework, path: Path) -> Workspace:
    """A workspace with the instrument of a file.

    A file is a definition, NeXus geometry, or anything with an instrument that Mantid loads. Of a
    file of events it loads no events, but the logs, which give the positions of components. Raises
    RuntimeError or ValueError.
    """
    if not path.is_file():
        raise ValueError("no such file")
    file = str(path.resolve())
    if path.suffix.lower() == ".xml" or has_shapes(path):
        return mantid.run("LoadEmptyInstrument", Filename=file)
    algorithm = mantid.child("Load")
    algorithm.setProperty("Filename", file)  # Mantid now adds the properties for this kind of file
    algorithm.setPropertyValue("OutputWorkspace", UNSEEN)
    if algorithm.existsProperty("MetaDataOnly"):
        algorithm.setProperty("MetaDataOnly", True)
    algorithm.execute()
    loaded = algorithm.getProperty("OutputWorkspace").value
    return loaded.getItem(0) if isinstance(loaded, mantid.api.WorkspaceGroup) else loaded


def _instrument(workspace: Workspace) -> Instrument:
    components, detectors = workspace.componentInfo(), workspace.detectorInfo()
    if not components.hasSource() or not components.hasSample():
        raise ValueError("an instrument without source or sample")
    ids = np.array(detectors.detectorIDs(), np.int32)
    if not ids.size:
        raise ValueError("an instrument without detectors")
    # Mantid gives these values one detector at a time.
    monitor = np.array([detectors.isMonitor(each) for each in range(ids.size)])
    places = np.array([[*detectors.position(each)] for each in range(ids.size)])
    sample = np.array([*components.samplePosition()])
    names = _Banks(components).of_detectors(monitor)
    known = tuple(dict.fromkeys(each for each in names if each))
    number = {each: place for place, each in enumerate(known)} | {"": -1}
    return Instrument(
        Path(workspace.getInstrument().getName()).stem,
        ids,
        (places - sample) @ _axes(workspace.getInstrument().getReferenceFrame()).T,
        monitor,
        float(components.l1()),
        np.array([number[each] for each in names], np.int32),
        known,
    )


def _axes(frame: Workspace) -> Vectors:
    """The axes x, y, z as rows of a matrix (3, 3), in the axes of the workspace."""
    y, z = np.array([*frame.vecPointingUp()]), np.array([*frame.vecPointingAlongBeam()])
    return np.stack([np.cross(y, z), y, z])


@dataclass(frozen=True, eq=False)
class _Banks:
    """Banks of components by index in Mantid's list, whose last component is the instrument."""

    components: Workspace
    known: dict[int, str] = field(default_factory=dict)

    def of_detectors(self, is_monitor: NDArray[np.bool_]) -> list[str]:
        """The bank of each of the first components, which are the detectors; "" for monitors.

        The bank of a detector directly below the instrument is its name, if others share it.
        """
        root = len(self.components) - 1
        above = [self.components.parent(each) for each in range(is_monitor.size)]
        alone = {each: self._name(each) for each, parent in enumerate(above) if parent == root}
        shared = {name for name, times in Counter(alone.values()).items() if times > 1}
        names = [
            alone[each] if parent == root else self._of(parent) for each, parent in enumerate(above)
        ]
        return [
            "" if monitor or (each in alone and name not in shared) else name
            for each, (name, monitor) in enumerate(zip(names, is_monitor.tolist(), strict=True))
        ]

    def _name(self, component: int) -> str:
        return plain_name(self.components.name(component))

    def _of(self, component: int) -> str:
        """The bank of the detectors that a component holds."""
        if component not in self.known:
            self.known[component] = self._found(component)
        return self.known[component]

    def _found(self, component: int) -> str:
        root = len(self.components) - 1
        around = [component]
        while (above := self.components.parent(around[-1])) != root:
            around.append(above)
        names = [self.components.name(each) for each in around]
        banks = [each for each in names if each.lower().startswith("bank")]
        # Mantid names the columns after the rectangular detector that they are in.
        column = re.fullmatch(r"(.*)\(x=\d+\)", names[0])
        if column and names[1:2] == [column[1]]:
            banks.insert(0, names[1])
        return plain_name(banks[-1] if banks else names[-1])
