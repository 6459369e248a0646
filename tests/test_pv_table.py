"""The table of process variables says what is served, and all of it."""

from __future__ import annotations

import re

import pytest

from ioc.database import MAX_NAME, Access, Database, rows
from ioc.table import BEGIN, END, inserted, markdown


async def _put(*_: object) -> None:
    return None


def test_the_table_names_each_served_channel_once() -> None:
    named = re.findall(r"`(P:[^`]+)`", markdown("P:"))
    assert sorted(named) == sorted(Database("P:", _put).channels)
    assert len(named) == len(set(named))


def test_each_setting_has_a_readback_and_readings_none() -> None:
    names = {row.name: row.access for row in rows("")}
    for name, access in names.items():
        assert (f"{name}_RBV" in names) == (access is Access.SETPOINT)
        assert not name.endswith("_RBV_RBV")


def test_a_line_tells_type_unit_limits_default_and_words() -> None:
    lines = markdown("P:").splitlines()
    assert (
        "| `P:Sim:PulseRate` `P:Sim:PulseRate_RBV` | double | Hz | 0.1 … 1000 | 14"
        " | Pulses per second |" in lines
    )
    assert "| `P:Red1:Spec:YC` | double[] |  |  |  | Counts |" in lines
    assert any(line.startswith("| `P:Reset` | enum |  | Done, Reset |  |") for line in lines)
    assert any("| `0.4,0.001,5` |" in line for line in lines)
    assert {line.replace("\\|", "").count("|") for line in lines} == {7}


def test_a_table_goes_between_the_marks_and_nothing_else_changes() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = inserted(text, markdown("P:"))
    assert once == f"before\n{BEGIN}\n{markdown('P:')}{END}\nafter\n"
    assert inserted(once, markdown("P:")) == once
    with pytest.raises(ValueError, match="no <!-- pv-table -->"):
        inserted("nothing", "")


def test_a_prefix_that_makes_names_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match=f"longer than {MAX_NAME} characters"):
        Database("P" * 40, _put)
