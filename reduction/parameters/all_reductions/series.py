"""Numbered series: closed accumulations, which are kept besides the running one."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.parameters.all_reductions.run import AccumulationMode, RunControl
from reduction.parameters.fields import reading
from reduction.parameters.limits import MOST_SERIES
from reduction.parameters.specs import Float, Integer, Refused


@dataclass(frozen=True)
class SeriesStatus:
    """Pulses and time of a closed series, prefix ``$(P)Red1:Series1:``."""

    pulses: int = reading(Integer(pv="Pulses_RBV", description="Pulses in the series"))
    pulse_first: int = reading(
        Float(pv="PulseFirst_RBV", description="Its first pulse", precision=0), -1
    )
    pulse_last: int = reading(
        Float(pv="PulseLast_RBV", description="Its last pulse", precision=0), -1
    )
    time_elapsed: float = reading(
        Float(pv="TimeElapsed_RBV", description="Time measured; pauses do not count", units="s")
    )


def check_next_series(running: int, control: RunControl) -> None:
    """Raises `Refused` if the running series, of number ``running``, cannot be closed."""
    if running > MOST_SERIES:
        why = f"{MOST_SERIES} series are closed, which is the limit; Acquire or Reset drops them"
        raise Refused("NextSeries", True, why)
    if control.accumulation is not AccumulationMode.SINCE_RESET:
        why = f"AccumulationMode is {control.accumulation}; series are of SinceReset"
        raise Refused("NextSeries", True, why)
