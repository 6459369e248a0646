"""The operator screens in CS-Studio Phoebus, with mouse clicks and typing."""

from __future__ import annotations

import functools
import importlib.util
import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from tests.support.displays.phoebus import JARS, PATIENCE_S, Phoebus, running_phoebus
from tests.support.displays.xdisplay import Pixels
from tests.support.product.live import Live, live

TOOLS = ("java", "Xvfb", "xdotool")
MAJOR = (255, 0, 0)
"""The colour of alarm MAJOR: red, green, blue."""

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not any(JARS.glob("core-launcher-*.jar")) or not all(map(shutil.which, TOOLS)),
        reason=f"needs Phoebus, by `make phoebus`, and {', '.join(TOOLS)}",
    ),
]


with_pvaccess = pytest.mark.skipif(
    not any(JARS.glob("core-pv-pva-*.jar")) or importlib.util.find_spec("p4p") is None,
    reason="needs p4p, and Phoebus with pvAccess, by `make phoebus`",
)


@pytest.fixture(scope="module")
def viewer(running: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phoebus]:
    assert running.process.poll() is None
    with running_phoebus(tmp_path_factory.mktemp("phoebus"), running.network) as started:
        yield started


def is_in_state(running: Live, state: str) -> bool:
    return running.get("DetectorState_RBV") == state


def reads(running: Live, name: str, value: float) -> bool:
    return running.number(name) == value


def open_screen(viewer: Phoebus, running: Live, name: str) -> None:
    """Open a screen and wait until all its values are there."""
    viewer.open(name, P=running.prefix)
    viewer.wait_until(lambda: viewer.shows(name) and viewer.is_connected())


SCREENS = ["main", "overview", "reduction", "slices", "regions", "simulator", "backend", "expert"]
PICTURES = ["image", "map"]


@pytest.mark.parametrize(
    "name", [*SCREENS, *(pytest.param(name, marks=with_pvaccess) for name in PICTURES)]
)
def test_a_screen_opens_with_all_values_and_no_complaint(
    viewer: Phoebus, running: Live, name: str
) -> None:
    open_screen(viewer, running, f"{name}.bob")
    assert viewer.warnings() == []


@with_pvaccess
def test_the_image_is_drawn_and_its_rectangle_is_where_the_settings_are(
    viewer: Phoebus, running: Live
) -> None:
    for name, cells in (("MinX", 60), ("MinY", 0), ("SizeX", 80), ("SizeY", 4)):
        assert running.put(f"Red1:Image:ROI:{name}", str(cells)).returncode == 0
    open_screen(viewer, running, "image.bob")
    viewer.wait_until(lambda: coloured(viewer.screen.pixels()) > 20_000)
    viewer.wait_until(lambda: red(viewer.screen.pixels()) > 100)
    drag_rectangle(viewer, running)
    viewer.screen.click(*viewer.widget_centre("image.bob", "$(P)$(R)Image:ROI:SizeX"))
    viewer.screen.type("0")
    running.until(lambda: running.number("Red1:Image:ROI:NumPixels_RBV") == 0, PATIENCE_S)
    for callbacks, shown in (("Disable", False), ("Enable", True)):
        assert running.put("Red1:Image:EnableCallbacks", callbacks).returncode == 0
        viewer.wait_until(functools.partial(is_drawn, viewer, shown))


def is_drawn(viewer: Phoebus, wanted: bool) -> bool:
    """Whether a picture in the colours of images is seen, or none, as ``wanted``."""
    return (coloured(viewer.screen.pixels()) > 20_000) == wanted


