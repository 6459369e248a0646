"""Results as files, and intensities normalised by charge, monitor and vanadium."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reduction.files.nexus_reader import read_nexus
from simulator.stream import PROTON_CHARGE_UC_PER_EVENT
from tests.support.product.live import Expected, Live

SPAN = ("First", "Last")

pytestmark = pytest.mark.timeout(360)


def acquire(running: Live, pulses: int) -> None:
    """An acquisition of as many pulses, to its end."""
    for pv, value in (("Preset", "Pulses"), ("PresetPulses", str(pulses))):
        assert running.put(pv, value).returncode == 0
    command = ("caput", "-c", "-w", "20", running.prefix + "Acquire", "1")
    assert running.tool(*command).returncode == 0


def test_a_result_is_saved_as_it_is_posted_and_drawn(running: Live, tmp_path: Path) -> None:
    assert running.put("Red1:BinParams", "1.7,0.001,2.1", "-S").returncode == 0
    assert running.put("File:Path", str(tmp_path / "absent" / "deep"), "-S").returncode == 0
    assert running.put("File:Write", "1").returncode == 1
    assert "deep" in running.get("File:Message_RBV", "-S")
    assert running.put("File:Name", "a/b", "-S").returncode == 1
    assert running.put("File:Path", str(tmp_path), "-S").returncode == 0
    assert running.put("File:Name", "silicon", "-S").returncode == 0
    running.hold()
    assert running.put("File:Write", "1").returncode == 0
    assert running.get("File:FullName_RBV", "-S") == str(tmp_path / "silicon.nxs")
    saved = read_nexus(tmp_path / "silicon.nxs")
    assert saved.summed.counts.tolist() == running.array("Red1:Spec:YC")
    assert saved.last_pulse == running.number("PulseLast_RBV")
    assert saved.accounting["received"] == running.number("EventTotal_RBV")
    assert saved.parameters[running.prefix + "Red1:BinParams"] == "1.7,0.001,2.1"
    assert running.put("Sim:Pause", "Run").returncode == 0
    drawn = subprocess.run(
        [sys.executable, "-m", "ioc", "plot", str(tmp_path / "silicon.nxs")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert drawn.stdout.strip() == str(tmp_path / "silicon.png")
    assert (tmp_path / "silicon.png").stat().st_size > 10_000
    assert (tmp_path / "silicon.xye").read_text().startswith("#")


def test_intensities_are_divided_by_the_proton_charge_of_their_pulses(running: Live) -> None:
    assert running.put("Acquire", "0").returncode == 0
    assert running.put("Red1:BinParams", "1,0.5,3", "-S").returncode == 0
    acquire(running, 10)
    assert running.put("Red1:Normalisation", "ProtonCharge").returncode == 0
    events = running.number("EventTotal_RBV") - running.number("Red1:MonitorCounts_RBV")
    charge = events * PROTON_CHARGE_UC_PER_EVENT
    counts = np.array(running.array("Red1:Spec:YC"))
    np.testing.assert_allclose(running.array("Red1:Spec:Y"), counts / 0.5 / charge)
    np.testing.assert_allclose(running.array("Red1:Spec:E"), np.sqrt(counts) / 0.5 / charge)
    assert running.put("Red1:Normalisation", "None").returncode == 0
    np.testing.assert_allclose(running.array("Red1:Spec:Y"), counts / 0.5)

    assert running.put("Red1:BinParams", "1.7,0.002,2.1", "-S").returncode == 0
    for pv, value in (("Min", "1.85"), ("Max", "2")):
        assert running.put(f"Red1:Peak1:{pv}", value).returncode == 0
    height = running.number("Red1:Peak1:Height_RBV")
    total = running.number("Red1:Spec:Total_RBV")
    assert running.put("Red1:Normalisation", "ProtonCharge").returncode == 0
    assert running.number("Red1:Peak1:Height_RBV") == pytest.approx(height / charge, rel=1e-3)
    assert running.number("Red1:Spec:Total_RBV") == total
    assert running.put("Red1:Normalisation", "None").returncode == 0


def saved_vanadium(running: Live, folder: Path) -> int:
    """Measure and save ``van.nxs``: the counts of its monitor."""
    assert running.put("Acquire", "0").returncode == 0
    assert running.put("Red1:BinParams", "1,0.05,3", "-S").returncode == 0
    acquire(running, 30)
    first, last = (int(running.number(f"Pulse{which}_RBV")) for which in ("First", "Last"))
    monitored = Expected(running.simulated).monitor_counts(first, last)
    assert running.number("Red1:MonitorCounts_RBV") == monitored > 2000
    for pv, value in (("Path", str(folder)), ("Name", "van")):
        assert running.put(f"File:{pv}", value, "-S").returncode == 0
    assert running.put("File:Write", "1").returncode == 0
    assert read_nexus(folder / "van.nxs").monitor_counts == monitored
    return monitored


def test_a_saved_result_is_the_vanadium_of_others_and_of_itself_it_is_one(
    running: Live, tmp_path: Path
) -> None:
    monitored, path = saved_vanadium(running, tmp_path), str(tmp_path / "van.nxs")
    vanadium = np.array(running.array("Red1:Spec:YC"))
    assert "there is no such file" in running.refused("Red1:Vanadium", f"{path}.no", "-S")
    assert running.get("Red1:Vanadium_RBV", "-S") == ""
    assert running.put("Red1:Vanadium", path, "-S").returncode == 0
    for by in ("None", "ProtonCharge", "Monitor"):
        assert running.put("Red1:Normalisation", by).returncode == 0
        np.testing.assert_allclose(running.array("Red1:Spec:Y"), 1)
    assert "is in dSpacing, not in TOF" in running.refused("Red1:Units", "TOF")
    assert running.get("Red1:Units_RBV") == "dSpacing"

    acquire(running, 30)
    now = running.number("Red1:MonitorCounts_RBV")
    counts = np.array(running.array("Red1:Spec:YC"))
    y, e = (np.array(running.array(f"Red1:Spec:{name}")) for name in ("Y", "E"))
    np.testing.assert_allclose(y, (counts / now) / (vanadium / monitored))
    # Half of the variance is the monitors', common to all bins: a 3 sigma of it is allowed.
    assert 0.2 < np.mean((y - 1) ** 2 / e**2) < 6
    assert running.number("Red1:BinsUndefined_RBV") == 0

    assert running.put("Red1:BinParams", "1,0.05,3.2", "-S").returncode == 0
    assert running.number("Red1:BinsUndefined_RBV") == 4
    assert running.get("Red1:BinsUndefined_RBV.SEVR") == "MINOR"
    words = "4 of 44 bins without a value: the vanadium ends at 3"
    assert running.get("Red1:NormalisationMessage_RBV", "-S") == words
    for pv, value, *options in (("Vanadium", "", "-S"), ("Normalisation", "None")):
        assert running.put(f"Red1:{pv}", value, *options).returncode == 0
    assert running.get("Red1:BinsUndefined_RBV.SEVR") == "NO_ALARM"
    assert running.put("Preset", "None").returncode == 0
