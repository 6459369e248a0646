"""Detector images and maps in saved results: read back, opened by others, drawn."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.files.nexus_reader import read_nexus
from reduction.files.nexus_writer import contents, write_nexus
from reduction.files.saved_parts import PictureAxis, SavedPicture
from tests.reduction.files.test_saved_views import imported
from tests.support.results.saved_sample import sample


def pictures() -> tuple[SavedPicture, SavedPicture]:
    """An image with a gap between detectors, whose rows descend, and a map with uneven bins."""
    values = np.random.default_rng(1).poisson(20, (6, 10)).astype(float)
    values[:, 4] = np.nan
    angle = PictureAxis("angle", "deg", np.linspace(-50.0, 50.0, 11))
    height = PictureAxis("y", "m", np.linspace(0.3, -0.3, 7))
    image = SavedPicture("image", "counts", values, angle, height, 77)
    d = PictureAxis("d-spacing", "angstrom", np.geomspace(0.4, 5, 9))
    bank = PictureAxis("bank", "", np.arange(4.0))
    return image, SavedPicture("map", "counts", np.arange(24.0).reshape(3, 8), d, bank, 78)


def saved(path: Path, **changes: Any) -> Path:
    write_nexus(sample(slices=2, pictures=pictures(), **changes), path / "a.nxs")
    return path / "a.nxs"


def assert_equal(one: SavedPicture, other: SavedPicture) -> None:
    assert (one.kind, one.quantity, one.last_pulse) == (
        other.kind,
        other.quantity,
        other.last_pulse,
    )
    np.testing.assert_array_equal(one.values, other.values)
    for here, there in ((one.x, other.x), (one.y, other.y)):
        assert (here.name, here.units, here.label) == (there.name, there.units, there.label)
        np.testing.assert_array_equal(here.edges, there.edges)


def test_pictures_are_read_back_as_they_were_saved(tmp_path: Path) -> None:
    for one, other in zip(read_nexus(saved(tmp_path)).pictures, pictures(), strict=True):
        assert_equal(one, other)


def test_a_result_without_pictures_has_none(tmp_path: Path) -> None:
    write_nexus(sample(), tmp_path / "a.nxs")
    assert read_nexus(tmp_path / "a.nxs").pictures == ()


def test_equal_pictures_make_equal_bytes() -> None:
    one, other = (contents(sample(pictures=pictures()), Path("a.nxs")) for _ in range(2))
    assert one == other


def test_values_and_edges_must_fit_together() -> None:
    image, _ = pictures()
    with pytest.raises(ValueError, match=r"the image has shape \(6, 9\)"):
        dataclasses.replace(image, values=image.values[:, 1:])


@pytest.mark.parametrize("damage", ["x_edges", "y_edges", "data", "last_pulse"])
def test_a_damaged_picture_is_refused_in_words(tmp_path: Path, damage: str) -> None:
    path = saved(tmp_path)
    with h5py.File(path, "a") as file:
        del file[f"entry/image/{damage}"]
        file[f"entry/image/{damage}"] = np.zeros((2, 2, 2))
    with pytest.raises(ValueError, match="not a saved result"):
        read_nexus(path)


def test_silx_opens_image_and_map_with_their_axes(tmp_path: Path) -> None:
    silx, nxdata = imported("silx.io"), imported("silx.io.nxdata")
    with silx.open(str(saved(tmp_path))) as file:
        for picture in pictures():
            data = nxdata.NXdata(file[f"entry/{picture.kind}"])
            assert data.is_valid, data.issues
            assert data.is_image
            np.testing.assert_array_equal(data.signal, picture.values)
            np.testing.assert_allclose(data.axes[0], picture.y.centres)
            np.testing.assert_allclose(data.axes[1], picture.x.centres)


def test_scippnexus_opens_image_and_map_with_their_edges(tmp_path: Path) -> None:
    scippnexus = imported("scippnexus")
    with scippnexus.File(saved(tmp_path)) as file:
        for picture in pictures():
            data = file[f"entry/{picture.kind}"][()]
            assert data.dims == ("y", "x")
            np.testing.assert_array_equal(data.values, picture.values)
            assert data.coords.is_edges("x_edges", "x")
            np.testing.assert_array_equal(data.coords["y_edges"].values, picture.y.edges)
            assert data.coords["x"].unit == imported("scipp").Unit(picture.x.units)


def test_pictures_are_drawn_below_the_spectra_as_they_stand() -> None:
    matplotlib_plot = imported("reduction.files.plot")
    plain = matplotlib_plot.draw(sample(slices=2))
    figure = matplotlib_plot.draw(sample(slices=2, pictures=pictures()))
    assert figure.get_figheight() > plain.get_figheight() + 5
    image = next(each for each in figure.axes if each.get_title("left") == "Detector image: counts")
    assert image.get_ylim() == pytest.approx((-0.3, 0.3))
    assert image.get_xlabel() == "angle (deg)"
    shown = image.images[0].get_array()
    np.testing.assert_array_equal(shown[::-1].filled(np.nan), pictures()[0].values)
    image_map = next(each for each in figure.axes if each.get_title("left") == "Map: counts")
    assert image_map.get_ylim() == pytest.approx((0, 3))  # the first row is at the bottom
