"""Runs over the network: ranks report messages, and process variables tell runs."""

from __future__ import annotations

from typing import Any

import pytest

from reduction.messages.run_messages import RunMessage
from tests.support.ioc.ioc_bench import PULSE_TIME_NS, Ioc


def start(number: int) -> RunMessage:
    return RunMessage(True, f"job {number}", str(number), "Ice", PULSE_TIME_NS + number)


def test_a_run_that_the_ranks_report_goes_into_their_orders_and_onto_channels(ioc: Ioc) -> None:
    assert ioc.put("RunAction", "NextSeries").returncode == 0
    ioc.ranks.run_messages = (start(7),)
    ioc.until(lambda: ioc.get("RunName_RBV") == "7")
    assert ioc.get("RunTitle_RBV", "-S") == "Ice"
    assert ioc.get("RunState_RBV") == "Running"
    closes = ioc.ranks.seen[-1].closes
    assert closes > 0
    assert ioc.ranks.seen[-1].begins_ns == PULSE_TIME_NS + 7
    stop = RunMessage(False, "job 7", "", "", PULSE_TIME_NS + 8)
    ioc.ranks.run_messages = (start(7), stop)
    ioc.until(lambda: ioc.get("RunState_RBV") == "Stopped")
    assert ioc.ranks.seen[-1].closes == closes
    assert ioc.ranks.seen[-1].acquiring


def test_a_snapshot_has_the_run(ioc: Ioc) -> None:
    pytest.importorskip("p4p", reason="p4p is not installed")
    ioc.ranks.run_messages = (start(9),)
    ioc.until(lambda: ioc.get("RunName_RBV") == "9")
    posted = ioc.server.publisher.posted[0]
    from ioc.pva.snapshot import snapshots

    made: Any = snapshots(ioc.server.database, {0: posted})[f"{ioc.prefix}Red1:Snapshot"]
    run = made.complete()["run"]
    assert (run["name"], run["title"], run["running"]) == ("9", "Ice", True)
    assert run["start"].startswith("2023-11-14T22:13:20")


def test_a_process_variable_of_this_ioc_tells_runs(ioc: Ioc) -> None:
    assert ioc.put("RunAction", "Acquire").returncode == 0
    assert ioc.put("RunNamePV", f"{ioc.prefix}PresetPulses", "-S").returncode == 0
    assert ioc.put("PresetPulses", "41").returncode == 0
    ioc.until(lambda: ioc.get("RunName_RBV") == "41")
    resets = ioc.ranks.seen[-1].resets
    assert ioc.put("PresetPulses", "42").returncode == 0
    ioc.until(lambda: ioc.get("RunName_RBV") == "42")
    assert ioc.ranks.seen[-1].resets > resets
    assert ioc.put("RunNamePV", "", "-S").returncode == 0
    assert ioc.put("RunAction", "Nothing").returncode == 0
