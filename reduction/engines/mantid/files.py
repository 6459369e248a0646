"""Writes events and instruments as files that Mantid reads."""

from __future__ import annotations

import functools
from pathlib import Path
from xml.sax.saxutils import quoteattr

import h5py
import numpy as np
from numpy.typing import NDArray

from reduction.instrument.geometry import Instrument

EPOCH_NS = 631_152_000_000_000_000
"""The time from which Mantid counts pulse times, the beginning of 1990, in ns since 1970."""

EVENTS = "mantid_workspace_1/event_workspace"

NO_DETECTORS = """<?xml version="1.0" encoding="UTF-8"?>
<instrument name="nothing" valid-from="1990-01-01 00:00:00">
<component type="moderator"><location z="-1"/></component><type name="moderator" is="Source"/>
<component type="sample"><location/></component><type name="sample" is="SamplePos"/></instrument>"""


def write_events(
    path: Path,
    starts: NDArray[np.int64],
    tof_us: NDArray[np.float64],
    pulse_ns: NDArray[np.int64],
) -> None:
    """Write a processed NeXus file of events, a format in which times lose no digits.

    Spectrum i has the events from ``starts[i]`` to ``starts[i + 1]``, (spectra + 1,). Times of
    flight (n,) are in µs, pulse times (n,) in ns since 1990. Raises OSError.
    """
    path.write_bytes(_file_without_events(starts.size - 1))
    with h5py.File(path, "r+") as file:
        data = file[EVENTS]
        data["indices"], data["tof"], data["pulsetime"] = starts, tof_us, pulse_ns
        data["indices"].attrs["units"] = np.bytes_("Counts")


@functools.cache
def _file_without_events(spectra: int) -> bytes:
    """The content of the file without the events.

    It has only those parts of sample, logs and instrument that Mantid requires: the workspace that
    events are added to has them already.
    """
    with h5py.File("frame", "w", driver="core", backing_store=False) as file:
        entry = _group(file, "mantid_workspace_1", "NXentry")
        data = _group(file, EVENTS, "NXdata")
        data["axis1"], data["axis2"] = np.array([0.0, 1.0]), np.arange(1.0, spectra + 1)
        data["axis1"].attrs["units"] = np.bytes_("TOF")
        data["axis2"].attrs["units"] = np.bytes_("spectraNumber")
        for name, kind in (("sample", "NXsample"), ("logs", "NXcollection")):
            _group(entry, name, kind)
        instrument = _group(entry, "instrument", "NXinstrument")
        instrument["name"] = np.bytes_("nothing")
        _group(instrument, "instrument_xml", "NXnote")["data"] = np.bytes_(NO_DETECTORS)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def has_shapes(path: Path) -> bool:
    """Whether a file is HDF5 with detector shapes, which Mantid takes for NeXus geometry."""
    if not h5py.is_hdf5(path):
        return False
    shapes = (b"NXoff_geometry", b"NXcylindrical_geometry")
    with h5py.File(path) as file:
        found = file.visititems(
            lambda _, each: np.bytes_(each.attrs.get("NX_class", "")) in shapes or None
        )
    return bool(found)


def definition(instrument: Instrument) -> str:
    """A Mantid instrument definition (XML) of the instrument without its monitors."""
    here = ~instrument.is_monitor
    ids = "".join(f'<id val="{each}"/>' for each in instrument.detector_id[here].tolist())
    places = "".join(
        f'<location x="{x!r}" y="{y!r}" z="{z!r}"/>'
        for x, y, z in instrument.position_m[here].tolist()
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<instrument xmlns="http://www.mantidproject.org/IDF/1.0" name={quoteattr(instrument.name)}
 valid-from="1990-01-01 00:00:00">
<defaults><length unit="meter"/><angle unit="degree"/><reference-frame><along-beam axis="z"/>
<pointing-up axis="y"/><handedness val="right"/></reference-frame></defaults>
<component type="moderator"><location z="{-instrument.l1_m!r}"/></component>
<type name="moderator" is="Source"/>
<component type="sample-position"><location/></component>
<type name="sample-position" is="SamplePos"/>
<component type="pixel" idlist="ids">{places}</component>
<type name="pixel" is="detector"/><idlist idname="ids">{ids}</idlist></instrument>"""


def _group(parent: h5py.Group, name: str, kind: str) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["NX_class"] = np.bytes_(kind)
    return group
