"""Amounts of bytes as people write them: ``500M``, ``8G``."""

from __future__ import annotations

import re

from ioc.options.program import StartError

SIZE = r"(\d{1,12}(?:\.\d{1,3})?) ?([KMGT]?)(?:i?B)?"
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def size_bytes(text: str) -> int:
    """The number of bytes; raises `StartError` for a text that is none."""
    found = re.fullmatch(SIZE, text.strip(), re.IGNORECASE)
    if found is None:
        raise StartError(f"log_limit = {text!r}: an amount of bytes, like 500M or 8G")
    return int(float(found[1]) * UNITS[found[2].upper()])


def size_text(amount: int) -> str:
    """A number of bytes with a unit."""
    for unit in ("", "K", "M", "G"):
        if amount < 1024 * UNITS[unit]:
            return f"{amount / UNITS[unit]:.3g} {unit}iB" if unit else f"{amount} B"
    return f"{amount / UNITS['T']:.3g} TiB"


def check_size(text: str) -> None:
    """Raise `StartError` unless a text is empty or an amount of bytes."""
    if text:
        size_bytes(text)
