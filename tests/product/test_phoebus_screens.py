"""The operator screens in CS-Studio Phoebus itself, with real hands on them."""

from __future__ import annotations

import shutil

import pytest

from tests.support.ca_client import network
from tests.support.live import live
from tests.support.phoebus import JARS, PATIENCE_S, phoebus

TOOLS = ("java", "Xvfb", "xdotool")
MAJOR = (255, 0, 0)

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not any(JARS.glob("core-launcher-*.jar")) or not all(map(shutil.which, TOOLS)),
        reason=f"needs Phoebus, by `make phoebus`, and {', '.join(TOOLS)}",
    ),
]


@pytest.fixture(scope="module")
def net():
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def running(net):
    with live(net) as started:
        yield started


@pytest.fixture(scope="module")
def desk(net, running, tmp_path_factory):
    with phoebus(tmp_path_factory.mktemp("phoebus"), net) as started:
        yield started


def opened(desk, running, name):
    desk.open(name, P=running.prefix)
    desk.until(lambda: desk.shows(name) and desk.connected())


@pytest.mark.parametrize(
    "name",
    ["main", "overview", "reduction", "slices", "regions", "simulator", "backend", "expert"],
)
def test_a_screen_opens_with_all_values_and_no_complaint(desk, running, name):
    opened(desk, running, f"{name}.bob")
    assert desk.trouble() == []


def test_a_bin_size_that_is_typed_is_in_the_bins(desk, running):
    opened(desk, running, "overview.bob")
    desk.screen.click(*desk.middle("overview.bob", "$(P)$(R)BinStep"))
    desk.screen.type("0.02")
    running.until(lambda: running.get("Red1:BinParams_RBV", "-S") == "0.4,0.02,5", PATIENCE_S)


def test_a_click_on_pause_pauses_and_another_resumes(desk, running):
    opened(desk, running, "overview.bob")
    for state in ("Waiting", "Acquire"):
        desk.screen.click(*desk.middle("overview.bob", "$(P)Pause"))
        running.until(lambda state=state: running.get("DetectorState_RBV") == state, PATIENCE_S)


def test_a_value_that_is_refused_goes_back_and_its_field_is_in_alarm(desk, running):
    opened(desk, running, "overview.bob")
    before = running.get("Red1:BinStep")
    x, y = desk.middle("overview.bob", "$(P)$(R)BinStep")
    aside = desk.middle("overview.bob", "$(P)StatusMessage_RBV")
    desk.screen.click(*aside)  # the pointer is ink, too
    held = ink(desk.screen.pixels()[y - 8 : y + 8, x - 40 : x + 40])
    desk.screen.click(x, y)
    desk.screen.type("1e-9")
    desk.until(lambda: red(desk.screen.pixels()[y - 20 : y + 20, x - 60 : x + 60]) > 40)
    assert running.get("Red1:BinStep") == before
    desk.screen.click(*aside)

    def back():
        return abs(ink(desk.screen.pixels()[y - 8 : y + 8, x - 40 : x + 40]) - held) < held / 10

    desk.until(back)
    running.put("Red1:BinStep", before)
    desk.until(desk.connected)


def ink(pixels):
    """Dark pixels: of 1e-9 there are half as many as of 0.02000."""
    return int((pixels < 100).all(axis=2).sum())


def red(pixels):
    return int((pixels == MAJOR).all(axis=2).sum())


def test_screens_show_that_the_ioc_is_gone_and_recover_when_it_is_back(desk, running):
    opened(desk, running, "overview.bob")
    running.stop()
    desk.until(lambda: not desk.connected())
    with live(running.network, prefix=running.prefix):
        desk.until(desk.connected)
