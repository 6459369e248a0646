"""A saved result says all that it was, and is saved whole or not at all."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reduction.files.nexus_reader import read_nexus, read_nexus_content
from reduction.files.nexus_writer import contents, write_nexus
from reduction.files.save import save
from reduction.files.saved_parts import SavedRun, SavedSeries
from reduction.files.saved_result import SavedResult
from reduction.parameters.file_names import check_name
from reduction.parameters.specs import Refused
from reduction.parameters.units import Units
from tests.support.results.saved_sample import assert_equal, names, sample

int64 = st.integers(-(2**63), 2**63 - 1)
finite = st.floats(allow_nan=False)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@st.composite
def results(draw: st.DrawFn) -> SavedResult:
    bounds = draw(st.lists(st.tuples(finite, finite).map(sorted).map(tuple), max_size=3))
    groups = draw(st.lists(words, min_size=1, max_size=3))
    edges = sorted(draw(st.sets(st.floats(-1e100, 1e100), min_size=2, max_size=6)))
    shape = (len(bounds) or 1, len(groups), len(edges) - 1)
    series = draw(st.lists(st.tuples(int64, int64, finite, finite), max_size=3))
    counts = draw(arrays(float, shape, elements=st.floats(-1e300, 1e300) | st.just(np.nan)))
    return sample(
        title=draw(words),
        units=draw(st.sampled_from(Units)),
        edges=np.array(edges),
        counts=counts,
        variances=draw(st.just(abs(counts)) | arrays(float, shape, elements=st.floats(0, 1e300))),
        slice_log=draw(words),
        slice_bounds=tuple(bounds),
        group_names=tuple(groups),
        first_pulse=draw(int64),
        start_time_ns=draw(st.integers(0, 2**63 - 1)),
        proton_charge_uc=draw(finite),
        collection_time_s=draw(finite),
        run=SavedRun(draw(words), draw(words), draw(st.integers(0, 2**63 - 1))),
        series=tuple(
            SavedSeries(1.5 * n + np.arange(float(shape[2])), *each)
            for n, each in enumerate(series)
        ),
        accounting=draw(st.dictionaries(words, int64, max_size=3)),
        parameters=draw(
            st.dictionaries(words, words | finite | int64 | st.booleans(), max_size=4)
            | st.just({"a:b": 1, "a_b": 2.0, "a/b": "3", ".": True})
        ),
        program=draw(words),
    )


@settings(max_examples=60)
@given(results())
def test_what_is_written_reads_back_the_same_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, result: SavedResult
) -> None:
    path = tmp_path_factory.mktemp("saved") / "result.nxs"
    write_nexus(result, path)
    assert_equal(read_nexus(path), result)


def test_the_same_result_makes_the_same_bytes(tmp_path: Path) -> None:
    result = sample(slices=3, groups=2)
    write_nexus(result, tmp_path / "a.nxs")
    again = contents(read_nexus(tmp_path / "a.nxs"), tmp_path / "b.nxs")
    assert again == (tmp_path / "a.nxs").read_bytes()


def test_the_sum_is_over_slices_and_groups() -> None:
    result = sample(slices=3, groups=2)
    np.testing.assert_array_equal(result.summed.counts, result.counts.sum((0, 1)))
    np.testing.assert_array_equal(result.by_slice.variances, result.variances.sum(1))
    np.testing.assert_array_equal(result.by_group.counts, result.counts.sum(0))


def test_integer_counts_become_float64_and_nothing_can_be_changed() -> None:
    result = sample(counts=np.full((1, 1, 40), 3))
    assert result.counts.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        result.counts[0] = 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"counts": np.ones((1, 2, 40))}, r"counts has shape \(1, 2, 40\).*\(1, 1, 40\)"),
        ({"variances": np.ones((1, 1, 41))}, "variances has shape"),
        ({"variances": -np.ones((1, 1, 40))}, "variance is negative"),
        ({"edges": np.ones(41)}, "edges do not rise"),
        ({"edges": np.append(np.arange(40.0), np.inf)}, "edges do not rise"),
        ({"edges": np.ones(1)}, "edges has shape"),
        ({"slice_bounds": ((2.0, 1.0),)}, "bounds that do not rise"),
        ({"slice_bounds": ((np.nan, 1.0),)}, "bounds that do not rise"),
        ({"parameters": {"X": None}}, "X is NoneType"),
        ({"accounting": {"received": 2**63}}, "received does not fit"),
        ({"counts": np.full((1, 1, 40), "x")}, "counts holds what is not a number"),
    ],
)
def test_a_result_that_does_not_fit_together_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        sample(**changes)


def test_what_is_no_hdf5_or_not_there_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "vanadium.nxs"
    with pytest.raises(FileNotFoundError, match=r"vanadium\.nxs"):
        read_nexus(path)
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        read_nexus(tmp_path)
    for wrong in (b"", b"# 1 2 3\n", b"\x89HDF\r\n\x1a\n"):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=rf"{path} is (no HDF5 file|damaged)"):
            read_nexus(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused_as_damaged(tmp_path: Path, share: float) -> None:
    path, whole = tmp_path / "cut.nxs", contents(sample(slices=3), tmp_path / "cut.nxs")
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=f"{path} is damaged"):
        read_nexus(path)


NEEDED = {
    "": ("title", "start_time", "end_time", "program_name", "proton_charge", "axes", "parameters"),
    "axes/": ("slice_log", "slice_upper", "group_name", "d_spacing_edges"),
    "spectra/": ("counts",),
    "variances/": ("variances",),
    "monitor/": ("integral",),
    "pulses/": ("first", "last"),
}


@pytest.mark.parametrize("part", [group + one for group in NEEDED for one in NEEDED[group]])
@pytest.mark.parametrize("instead", [None, [[1.5]]], ids=["missing", "another"])
def test_a_file_that_lacks_a_part_is_refused_with_its_name(
    tmp_path: Path, part: str, instead: list[list[float]] | None
) -> None:
    path = tmp_path / "other.nxs"
    write_nexus(sample(slices=2), path)
    with h5py.File(path, "r+") as file:
        del file["entry"][part]
        if instead:
            file["entry"][part] = instead
    words = rf"({part.rsplit('/', 1)[-1]}|shape|bounds|edges)"
    with pytest.raises(ValueError, match=rf"{path} is not a saved result: .*{words}"):
        read_nexus(path)


@pytest.mark.parametrize(
    "part", ["axes/d_spacing_edges", "proton_charge", "start_time", "pulses/last"]
)
def test_a_text_where_a_number_or_time_belongs_is_refused(tmp_path: Path, part: str) -> None:
    path = tmp_path / "other.nxs"
    write_nexus(sample(), path)
    with h5py.File(path, "r+") as file:
        del file["entry"][part]
        file["entry"][part] = "text"
    with pytest.raises(ValueError, match=f"{path} is not a saved result: "):
        read_nexus(path)


@pytest.mark.parametrize("kind", ["link", "raw storage", "virtual"])
def test_what_is_in_another_file_is_not_read(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "a.nxs", tmp_path / "other"
    write_nexus(sample(), path)
    os.mkfifo(other)  # whoever opens it waits for ever
    with h5py.File(path, "r+") as file:
        shape = file["entry/spectra/counts"].shape
        del file["entry/spectra/counts"]
        group = file["entry/spectra"]
        match kind:
            case "link":
                group["counts"] = h5py.ExternalLink(str(other), "/counts")
            case "raw storage":
                stored = [(str(other), 0, 8 * math.prod(shape))]
                group.create_dataset("counts", shape, "<f8", external=stored)
            case "virtual":
                layout = h5py.VirtualLayout(shape, "<f8")
                layout[...] = h5py.VirtualSource(str(other), "counts", shape)
                group.create_virtual_dataset("counts", layout)
    with pytest.raises(ValueError, match=r"counts (is|are) in another file"):
        read_nexus_content(path.read_bytes(), path)
    with pytest.raises(ValueError, match=r"counts (is|are) in another file"):
        read_nexus(path)


def test_counts_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.nxs"
    write_nexus(sample(), path)
    with h5py.File(path, "r+") as file:
        del file["entry/spectra/counts"]
        file["entry/spectra/counts"] = np.ones((1, 1, 39))
    with pytest.raises(ValueError, match=r"other\.nxs .*counts has shape \(1, 1, 39\)"):
        read_nexus(path)


def test_a_text_that_hdf5_cannot_hold_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.nxs"
    write_nexus(sample(), path)
    with pytest.raises(ValueError, match=rf"cannot write {path}: "):
        write_nexus(sample(title="a\0b"), path)
    assert read_nexus(path).title == "Silicon, heating"


@pytest.mark.parametrize("units", Units)
def test_every_unit_has_an_axis_of_its_own(tmp_path: Path, units: Units) -> None:
    write_nexus(sample(units=units), tmp_path / "a.nxs")
    assert read_nexus(tmp_path / "a.nxs").units is units
    with h5py.File(tmp_path / "a.nxs") as file:
        data = file[file["/"].attrs["default"]]
        data = data[data.attrs["default"]]
        assert data.attrs["axes"] == [units.labels.name]
        assert data[units.labels.name].attrs["units"] == units.labels.units


def test_saving_writes_nexus_and_text_into_a_new_folder(tmp_path: Path) -> None:
    paths = save(sample(slices=2), tmp_path / "run7", "si").paths
    assert [path.name for path in paths] == ["si.nxs", "si.xye", "si_slice1.xye", "si_slice2.xye"]
    assert names(tmp_path / "run7") == sorted(path.name for path in paths)
    assert_equal(read_nexus(paths[0]), sample(slices=2))


def test_files_are_shared_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        (path, *_) = save(sample(), tmp_path, "a").paths
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


NAMES = ["", "a/b", "a\\b", "..", ".a", " a", "a ", "a\nb", "a\0", "a.nxs", "a_slice2", "å" * 120]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(Refused, match="File:Name"):
        save(sample(), tmp_path / "new", name)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["a", "run 7", "si.10K", "å", "slice2", "-x"])
def test_ordinary_names_are_taken(tmp_path: Path, name: str) -> None:
    check_name(name)
    assert save(sample(), tmp_path, name).paths[0].name == f"{name}.nxs"


def test_a_folder_that_cannot_be_made_or_is_none_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="typo/run7"):
        save(sample(), tmp_path / "typo" / "run7", "a")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"not a folder.*file"):
        save(sample(), tmp_path / "file", "a")
