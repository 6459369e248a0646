"""The bulk modulus from a scan of the pressure with bluesky.

    python examples/bluesky_pressure_scan.py --pressures 0 10 6 --error 0.01

Each point is counted until the relative error of a region is small enough, however strong the
source is. The Bragg line moves as d = d0 exp(-P / 3K) if the bulk modulus K is constant. So ln d
against P is a straight line; it is fitted with the errors of the fitted positions as weights.
"""

import argparse
import math
from collections.abc import Generator
from functools import partial
from typing import Any

import numpy as np
from bluesky import Msg, RunEngine
from bluesky.plan_stubs import mv, one_nd_step, sleep, trigger_and_read
from bluesky.plans import scan
from ophyd import EpicsSignalWithRBV

from clients.ophyd_device import LiveReduction

CENTRE, ERROR = "live_peaks_peak1_centre", "live_peaks_peak1_centre_error"
COLUMNS = ("pressure", "live_regions_roi1_total", CENTRE, ERROR)


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the bulk modulus from a scan of the pressure")
    parser.add_argument("--prefix", default="LIVE:", help="start of every PV name")
    parser.add_argument("--bins", default="0.4,0.001,5", help="of d in Å, as Red1:BinParams")
    parser.add_argument(
        "--pressures",
        type=float,
        nargs=3,
        default=[0, 10, 6],
        metavar=("FIRST", "LAST", "POINTS"),
        help="in GPa",
    )
    parser.add_argument("--error", type=float, default=0.01, help="relative error of a point")
    parser.add_argument("--settle", type=float, default=1, help="seconds to wait at a pressure")
    parser.add_argument("--window", type=float, nargs=2, default=[1.8, 1.98], help="of the line, Å")
    given = parser.parse_args()
    if given.pressures[2] < 2 or given.pressures[0] == given.pressures[1]:
        parser.error("--pressures: at least two points at different pressures are needed")
    return given


def measure(
    live: LiveReduction, pressure: EpicsSignalWithRBV, given: argparse.Namespace
) -> Generator[Msg, Any, Any]:
    """The plan: a window for region and peak, then the scan."""
    low, high = given.window
    region, peak = live.regions.roi1, live.peaks.peak1
    yield from mv(live.units, "dSpacing")
    yield from mv(live.bin_params, given.bins)
    yield from mv(region.min, low, region.max, high, peak.min, low, peak.max, high)
    live.stage_sigs.update(preset="RelError", preset_rel_error=given.error, preset_region=1)

    def settled(devices: list[Any]) -> Generator[Msg, Any, Any]:
        yield from sleep(given.settle)
        return (yield from trigger_and_read(devices))

    first, last, points = given.pressures
    step = partial(one_nd_step, take_reading=settled)
    return (yield from scan([live], pressure, first, last, int(points), per_step=step))


def bulk_modulus(events: list[dict[str, float]]) -> tuple[float, float]:
    """K in GPa and its error, of ln d = ln d0 - P / 3K; points without a peak are left out."""
    points = np.array([[each[name] for name in ("pressure", CENTRE, ERROR)] for each in events])
    pressures, centres, errors = points[np.isfinite(points).all(axis=1)].T
    # Weights are one over the errors of ln d, so the covariance is that of the fitted centres.
    (slope, _), covariance = np.polyfit(
        pressures, np.log(centres), 1, w=centres / errors, cov="unscaled"
    )
    modulus = -1 / (3 * slope)
    return modulus, modulus * math.sqrt(covariance[0, 0]) / abs(slope)


def main() -> None:
    given = flags()
    live = LiveReduction(given.prefix, name="live")
    pressure = EpicsSignalWithRBV(f"{given.prefix}Sim:Pressure", name="pressure", put_complete=True)
    live.wait_for_connection(timeout=10)
    pressure.wait_for_connection(timeout=10)
    events: list[dict[str, float]] = []

    def shown(_: str, event: Any) -> None:
        events.append(event["data"])
        print("".join(f"{event['data'][name]:12.6g}" for name in COLUMNS))

    print("         GPa      counts      centre       error")
    RunEngine()(measure(live, pressure, given), {"event": [shown]})
    modulus, error = bulk_modulus(events)
    print(f"bulk modulus: {modulus:.2f} +- {error:.2f} GPa")


if __name__ == "__main__":
    main()
