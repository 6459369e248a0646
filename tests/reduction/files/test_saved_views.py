"""Saved results seen by others: readers of NeXus, and pictures."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.files.nexus_writer import write_nexus
from reduction.files.saved_parts import SavedSeries
from reduction.files.saved_result import SavedResult
from reduction.parameters.units import Units
from tests.support.results.saved_sample import corrected, names, sample

GROUPS = ("data", "slices", "groups", "spectra", "variances")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_nexus(sample(slices=4, groups=3), tmp_path / "si.nxs")
    return tmp_path / "si.nxs"


def imported(name: str) -> Any:
    """An optional package, imported without its own warnings; skips where it is missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, reason=f"{name} is not installed")


def test_silx_finds_the_sum_with_its_errors_by_default(path: Path) -> None:
    silx, nxdata = imported("silx.io"), imported("silx.io.nxdata")
    with silx.open(str(path)) as file:
        data = nxdata.get_default(file)
        assert data.is_valid, data.issues
        np.testing.assert_array_equal(data.signal, sample(slices=4, groups=3).summed.counts)
        np.testing.assert_array_equal(data.errors, np.sqrt(data.signal))
        np.testing.assert_allclose(data.axes[0], sample().centres)
        assert data.axes_names == ["d-spacing (angstrom)"]
        assert data.title == "Silicon, heating"


def test_silx_finds_the_normalised_intensity_by_default_under_its_name(tmp_path: Path) -> None:
    silx, nxdata = imported("silx.io"), imported("silx.io.nxdata")
    result = corrected()
    write_nexus(result, tmp_path / "a.nxs")
    assert result.intensity is not None
    with silx.open(str(tmp_path / "a.nxs")) as file:
        data = nxdata.get_default(file)
        assert data.is_valid, data.issues
        np.testing.assert_array_equal(data.signal, result.intensity.summed.values)
        np.testing.assert_array_equal(data.errors, result.intensity.summed.errors)
        assert data.signal_name == result.intensity.name
        for name in ("slices", "groups", "series"):
            assert nxdata.NXdata(file[f"entry/intensity_{name}"]).is_valid
        counts = nxdata.NXdata(file["entry/data"])
        np.testing.assert_array_equal(counts.signal, result.summed.counts)


@pytest.mark.parametrize("group", GROUPS)
def test_silx_takes_all_that_has_centres(path: Path, group: str) -> None:
    silx, nxdata = imported("silx.io"), imported("silx.io.nxdata")
    with silx.open(str(path)) as file:
        data = nxdata.NXdata(file["entry"][group])
        assert data.is_valid, data.issues
        assert data.axes_names[-1] == "d-spacing (angstrom)"


def test_scippnexus_loads_a_histogram_over_edges_with_variances(path: Path) -> None:
    scippnexus, result = imported("scippnexus"), sample(slices=4, groups=3)
    with scippnexus.File(path) as file:
        histogram = file["entry/histogram"][...]
    assert histogram.coords.is_edges("d_spacing")
    assert str(histogram.coords["d_spacing"].unit) == "Å"
    assert histogram.unit == "counts"
    np.testing.assert_array_equal(histogram.coords["d_spacing"].values, result.edges)
    np.testing.assert_array_equal(histogram.values, result.summed.counts)
    np.testing.assert_allclose(histogram.variances, result.summed.variances)


def test_scippnexus_loads_spectra_with_the_log_of_their_slices(path: Path) -> None:
    scippnexus, result = imported("scippnexus"), sample(slices=4, groups=3)
    with scippnexus.File(path) as file:
        spectra = file["entry/spectra"][...]
    assert dict(spectra.sizes) == {"slice": 4, "group": 3, "d_spacing": 40}
    np.testing.assert_array_equal(spectra.values, result.counts)
    assert list(spectra.coords["slice_upper"].values) == [290, 300, 310, 320]
    assert list(spectra.coords["group_name"].values) == ["bank1", "bank2", "bank3"]


