"""The entry point of the command ``live-reduction``; imports what it needs when it is called."""

from __future__ import annotations

from collections.abc import Sequence

from reduction.host.interrupts import end_at_interrupts
from reduction.host.memory.garbage import unsearched_start


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what ``arguments`` say; None: those of this process, which Ctrl-C then ends silently."""
    if arguments is None:
        end_at_interrupts()
    with unsearched_start():  # nothing of what is imported is garbage
        from ioc.app.commands import execute

    execute(arguments)