def drag_rectangle(viewer: Phoebus, running: Live) -> None:
    """Drag the rectangle to the right: it has other columns then, and as many as before."""
    rows, columns = np.nonzero((viewer.screen.pixels() == MAJOR).all(axis=2))
    middle = (int(columns.min() + columns.max()) // 2, int(rows.min() + rows.max()) // 2)
    viewer.screen.click(*middle)  # Phoebus shows handles
    viewer.screen.drag(middle, (middle[0] + 100, middle[1]))
    running.until(lambda: running.number("Red1:Image:ROI:MinX_RBV") > 80, PATIENCE_S)
    sizes = [running.number(f"Red1:Image:ROI:Size{axis}_RBV") for axis in "XY"]
    assert sizes == pytest.approx([80, 4], abs=2)


def coloured(pixels: Pixels) -> int:
    """How many pixels have the dark violet that the colours of images begin with, or follow it."""
    red, green, blue = (pixels[..., colour].astype(int) for colour in range(3))
    return int(((blue - red > 20) & (blue - green > 20) & (red < 90)).sum())


def test_a_bin_size_that_is_typed_is_in_the_bins(viewer: Phoebus, running: Live) -> None:
    open_screen(viewer, running, "overview.bob")
    viewer.screen.click(*viewer.widget_centre("overview.bob", "$(P)$(R)BinStep"))
    viewer.screen.type("0.02")
    running.until(lambda: running.get("Red1:BinParams_RBV", "-S") == "0.4,0.02,5", PATIENCE_S)


def test_a_limit_that_is_typed_into_a_row_is_that_of_its_region(
    viewer: Phoebus, running: Live
) -> None:
    open_screen(viewer, running, "regions.bob")
    for number, limit in ((1, "2.5"), (8, "2.75")):
        viewer.screen.click(*viewer.widget_centre("regions.bob", f"$(P)$(R)ROI{number}:Max"))
        viewer.screen.type(limit)
        name = f"Red1:ROI{number}:Max_RBV"
        running.until(functools.partial(reads, running, name, float(limit)), PATIENCE_S)
    assert running.number("Red1:ROI2:Max_RBV") == 0


def test_a_click_on_pause_pauses_and_another_resumes(viewer: Phoebus, running: Live) -> None:
    open_screen(viewer, running, "overview.bob")
    for state in ("Waiting", "Acquire"):
        viewer.screen.click(*viewer.widget_centre("overview.bob", "$(P)Pause"))
        running.until(functools.partial(is_in_state, running, state), PATIENCE_S)


def test_a_value_that_is_refused_goes_back_and_its_field_is_in_alarm(
    viewer: Phoebus, running: Live
) -> None:
    open_screen(viewer, running, "overview.bob")
    before = running.get("Red1:BinStep")
    x, y = viewer.widget_centre("overview.bob", "$(P)$(R)BinStep")
    aside = viewer.widget_centre("overview.bob", "$(P)StatusMessage_RBV")
    viewer.screen.click(*aside)  # the pointer is dark, too
    seen = [0]

    def is_still() -> bool:
        seen.append(dark(viewer.screen.pixels()[y - 8 : y + 8, x - 40 : x + 40]))
        return seen[-1] == seen[-2] > 0

    viewer.wait_until(is_still)
    held = seen[-1]
    viewer.screen.click(x, y)
    viewer.screen.type("0")
    viewer.wait_until(lambda: red(viewer.screen.pixels()[y - 20 : y + 20, x - 60 : x + 60]) > 40)
    assert running.get("Red1:BinStep") == before
    viewer.screen.click(*aside)

    def is_back() -> bool:
        return abs(dark(viewer.screen.pixels()[y - 8 : y + 8, x - 40 : x + 40]) - held) < held / 10

    viewer.wait_until(is_back)
    running.put("Red1:BinStep", before)
    viewer.wait_until(viewer.is_connected)


def dark(pixels: Pixels) -> int:
    """How many pixels are dark: the text 0 has far fewer than 0.02000."""
    return int((pixels < 100).all(axis=2).sum())


def red(pixels: Pixels) -> int:
    """How many pixels are in alarm MAJOR."""
    return int((pixels == MAJOR).all(axis=2).sum())


def test_screens_show_that_the_ioc_is_gone_and_recover_when_it_is_back(
    viewer: Phoebus, running: Live
) -> None:
    open_screen(viewer, running, "overview.bob")
    running.stop()
    viewer.wait_until(lambda: not viewer.is_connected())
    with live(running.network, prefix=running.prefix):
        viewer.wait_until(viewer.is_connected)
