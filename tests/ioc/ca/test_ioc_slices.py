"""Slices, groups and reductions as clients see them: the C tools against fake ranks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.control.orders import ReductionOrder
from tests.support.clients.ca_client import Network
from tests.support.clients.soft_ioc import SoftIoc
from tests.support.ioc.ioc_bench import Ioc, shape


@pytest.fixture
def ioc(net: Network) -> Iterator[Ioc]:
    with Ioc(net, reductions=2) as ioc:
        yield ioc


def test_slices_and_groups_come_with_the_put_that_asks_for_them(ioc: Ioc) -> None:
    for pv, value in (
        ("BinParams", "1,1,4"),
        ("Groups", "0:499;500:999"),
        ("Filter:Log", "temperature"),
        ("Filter:Step", "5"),
    ):
        long = ["-S"] if ":" not in pv or pv == "Filter:Log" else []
        assert ioc.put(f"Red1:{pv}", value, *long).returncode == 0
        assert ioc.get(f"Red1:{pv}_RBV", *long) == value
    count = 5.0  # the generation + 1
    assert (ioc.get("Red1:NumSlices_RBV"), ioc.get("Red1:NumGroups_RBV")) == ("2", "2")
    assert ioc.array("Red1:Slice2:YC") == ioc.array("Red1:Group2:YC") == [2 * count] * 3
    assert ioc.number("Red1:Group1:Total_RBV") == 6 * count
    assert (ioc.number("Red1:Slice2:Low_RBV"), ioc.number("Red1:Slice2:High_RBV")) == (5, 10)
    assert ioc.get("Red1:Group2:Pixels_RBV", "-S") == "500:999"
    assert ioc.array("Red1:Spec:YC") == [4 * count] * 3
    assert ioc.get("Red1:Slice3:YC", "-c") == ""
    assert ioc.get("Red1:Slice3:YC.SEVR") == "INVALID"
    assert ioc.tool("caget", "-w", "0.3", ioc.prefix + "Red1:Slice1001:YC").returncode == 1


def test_banks_of_the_instrument_are_groups_by_their_names(ioc: Ioc) -> None:
    assert ioc.put("Red1:Groups", "banks", "-S").returncode == 0
    assert ioc.get("Red1:Groups_RBV", "-S") == "banks"
    assert ioc.get("Red1:NumGroups_RBV") == "3"
    named = [ioc.get(f"Red1:Group{number}:Pixels_RBV", "-S") for number in (1, 2, 3)]
    assert named == ["forward", "perpendicular", "backward"]
    said = ioc.refused("Red1:Mask", "backwards", "-S")
    assert "no bank of powder_arc; did you mean backward?" in said


def peaked(order: ReductionOrder) -> NDArray[np.int64]:
    """A Gaussian in each slice, at 2, 2.1, 2.2 …, on a flat background."""
    edges, (slices, _, _) = order.settings.edges, shape(order.settings)
    at, centres = 2 + 0.1 * np.arange(slices), 0.5 * (edges[1:] + edges[:-1])
    counts = 20 + 1000 * np.exp(-0.5 * ((centres - at[:, None]) / 0.02) ** 2)
    return counts.round().astype(np.int64)[:, None]


def test_the_peak_and_the_region_of_each_slice_are_arrays_to_plot_against_the_slice(
    ioc: Ioc,
) -> None:
    ioc.ranks.counts = peaked
    for pv, value in (
        ("BinParams", "1,0.005,3"),
        ("Filter:Log", "pressure"),
        ("Filter:Step", "4"),
        ("Peak1:Min", "1.8"),
        ("ROI1:Min", "2.3"),
        ("Peak1:Max", "2.4"),
        ("ROI1:Max", "2.9"),
    ):
        assert (
            ioc.put(f"Red1:{pv}", value, *["-S"] * (pv.endswith(("Params", "Log")))).returncode == 0
        )
    assert ioc.array("Red1:Slices:Middle_RBV") == [2, 6, 9]
    assert len(ioc.array("Red1:Peak1:Slices:Centre_RBV")) == 3
    ioc.until(
        lambda: ioc.array("Red1:Peak1:Slices:Centre_RBV") == pytest.approx([2, 2.1, 2.2], abs=1e-3)
    )
    ioc.until(lambda: not np.isnan(ioc.array("Red1:ROI1:Slices:Total_RBV")).any())
    assert ioc.array("Red1:ROI1:Slices:Total_RBV") == pytest.approx([2400] * 3, rel=1e-3)
    assert np.isnan(ioc.array("Red1:Peak2:Slices:Centre_RBV")).all()
    assert ioc.get("Red1:Peak1:Slices:Centre_RBV.SEVR") == "NO_ALARM"
    assert ioc.put("Red1:Peak1:Max", "1.9").returncode == 0
    assert np.isnan(ioc.array("Red1:Peak1:Slices:Centre_RBV")).all()


def test_the_second_reduction_is_changed_without_the_first(ioc: Ioc) -> None:
    assert ioc.put("Red2:Units", "TOF").returncode == 0
    assert ioc.put("Red2:BinStep", "1000").returncode == 0
    assert len(ioc.array("Red2:Spec:YC")) == 59
    assert len(ioc.array("Red1:Spec:YC")) == 4600
    assert (ioc.get("Red1:Generation_RBV"), ioc.get("Red2:Generation_RBV")) == ("0", "2")
    assert (ioc.get("Red1:Spec:X.EGU"), ioc.get("Red2:Spec:X.EGU")) == ("Ang", "us")


def test_detectors_that_do_not_exist_are_refused(ioc: Ioc) -> None:
    said = ioc.refused("Red2:Mask", "0:15,5000", "-S")
    assert "no detector in 5000; powder_arc has ids from 0 to 999" in said
    assert ioc.get("Red2:Mask", "-S") == ""
    assert ioc.get("Red2:Mask.SEVR") == "MAJOR"
    assert "a slice is wider than 0" in ioc.refused("Red1:Filter:Step", "0")


def test_a_log_that_does_not_exist_is_refused_with_a_list_of_those_that_do(
    ioc: Ioc, cryo: SoftIoc, caplog: pytest.LogCaptureFixture
) -> None:
    assert ioc.put("Red1:Filter:Log", "temprature", "-S").returncode == 1
    assert "answers within 0.7 s; if it is slow, put it again" in caplog.text
    assert "did you mean temperature?" in caplog.text
    assert "the logs are pressure, temperature" in caplog.text
    assert ioc.get("Red1:Filter:Log", "-S") == ""


def test_a_process_variable_of_the_control_system_is_a_log(ioc: Ioc, cryo: SoftIoc) -> None:
    assert ioc.put("Red1:Filter:Log", "Cryo:Temperature", "-S").returncode == 0
    assert [(each.name, each.values.tolist()) for each in ioc.ranks.logs] == [
        ("Cryo:Temperature", [295.5])
    ]
    cryo.put("Temperature", "300")
    ioc.until(lambda: len(ioc.ranks.logs) == 2)
    first, second = ioc.ranks.logs
    assert second.values.tolist() == [300]
    assert second.times_ns[0] > first.times_ns[0] > 10**18
    cryo.stop()
    lost = "log Cryo:Temperature: not connected, its last value is used"
    ioc.until(lambda: lost in ioc.get("StatusMessage_RBV", "-S"))
    assert ioc.get("Red1:Filter:Log_RBV", "-S") == "Cryo:Temperature"
    cryo.run()
    ioc.until(lambda: len(ioc.ranks.logs) == 3)
    ioc.until(lambda: ioc.get("StatusMessage_RBV", "-S") == "")
    assert ioc.put("Red1:Filter:Log", "", "-S").returncode == 0
    cryo.put("Temperature", "310")
    assert ioc.put("Red1:Filter:Log", "temperature", "-S").returncode == 0
    assert len(ioc.ranks.logs) == 3


def test_process_variables_of_this_ioc_are_logs_without_the_network(ioc: Ioc) -> None:
    for pv, value in (("Sim:Temperature", 295), ("Red2:BinMin", 0.4)):
        assert ioc.put("Red1:Filter:Log", ioc.prefix + pv, "-S").returncode == 0
        assert ioc.ranks.logs[-1].values[0] == value
    assert ioc.put("Red2:BinMin", "0.5").returncode == 0
    ioc.until(lambda: ioc.ranks.logs[-1].values[0] == 0.5)
    assert "no single number" in ioc.refused("Red1:Filter:Log", ioc.prefix + "Red1:Spec:YC", "-S")


def test_an_ioc_that_is_started_again_gives_ranks_all_values_that_sliced(
    net: Network, tmp_path: Path
) -> None:
    with Ioc(net, reductions=2, run_state=tmp_path / "run-state.json") as first:
        assert first.put("Red1:Filter:Log", first.prefix + "Red2:BinMin", "-S").returncode == 0
        assert first.put("Red2:BinMin", "0.5").returncode == 0
        first.until(lambda: first.ranks.logs[-1].values[0] == 0.5)
        sent = [(each.times_ns[0], each.values[0]) for each in first.ranks.logs]
        assert first.get("StatusMessage_RBV", "-S") == ""
    with Ioc(net, prefix=first.prefix, run_state=tmp_path / "run-state.json") as second:
        second.until(lambda: len(second.ranks.logs) == 1)
        (history,) = second.ranks.logs
        assert history.name == first.prefix + "Red2:BinMin"
        times_and_values = zip(history.times_ns, history.values, strict=True)
        assert list(times_and_values) == sent
