"""What a child process writes on its standard error: passed on, and searched for why it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

KEPT_BYTES = 8192
"""How much of the end is kept."""

LONGEST_REASON = 160
"""Most characters of a reason."""

LAST_WORDS_S = 0.5
"""Longest time that the last words of a process take to arrive."""

OWN_WORDS = re.compile(r"live-reduction: (.*)")
EXCEPTION = re.compile(r"((?:\w+\.)*\w*(?:Error|Exception)\b.*)")
LAUNCHER = re.compile(r"((?:prterun|mpiexec|PRTE|PMIX)\b.*\b(?:unable|not|failed)\b.*)", re.I)


class ChildWords:
    """Passes on what one process writes, in a thread of its own, and keeps the end of it.

    A thread, since whoever reads the standard error of this process may be slow: then the child
    waits, and nothing else.
    """

    def __init__(self) -> None:
        self._kept = b""
        self._pipe, self.file = os.pipe()
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    @contextmanager
    def listening(self) -> Iterator[int]:
        """A context in which a process is started, with the file that it is to write to.

        Without a thread, at the limit of processes, it writes to the standard error of this one.
        """
        try:
            self._thread.start()
        except RuntimeError:
            os.close(self._pipe)
            os.close(self.file)
            yield sys.__stderr__.fileno() if sys.__stderr__ else 2
            return
        try:
            yield self.file
        finally:
            os.close(self.file)

    async def reason(self) -> str:
        """Why the process ended, in its own words; empty if it gave no reason."""
        deadline_s = asyncio.get_running_loop().time() + LAST_WORDS_S
        while self._thread.is_alive() and asyncio.get_running_loop().time() < deadline_s:
            await asyncio.sleep(0.01)
        return reason_in(self._kept.decode(errors="replace"))

    def _pass_on(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._pipe, 1 << 16):
                self._kept = (self._kept + data)[-KEPT_BYTES:]
                with contextlib.suppress(OSError):
                    _write(2, data)
        os.close(self._pipe)


NO_SPACE = re.compile(r".*\b(not enough space for \S*)/")
"""Said by Open MPI where shared memory has no room. The name of the file is another each time."""


def reason_in(text: str) -> str:
    """The last reason in what a process wrote: its own, of Python, or of the launcher of MPI."""
    lines = [line.strip() for line in text.splitlines()]
    for pattern in (OWN_WORDS, EXCEPTION, NO_SPACE, LAUNCHER):
        found = [match[1] for match in map(pattern.match, lines) if match]
        if found:
            return found[-1][:LONGEST_REASON]
    return ""


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
