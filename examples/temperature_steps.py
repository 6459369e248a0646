"""Thermal motion from one accumulation that is never stopped, sliced by the temperature log.

    python examples/temperature_steps.py --temperatures 100 700 200

The temperature goes up in steps while the live reduction accumulates. The events of a pulse go to
the slice whose interval holds the temperature of that pulse, so nothing is started or stopped. In
each slice the script sums the counts of two Bragg lines above background. Atoms that move more
scatter less at small d-spacings, I ~ exp(-4 pi² Uiso / d²). So the ratio of the two lines falls
with temperature. Its slope gives Uiso, if Uiso is proportional to temperature.
"""

import argparse
import math
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clients.pyepics_device import LiveReduction

REFERENCE_K = 295.0
"""Uiso is given for this temperature."""

HALF_WIDTH = 0.01
"""Half the width of a line's window over d. The side bands are half as wide, one on each side."""


class Counts(NamedTuple):
    """Counts of a line above background, and their variance."""

    net: float
    variance: float


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Uiso from slices of the temperature log")
    parser.add_argument("--prefix", default="LIVE:", help="start of every PV name")
    parser.add_argument("--bins", default="0.4,0.001,5", help="of d in Å, as Red1:BinParams")
    parser.add_argument(
        "--temperatures",
        type=float,
        nargs=3,
        default=[100, 700, 200],
        metavar=("FIRST", "LAST", "STEP"),
        help="in K, up or down",
    )
    parser.add_argument("--pulses", type=int, default=100, help="pulses of a step")
    parser.add_argument("--lines", type=float, nargs=2, default=[1.9202, 0.9601], help="d in Å")
    parser.add_argument("--name", default="temperature_steps", help="name of the file")
    given = parser.parse_args()
    if given.temperatures[2] == 0 or steps(*given.temperatures).size < 2:
        parser.error("--temperatures: at least two temperatures are needed")
    return given


def steps(first: float, last: float, step: float) -> NDArray[np.float64]:
    """The temperatures in K, (n,) float64, from ``first`` up or down to ``last``."""
    step = math.copysign(step, last - first)
    return np.arange(first, last + step / 2, step)


def slice_by_temperature(live: LiveReduction, temperatures: NDArray[np.float64]) -> None:
    """Slices with the temperatures, (n,) ascending in K, in their middles."""
    width = float(temperatures[1] - temperatures[0])
    low, high = float(temperatures[0]) - width / 2, float(temperatures[-1]) + width / 2
    live.put("Red1:Filter:Params", f"temperature,{low},{width},{high}")


def accumulate(live: LiveReduction, pulses: int) -> None:
    """Wait until ``pulses`` more are in the result."""
    wanted = live.get("PulsesAccumulated_RBV") + pulses
    while live.get("PulsesAccumulated_RBV") < wanted:
        time.sleep(0.1)


def above_background(edges: NDArray[np.float64], counts: NDArray[np.float64], d: float) -> Counts:
    """Counts of the line at ``d`` minus those of the side bands, scaled to as many bins.

    ``edges`` (n + 1,) in Å, ``counts`` (n,); the variance is that of counts.
    """
    away = np.abs((edges[:-1] + edges[1:]) / 2 / d - 1)
    line, bands = away < HALF_WIDTH, (away > HALF_WIDTH) & (away < 1.5 * HALF_WIDTH)
    scale = np.count_nonzero(line) / np.count_nonzero(bands)
    return Counts(
        counts[line].sum() - scale * counts[bands].sum(),
        counts[line].sum() + scale**2 * counts[bands].sum(),
    )


def log_ratio(
    live: LiveReduction, number: int, edges: NDArray[np.float64], lines: list[float]
) -> tuple[float, float]:
    """Logarithm of the ratio of two lines in a slice, and its error."""
    counts = live.get(f"Red1:Slice{number}:YC")
    one, other = (above_background(edges, counts, d) for d in lines)
    error = math.hypot(one.variance**0.5 / one.net, other.variance**0.5 / other.net)
    return math.log(other.net / one.net), error


def main() -> None:
    given = flags()
    temperatures = steps(*given.temperatures)
    ascending = np.sort(temperatures)
    live = LiveReduction(given.prefix)
    live.put("Red1:Units", "dSpacing")
    live.put("Red1:BinParams", given.bins)
    slice_by_temperature(live, ascending)
    live.put("Preset", "None")
    live.put("Acquire", 0)
    live.put("Sim:Pressure", 0)  # which moves the lines
    live.put("Sim:Temperature", temperatures[0])
    live.begin("Acquire")  # without a preset it completes only when it is stopped
    live.wait_for("Acquire_RBV", "Acquiring")
    for temperature in temperatures:
        live.put("Sim:Temperature", temperature)
        accumulate(live, given.pulses)
    live.put("Acquire", 0)

    print("slice       K      total   ln ratio    error")
    edges, ratios, errors = live.get("Red1:Spec:XE"), [], []
    for number, temperature in enumerate(ascending, start=1):
        ratio, error = log_ratio(live, number, edges, given.lines)
        ratios.append(ratio)
        errors.append(error)
        total = live.get(f"Red1:Slice{number}:Total_RBV")
        print(f"{number:5} {temperature:7.1f} {total:10.0f} {ratio:10.4f} {error:8.4f}")
    # Weights are one over the errors, so the covariance is that of the counts.
    (slope, _), covariance = np.polyfit(
        ascending, ratios, 1, w=1 / np.array(errors), cov="unscaled"
    )
    one, other = given.lines
    per_slope = -REFERENCE_K / (4 * math.pi**2 * (other**-2 - one**-2))
    error = abs(per_slope) * math.sqrt(covariance[0, 0])
    print(f"Uiso at {REFERENCE_K:g} K: {per_slope * slope:.5f} +- {error:.5f} Å²")
    live.put("File:Name", given.name)
    live.put("File:Write", 1)
    print("saved", live.get("File:FullName_RBV"))
    live.put("Red1:Filter:Params", "")


if __name__ == "__main__":
    main()
