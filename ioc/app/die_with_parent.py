"""Runs a command that ends when its parent does, however the parent ends (Linux).

``python -m ioc.app.die_with_parent PARENT COMMAND ...`` asks the kernel for SIGTERM at the death of
the process ``PARENT``, then becomes the command, which keeps the request.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(command: list[str], parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() == parent:
        os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[2:], int(sys.argv[1]))
