"""The table of process variables says what is served, and all of it."""

from __future__ import annotations

import re

import pytest

from ioc.ca.database import MAX_NAME, Database
from ioc.generated.pv_table import BEGIN, END, inserted, markdown
from ioc.model.pvs import Access, numbered_row, pv_rows


async def _put(*_: object) -> None:
    return None


def test_the_table_names_each_served_channel_once_and_of_numbered_ones_the_first() -> None:
    named = re.findall(r"`(P:[^`]+)`", markdown("P:"))
    assert len(named) == len(set(named))
    served = set(Database("P:", _put, reductions=2).names)
    number = re.compile(r"(Red|Slice|Group|Series|ROI|Peak)\d+:")
    family = re.compile(r"(ROI1:|Peak1:)(Groups|Series):")
    unnumbered = {family.sub(r"\1Slices:", number.sub(r"\g<1>1:", name)) for name in served}
    assert set(named) == unnumbered < served


def test_channels_that_few_ask_for_are_made_when_they_are_asked_for() -> None:
    database = Database("P:", _put)
    assert "P:Red1:Slice7:YC" in database.names
    assert "P:Red1:Slice7:YC" not in database.channels
    assert len(database.channels) < 442  # all that are always there
    assert database.channels["P:Red1:Slice7:YC"] is database.channels["P:Red1:Slice7:YC"]
    for number in (33, 1000):
        assert database.has(f"P:Red1:Slice{number}:YC")
        assert f"P:Red1:Slice{number}:YC" not in database.names
        made = database.channels[f"P:Red1:Slice{number}:YC"]
        assert made.spec is database.channels["P:Red1:Slice7:YC"].spec


@pytest.mark.parametrize(
    "name",
    [
        "Red1:Slice1001:YC",
        "Red1:Slice0:YC",
        "Red1:Slice07:YC",
        "Red1:Slice-1:YC",
        "Red1:Slice7:Pixels_RBV",
        "Red1:Slice7:",
        "Red3:Slice7:YC",
        "Red1:Slices7:YC",
        "Red1:Slice7:YC ",
        "Red1:Slice\u0667:YC",
        "Red1:Slice" + "9" * 5000 + ":YC",
    ],
)
def test_names_outside_the_rule_are_no_process_variables(name: str) -> None:
    database = Database("P:", _put, reductions=2)
    assert not database.has("P:" + name)
    assert not database.has(name)
    with pytest.raises(KeyError):
        _ = database.channels["P:" + name]


def test_every_listed_numbered_name_follows_the_rule() -> None:
    rare = [row for row in pv_rows("P:", 2) if row.group.rare and not row.group.columns]
    rows = [row for row in rare if row.group.number is not None]
    assert len(rows) > 800
    for row in rows:
        assert numbered_row(row.name, "P:", 2) == row


def test_each_setting_has_a_readback_and_readings_none() -> None:
    names = {row.name: row.access for row in pv_rows("")}
    assert names.pop("Acquire") is Access.COMMAND  # areaDetector's: its readback is a reading
    assert names.pop("Lock:Owner") is Access.COMMAND  # its readback tells also who it is
    of_plugins = re.compile(r"(Image|Map):(ArrayCounter|NDArrayPort|NDArrayAddress|QueueSize)$")
    names = {name: access for name, access in names.items() if not of_plugins.search(name)}
    for name, access in names.items():
        assert (f"{name}_RBV" in names) == (access is Access.SETPOINT)
        assert not name.endswith("_RBV_RBV")


def test_a_line_tells_type_unit_limits_default_and_words() -> None:
    lines = markdown("P:").splitlines()
    assert (
        "| `P:Sim:PulseRate` `P:Sim:PulseRate_RBV` | double | Hz | 0.1 … 1000 | 14 | "
        " | Pulses per second |" in lines
    )
    assert "| `P:Red1:Spec:YC` | double[] | counts |  |  |  | Counts |" in lines
    assert any(line.startswith("| `P:Reset` | enum |  | Done, Reset |  |") for line in lines)
    assert any("| `0.4,0.001,5` |" in line for line in lines)
    table = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {8}


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
