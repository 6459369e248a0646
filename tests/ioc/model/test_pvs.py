"""The list of process variables says what belongs together, without looking at names or paths."""

from __future__ import annotations

import pytest

from ioc.model.addresses import reduction_at
from ioc.model.pvs import pv_rows
from ioc.model.roles import Role

ROWS = {row.name: row for row in pv_rows("X:", reductions=2)}


@pytest.mark.parametrize(
    ("name", "reduction", "number"),
    [
        ("Pause", None, None),
        ("Sim:Pressure", None, None),
        ("Red1:Units", 0, None),
        ("Red2:Filter:Log", 1, None),
        ("Red2:ROI3:Max_RBV", 1, 2),
        ("Red2:ROI3:Total_RBV", 1, 2),
        ("Red1:Slice10:YC", 0, 9),
        ("Red2:Slices:Middle_RBV", 1, None),
        ("Red2:Peak4:Series:Centre_RBV", 1, 3),
    ],
)
def test_a_group_tells_its_reduction_and_its_own_number(
    name: str, reduction: int | None, number: int | None
) -> None:
    group = ROWS[f"X:{name}"].group
    assert (group.reduction, group.number) == (reduction, number)


def test_the_bins_and_the_unit_that_they_are_in_are_known_by_their_role() -> None:
    rows = [row for row in ROWS.values() if row.role and row.access.writable]
    roles = {row.name: row.role for row in rows if row.role is not Role.DETECTOR_FILE}
    bins = ("BinParams", "BinMin", "BinStep", "BinMax")
    assert roles == {
        f"X:Red{n}:{name}": Role.UNITS if name == "Units" else Role.BINS
        for n in (1, 2)
        for name in ("Units", *bins)
    }


def test_files_that_a_put_reads_are_known_by_their_role() -> None:
    files = {row.name for row in ROWS.values() if row.role is Role.DETECTOR_FILE}
    names = ("Calibration", "MaskFile", "GroupsFile")
    setpoints = {f"X:Red{n}:{name}" for n in (1, 2) for name in names}
    assert files == setpoints | {f"{name}_RBV" for name in setpoints}


def test_all_settings_of_a_reduction_are_below_its_address() -> None:
    for row in ROWS.values():
        if row.access.writable:
            below = [row.place.below(reduction_at(n)) is not None for n in (0, 1)]
            assert below == [row.group.reduction == n for n in (0, 1)], row.name


def test_what_the_ioc_says_of_another_part_is_marked() -> None:
    marked = {row.name for row in ROWS.values() if row.group.by_ioc}
    assert {"X:StatusMessage_RBV", "X:Refusal_RBV", "X:Sim:StatusMessage_RBV"} < marked
    assert not {"X:Lag_RBV", "X:HEARTBEAT", "X:Sim:Pulse_RBV"} & marked