def test_scippnexus_loads_intensities_with_their_unit_and_peaks_of_slices(tmp_path: Path) -> None:
    scippnexus, result = imported("scippnexus"), corrected()
    write_nexus(result, tmp_path / "a.nxs")
    assert result.intensity is not None
    with scippnexus.File(tmp_path / "a.nxs") as file:
        entry = file["entry"][...]
    slices = entry["intensity_slices"]
    assert slices.unit == imported("scipp").Unit("counts/uC/angstrom")
    np.testing.assert_array_equal(slices.values, result.intensity.by_slice.values)
    np.testing.assert_allclose(slices.variances, result.intensity.by_slice.errors**2)
    assert list(slices.coords["slice_proton_charge_uc"].values) == [10, 11, 12]
    centres = entry["peaks"]["peak2"]["slices"]["centre"]
    assert str(centres.unit) == "Å"
    np.testing.assert_allclose(centres.values, [1.92, 1.93, 1.94])
    assert entry["series"].sizes["series"] == 2


@pytest.mark.parametrize("units", Units)
def test_scippnexus_loads_the_whole_file_and_knows_every_unit(tmp_path: Path, units: Units) -> None:
    scippnexus = imported("scippnexus")
    write_nexus(sample(units=units), tmp_path / "a.nxs")
    with scippnexus.File(tmp_path / "a.nxs") as file:
        entry = file["entry"][...]
    symbol = units.labels.symbol.replace("Å⁻¹", "1/Å")
    assert str(entry["histogram"].coords[units.labels.name].unit) == symbol
    assert entry["monitor"]["integral"].value == 1.25e6


def test_nexusformat_which_nexpy_is_made_of_plots_the_sum(path: Path) -> None:
    nexus = imported("nexusformat.nexus")
    data = nexus.nxload(str(path)).get_default()
    assert data.nxpath == "/entry/data"
    assert data.is_plottable()
    assert data.nxerrors.shape == data.nxsignal.shape == (40,)


@pytest.fixture
def picture() -> Any:
    """The module that draws; it needs matplotlib."""
    imported("matplotlib")
    return imported("reduction.files.plot")


def blue_share(path: Path) -> float:
    """The share of a picture's pixels that are blue, as the sum and its errors are."""
    pixels = imported("matplotlib.image").imread(path)
    return float(np.mean(pixels[:, :, 2] - pixels[:, :, 0] > 0.1))


def texts(figure: Any) -> list[str]:
    found: list[Any] = figure.findobj(lambda each: hasattr(each, "get_text"))
    return [text.get_text() for text in found]


def test_the_picture_shows_the_spectrum(picture: Any, tmp_path: Path) -> None:
    picture.plot(sample(), tmp_path / "a.png")
    assert names(tmp_path) == ["a.png"]
    nothing = np.zeros((1, 1, 40))
    picture.plot(sample(counts=nothing, variances=nothing), tmp_path / "b.png")
    assert blue_share(tmp_path / "a.png") > 10 * blue_share(tmp_path / "b.png") > 0


def test_axes_and_title_say_what_is_shown(picture: Any) -> None:
    figure = picture.draw(sample())
    (axes,) = figure.axes
    assert axes.get_xlabel() == "d-spacing (Å)"
    assert axes.get_ylabel() == "Counts per Å"
    words = " ".join(texts(figure)).replace("\u2009", " ")
    for part in ("Silicon, heating", "pulses 1 204 to 26 403", "UTC", "± standard error"):
        assert part in words


def test_a_picture_of_normalised_intensities_says_so_and_shows_closed_series(
    picture: Any, tmp_path: Path
) -> None:
    result = corrected()
    figure = picture.draw(result)
    assert result.intensity is not None
    label = figure.axes[0].get_ylabel().replace("\n", " ")
    assert label == result.intensity.name.capitalize().replace("ang", "Ang").replace("uc", "uC")
    assert len(figure.axes) == 3
    words = texts(figure)
    assert {"Closed series", "series 1", "series 2"} <= set(words)
    assert "sum of 3 slices since 2 closed series" in words
    top = max(artist.get_data().values.max() for artist in figure.axes[0].patches[1:])
    assert top == result.intensity.summed.values.max()
    many = corrected(slices=0, series=900)
    picture.plot(many, tmp_path / "many.png")
    assert (tmp_path / "many.png").stat().st_size > 10_000


