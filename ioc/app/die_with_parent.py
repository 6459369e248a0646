"""Runs a command that ends when its parent does, however the parent ends (Linux).

``python -m ioc.app.die_with_parent PARENT COMMAND ...`` asks the kernel for SIGTERM at the death of
the process ``PARENT``, then becomes the command, which keeps the request. With `OFFLINE` before
``PARENT`` the command is off the network, where the system allows that.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
OFFLINE = "--offline"


def main(command: list[str], parent: int) -> None:
    """Become ``command``, if ``parent`` is still the parent."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() == parent:
        os.execvp(command[0], command)


def _leave_network() -> None:
    from ioc.app.leave_network import leave_network

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
