"""``python -m benchmarks.robustness.fuzz libca|p4p PREFIX COUNT SEED``: wild puts to all PVs.

Prints what came of them as JSON: the numbers of a `PutFindings`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from benchmarks.robustness.libca_puts import LibcaPuts
from benchmarks.robustness.p4p_puts import P4pPuts
from benchmarks.robustness.wild import ACCEPTED, NOT_SENT, REFUSED, Done, Wild, text, wild
from ioc.model.pvs import Access, PvRow, pv_rows
from reduction.parameters.specs import Choice, Command, Switch, Text

LEFT_OUT = ("SYSRESET", "Lock:")
"""Starts of names after the prefix. One ends the IOC, the other shuts out who does not hold it."""

MAY_HAVE_NOTHING_TO_DO = (
    *("Outliers:Mask", "Outliers:Unmask"),
    *("Image:ROI:Mask", "Image:ROI:Group", "Image:ROI:Restore"),
)
"""Ends of names of commands that are refused if there is nothing to do."""

TOGETHER = 4000
"""Puts that are under way at once; then all is quiet, and refusals are looked at one by one."""

LOOKED_AT = 40
READ_ONLY = 0.05
"""The share of puts to process variables that are only read."""

OTHERS = 0.2
"""How much rarer settings are that another one of the same kind stands for: `ROI2:Min` ff."""

PATIENCE_S = 90.0
"""How long after the last answer of the IOC the puts that are left are taken as unanswered."""

ROUNDS = 5
"""Settings that depend on each other are put back so often, until all are."""


class Transport(Protocol):
    """A client of the IOC, whose process variables are known by name."""

    def connect(self, names: Iterable[str]) -> None:
        """Connect to all; raises TimeoutError if one is not there."""

    def begin(self, name: str, put: Wild, done: Done) -> None:
        """Put with completion; ``done`` is told the outcome, perhaps by another thread."""

    def read(self, name: str) -> Any:
        """The value, whole, to be compared; raises TimeoutError if none comes."""


@dataclass
class PutFindings:
    """What came of the puts; the last four are to be 0."""

    accepted: int = 0
    refused: int = 0
    not_sent: int = 0
    looked_at: int = 0
    changed: int = 0
    unanswered: int = 0
    unreadable: int = 0
    stuck: int = 0


class Fuzz:
    """Wild puts through a transport; what they did is counted in ``findings``."""

    def __init__(self, transport: Transport, table: list[PvRow], random: Random) -> None:
        self._transport, self._table, self._random = transport, table, random
        self._writable = [row for row in table if row.access.writable]
        self._shares = [1 if row.first else OTHERS for row in self._writable]
        self._only_read = [row for row in table if not row.access.writable]
        self.findings = PutFindings()
        transport.connect(row.name for row in table)
        self._start = {row.name: transport.read(row.name) for row in self._writable}
        self._endless = [row for row in self._writable if getattr(row.spec, "endless", False)]

    def run(self, count: int) -> None:
        """Put, look at what was refused, and at the end at everything."""
        for begin in range(0, count, TOGETHER):
            self._together([self._any_put() for _ in range(min(TOGETHER, count - begin))])
            for _ in range(LOOKED_AT):
                self._look(self._any_writable())
        self._read_all()
        self._put_back()

    def _any_writable(self) -> PvRow:
        return self._random.choices(self._writable, self._shares)[0]

    def _any_put(self) -> tuple[str, Wild]:
        only_read = self._random.random() < READ_ONLY
        row = self._random.choice(self._only_read) if only_read else self._any_writable()
        return row.name, wild(self._random, row, self._start.get(row.name, row.default))

    def _together(self, puts: list[tuple[str, Wild]]) -> list[str]:
        """The outcomes of puts that are under way at once; what is endless is ended after them."""
        outcomes = [""] * len(puts)
        left, quiet = len(puts), threading.Semaphore(0)

        def done(at: int, outcome: str) -> None:
            outcomes[at] = outcome
            quiet.release()

        for at, (name, put) in enumerate(puts):
            self._transport.begin(name, put, functools.partial(done, at))
        deadline_s = time.monotonic() + PATIENCE_S
        while left and time.monotonic() < deadline_s:
            if quiet.acquire(timeout=1):
                left, deadline_s = left - 1, time.monotonic() + PATIENCE_S
            else:
                self._end_endless()
        self._count(outcomes)
        return outcomes

    def _end_endless(self) -> None:
        for row in self._endless:
            self._transport.begin(row.name, Wild("short", [0]), lambda _: None)

    def _count(self, outcomes: list[str]) -> None:
        self.findings.accepted += outcomes.count(ACCEPTED)
        self.findings.refused += outcomes.count(REFUSED)
        self.findings.not_sent += outcomes.count(NOT_SENT)
        self.findings.unanswered += outcomes.count("")

    def _look(self, row: PvRow) -> None:
        """One put, alone; one that is refused must leave setting and readback."""
        names = [row.name] + [f"{row.name}_RBV"] * (row.access is Access.SETPOINT)
        before = [self._transport.read(name) for name in names]
        (outcome,) = self._together([(row.name, wild(self._random, row, self._start[row.name]))])
        if outcome == REFUSED:
            self.findings.looked_at += 1
            self.findings.changed += before != [self._transport.read(name) for name in names]

    def _read_all(self) -> None:
        for row in self._table:
            try:
                self._transport.read(row.name)
            except TimeoutError:
                self.findings.unreadable += 1

    def _put_back(self) -> None:
        """Every setting takes what it was, with completion, and every command is obeyed once."""
        left = [row for row in self._writable if not row.name.endswith(MAY_HAVE_NOTHING_TO_DO)]
        for _ in range(ROUNDS):
            outcomes = [self._together([(row.name, self._legal(row))])[0] for row in left]
            left = [row for row, outcome in zip(left, outcomes, strict=True) if outcome != ACCEPTED]
        self.findings.stuck = len(left)
        for row in left:
            print("stuck:", row.name, self._legal(row), file=sys.stderr)

    def _legal(self, row: PvRow) -> Wild:
        start = self._start[row.name]
        match row.spec:
            case Command():
                return Wild("short", [1 - getattr(row.spec, "endless", False)])
            case Choice() | Switch():
                return Wild("enum", [int(start)])
            case Text():
                return text(row, start)
        return Wild("double", [start])


def fuzzed(transport: Transport, prefix: str, count: int, seed: int) -> Mapping[str, int]:
    """What came of ``count`` puts."""
    table = [
        row for row in pv_rows(prefix) if not row.name.removeprefix(prefix).startswith(LEFT_OUT)
    ]
    fuzz = Fuzz(transport, table, Random(seed))
    fuzz.run(count)
    return dataclasses.asdict(fuzz.findings)


def main(client: str, prefix: str, count: str, seed: str) -> None:
    """Do what the command line asks for."""
    transport = P4pPuts() if client == "p4p" else LibcaPuts()
    print(json.dumps(fuzzed(transport, prefix, int(count), int(seed))), flush=True)
    os._exit(0)  # p4p's threads need not be waited for


if __name__ == "__main__":
    main(*sys.argv[1:])
