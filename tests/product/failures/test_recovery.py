"""Whatever is killed, and at any time: no event is lost or counted twice, and results that do not
have all events yet say so.
"""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from reduction.parameters.reduction import ReductionSettings
from tests.support.clients.ca_client import Network
from tests.support.product.live import Expected
from tests.support.product.recovery import Recovery

pytestmark = pytest.mark.timeout(600)


def test_kills_at_random_lose_no_event_and_count_none_twice(net: Network) -> None:
    with Recovery.begun(net) as story:
        story.put("Red1:BinParams", "0.5,0.01,3", "-S")
        with story.watched():
            story.kill("rank")
            story.check()
            story.pause()
            story.kill("mpiexec")
            story.check()
            story.put("NextSeries", "1")
            story.kill("simulator")
            story.check()
        story.put("Red1:Units", "Wavelength")
        story.put("Red1:BinParams", "0.5,0.02,6", "-S")
        story.kill("IOC")
        story.check()
        for setting, value in (("Max", "27.6"), ("Min", "26.4"), ("Step", "0.4")):
            story.put(f"Red1:Filter:{setting}", value)
        story.put("Red1:Filter:Log", "proton_charge", "-S")
        story.kill("rank")
        story.check()
        story.put("NextSeries", "1")
        story.kill("IOC")
        story.check()


def test_a_preset_ends_the_acquisition_with_the_same_pulse_when_a_rank_is_killed(
    net: Network,
) -> None:
    with Recovery.begun(net) as story:
        running = story.running
        story.put("PresetPulses", "100")
        story.put("Preset", "Pulses")
        acquiring = running.start("caput", "-c", "-w", "100", running.prefix + "Acquire", "1")
        running.until(lambda: running.number("PulseFirst_RBV") > story.first, 20)
        story.first = int(running.number("PulseFirst_RBV"))
        story.kill("rank")
        words, _ = acquiring.communicate(timeout=100)
        assert acquiring.returncode == 0, words
        assert running.number("PulsesAccumulated_RBV") == 100
        last = int(running.number("PulseLast_RBV"))
        bins = ReductionSettings(bin_params=running.get("Red1:BinParams_RBV", "-S"))
        assert last == story.first + 99
        np.testing.assert_array_equal(
            running.array("Red1:Spec:YC"),
            Expected(running.simulated).counts(bins, story.first, last),
        )


def test_an_acknowledged_put_survives_a_kill_right_after_it(net: Network) -> None:
    with Recovery.begun(net) as story:
        story.put("NextSeries", "1")
        story.restart()
        assert story.running.number("Series_RBV") == 2
        story.check()

        story.put("Pause", "Pause")
        story.restart()
        assert story.running.get("DetectorState_RBV") == "Waiting"
        assert story.running.get("Pause_RBV") == "Pause"
        paused = story.running.number("PulsesAccumulated_RBV")
        story.pulses()
        assert story.running.number("PulsesAccumulated_RBV") == paused
        story.put("Pause", "Run")

        last = story.running.number("PulseLast_RBV")
        story.put("Reset", "1")
        story.restart()
        running = story.running
        running.until(lambda: running.number("PulsesAccumulated_RBV") > 5, 20)
        story.first, story.closed = int(running.number("PulseFirst_RBV")), 0
        assert story.first > last
        story.check()

        story.put("Stop", "1")
        counted = running.number("PulsesAccumulated_RBV"), running.number("EventTotal_RBV")
        story.restart()
        running = story.running
        assert running.get("DetectorState_RBV") == "Idle"
        story.pulses()
        now = running.number("PulsesAccumulated_RBV"), running.number("EventTotal_RBV")
        assert now == counted


def test_a_log_that_is_too_small_for_the_accumulation_says_what_is_missing(net: Network) -> None:
    flags = ("--log-limit=4M", "--set=Sim:PulseRate=40")
    with Recovery.begun(net, 1, *flags) as story:
        running = story.running
        running.until(lambda: story.logged[0].number > story.first + 20, 60)
        assert running.number("PulsesLost_RBV") == 0
        story.kill("rank")
        first = int(running.number("PulseFirst_RBV"))
        lost = running.number("PulsesLost_RBV")
        assert lost == first - story.first > 20
        assert f"{lost:.0f} pulses since 20" in running.get("StatusMessage_RBV", "-S")
        assert running.get("Status_RBV") == "Warning"
        running.hold()
        bins = ReductionSettings(bin_params=running.get("Red1:BinParams_RBV", "-S"))
        last = int(running.number("PulseLast_RBV"))
        assert running.number("PulsesAccumulated_RBV") == last - first + 1
        np.testing.assert_array_equal(
            running.array("Red1:Spec:YC"), Expected(running.simulated).counts(bins, first, last)
        )
        story.put("Reset", "1")
        assert running.number("PulsesLost_RBV") == 0


def test_a_log_that_is_deleted_while_all_is_down_is_told_and_the_new_one_is_counted(
    net: Network,
) -> None:
    with Recovery.begun(net) as story:
        story.pulses()
        story.stop()
        shutil.rmtree(story.log)
        story.start()
        running = story.running
        running.until(lambda: running.number("PulsesAccumulated_RBV") > 5, 20)
        assert "another event log" in running.get("StatusMessage_RBV", "-S")
        lost = running.number("PulsesLost_RBV")
        assert lost > 0
        story.first = 0
        story.check(lost=int(lost))


def test_a_damaged_run_state_is_set_aside_and_the_accumulation_begins_afresh(net: Network) -> None:
    with Recovery.begun(net) as story:
        story.pulses()
        story.stop()
        last = story.logged[-1].number
        kept = story.state / "run-state.json"
        kept.write_bytes(kept.read_bytes()[:-20])
        story.start()
        running = story.running
        running.until(lambda: running.number("PulsesAccumulated_RBV") > 5, 20)
        assert len(list(story.state.glob("run-state.json.aside-*"))) == 1
        story.first = int(running.number("PulseFirst_RBV"))
        assert story.first > last
        story.check()
