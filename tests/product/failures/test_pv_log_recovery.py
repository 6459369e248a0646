"""Pulses that are sliced by a process variable stay in their slices, whatever is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients.ca_client import Network
from tests.support.product.live import Live, live

pytestmark = pytest.mark.timeout(360)


def slices(running: Live) -> list[float]:
    return running.array("Red1:Slices:Total_RBV")


def current(running: Live) -> bool:
    """Whether all pulses have been read again that were there before the kill."""
    return running.get("DetectorState_RBV") == "Acquire" and running.number("CatchUp_RBV") == 100


def some_pulses(running: Live) -> None:
    """Wait for ten pulses."""
    last = running.number("PulseLast_RBV")
    running.until(lambda: running.number("PulseLast_RBV") > last + 10)


def test_pulses_stay_in_their_slices_when_ranks_or_all_are_killed(
    net: Network, tmp_path: Path
) -> None:
    files = {name: tmp_path / name for name in ("run-state", "autosave", "log-folder")}
    flags = [f"--{name}={path}" for name, path in files.items()]
    with live(net, *flags) as running:
        prefix = running.prefix
        assert running.put("LagLimit", "3.5").returncode == 0
        assert running.put("Red1:Filter:Log", prefix + "LagLimit", "-S").returncode == 0
        for value in ("5.5", "7.5"):
            some_pulses(running)
            assert running.put("LagLimit", value).returncode == 0
        some_pulses(running)
        running.hold()
        before = slices(running)
        assert [n for n, counts in enumerate(before) if counts] == [3, 5, 7]
        running.one("ioc ranks --").kill()
        running.until(lambda: running.get("DetectorState_RBV") != "Acquire", 5)
        running.until(lambda: current(running), 15)
        running.until(lambda: slices(running) == before, 5)
        running.kill_all()
    with live(net, *flags, prefix=prefix) as running:
        running.until(lambda: current(running), 15)
        assert running.get("Sim:Pause_RBV") == "Pause"
        assert slices(running) == before
        assert "not kept" not in running.get("StatusMessage_RBV", "-S")
