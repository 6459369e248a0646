"""Masks and groups, by texts and by files, are those detectors that plain loops find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reduction.detector_files.id_ranges import NamedGroups, parse_ranges
from reduction.instrument.detector_ranges import (
    GroupsOverlap,
    detectors_in,
    group_of_detectors,
)
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.instrument.selection import MASKED, detector_groups, group_names
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.specs import Refused
from tests.support.cost import costs_at_most
from tests.support.ioc.detector_files import recipe_with_files

ARC = powder_arc()


def instrument_of(ids: NDArray[np.int32], bank: NDArray[np.int32], monitors: int) -> Instrument:
    """An instrument of these detectors, the first ones monitors, in banks ``east`` and ``west``."""
    position = np.ones((ids.size, 3)) * np.arange(1, ids.size + 1)[:, np.newaxis]
    is_monitor = np.arange(ids.size) < monitors
    return Instrument("any", ids, position, is_monitor, 9.0, bank, ("east", "west"))


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    ids = draw(st.lists(st.integers(-20, 60), min_size=1, max_size=40, unique=True))
    bank = draw(st.lists(st.integers(-1, 1), min_size=len(ids), max_size=len(ids)))
    monitors = draw(st.integers(0, len(ids)))
    return instrument_of(np.array(ids, np.int32), np.array(bank, np.int32), monitors)


WORDS = st.one_of(
    st.sampled_from(["east", "west"]),
    st.integers(-25, 65).map(str),
    st.tuples(st.integers(-25, 65), st.integers(0, 30), st.sampled_from(":-")).map(
        lambda each: f"{each[0]}{each[2]}{each[0] + each[1]}"
    ),
)
LISTS = st.lists(WORDS, max_size=6).map(", ".join)


def plainly(text: str, instrument: Instrument) -> set[int]:
    """The places of the detectors in a list."""
    found = set()
    for word in text.split(", ") if text else []:
        for place, identifier in enumerate(instrument.detector_id.tolist()):
            if word in instrument.bank_names:
                inside = instrument.bank[place] == instrument.bank_names.index(word)
            else:
                ranges = parse_ranges(word)
                inside = ranges.first[0] <= identifier <= ranges.last[0]
            if inside and not instrument.is_monitor[place]:
                found.add(place)
    return found


@settings(max_examples=200)
@given(instrument=instruments(), text=LISTS)
def test_a_list_is_of_the_detectors_that_a_loop_finds(instrument: Instrument, text: str) -> None:
    here = detectors_in(parse_ranges(text, instrument.bank_names), instrument)
    assert set(np.flatnonzero(here).tolist()) == plainly(text, instrument)


@settings(max_examples=300)
@given(instrument=instruments(), texts=st.lists(LISTS, min_size=1, max_size=5))
def test_groups_are_of_the_detectors_that_a_loop_finds(
    instrument: Instrument, texts: list[str]
) -> None:
    members = [parse_ranges(each, instrument.bank_names) for each in texts]
    groups = NamedGroups.of(map(str, range(len(texts))), members)
    sets = [plainly(each, instrument) for each in texts]
    twice = {place for each in sets for place in each if sum(place in one for one in sets) > 1}
    if twice:
        with pytest.raises(GroupsOverlap) as overlap:
            group_of_detectors(groups, instrument)
        (place,) = np.flatnonzero(instrument.detector_id == overlap.value.detector_id)
        assert place in sets[overlap.value.one] & sets[overlap.value.other]
        assert overlap.value.one != overlap.value.other
        return
    expected = np.full(instrument.detector_id.size, -1)
    for number, each in enumerate(sets):
        expected[list(each)] = number
    assert group_of_detectors(groups, instrument).tolist() == expected.tolist()


def test_a_mask_is_taken_as_mantid_writes_it() -> None:
    as_mantid = detector_groups(DetectorSettings(mask="0-14, 243-270,499 - 526"), ARC)
    assert (
        as_mantid.tolist()
        == detector_groups(DetectorSettings(mask="0:14,243:270,499:526"), ARC).tolist()
    )


def test_masks_of_large_instruments_fit_and_are_quick() -> None:
    ids = np.arange(1, 600_001, dtype=np.int32)
    position = np.ones((ids.size, 3))
    large = Instrument("large", ids, position, np.zeros(ids.size, np.bool_), 40.0)
    words = [f"{100 * n + 1}-{100 * n + 8}" for n in range(4000)]
    text = ",".join(words)
    assert len(text) > 50_000
    with costs_at_most(2):
        group = detector_groups(DetectorSettings(mask=text), large)
    assert np.count_nonzero(group == MASKED) == 32_000


def test_each_detector_may_be_a_group() -> None:
    text = ";".join(map(str, range(1000)))
    asked = DetectorSettings(groups=text)
    assert detector_groups(asked, ARC).tolist() == [*range(1000), MASKED]
    assert len(group_names(asked)) == 1000


@pytest.mark.parametrize("text", [";".join(["0:9"] * 2), "0:499;1;500", "forward;0"])
def test_a_detector_in_two_groups_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"detector [01] is in two groups"):
        detector_groups(DetectorSettings(groups=text), ARC)


def test_files_mask_and_group_beside_each_other(tmp_path: Path) -> None:
    cal, mask, groups = (tmp_path / name for name in ("a.cal", "mask.xml", "groups.xml"))
    cal.write_text("0 1 0.1 0 5\n1 2 0 1 5\n2 3 0 1 0\n3 4 0 1 9\n")
    mask.write_text(
        "<detector-masking><group><detids>4,700-800</detids></group></detector-masking>"
    )
    groups.write_text(
        '<detector-grouping><group name="low"><detids>0-499</detids></group>'
        '<group name="high"><component>backward</component></group></detector-grouping>'
    )
    made = recipe_with_files(
        DetectorSettings(
            mask="10",
            mask_file=str(mask),
            groups_file=str(groups),
            calibration=str(cal),
        )
    )
    expected = np.full(1001, MASKED)
    expected[:500] = 0
    expected[:1001][ARC.bank == 2] = 1
    expected[[1, 4, 10, *range(700, 801)]] = MASKED
    assert made.group.tolist() == expected.tolist()
    assert made.groups == 2
    ignored = DetectorSettings(calibration=str(cal), calibration_mask=False)
    assert not np.any(recipe_with_files(ignored).group == MASKED)
    by_cal = DetectorSettings(calibration=str(cal), calibration_groups=True)
    made = recipe_with_files(by_cal)
    assert {place: made.group[place] for place in range(1, 5)} == {1: -1, 2: 0, 3: -1, 4: 1}
    assert made.groups == 2


def test_a_calibration_without_groups_cannot_group(tmp_path: Path) -> None:
    table = tmp_path / "difc.txt"
    table.write_text("3 5000\n")
    asked = DetectorSettings(calibration=str(table), calibration_groups=True)
    with pytest.raises(Refused, match="it has no groups, and CalibrationGroups is set to Apply"):
        recipe_with_files(asked)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1:5\n5:9\n", "line 2: a detector that line 1 has too"),
        ("2000:3000\n", "no detector of powder_arc is in it"),
    ],
)
def test_groups_in_a_file_that_do_not_fit_are_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "groups.txt"
    path.write_text(text)
    with pytest.raises(Refused, match=why):
        recipe_with_files(DetectorSettings(groups_file=str(path)))


def test_an_offset_divides_difc_and_a_masked_detector_may_have_any(tmp_path: Path) -> None:
    path = tmp_path / "a.cal"
    path.write_text("0 3 0.25 1 1\n1 4 -1.5 0 1\n2 5 -0.1 1 1\n")
    made = recipe_with_files(DetectorSettings(calibration=str(path)))
    assert made.calibration is not None
    expected = ARC.difc_us_per_angstrom.copy()
    expected[3] /= 1.25
    expected[5] /= 0.9
    difc = made.calibration.constants.difc_us_per_angstrom
    np.testing.assert_array_equal(difc, expected)
    assert made.group[4] == MASKED
    path.write_text("0 3 0.25 1 1\n1 4 -1.5 1 1\n")
    with pytest.raises(Refused, match="line 2: an offset above -1 was expected"):
        recipe_with_files(DetectorSettings(calibration=str(path)))


def test_difa_and_tzero_of_a_file_reach_the_recipe(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("7 6000 1.5 -2\n3 5000 0 0\n")
    calibration = recipe_with_files(DetectorSettings(calibration=str(path))).calibration
    assert calibration is not None
    found = calibration.constants
    assert (found.difa_us_per_angstrom2[7], found.tzero_us[7]) == (1.5, -2)
    assert np.count_nonzero(found.difa_us_per_angstrom2) == 1
    assert not found.straight
    assert found.difc_us_per_angstrom[[3, 7]].tolist() == [5000, 6000]


def test_a_calibration_that_masks_all_is_refused_and_names_the_switch(tmp_path: Path) -> None:
    path = tmp_path / "a.cal"
    path.write_text("".join(f"{n} {n} 0 0 1\n" for n in range(1000)))
    with pytest.raises(Refused, match=r"no detector is left .*; CalibrationMask Ignore uses those"):
        recipe_with_files(DetectorSettings(calibration=str(path)))
    ignored = DetectorSettings(calibration=str(path), calibration_mask=False)
    assert not np.any(recipe_with_files(ignored).group == MASKED)
