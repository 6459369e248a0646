"""Every kind of parameter has one description of how it looks to clients."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from ioc.ca.channel import CHANNEL_CLASSES, channel
from ioc.generated.panels import WRITERS
from ioc.model.pvs import pv_rows
from ioc.model.wire_type import EpicsType, Limits, WireKind, wire_type
from reduction.parameters.specs import (
    Array,
    Choice,
    Command,
    Float,
    Integer,
    Spec,
    Switch,
    Text,
)


class Colour(enum.StrEnum):
    RED = "Red"
    GREEN = "Green"


KINDS: list[tuple[Spec, WireKind, str, str, str]] = [
    (Float(pv="F", description="a float"), WireKind.DOUBLE, "double", "ai", "ao"),
    (Integer(pv="I", description="an integer"), WireKind.LONG, "long", "longin", "longout"),
    (
        Choice(pv="C", description="a choice", options=Colour),
        WireKind.CHOICE,
        "enum",
        "mbbi",
        "mbbo",
    ),
    (Switch(pv="S", description="a switch"), WireKind.SWITCH, "enum", "bi", "bo"),
    (Command(pv="D", description="a command"), WireKind.COMMAND, "enum", "bi", "bo"),
    (
        Text(pv="W", description="a word", max_length=39),
        WireKind.STRING,
        "string",
        "stringin",
        "stringout",
    ),
    (
        Text(pv="T", description="a text", max_length=40),
        WireKind.CHARS,
        "char[41]",
        "waveform",
        "waveform",
    ),
    (Array(pv="A", description="an array"), WireKind.DOUBLES, "double[]", "waveform", "waveform"),
]


@pytest.mark.parametrize(("spec", "kind", "name", "read", "written"), KINDS)
def test_a_spec_has_a_kind_a_type_and_a_record_to_read_and_one_to_write(
    spec: Spec, kind: WireKind, name: str, read: str, written: str
) -> None:
    wire = wire_type(spec)
    assert (wire.kind, wire.type_name) == (kind, name)
    assert (wire.record(writable=False), wire.record(writable=True)) == (read, written)


def test_every_kind_is_of_some_spec() -> None:
    assert {kind for _, kind, *_ in KINDS} == set(WireKind)


def test_a_spec_without_a_kind_is_a_type_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="no channel for Spec X"):
        wire_type(Spec(pv="X", description="of no kind"))


@pytest.mark.parametrize(
    ("low", "high", "limits"),
    [
        (None, None, None),
        (1, None, Limits(1, 2**31 - 1)),
        (None, 5, Limits(-(2**31), 5)),
        (1, 5, Limits(1, 5)),
    ],
)
def test_half_a_pair_of_limits_of_an_integer_is_completed_by_those_of_its_type(
    low: int | None, high: int | None, limits: Limits | None
) -> None:
    spec = Integer(pv="I", description="an integer", minimum=low, maximum=high)
    assert wire_type(spec).limits == limits


def test_half_a_pair_of_limits_of_a_float_is_not_shown() -> None:
    assert wire_type(Float(pv="F", description="a float", minimum=0)).limits is None


@pytest.mark.parametrize(
    ("spec", "value", "served"),
    [
        (Integer(pv="I", description="an integer"), 2**40, 2**31 - 1),
        (Choice(pv="C", description="a choice", options=Colour), Colour.GREEN, "Green"),
        (Switch(pv="S", description="a switch"), True, "On"),
        (Text(pv="W", description="a word", max_length=4), "a…bc", "a..."),
        (Text(pv="W", description="a word", max_length=4), "Δd", "?d"),
    ],
)
def test_a_value_is_served_whatever_it_is(spec: Spec, value: Any, served: Any) -> None:
    assert wire_type(spec).served(value) == served


def test_an_array_is_served_as_big_endian_float64_and_none_as_an_empty_one() -> None:
    wire = wire_type(Array(pv="A", description="an array"))
    served = wire.served([1, 2])
    assert (served.dtype.str, served.tolist()) == (">f8", [1.0, 2.0])
    assert wire.served(None).shape == (0,)


def test_every_epics_type_has_a_class_of_channels() -> None:
    assert set(CHANNEL_CLASSES) == set(EpicsType), "complete CHANNEL_CLASSES in ioc/ca/channel.py"


def test_every_kind_has_a_widget_or_none() -> None:
    assert set(WRITERS) == set(WireKind), "complete WRITERS in ioc/generated/panels.py"


def test_every_kind_has_a_type_on_pvaccess() -> None:
    normative = pytest.importorskip("ioc.pva.normative", reason="p4p is not installed")
    types = set(normative.NORMATIVE_TYPES)
    assert types == set(WireKind), "complete NORMATIVE_TYPES in ioc/pva/normative.py"


def test_every_parameter_has_a_channel_that_names_the_record_it_is_like() -> None:
    for spec in {row.spec for row in pv_rows("")}:
        made = channel(spec, 0)
        assert made.get_field("RTYP").value == wire_type(spec).input_record, spec.pv
