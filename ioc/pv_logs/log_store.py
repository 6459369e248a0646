"""Keeps values of process variables in a file, and tells if it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ioc.pv_logs.log_file import (
    ForeignLogFile,
    LogFileContent,
    LogNumbers,
    PvLogFile,
    write_replacement,
)
from ioc.pv_logs.log_times import DatedValue
from ioc.pv_logs.records import StoredPart, parts_of
from reduction.control.pv_log_values import PvLogValues
from reduction.host.file_system.file_threads import in_thread
from reduction.host.file_system.write_thread import WriteThread
from reduction.stream.pulses import NO_PULSE

log = logging.getLogger(__name__)

SPARE_RECORDS = 10_000
"""A file is rewritten that has so many records more than twice what is needed."""

CLOSING_S = 2.0
"""Longest time that the end of the IOC waits for a file that is being rewritten."""

WRITE_PATIENCE_S = 1.0
"""How long a new value waits for the disk until it is sent to the ranks all the same."""

MOST_PENDING = 100_000
"""So many writes wait for a disk that does not answer; what is left out is written later."""

NOT_KEPT = "values of process variables are not kept"

REWRITE_RETRY_S = 10.0
"""Time between two tries to rewrite a file that could not be written."""


@dataclass(frozen=True, eq=False)
class PendingWrite:
    """A write that was given to the thread ``at_s``, and its result to come."""

    at_s: float
    result: Future[None]


class LogStore:
    """Keeps values in ``file``, which has ``content``; without a file it keeps nothing.

    A thread writes, so that a disk that does not answer holds up nothing else. Only that thread
    uses the file.
    """

    def __init__(
        self,
        file: PvLogFile | None = None,
        content: LogFileContent | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        news: str = "",
    ) -> None:
        self._file, self._content, self._clock_s = file, content, clock_s
        self._thread = WriteThread() if file is not None else None
        self._pending: deque[PendingWrite] = deque()
        self.news = news
        """What was wrong with the file at the start, as a sentence; empty if nothing was."""
        self.newest_before_ns = NO_PULSE if content is None else content.newest_pulse_ns
        """The newest pulse that an earlier process knew, in ns since the Unix epoch."""
        self._problem = ""
        self._incomplete = False
        self._tried_s = clock_s() - REWRITE_RETRY_S
        self._rewriting: asyncio.Task[None] | None = None

    @classmethod
    def opened(
        cls,
        path: Path,
        set_aside: Callable[[Path], str],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> LogStore:
        """The store in the file at ``path``, which is made if there is none.

        ``set_aside`` renames a file that is damaged, or that this program has not written, and
        returns what has become of it, in words. Raises OSError if the file cannot be read or made.
        """
        content, news = LogFileContent(), ""
        try:
            content = LogFileContent.read(path)
            if not content.damaged:
                return cls(PvLogFile(path, content), content, clock_s)
            news = f"{content.damaged} values of it are damaged, and are not used"
        except FileNotFoundError:
            pass
        except ForeignLogFile as foreign:
            news = str(foreign)
        if news:
            news = f"{path} {set_aside(path)}, and is begun afresh: {news}"
            log.warning("%s", news)
        return cls(PvLogFile.create(path, content), content, clock_s, news)

    def earlier_parts(self) -> Iterator[StoredPart]:
        """What an earlier process kept; it is given once."""
        content, self._content = self._content, None
        if content is not None:
            yield from parts_of(content.records)

    def add(self, name: str, value: DatedValue) -> None:
        """Keep a value of a log."""
        if self._file is not None:
            self._write(partial(self._file.add, name, value))

    def reset(self, time_ns: int) -> None:
        """Note that values before a time are not needed any more."""
        if self._file is not None:
            self._write(partial(self._file.reset, time_ns))

    def note_newest(self, pulse_ns: int) -> None:
        """Keep the time of the newest pulse, unless earlier writes have not ended."""
        if self._file is not None and not self._unfinished():
            self._write(partial(self._file.note_newest, pulse_ns))

    def _write(self, work: Callable[[], None]) -> None:
        """Have something written; if too much waits to be written, it is left out."""
        assert self._thread is not None
        if len(self._unfinished()) >= MOST_PENDING:
            self._incomplete = True
        else:
            self._pending.append(PendingWrite(self._clock_s(), self._thread.do(work)))

    def _unfinished(self) -> deque[PendingWrite]:
        """The writes that have not ended; those that have failed are told."""
        while self._pending and self._pending[0].result.done():
            with self._told():
                self._pending.popleft().result.result()
        return self._pending

    async def written(self) -> None:
        """Wait until all is written; not if the disk is silent."""
        if self._thread is not None and self._unfinished() and not self._is_silent():
            all_before = asyncio.wrap_future(self._thread.do(lambda: None))
            await asyncio.wait({all_before}, timeout=WRITE_PATIENCE_S)
            self._unfinished()

    def _is_silent(self) -> bool:
        """Whether the disk has not answered for a while."""
        waits = self._unfinished()
        return bool(waits) and self._clock_s() - waits[0].at_s >= WRITE_PATIENCE_S

    @property
    def problem(self) -> str:
        """Why values are not kept; empty if they are."""
        if self._is_silent():
            return f"{NOT_KEPT}: the disk does not answer"
        return self._problem

    def has_to_rewrite(self, needed: int) -> bool:
        """Whether it is time to `rewrite`, if ``needed`` values are to be kept."""
        if self._file is None or self._rewriting is not None or self._is_silent():
            return False
        due = self._incomplete or self._file.size > 2 * needed + SPARE_RECORDS
        return due and self._clock_s() >= self._tried_s + REWRITE_RETRY_S

    def rewrite(self, logs: Sequence[PvLogValues], last: Mapping[str, DatedValue]) -> None:
        """Begin to replace the file by one with these values alone; ``last`` came last."""
        assert self._file is not None
        assert self._thread is not None
        self._tried_s = self._clock_s()
        self._incomplete = False  # a value that cannot be added from here on is missing again
        names = {each.name for each in logs}
        numbers = self._thread.do(partial(self._file.begin_rewrite, names))
        self._rewriting = asyncio.create_task(self._finish(self._file, numbers, logs, last))

    async def _finish(
        self,
        file: PvLogFile,
        numbering: Future[LogNumbers],
        logs: Sequence[PvLogValues],
        last: Mapping[str, DatedValue],
    ) -> None:
        assert self._thread is not None
        thread = self._thread
        try:
            with self._told():
                numbers = await asyncio.wrap_future(numbering)
                # A thread of its own does most of the writing: new values do not wait for it.
                size = await in_thread(partial(write_replacement, file.path, numbers, logs, last))
                await asyncio.wrap_future(thread.do(partial(file.take_over, size, numbers)))
                if not self._incomplete:
                    self._problem = ""
        finally:
            thread.do(file.abandon_rewrite)
            self._rewriting = None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """A context in which a failure to write becomes the problem."""
        try:
            yield
        except OSError as error:
            problem = f"{NOT_KEPT}: {error.strerror}"
            if problem != self._problem:
                log.warning(problem)
            self._problem, self._incomplete = problem, True

    async def rewritten(self) -> None:
        """Wait until the file is rewritten, if it is being rewritten."""
        if self._rewriting is not None:
            await self._rewriting

    async def close(self) -> None:
        """Wait until the file is rewritten and all is written, at most `CLOSING_S`, and close it.

        If rewriting takes longer, the file stays as it is: it has all values that are needed.
        """
        began_s = self._clock_s()
        if (rewriting := self._rewriting) is not None:
            await asyncio.wait({rewriting}, timeout=CLOSING_S)
            rewriting.cancel()
            await asyncio.gather(rewriting, return_exceptions=True)
        if self._file is not None and self._thread is not None:
            closing = asyncio.wrap_future(self._thread.do(self._file.close))
            left_s = CLOSING_S - (self._clock_s() - began_s)
            await asyncio.wait({closing}, timeout=max(left_s, 0))
            self._unfinished()
            self._file = None
