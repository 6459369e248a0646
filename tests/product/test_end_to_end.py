"""The whole product on real processes, driven with the C tools and pyepics."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from tests.support.product.live import Expected, Live, check_spectrum, consistent

SPAN = ("First", "Last")

pytestmark = pytest.mark.timeout(360)


def test_the_spectrum_is_exactly_that_of_its_pulses_before_and_after_new_bins(
    running: Live,
) -> None:
    bins = ReductionSettings()
    assert running.get("Red1:BinParams_RBV", "-S") == bins.bin_params
    check_spectrum(running, bins)
    for bin_params in ("0.5,-0.002,2,0.001,3.3", "0.4,0.01,5"):
        assert running.put("Red1:BinParams", bin_params, "-S").returncode == 0
        check_spectrum(running, replace(bins, bin_params=bin_params))
    assert running.put("Red1:Units", "TOF").returncode == 0
    assert running.put("Red1:BinStep", "-0.003").returncode == 0
    check_spectrum(running, ReductionSettings(Units.TOF, "1000,-0.003,60000"))
    assert running.put("Red1:Units", "dSpacing").returncode == 0
    assert running.get("Red1:BinParams", "-S") == "0.4,0.01,5"


def test_a_put_is_in_the_spectrum_when_it_returns(running: Live) -> None:
    for bins in (100, 50, 200):
        assert running.put("Red1:BinParams", f"1,{2 / bins},3", "-S").returncode == 0
        assert len(running.array("Red1:Spec:YC")) == bins


def test_every_event_is_accounted_for(running: Live) -> None:
    running.put("Red1:BinParams", "1,0.01,3", "-S")
    running.hold()
    went = ("Binned", "OutOfRange", "Masked", "Filtered", "Invalid")
    counts = [running.number(f"Red1:Events{name}_RBV") for name in went]
    assert sum(counts) == running.number("EventTotal_RBV") > 0
    assert counts[0] == running.number("Red1:Spec:Total_RBV")
    assert counts[1] > 0
    assert running.number("RetainedEvents_RBV") == running.number("EventTotal_RBV")
    assert running.put("Sim:Pause", "Run").returncode == 0


@pytest.mark.parametrize(
    ("pv", "value", "words"),
    [
        ("Red1:BinParams", "5,1,1", "boundaries must rise"),
        ("Red1:BinParams", "0,1e-9,1", "the limit is 200000"),
        ("Red1:BinStep", "0", "a bin is wider than 0"),
        ("Sim:PulseRate", "-1", "the lowest is 0.1 Hz"),
        ("Sim:SpaceGroup", "F d -3 n", "did you mean"),
        ("Sim:Atoms", "Xx 0 0 0", "Xx"),
        ("Sim:UnitCell", "5 5", "5 5"),
        ("Sim:DMax", "0.1", "the lowest is 0.2 Ang"),
    ],
)
def test_a_refused_put_says_why_and_changes_nothing(
    running: Live, pv: str, value: str, words: str
) -> None:
    before, generation = running.get(pv), running.number("Red1:Generation_RBV")
    options = ["-S"] if pv in ("Red1:BinParams", "Sim:Atoms", "Sim:UnitCell") else []
    assert words in running.refused(pv, value, *options)
    assert running.get(pv) == running.get(f"{pv}_RBV") == before
    assert running.number("Red1:Generation_RBV") == generation


def test_reset_drops_what_was_measured_and_goes_on_with_whole_pulses(running: Live) -> None:
    last = running.number("PulseLast_RBV")
    assert running.put("Reset", "1").returncode == 0
    assert running.get("Reset") == "Done"
    running.until(lambda: running.number("PulseFirst_RBV") > last)
    running.until(lambda: running.number("PulseLast_RBV") > running.number("PulseFirst_RBV") + 20)
    check_spectrum(running, ReductionSettings(bin_params=running.get("Red1:BinParams", "-S")))


def test_a_ramp_keeps_each_step_as_a_series_and_cuts_all_of_them_anew(running: Live) -> None:
    bins = ReductionSettings(bin_params="0.5,0.01,3")
    assert running.put("Red1:BinParams", bins.bin_params, "-S").returncode == 0
    assert running.put("Reset", "1").returncode == 0
    for _ in range(2):
        running.until(lambda: running.number("PulsesAccumulated_RBV") > 5)
        assert running.put("NextSeries", "1").returncode == 0
    assert running.number("Series_RBV") == 3
    bins = ReductionSettings(bin_params="0.5,0.02,3")
    assert running.put("Red1:BinParams", bins.bin_params, "-S").returncode == 0
    next_pulse = 0
    for number in (1, 2):
        series = f"Red1:Series{number}:"
        first, last = (int(running.number(f"{series}Pulse{which}_RBV")) for which in SPAN)
        expected = Expected(running.simulated).counts(bins, first, last)
        np.testing.assert_array_equal(running.array(f"{series}YC"), expected)
        assert running.number(f"{series}Pulses_RBV") == last - first + 1 > 5
        assert next_pulse in (0, first)
        next_pulse = last + 1
    check_spectrum(running, bins)
    assert running.put("Reset", "1").returncode == 0
    assert running.number("Red1:NumSeries_RBV") == 0


def test_with_fading_the_spectrum_is_weighted_by_age(running: Live) -> None:
    bins = ReductionSettings(bin_params="0.5,0.05,3")
    assert running.put("Red1:BinParams", bins.bin_params, "-S").returncode == 0
    assert running.put("FadingTime", "0.5").returncode == 0
    assert running.put("AccumulationMode", "Fading").returncode == 0
    last = running.number("PulseLast_RBV")
    running.until(lambda: running.number("PulseLast_RBV") > last + 10)
    first, last, counts = consistent(running)
    each = [Expected(running.simulated).counts(bins, n, n) for n in range(first, last + 1)]
    weights = np.exp((np.arange(first, last + 1) - last) / 14 / 0.5)
    np.testing.assert_allclose(counts, weights @ np.array(each), rtol=1e-5)
    assert running.put("AccumulationMode", "SinceReset").returncode == 0
    running.until(lambda: running.number("PulsesAccumulated_RBV") > 15)
    check_spectrum(running, bins)


def test_pause_holds_the_spectrum_and_counts_what_it_leaves_out(running: Live) -> None:
    assert running.put("Pause", "Pause").returncode == 0
    assert running.get("DetectorState_RBV") == "Waiting"
    total = running.number("Red1:Spec:Total_RBV")
    filtered = running.number("Red1:EventsFiltered_RBV")
    running.until(lambda: running.number("Red1:EventsFiltered_RBV") > filtered + 10_000)
    assert running.number("Red1:Spec:Total_RBV") == total
    measured, real = running.number("TimeElapsed_RBV"), running.number("RealTimeElapsed_RBV")
    pulse = running.number("Sim:Pulse_RBV")
    running.until(lambda: running.number("Sim:Pulse_RBV") > pulse + 14)
    assert running.number("TimeElapsed_RBV") == measured
    assert running.put("Pause", "Run").returncode == 0
    running.until(lambda: running.number("TimeElapsed_RBV") > measured + 0.5)
    span = running.number("RealTimeElapsed_RBV") - real
    assert span > running.number("TimeElapsed_RBV") - measured + 0.5
    running.until(lambda: running.number("Red1:Spec:Total_RBV") > total)
    assert running.put("Reset", "1").returncode == 0


def test_pressure_moves_the_peaks(running: Live) -> None:
    assert running.put("Red1:BinParams", "1.7,0.001,2.1", "-S").returncode == 0
    peaks = []
    for pressure in ("0", "20"):
        assert running.put("Sim:Pressure", pressure).returncode == 0
        assert running.put("Reset", "1").returncode == 0
        running.until(lambda: running.number("Red1:Spec:Total_RBV") > 3000, 15)
        centres, counts = running.array("Red1:Spec:X"), running.array("Red1:Spec:YC")
        peaks.append(centres[int(np.argmax(counts))])
    assert running.put("Sim:Pressure", "0").returncode == 0
    assert running.put("Reset", "1").returncode == 0
    assert peaks[0] == pytest.approx(5.431 / 8**0.5, rel=2e-3)
    assert peaks[1] / peaks[0] == pytest.approx(np.exp(-20 / (3 * 97.8)), rel=2e-3)


def test_a_script_with_pyepics_sees_values_arrays_and_completion(running: Live) -> None:
    script = f"""
        import epics
        pv = lambda name: epics.PV("{running.prefix}" + name, auto_monitor=True)
        bins = pv("Red1:BinParams")
        assert bins.wait_for_connection(5)
        assert bins.put("1,0.1,2", wait=True, timeout=10)
        assert bins.get(as_string=True) == "1,0.1,2", bins.get(as_string=True)
        assert len(pv("Red1:Spec:YC").get()) == 10
        assert pv("Red1:Spec:XE").get()[-1] == 2
        assert pv("Red1:Units").get(as_string=True) == "dSpacing"
        assert pv("Sim:PulseRate").get_ctrlvars()["upper_ctrl_limit"] == 1000
        epics.ca.finalize_libca()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=running.network.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_what_it_prints_to_type_next_works_as_printed(running: Live) -> None:
    export, *commands = running.greeting()
    plain = {name: value for name, value in os.environ.items() if not name.startswith("EPICS_")}
    for name in ("EPICS_CA_REPEATER_PORT", "EPICS_PVA_BROADCAST_PORT"):
        plain[name] = running.network.environment[name]
    assert len(commands) == 12
    for command in commands:
        limit = "timeout 2 " if command.startswith("camonitor") else ""
        done = subprocess.run(
            ["bash", "-c", f"{export}\n{limit}{command}"],
            env=plain,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == (124 if limit else 0), command + done.stderr
        assert running.prefix in done.stdout or "LIVE:" in done.stdout
    assert running.put("Red1:Units", "dSpacing").returncode == 0
    assert running.put("Sim:Pressure", "0").returncode == 0


def test_acquire_completes_at_exactly_the_preset_pulse_and_can_be_stopped(running: Live) -> None:
    for pv, value in (("Preset", "Pulses"), ("PresetPulses", "21")):
        assert running.put(pv, value).returncode == 0
    assert running.tool("caput", "-c", "-w", "20", running.prefix + "Acquire", "1").returncode == 0
    assert running.get("DetectorState_RBV") == "Idle"
    assert running.get("Acquire") == running.get("Acquire_RBV") == "Done"
    first, last = (int(running.number(f"Pulse{which}_RBV")) for which in ("First", "Last"))
    assert last - first + 1 == running.number("PulsesAccumulated_RBV") == 21
    bins = ReductionSettings(bin_params=running.get("Red1:BinParams", "-S"))
    counts = Expected(running.simulated).counts(bins, first, last)
    np.testing.assert_array_equal(running.array("Red1:Spec:YC"), counts)

    assert running.put("Preset", "None").returncode == 0
    waiting = running.start("caput", "-c", "-w", "30", running.prefix + "Acquire", "1")
    running.until(lambda: running.get("DetectorState_RBV") == "Acquire")
    assert "it is under way" in running.refused("Acquire", "1")
    assert running.put("Acquire", "0").returncode == 0
    assert waiting.wait(40) == 0
    waiting.communicate()
    assert running.get("DetectorState_RBV") == "Idle"
    running.start("caput", running.prefix + "Acquire", "1").communicate()
    running.until(lambda: running.get("DetectorState_RBV") == "Acquire")


def test_slices_regions_and_peaks_follow_the_sample(running: Live) -> None:
    assert running.put("Red1:BinParams", "1.7,0.001,2.1", "-S").returncode == 0
    for pv, value in (("ROI1:Min", "1.88"), ("ROI1:Max", "1.96")):
        assert running.put(f"Red1:{pv}", value).returncode == 0
    for pv, value in (("Peak1:Min", "1.85"), ("Peak1:Max", "2")):
        assert running.put(f"Red1:{pv}", value).returncode == 0
    for pv, value in (("Min", "-0.5"), ("Step", "1"), ("Max", "2.5")):
        assert running.put(f"Red1:Filter:{pv}", value).returncode == 0
    assert running.put("Red1:Filter:Log", "presure", "-S").returncode == 1
    assert running.get("Red1:Filter:Log_RBV", "-S") == ""
    assert running.put("Red1:Filter:Log", "pressure", "-S").returncode == 0
    assert running.number("Red1:NumSlices_RBV") == 3
    assert running.put("Reset", "1").returncode == 0
    running.until(lambda: running.number("Red1:Slice1:Total_RBV") > 2000, 15)
    assert running.number("Red1:Slice2:Total_RBV") == 0
    assert running.number("Red1:Peak1:Centre_RBV") == pytest.approx(5.431 / 8**0.5, rel=1e-3)
    assert 0 < running.number("Red1:ROI1:Net_RBV") <= running.number("Red1:ROI1:Total_RBV")
    assert running.put("Sim:Pressure", "1").returncode == 0
    running.until(lambda: running.number("Red1:Slice2:Total_RBV") > 0, 15)
    total = running.number("Red1:Slice1:Total_RBV")
    assert len(running.array("Red1:Slice2:YC")) == 400
    assert running.number("Red1:Slice1:Total_RBV") == total
    assert running.put("Red1:Filter:Log", "", "-S").returncode == 0
    assert running.put("Sim:Pressure", "0").returncode == 0
