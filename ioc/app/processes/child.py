"""A child process that is started again whenever it ends, until this process ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import psutil

from ioc.app.processes import die_with_parent
from ioc.app.processes.child_words import ChildWords
from ioc.app.processes.outer_mpi import without_outer_job
from ioc.app.processes.process_end import end_of, kill_session
from ioc.options.program import StartError
from ioc.process.python_command import PYTHON, keep_to_a_folder, python_environment
from reduction.host.memory.memory_limits import memory_kills

log = logging.getLogger(__name__)

GRACE_S = 2.0
"""Time that a process has to end after SIGTERM, in seconds; then it is killed."""

STEADY_S = 10.0
"""A process that ran this long is restarted at once; one that ended sooner after a pause."""

LONGEST_PAUSE_S = 4.0
"""Longest pause before a process is started again that had been at work."""

LONGEST_START_PAUSE_S = 30.0
"""Longest pause before the next try to start a process that cannot be started."""


KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""The exit status of a process that was killed, and of the launcher of ranks that were."""


class Child:
    """A child process called ``name``, with ``environment`` in addition to this process's own.

    It inherits the file descriptors ``files``. If ``offline`` is set, it is off the network, where
    the system allows that.
    """

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str] | None = None,
        files: Sequence[int] = (),
        *,
        offline: bool = False,
    ) -> None:
        self.name = name
        self._offline, self._files = offline, files
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = False
        """Whether the process was started by `begin`, and `run` has not taken it over."""
        self._words: ChildWords | None = None
        self._reason = self._told = ""
        self._memory_kills = memory_kills()
        """Whom the system had killed for lack of memory when the process started."""

    def begin(self, command: Sequence[str]) -> None:
        """Start the process ahead of `run`, which takes it over as the first one; raises OSError.

        Until then only `drop` ends it.
        """
        self._process = self._started(command)
        self._begun = True

    def drop(self) -> None:
        """Kill the process that `begin` started, and its descendants, unless `run` has it now."""
        if self._begun and self._process is not None:
            _kill(self._family())
            self._process.wait()
            kill_session(self._process.pid)

    async def run(
        self,
        command: Callable[[], Sequence[str]],
        ended: Callable[[str], Awaitable[None]],
        worked: Callable[[], bool] | None = None,
    ) -> None:
        """Keep the process running until cancelled; then end it and all its descendants.

        ``command`` makes the words of the command line at every start; ``ended`` is told why the
        process ended, before it is started again. ``worked`` returns whether the process has been
        at work since its start; without it, a process has that ran for `STEADY_S`. If it has not,
        pauses get longer, and a reason is logged once.
        """
        pause_s = 0.0
        try:
            while True:
                started_s = time.monotonic()
                reason = await self._run_to_its_end(command)
                steady = time.monotonic() - started_s > STEADY_S
                has_worked = worked() if worked else steady
                self._log(reason, has_worked)
                await ended(f"{self.name} {reason}")
                longest_s = LONGEST_PAUSE_S if has_worked else LONGEST_START_PAUSE_S
                pause_s = 0.0 if steady and has_worked else min(2 * pause_s + 0.25, longest_s)
                await asyncio.sleep(pause_s)
        finally:
            await self._end()

    async def _run_to_its_end(self, command: Callable[[], Sequence[str]]) -> str:
        """Start the process and wait for its end; returns why it ended, or cannot be started."""
        try:
            words, begun, self._begun = command(), self._begun, False
            if self._process is None or not begun:
                self._process = self._started(words)
        except (OSError, StartError) as error:
            return f"cannot be started: {getattr(error, 'strerror', None) or error}"
        status = await end_of(self._process)
        killed, self._reason = self._reason, ""
        return killed or await self._why(status)

    async def _why(self, status: int) -> str:
        """Why the process ended: its exit status, and its own words if there are any."""
        words = await self._words.reason() if self._words else ""
        if status in KILLED:
            words = words or memory_kills().words_since(self._memory_kills)
        return ": ".join(filter(None, (f"ended with {_meaning(status)}", words)))

    def _log(self, reason: str, worked: bool) -> None:
        """Log why the process ended; if it cannot be started, only once for each reason."""
        if worked or reason != self._told:
            log.warning("%s %s; it is started again", self.name, reason)
        self._told = "" if worked else reason

    async def run_once(
        self, command: Sequence[str], ended: Callable[[str], Awaitable[None]]
    ) -> None:
        """Run the process until it ends, then wait; end it and its descendants when cancelled.

        ``ended`` is told why it ended.
        """
        try:
            self._process = self._started(command)
            why = await self._why(await end_of(self._process))
            log.warning("%s %s", self.name, why)
            await ended(f"{self.name} {why}")
            await asyncio.Event().wait()
        finally:
            await self._end()

    def _started(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """A process that runs ``command`` and ends when this one does.

        It has a session of its own, so that a terminal's Ctrl-C reaches only this process.
        """
        if keep_to_a_folder():
            log.warning("the working folder is gone: this works in the root folder from now on")
        offline = (die_with_parent.OFFLINE,) if self._offline else ()
        self._words, self._memory_kills = ChildWords(), memory_kills()
        with self._words.listening() as errors:
            return subprocess.Popen(
                (*PYTHON, "-m", die_with_parent.__name__, *offline, str(os.getpid()), *command),
                stdin=subprocess.DEVNULL,
                stderr=errors,
                env=python_environment({**without_outer_job(os.environ), **self._environment}),
                pass_fds=self._files,
                start_new_session=True,
            )

    def kill(self, reason: str) -> None:
        """Kill the process and its descendants; `run` starts it again."""
        if self._process is not None and self._process.returncode is None:
            self._reason = reason
            _kill(self._family())

    @property
    def family(self) -> list[psutil.Process]:
        """The process and all its descendants, as far as they live; none before it is started."""
        return [] if self._process is None else self._family()

    def _family(self) -> list[psutil.Process]:
        """The process and all its descendants, as far as they live."""
        assert self._process is not None
        try:
            head = psutil.Process(self._process.pid)
            return [head, *head.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    async def _end(self) -> None:
        if self._process is None:
            return
        if self._process.returncode is None:
            family = self._family()
            self._process.terminate()
            try:
                await asyncio.wait_for(end_of(self._process), GRACE_S)
            except TimeoutError:
                log.warning("%s did not end in %g s and is killed", self.name, GRACE_S)
            _kill(family)
            await end_of(self._process)
        kill_session(self._process.pid)


def _kill(family: Sequence[psutil.Process]) -> None:
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _meaning(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
