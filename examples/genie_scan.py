"""A pressure scan with genie_python: change, begin, wait, read.

    python examples/genie_scan.py --pressures 0 2 4

Outside ISIS there are no blocks, so the script uses process variables. set_pv with wait=True waits
for completion: then a setting is in force, and Acquire has reached its preset. It does not tell
whether a put was refused. A refused put sets an alarm on the setpoint, which the script checks.
"""

import argparse
import time

from genie_python import genie as g


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="a pressure scan with genie_python")
    parser.add_argument("--prefix", default="LIVE:", help="start of every PV name")
    parser.add_argument("--bins", default="0.4,0.001,5", help="of d in Å, as Red1:BinParams")
    parser.add_argument("--pressures", type=float, nargs="+", default=[0, 2, 4], help="in GPa")
    parser.add_argument("--pulses", type=int, default=100, help="pulses of a point")
    parser.add_argument("--settle", type=float, default=1, help="seconds to wait at a pressure")
    parser.add_argument(
        "--window", type=float, nargs=2, default=[1.85, 1.97], help="of the line, Å"
    )
    return parser.parse_args()


def change(name: str, value: str | float) -> None:
    """Put a setting and wait until it is in force; raises `ValueError` if it is refused."""
    g.set_pv(name, value, wait=True)
    if g.get_pv(f"{name}.SEVR") != "NO_ALARM":
        raise ValueError(f"{name} {value}: refused")


def main() -> None:
    given = flags()
    prefix = given.prefix
    change(f"{prefix}Red1:Units", "dSpacing")
    change(f"{prefix}Red1:BinParams", given.bins)
    change(f"{prefix}Red1:Peak1:Min", given.window[0])
    change(f"{prefix}Red1:Peak1:Max", given.window[1])
    change(f"{prefix}Preset", "Pulses")
    change(f"{prefix}PresetPulses", given.pulses)
    print("     GPa     total    centre    error")
    for pressure in given.pressures:
        change(f"{prefix}Sim:Pressure", pressure)
        time.sleep(given.settle)
        change(f"{prefix}Acquire", 1)  # begins, and returns at the preset
        total = g.get_pv(f"{prefix}Red1:Spec:Total_RBV")
        centre = g.get_pv(f"{prefix}Red1:Peak1:Centre_RBV")
        error = g.get_pv(f"{prefix}Red1:Peak1:CentreErr_RBV")
        print(f"{pressure:8.3f} {total:9.0f} {centre:9.5f} {error:8.5f}", flush=True)


if __name__ == "__main__":
    main()
