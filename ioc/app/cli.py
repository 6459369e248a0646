"""The entry point of the command ``live-reduction``; imports what it needs when it is called."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

from reduction.host.interrupts import end_at_interrupts
from reduction.host.memory.garbage import unsearched_start


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what ``arguments`` say; None: those of this process, which Ctrl-C then ends silently."""
    if arguments is None:
        end_at_interrupts()
        _print_in_any_locale()
    with unsearched_start():  # nothing of what is imported is garbage
        from ioc.app.commands import execute

    execute(arguments)


def _print_in_any_locale() -> None:
    """Have characters that the encoding of the locale lacks printed as escapes, not refused."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
