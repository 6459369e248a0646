"""Which of Mantid's algorithms a conversion runs; this needs no Mantid."""

from __future__ import annotations

from typing import Any

import pytest

from reduction.engines.mantid.calibration import CalibrationInMantid
from reduction.engines.mantid.steps import MantidSteps
from reduction.parameters.units import Units


class Axis:
    """The axis of a workspace, in some unit."""

    def __init__(self, units: str) -> None:
        self._units = units

    def getUnit(self) -> Axis:  # noqa: N802  # Mantid's names
        return self

    def unitID(self) -> str:  # noqa: N802
        return self._units


class FakeWorkspace:
    """A workspace that knows its unit alone."""

    def __init__(self, units: str) -> None:
        self.units = units

    def getAxis(self, _: int) -> Axis:  # noqa: N802
        return Axis(self.units)


class FakeMantid:
    """Writes down which algorithms run."""

    api = None

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, name: str, *_: Any, **properties: Any) -> FakeWorkspace:
        self.ran.append(name)
        return FakeWorkspace(properties.get("Target") or properties["InputWorkspace"].units)

    def aligned(self, workspace: FakeWorkspace, calibration: object) -> FakeWorkspace:
        self.ran.append("AlignDetectors")
        return FakeWorkspace(str(Units.D_SPACING))


@pytest.mark.parametrize("units", list(Units))
def test_a_calibration_is_applied_to_the_units_that_follow_from_difc(units: Units) -> None:
    mantid: Any = FakeMantid()
    made = MantidSteps(mantid).converted(
        FakeWorkspace("TOF"), units, CalibrationInMantid(None, []), []
    )
    assert made.units == units
    assert ("AlignDetectors" in mantid.ran) == units.calibrated


@pytest.mark.parametrize("units", list(Units))
def test_without_a_calibration_one_algorithm_converts(units: Units) -> None:
    mantid: Any = FakeMantid()
    MantidSteps(mantid).converted(FakeWorkspace("TOF"), units, None, [])
    converts = "CloneWorkspace" if units is Units.TOF else "ConvertUnits"
    assert mantid.ran == [converts, "Rebin"]
