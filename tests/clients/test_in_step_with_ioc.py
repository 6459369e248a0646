"""What the client devices say of process variables is what the IOC serves.

The devices are read as text, so the tests run without the clients' libraries.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ioc.model.pvs import PvRow, pv_rows
from ioc.model.wire_type import wire_type
from reduction.parameters.limits import PEAKS, REGIONS

CLIENTS = Path(__file__).parents[2] / "clients"
ROWS = {row.name: row for row in pv_rows("")}
MEMBERS = {"Region": "Red1:ROI1:", "Peak": "Red1:Peak1:", "Window": "Red1:ROI1:"}
"""The prefixes of the devices that stand for what is numbered."""


def tree(name: str) -> ast.Module:
    return ast.parse((CLIENTS / name).read_text())


def classes(name: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in tree(name).body if isinstance(node, ast.ClassDef)}


def constant(name: str, variable: str) -> Any:
    """The value of an assignment at the top of a module."""
    for node in tree(name).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == variable:
            return ast.literal_eval(node.value)
    raise AssertionError(f"clients/{name} has no {variable}")


def row_of(name: str) -> PvRow:
    row = ROWS.get(name)
    assert row is not None, f"the IOC serves no {name}"
    return row


def enum_values(of: ast.ClassDef) -> tuple[str, ...]:
    nodes = [node for node in of.body if isinstance(node, ast.Assign)]
    return tuple(ast.literal_eval(node.value) for node in nodes)


def signals() -> Iterator[tuple[str, str, str]]:
    """Type, process variable and annotation of each signal of the ophyd-async devices."""
    for name, body in classes("ophyd_async_device.py").items():
        for node in body.body:
            if isinstance(node, ast.AnnAssign):
                words = ast.unparse(node.annotation)
                kind = re.search(r"Signal\w+\[(\w+)\]", words)
                suffix = re.search(r"PvSuffix(?:\.rbv)?\('([^']+)'", words)
                assert kind, words
                assert suffix, words
                yield kind[1], MEMBERS.get(name, "") + suffix[1], words


ENUMS = [(kind, pv) for kind, pv, _ in signals() if kind in classes("ophyd_async_device.py")]


@pytest.mark.parametrize(("kind", "pv"), ENUMS)
def test_an_enum_of_ophyd_async_has_the_states_that_the_ioc_serves(kind: str, pv: str) -> None:
    ours = enum_values(classes("ophyd_async_device.py")[kind])
    served = wire_type(row_of(pv).spec).labels
    assert ours == served, f"clients/ophyd_async_device.py: {kind} is out of step with {pv}"


def test_the_enums_of_ophyd_async_are_those_of_all_choices_in_the_list() -> None:
    assert {kind for kind, _ in ENUMS} == {"Hold", "Mode", "Preset", "Units"}


@pytest.mark.parametrize(("kind", "pv", "words"), list(signals()))
def test_a_signal_of_ophyd_async_has_the_type_that_the_ioc_serves(
    kind: str, pv: str, words: str
) -> None:
    row = row_of(pv)
    names = {"double": "float", "long": "int", "string": "str", "char": "str"}
    expected = names.get(wire_type(row.spec).epics_type)
    assert expected in (kind, None), f"{pv} is a {expected}, not a {kind}"
    assert row.access.writable == ("SignalRW" in words), pv


def test_the_process_variables_of_the_ophyd_device_are_served() -> None:
    for name, body in classes("ophyd_device.py").items():
        for node in ast.walk(body):
            match node:
                case ast.Call(
                    func=ast.Name(id="Component"),
                    args=[ast.Name(id=kind), ast.Constant(value=str(pv))],
                ):
                    row = row_of(MEMBERS.get(name, "") + pv)
                    assert not row.access.writable or kind in ("Setting", "EpicsSignal"), pv


def test_the_ophyd_device_has_as_many_regions_and_peaks_as_the_ioc() -> None:
    text = (CLIENTS / "ophyd_device.py").read_text()
    assert f"REGIONS, PEAKS = {REGIONS}, {PEAKS}\n" in text


def test_the_presets_and_values_of_nicos_are_those_of_the_ioc() -> None:
    presets = wire_type(row_of("Preset").spec).labels
    for kind, pv in constant("nicos_device.py", "PRESETS").values():
        assert kind in presets, f"clients/nicos_device.py: there is no preset {kind}"
        assert row_of(pv).access.writable
    for pv, _, _ in constant("nicos_device.py", "VALUES").values():
        assert not row_of(pv).access.writable


def test_the_process_variables_of_the_nicos_setup_are_served() -> None:
    text = (CLIENTS / "nicos_setups" / "live_reduction.py").read_text()
    names = re.findall(r'prefix \+ "([^"]+)"', text)
    assert len(names) > 5
    for name in names:
        row_of(name)


@pytest.mark.parametrize("name", ["ophyd_device.py", "ophyd_async_device.py", "nicos_device.py"])
def test_states_that_devices_name_in_code_are_states_of_the_ioc(name: str) -> None:
    words = set(re.findall(r'hold="(\w+)"|mode="(\w+)"', (CLIENTS / name).read_text()))
    states = set(wire_type(row_of("Pause").spec).labels)
    states |= set(wire_type(row_of("AccumulationMode").spec).labels)
    assert {word for pair in words for word in pair if word} <= states
