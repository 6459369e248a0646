"""A pressure ramp in which each step is a numbered series.

    python examples/pressure_ramp.py --pressures 0 2 4 6 --pulses 100 --name ramp

At each step the live reduction counts a number of pulses. NextSeries closes the accumulation,
keeps it, and begins a new one. So all steps stay on the screen and in the file, and new bins or
units apply to all of them. The table has the position of a Bragg line, and the cell edge computed
from it.
"""

import argparse
import math
import time

from clients.pyepics_device import LiveReduction


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="a pressure ramp in numbered series")
    parser.add_argument("--prefix", default="LIVE:", help="start of every PV name")
    parser.add_argument("--bins", default="0.4,0.001,5", help="of d in Å, as Red1:BinParams")
    parser.add_argument("--pressures", type=float, nargs="+", default=[0, 2, 4, 6], help="in GPa")
    parser.add_argument("--pulses", type=int, default=100, help="pulses of a step")
    parser.add_argument("--settle", type=float, default=1, help="seconds to wait at a pressure")
    parser.add_argument(
        "--window", type=float, nargs=2, default=[1.85, 1.97], help="of the line, Å"
    )
    parser.add_argument("--hkl", type=int, nargs=3, default=[2, 2, 0], help="of the line; cubic")
    parser.add_argument("--name", default="pressure_ramp", help="name of the file")
    return parser.parse_args()


def count(live: LiveReduction, step: int) -> None:
    """Count a step to its preset, and wait for the final result."""
    if step == 1:
        live.put("Acquire", 1, longest_s=math.inf)  # drops old counts; completes at the preset
    else:
        live.put("NextSeries", 1)  # completes when the new series has begun
        live.wait_for("Acquire_RBV", "Done")


def row(live: LiveReduction, hkl: list[int]) -> str:
    total = live.get("Red1:Spec:Total_RBV")
    centre, error = live.get("Red1:Peak1:Centre_RBV"), live.get("Red1:Peak1:CentreErr_RBV")
    indices = math.hypot(*hkl)
    return (
        f"{total:10.0f} {centre:9.5f} {error:8.5f} {centre * indices:9.5f} {error * indices:8.5f}"
    )


def main() -> None:
    given = flags()
    live = LiveReduction(given.prefix)
    live.put("Red1:Units", "dSpacing")
    live.put("Red1:BinParams", given.bins)
    live.put("Red1:Peak1:Min", given.window[0])
    live.put("Red1:Peak1:Max", given.window[1])
    live.put("Preset", "Pulses")
    live.put("PresetPulses", given.pulses)
    print("series      GPa     total    centre    error         a    error")
    for step, pressure in enumerate(given.pressures, start=1):
        live.put("Sim:Pressure", pressure)
        time.sleep(given.settle)
        count(live, step)
        print(f"{step:6} {pressure:8.3f}", row(live, given.hkl))
    live.put("File:Name", given.name)
    live.put("File:Write", 1)
    print("saved", live.get("File:FullName_RBV"))


if __name__ == "__main__":
    main()
