"""Lists of process variables for archivers, alarm servers and spreadsheets name what is served."""

from __future__ import annotations

import csv
import io
import json
import re
import xml.etree.ElementTree as ET

import pytest

from ioc.app.cli import main
from ioc.generated.exports import FORMATS, SPREADSHEET_COLUMNS, alarm_server, archiver, spreadsheet
from ioc.model.pvs import pv_rows
from ioc.options.commands import PvsOptions
from ioc.options.flags import FLAG
from reduction.parameters.specs import Array

NC_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
"""What the schema of Phoebus allows as the name of an alarm tree and of its parts."""

WRITTEN = ("description", "enabled", "latching", "annunciating", "delay", "guidance")
"""The children of a process variable in the order in which Phoebus writes them."""

ROWS = {row.name: row for row in pv_rows("P:", reductions=2)}


def archived() -> dict[str, dict[str, str]]:
    pvs = json.loads(archiver("P:", 2))
    assert all(each.keys() == {"pv", "samplingmethod", "samplingperiod"} for each in pvs)
    return {each["pv"]: each for each in pvs}


def test_the_spreadsheet_has_a_line_for_every_process_variable() -> None:
    lines = list(csv.DictReader(io.StringIO(spreadsheet("P:", 2))))
    assert tuple(lines[0]) == SPREADSHEET_COLUMNS
    assert [line["name"] for line in lines] == list(ROWS)
    by_name = {line["name"]: line for line in lines}
    rate = by_name["P:Sim:PulseRate"]
    assert (rate["access"], rate["type"], rate["units"]) == ("setpoint", "double", "Hz")
    assert (rate["limits"], rate["precision"], rate["default"]) == ("0.1 … 1000", "2", "14.0")
    assert by_name["P:Pause"]["states"] == "Run;Pause"
    assert by_name["P:Pause"]["default"] == "Run"
    assert by_name["P:Acquire"]["access"] == "command"
    assert by_name["P:Red2:Spec:YC"]["default"] == by_name["P:Red2:Spec:YC"]["limits"] == ""


def test_the_archiver_is_given_scalars_that_are_served_and_nothing_that_is_written() -> None:
    pvs = archived()
    assert pvs.keys() < ROWS.keys()
    for row in map(ROWS.__getitem__, pvs):
        assert not isinstance(row.spec, Array)
        assert not row.access.writable
        assert not row.group.rare
    for name in ("StatusMessage_RBV", "Red1:BinParams_RBV", "UPTIME", "Acquire"):
        assert f"P:{name}" not in pvs


def test_the_archiver_monitors_what_people_change_and_scans_what_results_do() -> None:
    pvs = archived()
    for name, method in (
        ("Red2:BinStep_RBV", "MONITOR"),
        ("Sim:SpaceGroup_RBV", "MONITOR"),
        ("DetectorState_RBV", "MONITOR"),
        ("Lag_RBV", "SCAN"),
        ("Red2:Spec:Total_RBV", "SCAN"),
    ):
        assert pvs[f"P:{name}"]["samplingmethod"] == method
    assert {each["samplingperiod"] for each in pvs.values()} == {"1.0"}


def test_the_alarm_server_watches_a_few_of_each_part_and_says_what_to_do() -> None:
    tree = ET.fromstring(alarm_server("P:", 2).encode())
    assert (tree.tag, tree.get("name")) == ("config", "P")
    parts = {
        part.get("name"): [pv.get("name") for pv in part.findall("pv")]
        for part in tree.findall("component")
    }
    assert parts == {
        "BackEnd": ["P:Status_RBV", "P:Ranks_RBV"],
        "IOC": ["P:HEARTBEAT", "P:ClientsRefused_RBV", "P:ReportsIgnored_RBV"],
        "Stream": ["P:EventTotal_RBV", "P:Lag_RBV"],
        "Reduction1": ["P:Red1:EventsBinned_RBV"],
        "Reduction2": ["P:Red2:EventsBinned_RBV"],
        "Files": ["P:File:Write"],
        "Simulator": ["P:Sim:Pulse_RBV"],
    }
    for pv in tree.iter("pv"):
        assert pv.get("name") in ROWS
        assert {pv.findtext("enabled"), pv.findtext("latching")} <= {"true", "false"}
        assert int(pv.findtext("delay", "none")) >= 0
        assert len(pv.findtext("guidance/details", "")) > 20
        assert pv.findtext("description") == ROWS[pv.get("name", "")].spec.description


def test_lost_events_stay_an_alarm_until_somebody_has_seen_it() -> None:
    tree = ET.fromstring(alarm_server("P:").encode())
    latching = [pv.get("name") for pv in tree.iter("pv") if pv.findtext("latching") == "true"]
    assert latching == ["P:EventTotal_RBV"]


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("LIVE:", "LIVE"),
        ("DREAM:Live<1>:", "DREAM_Live_1_"),
        ("12ID:Live:", "_12ID_Live"),
        ("-x:", "_-x"),
        (":", "_"),
    ],
)
def test_a_prefix_makes_a_name_that_an_alarm_tree_may_have(prefix: str, name: str) -> None:
    tree = ET.fromstring(alarm_server(prefix).encode())
    assert tree.get("name") == name
    assert NC_NAME.fullmatch(name)


def test_the_alarm_server_reads_all_that_the_list_says() -> None:
    """As ``XmlModelReader`` of Phoebus 5 reads it, which leaves out what it does not know."""
    tree = ET.fromstring(alarm_server("P:", 2).encode())
    components = tree.findall("component")
    assert len({each.get("name") for each in components}) == len(components)
    assert all(NC_NAME.fullmatch(each.get("name", "")) for each in components)
    names = [pv.get("name") for pv in tree.iter("pv")]
    assert len(set(names)) == len(names)
    assert {each.tag for each in tree.iter()} == {
        *("config", "component", "pv", "description", "enabled", "latching", "annunciating"),
        *("delay", "guidance", "title", "details"),
    }
    for pv in tree.iter("pv"):
        children = [each.tag for each in pv]
        assert children == [each for each in WRITTEN if each in children]
        assert re.fullmatch(r"\d+", pv.findtext("delay", ""))
        assert all(each.text and not list(each) for each in pv if each.tag != "guidance")


def test_the_archiver_takes_each_name_method_and_period() -> None:
    """As ``ArchivePVAction`` of the Archiver Appliance takes a JSON list: all values are texts."""
    for pv in json.loads(archiver("DREAM-1:Live<1>:", 2)):
        assert all(isinstance(value, str) for value in pv.values())
        assert re.fullmatch(r"[\w+:\[\]<>;/,#{}^-]+", pv["pv"], re.ASCII)
        assert pv["samplingmethod"] in ("SCAN", "MONITOR")
        assert float(pv["samplingperiod"]) >= 0.1


@pytest.mark.parametrize("name", FORMATS)
def test_each_list_is_printed_on_request(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["pvs", "--prefix", "P:", "--format", name, "--reductions", "2"])
    assert capsys.readouterr().out == FORMATS[name]("P:", 2)


def test_the_flag_knows_all_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert PvsOptions.__dataclass_fields__["format"].metadata[FLAG].choices == tuple(FORMATS)
    with pytest.raises(SystemExit):
        main(["pvs", "--format", "xml"])
    assert "it is one of md, csv, archiver, alarm-server" in capsys.readouterr().err
