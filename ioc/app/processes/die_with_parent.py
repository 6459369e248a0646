"""Runs a command that ends when its parent does, however the parent ends (Linux).

``python -m ioc.app.processes.die_with_parent PARENT COMMAND ...`` asks the kernel for SIGTERM at
the death of the process ``PARENT``, then becomes the command, which keeps the request. When memory
is short, the kernel ends it before its parent. With `OFFLINE` before ``PARENT`` the command is off
the network, where the system allows that.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
OFFLINE = "--offline"

OOM_SCORE_ADJ = Path("/proc/self/oom_score_adj")
"""How willingly the kernel ends this process for lack of memory, see proc(5): -1000 to 1000."""

FIRST_TO_END = 500
"""Such a process is ended before one that takes half of the memory more."""


def main(command: list[str], parent: int) -> None:
    """Become ``command``, if ``parent`` is still the parent."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    _end_first()
    if os.getppid() == parent:
        os.execvp(command[0], command)


def _end_first() -> None:
    """Have the kernel end this process before the IOC, which would start it again."""
    with suppress(OSError, ValueError):
        if int(OOM_SCORE_ADJ.read_text()) < FIRST_TO_END:
            OOM_SCORE_ADJ.write_text(f"{FIRST_TO_END}\n")


def _leave_network() -> None:
    from ioc.app.processes.leave_network import leave_network

    try:
        leave_network()
    except OSError as error:
        print(
            f"This system has no network namespaces for users ({error.strerror}):"
            " MPI's daemon listens on all interfaces",
            file=sys.stderr,
        )


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[0] == OFFLINE:
        _leave_network()
        given = given[1:]
    main(given[1:], int(given[0]))
