"""What visitors put is checked in the words of the IOC before it is put."""

from __future__ import annotations

from typing import Any

import pytest

from web.values.names import WebNames
from web.values.puts import field_and_value
from web.values.pva_client import PutRefused

NAMES = WebNames("T:", reductions=1)


def put(name: str, given: Any) -> tuple[str, Any]:
    row = NAMES.find(f"T:{name}").row
    assert row is not None
    return field_and_value(row, given)


@pytest.mark.parametrize("given", ["TOF", 0, 0.0, "0"])
def test_a_state_is_given_by_its_label_or_its_index(given: Any) -> None:
    assert put("Red1:Units", given) == ("value.index", 0)


@pytest.mark.parametrize("given", ["Pause", 1, 1.0, "1", True])
def test_so_is_a_switch(given: Any) -> None:
    assert put("Pause", given) == ("value.index", 1)


def test_numbers_and_texts_are_put_as_they_are() -> None:
    assert put("LagLimit", 3) == ("value", 3.0)
    assert put("LagLimit", "3.5") == ("value", 3.5)
    assert put("PresetPulses", 50.0) == ("value", 50)
    assert put("Red1:BinParams", " 1,2,3 ") == ("value", "1,2,3")


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("Red1:Units", "dspacing", "it is one of TOF, Wavelength.*did you mean dSpacing"),
        ("Red1:Units", 9, r"it is one of TOF \(0\)"),
        ("Red1:Units", 0.5, r"it is one of TOF \(0\)"),
        ("Pause", "Stop", r"it is Run \(0\) or Pause \(1\)"),
        ("PresetPulses", 1.5, "not a whole number"),
        ("PresetPulses", 0, "the lowest is 1"),
        ("LagLimit", "x", "not a number"),
        ("LagLimit", float("nan"), "not a finite number"),
        ("LagLimit", 1e9, "the highest is 1e"),
        ("Red1:BinParams", "ü", "only printable ASCII"),
        ("Red1:BinParams", "1" * 300, "longer than 256"),
    ],
)
def test_a_value_that_is_not_valid_is_refused_in_words(name: str, given: Any, why: str) -> None:
    with pytest.raises(PutRefused, match=why):
        put(name, given)
