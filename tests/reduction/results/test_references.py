"""Saved results as background and vanadium: what fits, what is refused, and what it leaves open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reduction.files.nexus_writer import write_nexus
from reduction.parameters.corrections import CorrectionSettings, Normalisation
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused
from reduction.parameters.units import Units
from reduction.results.references import LARGEST_REFERENCE_BYTES, LoadedReferences
from tests.support.results.saved_sample import sample

load = LoadedReferences.for_settings


def saved(folder: Path, name: str = "van.nxs", **changes: Any) -> str:
    """The path of a saved result from 0.4 to 5 Å."""
    write_nexus(sample(**changes), folder / name)
    return str(folder / name)


def asked(
    bin_params: str = "0.4,0.23,5", groups: str = "", **corrections: Any
) -> ReductionSettings:
    return ReductionSettings(
        bin_params=bin_params,
        corrections=CorrectionSettings(**corrections),
        detectors=DetectorSettings(groups=groups),
    )


def refusal(**changes: Any) -> str:
    with pytest.raises(Refused) as refused:
        load(asked(**changes))
    return str(refused.value)


def test_a_reference_is_rebinned_and_normalised(tmp_path: Path) -> None:
    path = saved(tmp_path, slices=2, groups=2)
    made = load(asked(vanadium=path, normalisation=Normalisation.MONITOR))
    values, group = made.references.vanadium
    result = sample(slices=2, groups=2)
    counts = result.summed.counts.reshape(20, 2).sum(axis=1)
    np.testing.assert_allclose(values.values, counts / result.monitor_counts)
    np.testing.assert_array_equal(group.values, values.values)
    assert made.references.message == ""


def test_groups_have_references_of_the_same_groups(tmp_path: Path) -> None:
    path = saved(tmp_path, groups=2, group_names=("0:499", "500:999"))
    settings = asked("0.4,0.115,5", "0:499;500:999", background=path)
    made = load(settings).references
    counts = sample(groups=2).counts[0]
    np.testing.assert_allclose(made.background[0].values, counts.sum(axis=0), rtol=1e-9)
    for number in (0, 1):
        (background, vanadium) = made.for_group(number)
        assert background is not None
        np.testing.assert_allclose(background.values, counts[number], rtol=1e-9)
        assert vanadium is None
    assert made.message == ""


def test_a_group_that_the_file_has_not_has_no_values(tmp_path: Path) -> None:
    made = load(asked(groups="0:9", background=saved(tmp_path))).references
    assert made.message == "the background has other groups, so groups have no values"
    (background, _) = made.for_group(0)
    assert background is not None
    assert np.isnan(background.values).all()
    assert np.isfinite(made.background[0].values).all()


def test_what_is_no_saved_result_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "text.nxs").write_text("no HDF5")
    os.mkfifo(tmp_path / "pipe.nxs")
    with (tmp_path / "huge.nxs").open("wb") as file:
        file.truncate(LARGEST_REFERENCE_BYTES + 1)
    for name, words in (
        ("absent.nxs", "there is no such file"),
        ("pipe.nxs", "it is no regular file"),
        ("text.nxs", "is no HDF5 file"),
        ("huge.nxs", "it is larger than 256 MiB"),
    ):
        said = refusal(background=str(tmp_path / name))
        assert said.startswith("Background: ")
        assert words in said


def test_a_file_that_does_not_go_with_the_settings_is_refused(tmp_path: Path) -> None:
    other = saved(tmp_path, units=Units.TOF)
    assert "the vanadium van.nxs is in TOF, not in dSpacing" in refusal(vanadium=other)
    here = saved(tmp_path)
    said = refusal(bin_params="5,0.1,6", background=here)
    assert "the background van.nxs goes from 0.4 to 5 and covers no bin from 5 to 6" in said
    none = np.zeros((1, 1, 40))
    empty = saved(tmp_path, "empty.nxs", counts=none, variances=none)
    assert "has no bin above 0 from 0.4 to 5" in refusal(vanadium=empty)
    assert load(asked(background=empty)).references.message == ""


@pytest.mark.parametrize(
    ("lacks", "by", "words"),
    [
        (
            {"proton_charge_uc": float("nan")},
            Normalisation.PROTON_CHARGE,
            "proton charge is nan uC",
        ),
        ({"monitor_counts": 0.0}, Normalisation.MONITOR, "monitor count is 0"),
    ],
)
def test_a_file_without_what_is_normalised_by_is_refused(
    tmp_path: Path, lacks: dict[str, Any], by: Normalisation, words: str
) -> None:
    path = saved(tmp_path, **lacks)
    assert f"cannot be normalised: its {words}" in refusal(background=path, normalisation=by)
    load(asked(background=path))


def test_what_is_missing_in_part_is_said(tmp_path: Path) -> None:
    counts = sample().counts.copy()
    counts[0, 0, 10:12] = 0
    path = saved(tmp_path, counts=counts, variances=counts)
    made = load(asked("0.285,0.115,5.23", vanadium=path)).references
    assert made.message == (
        "the vanadium begins at 0.4; the vanadium ends at 5; the vanadium is not above 0 in 2 bins"
    )
    assert np.flatnonzero(np.isnan(made.vanadium[0].values)).tolist() == [0, 11, 12, 41, 42]


def test_a_file_is_read_when_it_is_set_and_not_again_until_it_is_set_anew(tmp_path: Path) -> None:
    path = saved(tmp_path)
    first = load(asked(vanadium=path))
    os.remove(path)
    assert load(asked(vanadium=path), first) is first
    other = load(asked("0.4,0.5,4.9", vanadium=path), first)
    assert other.references.vanadium[0].values.size == 9
    with pytest.raises(Refused, match="there is no such file"):
        load(asked(vanadium=path), load(asked(), other))
    with pytest.raises(Refused, match=r"^Background: .*there is no such file"):
        load(asked(background=path, vanadium=path), other)
