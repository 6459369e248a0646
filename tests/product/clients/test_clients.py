"""The devices of experiment control programs, on the running product."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reduction.parameters.limits import PEAKS, REGIONS
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from tests.support.product.live import Expected, Live
from tests.support.product.scripts import needs, nicos_versions, run_code, run_nicos

pytestmark = pytest.mark.timeout(480)

BINS = ReductionSettings(bin_params="0.5,0.002,3")
WINDOW = (1.85, 1.97)
PULSES = 15


@pytest.fixture(scope="module")
def running(running: Live) -> Live:
    """A live reduction with a region and a peak around one line."""
    for window in ("ROI2", "Peak1"):
        for end, value in zip(("Min", "Max"), WINDOW, strict=True):
            assert running.put(f"Red1:{window}:{end}", str(value)).returncode == 0
    assert running.put("Red1:BinParams", BINS.bin_params, "-S").returncode == 0
    return running


def check_counts(running: Live, total: float, region: float) -> None:
    """The values that a client read are those of the pulses of the last acquisition."""
    first, last = (int(running.number(f"Pulse{which}_RBV")) for which in ("First", "Last"))
    assert last - first + 1 == PULSES
    counts = Expected(running.simulated).counts(BINS, first, last)
    assert total == counts.sum()
    inside = (BINS.edges[:-1] > WINDOW[0] - 1e-9) & (BINS.edges[1:] < WINDOW[1] + 1e-9)
    assert region == pytest.approx(counts[inside].sum(), abs=1e-3)


def check_peak(centre: float, error: float) -> None:
    assert 0 < error < 0.001
    assert centre == pytest.approx(5.431 / 8**0.5, abs=5 * error)


SCAN = """
    import json
    from bluesky import RunEngine, plan_stubs as bps
    from bluesky.plans import count

    documents = []
    engine = RunEngine()
    engine.subscribe(lambda name, document: documents.append((name, document)))
"""

TOLD = """
    kinds = dict(documents)
    print(json.dumps({
        "last": kinds["event"]["data"],
        "hints": kinds["descriptor"]["hints"]["live"]["fields"],
        "configuration": kinds["descriptor"]["configuration"]["live"]["data"],
        "points": kinds["stop"]["num_events"]["primary"],
    }))
