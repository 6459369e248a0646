"""Write pictures of the operator screens: ``python -m tests.support.pictures FOLDER``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from ioc.options.commands import RunOptions
from tests.support.ca_client import network
from tests.support.live import Live, live
from tests.support.phoebus import Phoebus, running_phoebus
from tests.support.xdisplay import png

SCREENS = ("reduction", "regions", "simulator", "backend", "expert", "map")
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
        running.put("Red1:Outliers:Sigmas", "5")
        for name, cells in (("MinX", 60), ("SizeY", 2), ("SizeX", 80)):
            running.put(f"Red1:Image:ROI:{name}", str(cells))
        for name in ("main", "image", *SCREENS):
            take(viewer, name, folder / f"{name}.png")
        ramp(running)
        take(viewer, "slices", folder / "slices.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
