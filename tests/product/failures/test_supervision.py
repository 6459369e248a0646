"""Processes that die, hang or are told to stop: what is started again, and what is left behind."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from reduction.parameters.reduction import ReductionSettings
from tests.support.clients.ca_client import Network
from tests.support.product.live import Live, check_spectrum, live

SPAN = ("First", "Last")

pytestmark = pytest.mark.timeout(360)


def test_a_killed_rank_is_replaced_and_counted(net: Network) -> None:
    with live(net) as running:
        assert running.put("Red1:BinParams", "1,0.01,3", "-S").returncode == 0
        running.one("ioc ranks --").kill()
        running.until(lambda: running.get("DetectorState_RBV") == "Disconnected", 2)
        assert running.get("Red1:Spec:Total_RBV.SEVR") == "INVALID"
        assert "ranks" in running.get("StatusMessage_RBV", "-S")
        running.until(lambda: running.get("DetectorState_RBV") == "Acquire", 7)
        assert running.number("Restarts_RBV") == 1
        assert running.get("Red1:Spec:Total_RBV.SEVR") == "NO_ALARM"
        running.until(
            lambda: running.number("PulseLast_RBV") > running.number("PulseFirst_RBV") + 20
        )
        check_spectrum(running, ReductionSettings(bin_params="1,0.01,3"))


def test_a_rank_that_hangs_is_replaced_and_leaves_nothing_in_shared_memory(net: Network) -> None:
    with live(net) as running:
        simulator = running.one("ioc simulate")
        endpoint = next(each for each in simulator.cmdline() if each.startswith("--sim-control="))
        folder = Path(endpoint.partition("ipc://")[2]).parent
        segments = set(folder.glob("mpi/sm_segment*"))
        assert len(segments) == 2
        victim = running.family("ioc ranks --")[-1]
        victim.suspend()
        running.until(lambda: running.get("DetectorState_RBV") == "Disconnected", 4)
        running.until(lambda: running.get("DetectorState_RBV") == "Acquire", 7)
        assert running.number("Restarts_RBV") == 1
        others = set(folder.glob("mpi/sm_segment*"))
        assert len(others) == 2
        assert not others & segments
        running.stop()
        assert not folder.exists()


def test_a_rank_that_is_slow_for_a_while_is_missed_and_nothing_is_lost(net: Network) -> None:
    with live(net) as running:
        assert running.put("Red1:BinParams", "1,0.01,3", "-S").returncode == 0
        first = running.number("PulseFirst_RBV")
        victim = running.family("ioc ranks --")[-1]
        victim.suspend()
        running.until(lambda: running.get("DetectorState_RBV") == "Disconnected", 4)
        victim.resume()
        running.until(lambda: running.get("DetectorState_RBV") == "Acquire", 4)
        running.until(lambda: running.number("Lag_RBV") < 1)
        assert running.number("PulseFirst_RBV") == first
        assert running.number("Restarts_RBV") == 0
        check_spectrum(running, ReductionSettings(bin_params="1,0.01,3"))


def test_a_killed_simulator_is_replaced_and_its_pulses_are_missing(net: Network) -> None:
    with live(net) as running:
        assert running.put("Sim:DMax", "3").returncode == 0
        running.one("ioc simulate").kill()
        running.until(lambda: running.get("Sim:Pulse_RBV.SEVR") == "INVALID", 2)
        last = running.number("PulseLast_RBV")
        running.until(lambda: running.number("PulseLast_RBV") > last + 20, 10)
        assert running.get("Sim:Pulse_RBV.SEVR") == "NO_ALARM"
        assert running.number("Sim:DMax_RBV") == 3
        assert 0 < running.number("PulsesMissing_RBV") < running.number("PulseLast_RBV") - last
        assert running.number("Restarts_RBV") == 1


def test_a_restart_that_is_meant_replaces_ranks_and_simulator(net: Network) -> None:
    with live(net) as running:
        before = running.family("ioc ranks --") + running.family("ioc simulate")
        first = running.number("PulseFirst_RBV")
        assert running.put("SYSRESET", "1").returncode == 1
        assert "what is accumulated is read again" in running.get("Refusal_RBV", "-S")
        assert all(each.is_running() for each in before)
        assert running.put("SYSRESET", "1").returncode == 0
        _, alive = psutil.wait_procs(before, timeout=20)
        assert alive == []
        running.until(lambda: running.number("Restarts_RBV") >= 2)
        running.until(lambda: running.get("DetectorState_RBV") == "Acquire", 10)
        running.until(lambda: running.number("Red1:Spec:Total_RBV") > 0, 10)
        assert running.number("PulseFirst_RBV") == first
        assert "as a client asked for a restart; started again" in running.get(
            "StatusMessage_RBV", "-S"
        )
        assert running.get("Status_RBV") == "Warning"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_and_leaves_nothing_behind(
    net: Network, number: signal.Signals
) -> None:
    running = Live(net)
    try:
        running.ready()
        family = running.family()
        assert len(family) >= 4
        assert running.stop(number) == 0
        _, alive = psutil.wait_procs(family, timeout=20)
        assert alive == []
    finally:
        running.kill_all()


def test_nothing_outlives_an_ioc_that_is_killed(net: Network) -> None:
    with live(net) as running:
        family = running.family()
        running.process.kill()
        _, alive = psutil.wait_procs(family, timeout=10)
        assert alive == []
