"""Habits that streams of facilities have, for trying what becomes of them."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Habit(enum.StrEnum):
    """Something that a source does besides sending each pulse as it comes.

    - ``QUIET_PULSES``: of every `QUIET_EVERY` pulses one has no events, and nothing of it is sent
    - ``SEVERAL_SOURCES``: the chunks of a pulse are of `SOURCES` sources, each with its own ids
    - ``LATE_LOGS``: logs are sent when they change, or once in `RESEND_PULSES` pulses with the time
      of the change, and `LATE_PULSES` pulses after their time
    - ``ID_RESTARTS``: ids of chunks begin at 0 again after every `RESTART_PULSES` pulses
    """

    QUIET_PULSES = "quiet-pulses"
    SEVERAL_SOURCES = "several-sources"
    LATE_LOGS = "late-logs"
    ID_RESTARTS = "id-restarts"


QUIET_EVERY = 3
SOURCES = 3
LATE_PULSES = 10
RESEND_PULSES = 50
RESTART_PULSES = 40


def habits_of(text: str) -> frozenset[Habit]:
    """The habits in a text that separates them by commas; raises ValueError for another word."""
    return frozenset(Habit(word.strip()) for word in text.split(",") if word.strip())


def most_made(sent: int, habits: Iterable[Habit]) -> int:
    """The most pulses that a source can have made when so many have been ``sent``."""
    quiet = Habit.QUIET_PULSES in habits and sent > 0
    return sent + sent // (QUIET_EVERY - 1) + 1 if quiet else sent


def is_quiet(pulse: int, habits: Iterable[Habit]) -> bool:
    """Whether a pulse has no events because of the habits."""
    return Habit.QUIET_PULSES in habits and pulse % QUIET_EVERY == 0
