"""Write pictures of the operator screens: ``python -m tests.support.displays.pictures FOLDER``."""

from __future__ import annotations

import functools
import sys
import tempfile
from pathlib import Path

import numpy as np

from ioc.options.commands import RunOptions
from tests.support.clients.ca_client import network
from tests.support.displays.phoebus import Phoebus, running_phoebus
from tests.support.displays.xdisplay import png
from tests.support.product.live import Live, live

SCREENS = ("reduction", "regions", "simulator", "backend", "expert")
PANELS = (
    f"--instrument={Path(__file__).parents[3] / 'examples' / 'million_pixels.xml'}",
    "--set=Sim:EventsPerPulse=20000",
    "--set=Sim:ShadowRadius=3",
    "--set=Sim:HotDetectors=135168:135423",
    "--set=Sim:HotFactor=4",
    "--set=Sim:RelativePeakWidth=0.003",
    "--set=Red1:BinParams=0.4,0.004,3.6",
    "--set=Red1:Map:Rows=300",
    "--set=Red1:Map:Made=Always",
    "--set=Red1:Image:Made=Always",
    "--set=Sim:ShadowTwoTheta=72",
)
"""Panels of a million pixels with a shadow and a hot tube."""
RAMP_GPA = np.linspace(0, 6, 31)


def take(viewer: Phoebus, screen: str, picture: Path) -> None:
    """Write a picture of a screen once its values are connected and drawn."""
    viewer.open(f"{screen}.bob", P=RunOptions.prefix)
    viewer.wait_until(lambda: viewer.shows(f"{screen}.bob") and viewer.is_connected())
    viewer.wait_until(lambda: viewer.is_drawn() and viewer.is_connected())
    picture.write_bytes(png(viewer.screen.pixels()))


def ramp(running: Live) -> None:
    """Ramp the pressure, and slice the events by it in steps of 1 GPa."""
    for pv, value in (("Log", "pressure"), ("Min", "0"), ("Step", "1"), ("Max", "6")):
        running.put(f"Red1:Filter:{pv}", value, *(["-S"] if pv == "Log" else []))
    running.put("Red1:BinParams", "1.5,0.004,2.1", "-S")
    running.put("Reset", "1")
    for pressure in RAMP_GPA:
        running.put("Sim:Pressure", f"{pressure:g}")


def is_made(running: Live, kind: str) -> bool:
    """Whether there is an image or a map."""
    return running.number(f"Red1:{kind}:ArrayCounter_RBV") > 0


def detector(folder: Path) -> None:
    """Write the pictures of the detector image, with a picked rectangle, and of the map."""
    with (
        tempfile.TemporaryDirectory() as home,
        network() as net,
        live(net, *PANELS, prefix=RunOptions.prefix) as running,
        running_phoebus(Path(home), net) as viewer,
    ):
        for name, cells in (("MinX", 120), ("MinY", 60), ("SizeX", 60), ("SizeY", 30)):
            assert running.put(f"Red1:Image:ROI:{name}", str(cells)).returncode == 0
        assert running.put("Red1:Outliers:Sigmas", "5").returncode == 0
        running.until(lambda: running.number("Red1:Outliers:NumHot_RBV") > 0, 60)
        for kind in ("Image", "Map"):
            running.until(functools.partial(is_made, running, kind), 60)
        for name in ("image", "map", "image"):  # the first rules take Phoebus some seconds
            take(viewer, name, folder / f"{name}.png")


def main(folder: Path) -> None:
    """Write a PNG file of each screen into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rate = "--set=Sim:EventsPerPulse=20000"
    with (
        tempfile.TemporaryDirectory() as home,
        network() as net,
        live(net, rate, prefix=RunOptions.prefix) as running,
        running_phoebus(Path(home), net) as viewer,
    ):
        running.put("Red1:BinParams", "0.4,0.004,3.6", "-S")
        for name, low, high in (("ROI1", 1.85, 2.0), ("Peak1", 1.85, 2.0), ("Peak2", 1.58, 1.7)):
            running.put(f"Red1:{name}:Max", str(high))
            running.put(f"Red1:{name}:Min", str(low))
        for name in ("main", *SCREENS):
            take(viewer, name, folder / f"{name}.png")
        ramp(running)
        take(viewer, "slices", folder / "slices.png")
    detector(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
