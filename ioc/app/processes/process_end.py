"""Waits for the end of a process, without a thread, and ends what it has left.

asyncio starts a thread for each process before Python 3.12. At the limit of processes that fails,
and the process, which runs already, is lost.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress

import psutil

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


def kill_session(leader: int) -> None:
    """Kill all processes of the session of a process that has ended.

    A launcher that ends while it starts ranks does not end them. They are then children of init,
    so that they are not found as its descendants.
    """
    killed = set[int]()
    while found := _members(leader) - killed:
        killed |= found
        for each in found:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


def _members(leader: int) -> set[int]:
    """The processes of a session, by their numbers."""
    found = set[int]()
    for each in psutil.pids():
        with suppress(ProcessLookupError):
            if os.getsid(each) == leader:
                found.add(each)
    return found
