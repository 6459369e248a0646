from __future__ import annotations

import enum
import math
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.parameters.all_reductions.readings import BackendStatus, EventLogStatus, StreamStatus
from reduction.parameters.all_reductions.run import RunCommands, RunControl
from reduction.parameters.fields import Settings, parameter, specs_of
from reduction.parameters.readings import ReductionStatus, SpectrumReadings
from reduction.parameters.reduction import ReductionSettings, Segment
from reduction.parameters.specs import Choice, Float, Integer, Refused, Switch, Text
from reduction.parameters.units import Units

MODEL = (
    RunControl,
    RunCommands,
    ReductionSettings,
    Segment,
    EventLogStatus,
    StreamStatus,
    BackendStatus,
    ReductionStatus,
    SpectrumReadings,
)


class Colour(enum.StrEnum):
    RED = "Red"
    GREEN = "Green"


@pytest.mark.parametrize(
    ("spec", "value", "message"),
    [
        (
            Float(pv="F", description="", minimum=0.1, units="Hz"),
            -1,
            "F: -1 refused: the lowest is 0.1 Hz",
        ),
        (Float(pv="F", description="", maximum=5), 6, "F: 6 refused: the highest is 5"),
        (Float(pv="F", description=""), math.nan, "F: nan refused: not a finite number"),
        (Float(pv="F", description=""), math.inf, "F: inf refused: not a finite number"),
        (Float(pv="F", description=""), "x", "F: 'x' refused: not a number"),
        (Integer(pv="I", description="", maximum=5), 6, "I: 6 refused: the highest is 5"),
        (Integer(pv="I", description=""), 2.5, "I: 2.5 refused: not a whole number"),
        (Integer(pv="I", description=""), math.inf, "I: inf refused: not a whole number"),
        (Integer(pv="I", description=""), 2**31, "I: 2147483648 refused: does not fit 32 bits"),
        (Choice(pv="C", description="", options=Colour), "Gren", "did you mean Green?"),
        (Choice(pv="C", description="", options=Colour), Units.TOF, "C: 'TOF' refused: it is one"),
        (Choice(pv="C", description="", options=Colour), True, "C: 1 refused: it is one of Red"),
        (Switch(pv="S", description="", on="Go"), 2, "it is Off (0) or Go (1)"),
        (Text(pv="T", description="", max_length=3), "long", "longer than 3 characters"),
        (Text(pv="T", description=""), "a\nb", "only printable ASCII"),
    ],
)
def test_a_refusal_names_parameter_value_and_limit(
    spec: Any, value: float | str, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        spec.checked(value)
    assert message in str(refused.value)


def test_settings_hold_what_their_specs_make_of_values() -> None:
    @dataclass(frozen=True)
    class Some(Settings):
        number: float = parameter(Float(pv="N", description=""), 1.0)
        colour: Colour = parameter(Choice(pv="C", description="", options=Colour), Colour.RED)

    put: dict[str, Any] = {"number": "2", "colour": "Green"}
    assert Some(**put) == Some(2.0, Colour.GREEN)


def test_a_description_that_fits_no_desc_field_is_an_error() -> None:
    with pytest.raises(ValueError, match="longer than 40"):
        Float(pv="F", description="x" * 41)


@pytest.mark.parametrize("of", MODEL, ids=lambda of: of.__name__)
def test_every_parameter_is_described_and_its_default_is_valid(of: Any) -> None:
    settings = of()
    assert [name for name, _ in specs_of(of)] == [
        each.name for each in fields(of) if "spec" in each.metadata
    ]
    for name, spec in specs_of(of):
        assert spec.description
        if isinstance(settings, Settings):
            assert spec.checked(getattr(settings, name)) == getattr(settings, name)


@pytest.mark.parametrize("units", list(Units))
def test_each_unit_has_bins_of_its_own(units: Units) -> None:
    settings = ReductionSettings().with_units(units, units.default_bins)
    assert settings.edges.size > 500
    assert not settings.edges.flags.writeable
    assert len(units.symbol) < 8


def test_bins_beyond_the_limit_are_refused_with_the_limit() -> None:
    with pytest.raises(Refused, match=r"BinParams: '0,1,99' refused: .* the limit is 50"):
        ReductionSettings(bin_params="0,1,99", max_bins=50)


@given(
    st.floats(1e-3, 1e3),
    st.floats(1e-2, 1e2) | st.floats(-0.5, -1e-2),
    st.floats(1e-3, 1e3),
)
def test_a_segment_and_its_bin_parameters_say_the_same(
    low: float, step: float, length: float
) -> None:
    segment = Segment(low, step, low + length)
    assert Segment.of(segment.bin_params) == segment


def test_a_segment_of_several_shows_the_ends_and_the_first_step() -> None:
    segment = Segment.of("0.5,-0.002,2,0.001,3.3")
    assert segment == Segment(0.5, -0.002, 3.3)
    assert replace(segment, bin_step=0.01).bin_params == "0.5,0.01,3.3"


@pytest.mark.parametrize(("given", "number"), [(83.7, 83), ("83.7", 83), (83, 83), (-0.5, 0)])
def test_a_fraction_is_cut_off_where_clients_put_one(given: Any, number: int) -> None:
    assert Integer(pv="I", description="", minimum=0, cut=True).checked(given) == number


@pytest.mark.parametrize("given", [math.nan, math.inf, -1.5, "x", 1e30, "1_0"])
def test_what_has_no_whole_part_within_limits_is_refused_though_fractions_are_cut(
    given: Any,
) -> None:
    with pytest.raises(Refused):
        Integer(pv="I", description="", minimum=0, cut=True).checked(given)


def test_a_whole_number_is_one_in_any_notation_and_is_judged_by_its_limits() -> None:
    spec = Integer(pv="I", description="", minimum=1, maximum=10**6)
    assert [spec.checked(given) for given in ("1e3", "250.0", " 7", 12)] == [1000, 250, 7, 12]
    with pytest.raises(Refused, match=r"the highest is 1e\+06"):
        spec.checked("1e99")
    for wrong in ("1.5", "1e-1", "inf", "nan", "1_0", "e3"):
        with pytest.raises(Refused, match="not a whole number"):
            spec.checked(wrong)
