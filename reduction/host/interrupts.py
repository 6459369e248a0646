"""How Ctrl-C ends a process that has not said yet how it ends; imports nothing that takes time."""

from __future__ import annotations

import signal


def end_at_interrupts() -> None:
    """Have SIGINT end this process at once, as SIGTERM does, until a handler is set.

    Python would raise KeyboardInterrupt where the process happens to be: while it imports modules
    that is a traceback, and some modules take it for another error or lose it. A signal that is
    ignored, as in the background of a shell, stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
