"""Nobody's files are lost: a name that is taken is numbered or refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reduction.files.nexus_reader import read_nexus
from reduction.files.save import save, save_together
from reduction.parameters.file_names import FileNaming
from reduction.parameters.specs import Refused
from tests.support.results.saved_sample import names, sample


def saved(folder: Path, naming: FileNaming, slices: int = 0) -> str:
    """The name of the NeXus file of a new result."""
    return save_together({"": sample(slices=slices)}, folder, naming).paths[0].name


def test_saving_again_makes_new_files_and_leaves_the_old_ones(tmp_path: Path) -> None:
    save(sample(slices=2), tmp_path, "si")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    again = save(sample(slices=1, title="new"), tmp_path, "si")
    assert [path.name for path in again.paths] == ["si_2.nxs", "si_2.xye", "si_2_slice1.xye"]
    assert read_nexus(tmp_path / "si_2.nxs").title == "new"
    assert {path: path.read_bytes() for path in before} == before
    assert save(sample(), tmp_path, "si").paths[0].name == "si_3.nxs"


@pytest.mark.parametrize(
    "theirs", ["si.nxs", "si.xye", "si_slice7.xye", "si_series2.xye", "si_mantid.nxs"]
)
def test_any_file_of_a_result_takes_its_name_whoever_wrote_it(tmp_path: Path, theirs: str) -> None:
    (tmp_path / theirs).write_text("refined by hand")
    (tmp_path / theirs).chmod(0o444)
    assert saved(tmp_path, FileNaming("si"), slices=3) == "si_2.nxs"
    assert (tmp_path / theirs).read_text() == "refined by hand"


@pytest.mark.parametrize("theirs", ["sic_slice3.xye", "si.txt", "si.nxs.bak", "si_2.xye", "x"])
def test_other_files_take_no_name(tmp_path: Path, theirs: str) -> None:
    (tmp_path / theirs).write_text("another's")
    assert saved(tmp_path, FileNaming("si")) == "si.nxs"
    assert (tmp_path / theirs).read_text() == "another's"


def test_without_increments_a_name_that_is_taken_is_refused_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    (tmp_path / "si.xye").write_text("another's")
    with pytest.raises(FileExistsError, match=r"si\.nxs"):
        saved(tmp_path, FileNaming("si", increments=False))
    assert names(tmp_path) == ["si.xye"]


def test_a_template_with_a_number_counts_from_the_number_that_is_set(tmp_path: Path) -> None:
    naming = FileNaming("si", "%s_%4.4d", 7)
    assert [saved(tmp_path, naming) for _ in range(3)] == [
        "si_0007.nxs",
        "si_0008.nxs",
        "si_0009.nxs",
    ]
    (tmp_path / "si_0010.xye").write_text("another's")
    again = save_together({"": sample()}, tmp_path, naming)
    assert (again.paths[0].name, again.number) == ("si_0011.nxs", 11)
    with pytest.raises(FileExistsError, match=r"si_0007\.nxs"):
        saved(tmp_path, FileNaming("si", "%s_%4.4d", 7, increments=False))


def test_all_results_that_are_saved_together_get_the_same_number(tmp_path: Path) -> None:
    (tmp_path / "si_Red2.xye").write_text("another's")
    both = {"_Red1": sample(), "_Red2": sample()}
    written = save_together(both, tmp_path, FileNaming("si"))
    assert [path.stem for path in written.paths[:2]] == ["si_2_Red1", "si_2_Red2"]
    assert names(tmp_path)[-1] == "si_Red2.xye"


@pytest.mark.parametrize(
    ("template", "name"),
    [("%s", "a"), ("x_%s", "x_a"), ("%s_%d", "a_12"), ("%5.5d%s", "00012a"), ("%s-%03d", "a-012")],
)
def test_templates_are_those_of_areadetector(template: str, name: str) -> None:
    naming = FileNaming("a", template, 12)
    naming.check()
    assert next(naming.candidates()).text == name


@pytest.mark.parametrize(
    "template",
    [
        *("", "name", "%d", "%s%s_%3.3d", "%s_%d_%d", "%s%x", "%s%", "%s%999d", "%s%n"),
        *("%s/%d", "../%s", "%s_slice%d", "%s.nxs", ".%s"),
    ],
)
def test_a_template_that_is_none_is_refused(template: str) -> None:
    with pytest.raises(Refused, match=re.escape("File:Template")):
        FileNaming("a", template).check()


def test_a_percent_sign_in_a_name_is_a_character(tmp_path: Path) -> None:
    assert saved(tmp_path, FileNaming("50%d %s", "%s_%2.2d", 3)) == "50%d %s_03.nxs"