"""


@needs("ophyd", "ophyd")
def test_ophyd_counts_each_point_of_a_plan_to_its_preset(running: Live) -> None:
    said = run_code(
        running,
        SCAN
        + f"""
    from clients.ophyd_device import LiveReduction

    live = LiveReduction("LIVE:", name="live")
    live.wait_for_connection(timeout=10)
    live.stage_sigs.update(preset="Pulses", preset_pulses={PULSES})
    engine(count([live], 2))
    """
        + TOLD,
    )
    told = json.loads(said.splitlines()[-1])
    last, configuration = told["last"], told["configuration"]
    assert told["points"] == 2
    assert last["live_pulses"] == PULSES
    assert last["live_generation"] == running.number("Red1:Generation_RBV")
    check_counts(running, last["live_total"], last["live_regions_roi2_total"])
    assert last["live_regions_roi2_error"] == pytest.approx(last["live_regions_roi2_total"] ** 0.5)
    check_peak(last["live_peaks_peak1_centre"], last["live_peaks_peak1_centre_error"])
    assert "live_regions_roi1_total" not in last
    assert told["hints"] == [
        "live_total",
        "live_regions_roi2_total",
        "live_regions_roi2_error",
        "live_peaks_peak1_centre",
    ]
    assert configuration["live_preset"] == "Pulses"
    assert configuration["live_bin_params"] == BINS.bin_params
    assert configuration["live_units"] == "dSpacing"
    assert running.get("Preset") == "None"


@needs("ophyd", "ophyd")
def test_ophyd_stops_an_acquisition_and_refuses_one_that_would_never_end(running: Live) -> None:
    said = run_code(
        running,
        """
    from clients.ophyd_device import PEAKS, REGIONS, LiveReduction

    live = LiveReduction("LIVE:", name="live")
    live.wait_for_connection(timeout=10)
    try:
        live.stage()
    except ValueError as error:
        print(error)
    live.stage_sigs.update(preset="Pulses", preset_pulses=1_000_000)
    live.stage()
    done = live.trigger()
    assert not done.done
    live.stop()
    done.wait(40)
    live.unstage()
    print(REGIONS, PEAKS)
    """,
    )
    refused, numbers = said.splitlines()[-2:]
    assert "never ends" in refused
    assert numbers == f"{REGIONS} {PEAKS}"
    assert running.get("Acquire_RBV") == "Done"


@needs("ophyd", "ophyd")
def test_set_of_ophyd_ends_also_where_blanks_do_not_count_or_another_setting_is_missing(
    running: Live,
) -> None:
    said = run_code(
        running,
        """
    from ophyd import EpicsSignalWithRBV
    from clients.ophyd_device import LiveReduction

    live = LiveReduction("LIVE:", name="live")
    live.wait_for_connection(timeout=10)
    before = live.bin_params.get()
    live.bin_params.set("  0.5, 0.01,  3 ").wait(40)
    print(repr(live.bin_params.get()))
    for end, value in (("Min", 270.0), ("Step", 20.0), ("Max", 350.0)):
        signal = EpicsSignalWithRBV(f"LIVE:Red1:Filter:{end}", name=end)
        signal.wait_for_connection(timeout=10)
        signal.set(value).wait(40)
    text = EpicsSignalWithRBV("LIVE:Red1:BinParams", name="text", string=True)
    text.wait_for_connection(timeout=10)
    text.set("  0.5, 0.02,  3").wait(40)
    for bad in ("1," * 200 + "1", "3,1,1"):
        try:
            live.bin_params.set(bad).wait(40)
        except Exception as error:
            print(error)
    live.bin_params.set(before).wait(40)
    """,
    )
    bins, long, refused = said.splitlines()
    assert bins == "'  0.5, 0.01,  3'"  # pyepics reads no last blanks
    assert "401 characters; it carries 256" in long
    assert f"{running.prefix}Red1:BinParams: '3,1,1' refused: boundaries must rise" in refused
    assert running.number("Red1:Filter:Min_RBV") == 270
    assert running.get("Pending_RBV", "-S") == ""
    for end, value in (("Min", "0"), ("Max", "10"), ("Step", "1")):
        assert running.put(f"Red1:Filter:{end}", value).returncode == 0


@needs("ophyd_async", "ophyd-async")
def test_ophyd_async_counts_each_point_of_a_plan_to_its_preset(running: Live) -> None:
    said = run_code(
        running,
        SCAN
        + f"""
    from ophyd_async.core import init_devices
    from clients.ophyd_async_device import LiveReduction, Preset

    with init_devices():
        live = LiveReduction("LIVE:", regions=[2], peaks=[1])

    def plan():
        yield from bps.mv(live.preset, Preset.PULSES, live.preset_pulses, {PULSES})
        yield from count([live], 2)

    engine(plan())
    """
        + TOLD,
    )
    told = json.loads(said.splitlines()[-1])
    last, configuration = told["last"], told["configuration"]
    assert told["points"] == 2
    assert last["live-pulses"] == PULSES
    check_counts(running, last["live-total"], last["live-regions-2-total"])
    check_peak(last["live-peaks-1-centre"], last["live-peaks-1-centre_error"])
    assert set(told["hints"]) == {
        "live-total",
        "live-regions-2-total",
        "live-regions-2-error",
        "live-peaks-1-centre",
    }
    assert configuration["live-preset"] == "Pulses"
    assert configuration["live-bin_params"] == BINS.bin_params


@needs("ophyd_async", "ophyd-async")
def test_ophyd_async_stops_an_acquisition_and_refuses_one_that_would_never_end(
    running: Live,
) -> None:
    said = run_code(
        running,
        """
    import asyncio
    from clients.ophyd_async_device import LiveReduction, Preset

    async def main():
        live = LiveReduction("LIVE:", name="live")
        await live.connect()
        await live.preset.set(Preset.NONE)
        try:
            await live.stage()
        except ValueError as error:
            print(error)
        await live.preset_pulses.set(1_000_000)
        await live.preset.set(Preset.PULSES)
        await live.stage()
        done = live.trigger()
        while await live.pulses.get_value() == 0:
            await asyncio.sleep(0.05)
        assert not done.done
        await live.stop()
        await asyncio.wait_for(done, 10)

    asyncio.run(main())
    """,
    )
    assert "never ends" in said
    assert running.get("Acquire_RBV") == "Done"


@needs("epics", "pyepics")
def test_pyepics_puts_return_when_true_or_raise(running: Live) -> None:
    said = run_code(
        running,
        f"""
    from clients.pyepics_device import LiveReduction

    live = LiveReduction("LIVE:")
    live.put("Red1:BinParams", "1,0.1,2")
    print(len(live.get("Red1:Spec:YC")), live.get("Red1:BinParams"), live.get("Red1:Units"))
    for name, value in (("Red1:BinParams", "5,1,3"), ("Preset", 7), ("Sim:Pressure", -1)):
        try:
            live.put(name, value)
        except ValueError as error:
            print(error)
    try:
        live.get("Nothing")
    except ConnectionError as error:
        print(error)
    live.put("Red1:BinParams", {BINS.bin_params!r})
    """,
    )
    read, bins, preset, pressure, *_, nothing = said.splitlines()
    assert read == "10 1,0.1,2 dSpacing"
    assert bins.startswith(f"{running.prefix}Red1:BinParams: '5,1,3' refused: boundaries must rise")
    assert preset.startswith(f"{running.prefix}Preset: 7 refused: it is one of None (0), ")
    assert pressure.startswith(f"{running.prefix}Sim:Pressure: -1 refused: the lowest is 0")
    assert "no IOC serves it" in nothing


@needs("epics", "pyepics")
def test_callbacks_of_pyepics_get_spectra_also_when_they_become_longer(running: Live) -> None:
    said = run_code(
        running,
        """
    import time
    import epics
    from clients.pyepics_device import LiveReduction

    lengths = []
    pv = epics.PV("LIVE:Red1:Spec:Y", callback=lambda value=None, **_: lengths.append(len(value)))
    live = LiveReduction("LIVE:")

    def seen(length):
        end = time.monotonic() + 20
        while length not in lengths and time.monotonic() < end:
            time.sleep(0.05)
        return length in lengths, len(pv.get())

    for bins, length in (("1,0.1,2", 10), ("1,0.01,2", 100), ("1,0.5,2", 2)):
        live.put("Red1:BinParams", bins)
        print(*seen(length))
    print(pv.auto_monitor is not False, pv.count)
    """
        + f"""
    live.put("Red1:BinParams", {BINS.bin_params!r})
    """,
    )
    assert said.splitlines()[:3] == ["True 10", "True 100", "True 2"]
    assert said.splitlines()[3].startswith("True")


@nicos_versions
def test_nicos_moves_settings_and_counts_to_a_preset(
    running: Live, nicos: Path, tmp_path: Path
) -> None:
    said = run_nicos(
        running,
        nicos,
        tmp_path,
        f"""
    import json
    AddSetup("live_reduction")
    maw(live_units, "TOF")
    print("READ", json.dumps([live_units(), live_bin_step(), live_rate.unit]))
    maw(live_units, "dSpacing")
    maw(sim_temperature, 300)
    print("READ", json.dumps([sim_temperature(), sim_temperature.unit, sim_pressure.abslimits]))
    scan(sim_pressure, [1, 0], live, pulses={PULSES})
    print("READ", json.dumps([live.read(0), live_total.read(0)]))
    count(live, t=0.49)
    print("READ", json.dumps(live.read(0)))
    """,
    )
    moved, sample, scanned, timed = map(json.loads, re.findall("READ (.*)", said))
    assert moved == ["TOF", float(Units.TOF.default_bins.split(",")[1]), "1/s"]
    assert sample == [300, "K", [0, 100]]
    (total, pulses, *_), shown = scanned
    assert pulses == PULSES
    assert total == shown
    assert timed[1] == 7
    assert running.get("Preset") == "Time"
