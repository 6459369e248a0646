"""Images and maps look as areaDetector's do, and are made while somebody watches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from ioc.posting import image_posting
from reduction.instrument.geometry import powder_arc
from reduction.instrument.layout import detector_layout
from reduction.parameters.images.image import ImageView
from tests.support.clients.ca_client import network
from tests.support.ioc.ioc_bench import PULSE_TIME_NS, Ioc

LAYOUT = detector_layout(powder_arc(), ImageView.PANELS, 512)
ROWS, COLUMNS = LAYOUT.shape
CELLS = np.where(LAYOUT.pixels > 0, LAYOUT.summed(np.arange(1, 1002, dtype=np.int32)), np.nan)


@pytest.fixture(scope="module")
def ioc() -> Iterator[Ioc]:
    with network() as net, Ioc(net, pva=True) as ioc:
        yield ioc


@pytest.fixture
def client(ioc: Ioc) -> Iterator[Any]:
    pytest.importorskip("p4p", reason="pvAccess is served with p4p")
    from tests.support.clients.pva_client import context

    with context(ioc.network) as made:
        yield made


@pytest.fixture
def enabled(ioc: Ioc) -> Iterator[None]:
    """Image and map are made though nobody watches."""
    for name in ("Image", "Map"):
        assert ioc.put(f"Red1:{name}:Made", "Always").returncode == 0
    yield
    for name in ("Image", "Map"):
        ioc.put(f"Red1:{name}:Made", "Watched")


def test_nothing_is_made_while_nobody_watches(ioc: Ioc) -> None:
    assert not ioc.server.orders.ranks.newest.reductions[0].asks_views
    assert ioc.get("Red1:Image:ArraySizeX_RBV") == str(COLUMNS)
    assert ioc.get("Red1:Image:ArraySizeX_RBV.SEVR") == "INVALID"
    assert ioc.get("Red1:Map:ArraySizeX_RBV") == "4600"


@pytest.mark.usefixtures("enabled")
def test_a_client_of_channel_access_finds_what_areadetector_serves(ioc: Ioc) -> None:
    names = {
        "ArraySizeX_RBV": COLUMNS,
        "ArraySizeY_RBV": ROWS,
        "ArraySizeZ_RBV": 0,
        "ArraySize0_RBV": COLUMNS,
        "ArraySize_RBV": COLUMNS * ROWS * 8,
        "NDimensions_RBV": 2,
        "UniqueId_RBV": 2**31 - 1,
        "Total_RBV": int(np.nansum(CELLS)),
    }
    ioc.until(lambda: ioc.get("Red1:Image:ArrayCounter_RBV") not in ("0", "1"))
    assert {name: int(float(ioc.get(f"Red1:Image:{name}"))) for name in names} == names
    assert ioc.get("Red1:Image:ColorMode_RBV") == "Mono"
    assert ioc.get("Red1:Image:DataType_RBV") == "Float64"
    assert ioc.get("Red1:Image:PluginType_RBV") == "NDPluginStdArrays"
    assert ioc.array("Red1:Image:Dimensions_RBV") == [COLUMNS, ROWS]
    np.testing.assert_array_equal(ioc.array("Red1:Image:ArrayData"), CELLS.ravel())
    np.testing.assert_array_equal(ioc.array("Red1:Image:PixelsPerCell"), LAYOUT.pixels.ravel())
    assert ioc.array("Red1:Image:XE") == LAYOUT.columns.edges.tolist()
    assert ioc.number("Red1:Image:TimeStamp_RBV") == PULSE_TIME_NS / 1e9 - 631_152_000


@pytest.mark.usefixtures("enabled")
def test_cells_say_where_they_are_and_of_which_bank(ioc: Ioc) -> None:
    assert ioc.get("Red1:Image:Banks_RBV", "-S") == "forward,perpendicular,backward"
    two_theta = np.arctan2(ioc.array("Red1:Image:CellPosX"), ioc.array("Red1:Image:CellPosZ"))
    detector = LAYOUT.cell[:1000]
    np.testing.assert_allclose(
        np.degrees(two_theta)[detector], np.linspace(3, 160, 1000), rtol=1e-9
    )
    assert np.isnan(np.delete(two_theta, detector)).all()
    assert np.count_nonzero(ioc.array("Red1:Image:CellPosY")) == ROWS * COLUMNS - 1000  # NaN
    bank = np.array(ioc.array("Red1:Image:CellBank"))
    np.testing.assert_array_equal(bank[detector], powder_arc().bank[:1000])


@pytest.mark.usefixtures("enabled")
def test_a_put_returns_when_the_image_obeys_it(ioc: Ioc) -> None:
    for view in (ImageView.FRONT, ImageView.CYLINDER, ImageView.PANELS):
        layout = detector_layout(powder_arc(), view, 100)
        ioc.put("Red1:Image:Resolution", "100")
        assert ioc.put("Red1:Image:View", view).returncode == 0
        shape = [ioc.number(f"Red1:Image:ArraySize{axis}_RBV") for axis in "YX"]
        assert tuple(shape) == layout.shape
    ioc.put("Red1:Image:Resolution", "512")


@pytest.mark.usefixtures("enabled")
def test_masked_detectors_are_no_part_of_a_cell(ioc: Ioc) -> None:
    assert ioc.put("Red1:Mask", "0:332", "-S").returncode == 0
    data = np.array(ioc.array("Red1:Image:ArrayData")).reshape(ROWS, COLUMNS)
    row, column = np.divmod(LAYOUT.cell[:333], COLUMNS)
    assert np.isnan(data[row, column]).all()
    assert np.count_nonzero(~np.isnan(data)) == 667
    ioc.put("Red1:Mask", "", "-S")


@pytest.mark.usefixtures("enabled")
def test_a_picture_on_pvaccess_is_an_ntndarray_of_the_same_cells(ioc: Ioc, client: Any) -> None:
    image = client.get(f"{ioc.prefix}Red1:Image:Image", timeout=20)
    np.testing.assert_array_equal(image, CELLS)
    assert image.attrib["ColorMode"] == 0
    assert image.raw["uniqueId"] == 2**31 - 1
    seconds, nanoseconds = divmod(PULSE_TIME_NS, 10**9)
    stamp = image.raw["dataTimeStamp"]
    assert (stamp["secondsPastEpoch"], stamp["nanoseconds"]) == (seconds, nanoseconds)
    made = client.get(f"{ioc.prefix}Red1:Map:Image", timeout=20)
    assert made.shape == (100, 4600)
    np.testing.assert_array_equal(made[:, 0], np.arange(100))
    assert ioc.get("Red1:Map:XLabel_RBV") == "d-spacing (Ang)"
    assert ioc.get("Red1:Map:YLabel_RBV") == "two-theta (deg)"


def test_an_image_is_made_while_a_client_is_connected(
    ioc: Ioc, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("p4p", reason="pvAccess is served with p4p")
    from tests.support.clients.pva_client import context

    monkeypatch.setattr(image_posting, "UNWATCHED_S", 0.5)
    with context(ioc.network) as client:  # which keeps a closed channel for some time
        shapes: list[tuple[int, ...]] = []
        name = f"{ioc.prefix}Red1:Image:Image"
        subscription = client.monitor(name, lambda value: shapes.append(value.shape))
        ioc.until(lambda: bool(shapes) and shapes[-1] == (ROWS, COLUMNS))
        subscription.close()

    def asks() -> bool:
        return ioc.server.orders.ranks.newest.reductions[0].asks_views

    ioc.until(lambda: not asks())
    with ioc.start("camonitor", "-#3", ioc.prefix + "Red1:Image:ArrayData") as monitor:
        ioc.until(asks)
        ioc.until(lambda: ioc.get("Red1:Image:ArraySizeX_RBV.SEVR") == "NO_ALARM")
        monitor.kill()
    ioc.until(lambda: not asks())
    ioc.until(lambda: ioc.get("Red1:Image:ArraySizeX_RBV.SEVR") == "INVALID")


@pytest.mark.usefixtures("enabled")
def test_picked_cells_have_a_spectrum_and_say_what_they_are(ioc: Ioc) -> None:
    for name, value in {"MinX": 10, "MinY": 0, "SizeY": 1, "SizeX": 5}.items():
        assert ioc.put(f"Red1:Image:ROI:{name}", str(value)).returncode == 0
    assert ioc.get("Red1:Image:ROI:NumPixels_RBV") == "5"
    assert ioc.get("Red1:Image:ROI:Pixels_RBV", "-S") == "10:14"
    assert ioc.get("Red1:Image:ROI:Banks_RBV", "-S") == "forward"
    angle = np.degrees(powder_arc().two_theta_rad[10:15]).mean()
    assert ioc.number("Red1:Image:ROI:TwoTheta_RBV") == pytest.approx(angle)
    assert ioc.array("Red1:Image:ROI:YC") == list(range(4600))
    assert ioc.number("Red1:Image:ROI:Total_RBV") == 4600 * 4599 / 2
    ioc.put("Red1:Image:ROI:SizeX", "0")
    ioc.until(lambda: ioc.get("Red1:Image:ROI:NumPixels_RBV") == "0")


def test_what_cannot_be_is_refused_in_words(ioc: Ioc) -> None:
    assert "lowest is 16" in ioc.refused("Red1:Image:Resolution", "3")
    ioc.put("Red1:Image:Min", "3")
    assert ioc.get("Red1:Image:Min_RBV.SEVR") == "MINOR"  # it waits for Max
    ioc.put("Red1:Image:Max", "4")
    assert ioc.get("Red1:Image:Min_RBV.SEVR") == "NO_ALARM"
    ioc.put("Red1:Image:Min", "0")
    ioc.put("Red1:Image:Max", "0")


@pytest.mark.usefixtures("enabled")
def test_a_normalised_image_of_nothing_says_why_it_is_empty(ioc: Ioc) -> None:
    ioc.put("Red1:Normalisation", "ProtonCharge")
    assert ioc.put("Red1:Image:Scale", "Normalised").returncode == 0
    assert np.isnan(ioc.array("Red1:Image:ArrayData")).all()
    assert "proton charge is 0 uC" in ioc.get("Red1:Image:Message_RBV", "-S")
    ioc.put("Red1:Normalisation", "None")
    assert ioc.put("Red1:Image:Scale", "PerPixel").returncode == 0
    per_pixel = CELLS / np.maximum(LAYOUT.pixels, 1)
    np.testing.assert_array_equal(ioc.array("Red1:Image:ArrayData"), per_pixel.ravel())
    ioc.put("Red1:Image:Scale", "Counts")


def test_one_put_masks_the_rectangle_and_one_takes_it_back(ioc: Ioc) -> None:
    for name, cells in (("MinX", COLUMNS - 1), ("SizeX", 1), ("SizeY", 1)):
        assert ioc.put(f"Red1:Image:ROI:{name}", str(cells)).returncode == 0
    ids = ioc.get("Red1:Image:ROI:Pixels_RBV", "-S")
    assert ids
    assert ioc.put("Red1:Image:ROI:Mask", "1").returncode == 0
    assert ioc.get("Red1:Mask", "-S") == ids
    assert ioc.put("Red1:Image:ROI:Restore", "1").returncode == 0
    assert ioc.get("Red1:Mask_RBV", "-S") == ""
    assert ioc.put("Red1:Image:ROI:Restore", "1").returncode != 0
    for name in ("MinX", "SizeX", "SizeY"):
        ioc.put(f"Red1:Image:ROI:{name}", "0")
