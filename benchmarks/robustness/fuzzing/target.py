"""What a fuzzed target is, and what came of its inputs."""

from __future__ import annotations

from collections import Counter
from typing import Protocol


class Uncounted(AssertionError):
    """An input that was neither taken nor counted as a fault."""


class Target(Protocol):
    """Takes inputs; an exception that leaves `take` is a finding."""

    outcomes: Counter[str]
    """How many inputs ended in which way."""

    seeds: list[bytes]
    """Valid inputs, from which mutation begins."""

    def take(self, data: bytes) -> None:
        """Take an input; raises `Uncounted` if nothing shows it afterwards."""

    def mutated(self, data: bytes, seed: int) -> bytes | None:
        """``data`` changed within its format; None where bytes alone are to be changed."""