def test_a_picture_is_drawn_again_but_never_over_a_file_of_others(
    picture: Any, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    for title in ("first", "second"):
        picture.plot(sample(title=title), path)
    for other in (b"", b"\x89PNG\r\n\x1a\nanother's", b"text"):
        path.write_bytes(other)
        with pytest.raises(FileExistsError, match=r"a\.png"):
            picture.plot(sample(), path)
        assert path.read_bytes() == other


@pytest.mark.parametrize("slices", [1, 5, 32])
def test_every_slice_is_named_by_its_interval_of_the_log(picture: Any, slices: int) -> None:
    figure = picture.draw(sample(slices=slices))
    assert len(figure.axes) == 2
    assert "Sim:Temperature" in texts(figure)
    for low, high in sample(slices=slices).slice_bounds:
        assert f"[{low:g}, {high:g})" in texts(figure)


def test_groups_are_shown_where_there_are_no_slices(picture: Any) -> None:
    assert "bank3" in texts(picture.draw(sample(groups=3)))


@pytest.mark.parametrize(
    ("edges", "scale"),
    [
        (np.geomspace(1, 2000, 41), "log"),
        (np.geomspace(1, 4, 41), "linear"),
        (np.linspace(1, 2000, 41), "linear"),
        (np.linspace(-3, 2000, 41), "linear"),
    ],
)
def test_bins_that_widen_over_decades_make_a_logarithmic_axis(
    picture: Any, edges: NDArray[np.float64], scale: str
) -> None:
    figure = picture.draw(sample(slices=2, edges=edges))
    assert [axes.get_xscale() for axes in figure.axes] == [scale, scale]


def test_intensities_over_decades_make_one_too(picture: Any) -> None:
    assert picture.draw(sample(edges=np.geomspace(1, 2000, 41))).axes[0].get_yscale() == "log"


@pytest.mark.parametrize("edges", [np.linspace(1, 9, 20_001), np.geomspace(1, 900, 20_001)])
def test_more_bins_than_pixels_are_joined_and_no_count_is_lost(
    picture: Any, tmp_path: Path, edges: NDArray[np.float64]
) -> None:
    result = sample(bins=20_000, edges=edges)
    shown = picture.thinned(result)
    assert shown.edges.size <= picture.MOST_STEPS + 1
    assert set(shown.edges) <= set(edges)
    widths, summed = np.diff(shown.edges), shown.shown.summed
    assert (summed.values * widths).sum() == pytest.approx(result.counts.sum(), rel=1e-12)
    assert ((summed.errors * widths) ** 2).sum() == pytest.approx(result.variances.sum(), rel=1e-12)
    picture.plot(result, tmp_path / "a.png")


def test_a_result_of_many_bins_with_closed_series_is_drawn(picture: Any, tmp_path: Path) -> None:
    closed = SavedSeries(np.ones(4600), 1, 5, 2.0)
    picture.plot(sample(bins=4600, series=(closed, closed)), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000


ODD = {
    "one bin": sample(bins=1, slices=2),
    "nothing": sample(slices=2, counts=np.zeros((2, 1, 40)), variances=np.zeros((2, 1, 40))),
    "no value": sample(slices=2, counts=np.full((2, 1, 40), np.nan)),
    "some infinite": sample(counts=np.full((1, 1, 40), np.inf)),
    "negative": sample(groups=2, counts=-np.ones((1, 2, 40))),
    "nothing, logarithmic": sample(
        slices=2, edges=np.geomspace(1, 2000, 41), counts=np.zeros((2, 1, 40))
    ),
    "mathematics": sample(slices=2, title="$5 and \\frac{", slice_log="$x_$", program="$"),
    "long": sample(groups=2, group_names=("$" * 80, "b"), title="Long " * 40),
}


@pytest.mark.parametrize("result", ODD.values(), ids=ODD)
def test_odd_results_are_drawn_without_a_warning(
    picture: Any, tmp_path: Path, result: SavedResult
) -> None:
    picture.plot(result, tmp_path / "a.png")


def test_a_picture_that_cannot_be_written_is_refused_by_name(picture: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none/a\.png"):
        picture.plot(sample(), tmp_path / "none" / "a.png")
