"""The unit of a log is found wherever it is from, or is not known."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ioc.ca.database import Database
from ioc.model.pvs import PvRow
from ioc.pv_logs import log_units
from ioc.pv_logs.log_units import LogUnits
from ioc.security.rules import Client
from tests.support.clients.soft_ioc import client_environment, soft_ioc


async def _put(_row: PvRow, value: Any, _client: Client) -> Any:
    return value


def unit(name: str, stream: tuple[str, ...] = ("temperature", "x")) -> str:
    units = LogUnits(Database("P:", _put), lambda log: log in stream, {"temperature": "K"})
    return asyncio.run(units.of(name))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", ""),
        ("temperature", "K"),
        ("x", ""),
        ("P:Sim:Temperature", "K"),
        ("P:Sim:Pressure_RBV.VAL", "GPa"),
        ("P:Sim:Seed", ""),
        ("P:File:Name", ""),
    ],
)
def test_the_unit_of_a_log_of_the_stream_or_of_this_ioc(name: str, expected: str) -> None:
    assert unit(name) == expected


def test_a_process_variable_that_does_not_answer_has_no_unit_within_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def never(_name: str) -> str:
        await asyncio.sleep(3600)
        return "never"

    monkeypatch.setattr(log_units, "_remote_units", never)
    monkeypatch.setattr(log_units, "UNIT_WITHIN_S", 0.01)
    assert unit("OTHER:Temp") == ""


def test_another_ioc_is_asked_for_the_unit_of_its_process_variable(tmp_path: Path) -> None:
    with soft_ioc(tmp_path) as ioc:
        code = "\n".join(
            (
                "import asyncio, sys",
                "from ioc.pv_logs.log_units import _remote_units",
                "print([asyncio.run(_remote_units(name)) for name in sys.argv[1:]])",
            )
        )
        names = (f"{ioc.prefix}Temperature", f"{ioc.prefix}State", f"{ioc.prefix}Name")
        done = subprocess.run(
            [sys.executable, "-c", code, *names],
            env=os.environ | client_environment(ioc),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert done.stdout == "['K', '', '']\n"
