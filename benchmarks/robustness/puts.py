"""Hundreds of thousands of wild puts to the running product."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.product import product
from benchmarks.rows import Row, zero

COUNT, QUICK, SEED = 200_000, 8_000, 1
CLIENTS = ("libca", "p4p")
"""Client libraries, of Channel Access and pvAccess."""

EVENTS_PER_PULSE = 100
FLAGS = ("--max-bins=10000", "--tick-rate=50", "--set=Sim:PulseRate=50")
"""It is the IOC that is asked, not the ranks: they take settings often, and have little to do."""


def measure(quick: bool) -> list[Row]:
    """The rows of a run with each client library.

    Raises CalledProcessError if the IOC ends or is no longer found.
    """
    count = QUICK if quick else COUNT
    return [row for client in CLIENTS for row in _measured(client, count)]


def _measured(client: str, count: int) -> list[Row]:
    """The rows of one run; the product works in a folder of its own, and writes its files there."""
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("wb") as log:
        with product(EVENTS_PER_PULSE, *FLAGS, folder=folder, log=log) as running:
            running.wait(running.counts)
            words = running.prefix, str(count), str(SEED)
            began_s = time.monotonic()
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.robustness.fuzz", client, *words],
                env=running.network.environment,
                stdout=subprocess.PIPE,
                check=True,
            )
            elapsed_s, restarts = time.monotonic() - began_s, running.number("Restarts_RBV")
        said = Path(folder, "log").read_text(errors="replace")
    if restarts:
        print(*(line for line in said.splitlines() if "refused" not in line), sep="\n")
    return [
        *_rows(client, count, elapsed_s, json.loads(done.stdout)),
        zero("… restarts of ranks or simulator", restarts),
        zero("… exceptions in the IOC's log", said.count("Traceback")),
    ]


def _rows(client: str, count: int, elapsed_s: float, found: Mapping[str, int]) -> list[Row]:
    return [
        Row(
            f"{client}: {count} wild puts in {elapsed_s:.0f} s",
            f"{found['accepted']} accepted, {found['refused']} refused, "
            f"{found['not_sent']} not sent by it",
        ),
        zero(f"… of {found['looked_at']} refused, those that changed a value", found["changed"]),
        zero("… puts never answered", found["unanswered"]),
        zero("… PVs that cannot be read afterwards", found["unreadable"]),
        zero("… settings that do not take their first value again", found["stuck"]),
    ]
