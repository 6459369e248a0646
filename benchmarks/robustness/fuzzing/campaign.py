"""Millions of mutated messages, orders and reports, in processes that may die of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.rows import Row, zero

COUNT, QUICK, SLICE = 1_000_000, 20_000, 100_000
"""How many inputs, the same for a trial, and how many in one process."""

TARGETS = {
    "messages": "`ev44` and `f144` messages, taken by ranks of both dialects",
    "orders": "orders and log values, received by ranks and simulator",
    "reports": "reports, received by the IOC",
}
"""What is fuzzed, see `benchmarks.robustness.fuzzing.run_target`, in words."""

ENDED, REACHED = re.compile(r"Done (\d+) runs"), re.compile(r"cov: (\d+).* corp: (\d+)")


@dataclass
class TargetFindings:
    """What came of a target's inputs; the first three are to be 0.

    ``places`` is how many places in the code were reached, ``kept`` how many inputs reached a new
    one.
    """

    deaths: int = 0
    hangs: int = 0
    uncounted: int = 0
    inputs: int = 0
    places: int = 0
    kept: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    def note(self, said: str, status: int, outcomes: Counter[str]) -> None:
        """Note how a process ended that has said this."""
        self.outcomes += outcomes
        ended = ENDED.search(said)
        self.inputs += int(ended[1]) if ended else outcomes.total()
        for places, kept in REACHED.findall(said)[-1:]:
            self.places, self.kept = int(places), int(kept)
        if status and "Uncounted" in said:
            self.uncounted += 1
        elif status and "libFuzzer: timeout" in said:
            self.hangs += 1
        elif status:
            self.deaths += 1


def fuzzed(target: str, count: int, folder: Path, seed: int = 1) -> TargetFindings:
    """What came of so many inputs; inputs that failed stay in the folder."""
    found = TargetFindings()
    while found.inputs < count:
        runs = min(SLICE, count - found.inputs)
        words = target, str(runs), str(seed), str(folder)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.robustness.fuzzing.run_target", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        said = done.stdout.decode(errors="replace")
        told = folder / "outcomes.json"
        outcomes = Counter(json.loads(told.read_text())) if told.exists() else Counter[str]()
        if done.returncode:
            print(said, file=sys.stderr, flush=True)
        if not told.exists():
            raise RuntimeError(f"{target} cannot be fuzzed")
        told.unlink()
        found.note(said, done.returncode, outcomes)
        seed += 1
    return found


def rows(target: str, found: TargetFindings) -> list[Row]:
    """The rows of what came of a target's inputs."""
    ends = ", ".join(f"{count} {outcome}" for outcome, count in found.outcomes.most_common())
    reached = f"{found.places} places reached, by {found.kept} inputs"
    return [
        Row(f"{found.inputs} mutated {TARGETS[target]}", f"{ends}; {reached}"),
        zero("… deaths", found.deaths),
        zero("… hangs", found.hangs),
        zero("… not counted", found.uncounted),
    ]


def measure(quick: bool) -> list[Row]:
    """The rows of all targets."""
    found = []
    for target in TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            count = QUICK if quick else COUNT
            found += rows(target, fuzzed(target, count, Path(folder)))
    return found


def main(target: str, count: str, folder: str, seed: str) -> None:
    """Fuzz one target in a folder that stays, and print the rows; for trials."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for row in rows(target, fuzzed(target, int(count), Path(folder), int(seed))):
        print(row.what, "|", row.measured, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
