"""Waits for the end of a process, without a thread.

asyncio starts a thread for each process before Python 3.12. At the limit of processes that fails,
and the process, which runs already, is lost.
"""

from __future__ import annotations

import asyncio
import os
import subprocess

LOOK_S = 0.1
"""How often a process is looked at where the system cannot tell its end, or no file is left."""


async def end_of(process: subprocess.Popen[bytes]) -> int:
    """The exit status of a process, once it has ended; negative: the signal that ended it."""
    try:
        file = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        while process.poll() is None:
            await asyncio.sleep(LOOK_S)
        return process.wait()
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(file, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(file)
        os.close(file)
    return process.wait()
