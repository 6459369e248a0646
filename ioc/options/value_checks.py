"""Checks of the values of options."""

from __future__ import annotations

import math
import re

from ioc.options.program import StartError
from reduction.parameters.specs import nearest
from simulator.output.habits import Habit

MOST_PIXEL_ID = 2**31 - 1
"""Largest pixel id: messages have 32 bits for it."""


LEAST_SPEED = 0.001
"""Slowest playing of a recording, as a part of its recorded speed."""


def check_prefix(prefix: str) -> None:
    """Raise `StartError` for a prefix that PV names cannot begin with."""
    if not re.fullmatch(r"[!-~]{1,30}", prefix) or set(prefix) & set("\"'`.$"):
        why = "1 to 30 ASCII characters, no blanks, dots, quotes or dollars"
        raise StartError(f"prefix = {prefix!r}: {why}")


def check_monitors(monitors: tuple[tuple[str, str], ...]) -> None:
    """Raise `StartError` for a pixel id that is none."""
    for source, pixel_id in monitors:
        if not pixel_id.isdecimal() or int(pixel_id) > MOST_PIXEL_ID:
            words = (
                f"monitor = {source}={pixel_id}: a pixel id is a number from 0 to {MOST_PIXEL_ID}"
            )
            raise StartError(words)


def check_habits(text: str) -> None:
    """Raise `StartError` for a habit that the simulator does not have."""
    for word in filter(None, text.split(",")):
        if word not in list(Habit):
            hint = nearest(word, list(Habit))
            raise StartError(f"habits = {word!r}: it is one of {', '.join(Habit)}{hint}")


def check_speed(text: str) -> None:
    """Raise `StartError` for a speed that is neither a number above 0 nor ``max``."""
    if text == "max":
        return
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed >= LEAST_SPEED):
        raise StartError(f"speed = {text!r}: a number from {LEAST_SPEED:g} on, or max")
