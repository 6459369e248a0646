"""The whole product with a stream without marks."""

from __future__ import annotations

import time

import numpy as np
import pytest

from reduction.parameters.reduction import ReductionSettings
from tests.support.clients.ca_client import Network
from tests.support.product.live import Expected, Live, live

BINS = ReductionSettings(bin_params="1,0.01,3")

pytestmark = pytest.mark.timeout(360)


def settle(running: Live) -> None:
    """Wait until no more pulses come: the last one is in a result after the grace time."""
    seen = running.number("PulseLast_RBV"), time.monotonic()

    def stays() -> bool:
        nonlocal seen
        last = running.number("PulseLast_RBV")
        seen = (last, time.monotonic()) if last != seen[0] else seen
        return time.monotonic() - seen[1] > 3 * running.number("GraceTime_RBV")

    running.until(stays, 15)


def hold(running: Live, before: int) -> int:
    """Hold the source, and wait for the result of all pulses after one; the number of the last."""
    assert running.put("Sim:Pause", "Pause").returncode == 0
    running.until(
        lambda: (
            running.number("PulseLast_RBV") - running.number("PulseFirst_RBV")
            == running.number("Sim:Pulse_RBV") - before - 1
        ),
        10,
    )
    return int(running.number("Sim:Pulse_RBV"))


def check_spectrum(running: Live, before: int) -> int:
    """The spectrum is that of all pulses after one, when the source is held; the last of them."""
    last = hold(running, before)
    expected = Expected(running.simulated).counts(BINS, before + 1, last)
    np.testing.assert_array_equal(running.array("Red1:Spec:YC"), expected)
    assert running.number("MessagesMissing_RBV") == 0
    assert running.number("MessagesUnnumbered_RBV") == 0
    return last


def test_every_event_counts_and_a_killed_rank_loses_none(net: Network) -> None:
    with live(net, "--dialect=plain", "--partitions=3") as running:
        assert running.put("Red1:BinParams", "1,0.01,3", "-S").returncode == 0
        assert running.put("Sim:Pause", "Pause").returncode == 0
        settle(running)
        assert running.put("Reset", "1").returncode == 0
        running.until(lambda: running.number("Red1:Spec:Total_RBV") == 0)
        before = int(running.number("Sim:Pulse_RBV"))

        assert running.put("Sim:Pause", "Run").returncode == 0
        running.until(lambda: running.number("PulsesAccumulated_RBV") > 30)
        last = check_spectrum(running, before)

        assert running.put("Sim:Pause", "Run").returncode == 0
        running.one("ioc ranks --").kill()
        running.until(lambda: running.get("DetectorState_RBV") == "Disconnected", 3)
        running.until(lambda: running.number("PulsesAccumulated_RBV") > last - before + 30, 20)
        check_spectrum(running, before)
