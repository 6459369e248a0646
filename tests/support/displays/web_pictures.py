"""Write pictures of the web page: ``python -m tests.support.displays.web_pictures FOLDER``.

They are taken in a real browser of a live reduction that runs, and a film of new bins with them.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ioc.options.commands import RunOptions
from tests.support.clients.ca_client import network
from tests.support.displays.browser import (
    DESK,
    PHONE,
    OpenPage,
    PageServer,
    open_page,
    page_server,
    running_browser,
)
from tests.support.product.live import Live, live

if TYPE_CHECKING:
    from playwright.sync_api import Browser

RAMP_GPA = np.linspace(0, 6, 25)
SLICES = (("Min", "0"), ("Max", "6"), ("Step", "0.5"))
ZOOM = "x=1.5~2.1&unit=dSpacing"

FILM_SIZE = {"width": 960, "height": 600}
FRAME_S = 0.2
QUALITY = 55


FLAGS = ("--set=Sim:EventsPerPulse=20000", "--set=Sim:RelativePeakWidth=0.003")
PANELS = Path(__file__).parents[3] / "examples/million_pixels.xml"
PANEL_FLAGS = (f"--instrument={PANELS}", "--set=Sim:EventsPerPulse=50000")
RECTANGLE = (("MinX", "100"), ("MinY", "20"), ("SizeX", "25"), ("SizeY", "40"))
SHADOW = (("TwoTheta", "90"), ("Azimuth", "0"), ("Radius", "14"))


@contextmanager
def reduction(flags: Sequence[str] = FLAGS) -> Iterator[tuple[Live, PageServer]]:
    """A live reduction under the usual prefix, and its web page."""
    with (
        network() as net,
        live(net, *flags, prefix=RunOptions.prefix) as running,
        page_server(running) as server,
    ):
        yield running, server


def take(page: OpenPage, folder: Path, name: str) -> None:
    """Write a picture of what the page shows, once it has been drawn."""
    page.page.wait_for_timeout(900)
    page.page.screenshot(path=folder / f"web-{name}.png")


def open_settings(page: OpenPage, *titles: str) -> None:
    """Open these groups of settings, and close the others."""
    script = """titles => document.querySelectorAll('details').forEach((each) => {
        each.open = titles.includes(each.querySelector('h2').textContent);
    })"""
    page.page.evaluate(script, list(titles))


def spectrum_pictures(page: OpenPage, running: Live, folder: Path) -> None:
    for name, low, high in (("ROI1", 1.2, 1.29), ("Peak1", 1.85, 1.99), ("Peak2", 3.05, 3.22)):
        running.put(f"Red1:{name}:Max", str(high))
        running.put(f"Red1:{name}:Min", str(low))
    running.put("AcquireTime", "90")
    running.put("Preset", "Time")
    running.put("Stop", "1")
    running.start("caput", running.prefix + "Acquire", "1").communicate()
    running.until(lambda: running.number("PulsesAccumulated_RBV") < 100, 20)
    running.until(lambda: running.number("PulsesAccumulated_RBV") > 300, 60)
    take(page, folder, "spectrum")
    page.page.get_by_role("button", name="Freeze as reference").click()
    running.put("Sim:Pressure", "0.4")
    running.until(lambda: running.number("Progress_RBV") > 40, 60)
    page.wait_until("location.hash.includes('frozen=')")
    page.page.evaluate("location.hash += '&x=1.4~2.2&unit=dSpacing'")
    take(page, folder, "reference")
    page.page.get_by_role("button", name="Drop reference").click()
    page.page.evaluate("location.hash = ''")
    page.set("Red1:BinParams", "0.4,-0.5,nothing")
    open_settings(page, "Acquisition", "Bins", "Filter and slices")
    take(page, folder, "refusal")
    page.field("Red1:BinParams").locator("input").press("Escape")


def slice_pictures(page: OpenPage, running: Live, folder: Path) -> None:
    """Pictures of a pressure ramp: offset curves, a map, and the peak against the pressure."""
    running.put("Stop", "1")
    for name, value in SLICES:
        running.put(f"Red1:Filter:{name}", value)
    running.put("Red1:Filter:Log", "pressure", "-S")
    running.put("Preset", "None")
    running.put("Sim:Pressure", "0")
    running.put("Red1:ROI1:Max", "0")
    running.put("Red1:ROI1:Min", "0")
    running.put("Red1:Peak1:Min", "1.8")
    running.start("caput", running.prefix + "Acquire", "1").communicate()
    for pressure in RAMP_GPA:
        running.put("Sim:Pressure", f"{pressure:g}")
        time.sleep(0.4)
    open_settings(page, "Filter and slices", "Regions and peaks", "Simulator")
    page.page.evaluate(f"location.hash = 'spectra=slices&as=offset&errors=none&{ZOOM}'")
    take(page, folder, "slices")
    page.page.evaluate(f"location.hash = 'spectra=slices&as=map&log=1&{ZOOM}'")
    take(page, folder, "map")
    page.page.evaluate("location.hash = 'tab=fits'")
    page.wait_until("document.querySelector('.fits .note').textContent === ''")
    take(page, folder, "fits")


def other_pictures(page: OpenPage, running: Live, folder: Path) -> None:
    for tab in ("history", "events", "messages"):
        open_settings(page, "Acquisition", "Bins", "Regions and peaks")
        page.page.evaluate(f"location.hash = 'tab={tab}'")
        take(page, folder, tab)


def detector_pictures(browser: Browser, folder: Path) -> None:
    """Pictures of a million pixels, some of which are in a shadow, and of their map."""
    with reduction(PANEL_FLAGS) as (running, server), open_page(browser) as page:
        for name, value in SHADOW:
            running.put(f"Sim:Shadow{name}", value)
        running.put("Reset", "1")
        running.until(lambda: running.number("PulsesAccumulated_RBV") > 300, 60)
        page.open(server.address)
        for tab, name in (("image", "detector"), ("map", "detector-map")):
            page.page.evaluate(f"location.hash = 'tab={tab}'")
            page.wait_for(f"#view-{tab} .readout", "cells")
            page.page.wait_for_timeout(2000)
            take(page, folder, name)
        instrument_picture(page, running, folder)
        picked_picture(page, running, folder)


def instrument_picture(page: OpenPage, running: Live, folder: Path) -> None:
    """A picture of the instrument in space, with the spectrum of a bank beside the shadow."""
    page.page.evaluate("location.hash = 'tab=instrument'")
    page.wait_for("#view-instrument .readout", "cells")
    page.page.locator("#view-instrument select").select_option(label="bank6")
    running.until(lambda: running.number("Red1:Image:ROI:Total_RBV") > 0, 60)
    page.wait_for("#view-instrument .picked .note", "counts in")
    take(page, folder, "instrument")


def picked_picture(page: OpenPage, running: Live, folder: Path) -> None:
    """A picture of a rectangle beside the shadow, and of hot detectors that were found."""
    for side, value in RECTANGLE:
        running.put(f"Red1:Image:ROI:{side}", value)
    running.put("Red1:Outliers:Sigmas", "5")
    running.until(lambda: running.number("Red1:Outliers:NumTested_RBV") > 0, 60)
    page.page.evaluate("location.hash = 'tab=image&groups=acquisition,outliers'")
    page.wait_for("#view-image .picked .note", "detectors")
    page.page.locator("#view-image .picked .plot").scroll_into_view_if_needed()
    take(page, folder, "detector-picked")


def pictures_in_the_dark_and_on_a_phone(browser: Browser, server: PageServer, folder: Path) -> None:
    with open_page(browser, DESK, dark=True) as dark:
        dark.open(f"{server.address}#log=1")
        take(dark, folder, "dark")
    with open_page(browser, PHONE, touch=True) as phone:
        phone.open(server.address)
        take(phone, folder, "phone")


def film(browser: Browser, server: PageServer, folder: Path) -> None:
    """Write an animated picture: the bins change while the pattern grows."""
    frames: list[Image.Image] = []

    def shoot(page: OpenPage, count: int) -> None:
        for _ in range(count):
            began = time.monotonic()
            frames.append(Image.open(io.BytesIO(page.page.screenshot())).convert("RGB"))
            page.page.wait_for_timeout(max(1.0, 1e3 * (FRAME_S - (time.monotonic() - began))))

    with open_page(browser, FILM_SIZE) as page:
        page.open(server.address)
        open_settings(page, "Acquisition", "Bins")
        control = page.field("Red1:BinStep").locator("input")
        shoot(page, 6)
        for step in ("0.02", "0.005", "0.0005"):
            control.click()
            control.fill("")
            for letter in step:
                control.press_sequentially(letter)
                shoot(page, 1)
            control.press("Enter")
            shoot(page, 8)
        page.set("Red1:BinParams", "0.4,0.001,5")
    first, *rest = frames
    first.save(
        folder / "web-bins.webp",
        save_all=True,
        append_images=rest,
        duration=round(1e3 * FRAME_S),
        loop=0,
        quality=QUALITY,
        method=6,
    )


def main(folder: Path) -> None:
    """Write all pictures and the film into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with reduction() as (running, server), running_browser() as browser:
        film(browser, server, folder)
        with open_page(browser) as page:
            page.open(server.address)
            spectrum_pictures(page, running, folder)
            pictures_in_the_dark_and_on_a_phone(browser, server, folder)
            slice_pictures(page, running, folder)
            other_pictures(page, running, folder)
    with running_browser() as browser:
        detector_pictures(browser, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
