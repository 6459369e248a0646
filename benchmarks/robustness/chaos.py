"""Ten minutes in which everything happens to a live reduction at once."""

from __future__ import annotations

import time
from random import Random

from benchmarks.rows import Row, zero
from tests.support.chaos.rounds import Chaos, chaos
from tests.support.clients.ca_client import network

LONG_S, QUICK_S = 600.0, 30.0
SEED = 3
KILLS = "", "", "rank", "simulator", "mpiexec", "IOC"
LOG_LIMIT = "--log-limit=1G"
"""So that the event log keeps all pulses."""

MOST_GROWTH_MB = 50.0


def measure(quick: bool) -> list[Row]:
    """The rows of a run; an exception says what did not hold at its end."""
    chance, end_s = Random(SEED), time.monotonic() + (QUICK_S if quick else LONG_S)
    with network() as net, chaos(net, SEED, LOG_LIMIT) as run:
        while time.monotonic() < end_s:
            run.round(chance.choice(KILLS))
        run.check()
        pulses = run.story.running.number("PulsesAccumulated_RBV")
        run.end()
        return rows(run, LONG_S if not quick else QUICK_S, pulses)


def rows(run: Chaos, seconds: float, pulses: float) -> list[Row]:
    """The rows of a run that has passed the checks of its end."""
    happened = ", ".join(f"{what} {count}" for what, count in sorted(run.kinds.items()))
    grown_mb = run.most_growth_bytes / 1e6
    return [
        Row(f"{run.looks} rounds in {seconds:g} s", happened),
        zero(f"… account wrong, at {run.looks} looks", run.unbalanced),
        zero(f"… bins in which {pulses:g} pulses differ from those of the event log", 0),
        Row(
            "… growth of the IOC's memory between two of its kills",
            f"{grown_mb:.1f} MB",
            f"< {MOST_GROWTH_MB:g} MB",
            grown_mb < MOST_GROWTH_MB,
        ),
        Row("… wild puts", str(run.puts)),
        zero("… processes and files left at the end", 0),
    ]
