"""Keeps values of process variables in a file, and tells if it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path

from ioc.pv_logs.log_file import ForeignLogFile, LogFileContent, PvLogFile
from ioc.pv_logs.log_times import DatedValue
from ioc.pv_logs.records import StoredPart, parts_of
from reduction.control.pv_log_values import PvLogValues
from reduction.stream.pulses import NO_PULSE

log = logging.getLogger(__name__)

SPARE_RECORDS = 10_000
"""A file is rewritten that has so many records more than twice what is needed."""

CLOSING_S = 2.0
"""Longest time that the end of the IOC waits for a file that is being rewritten."""

REWRITE_RETRY_S = 10.0
"""Time between two tries to rewrite a file that could not be written."""


class LogStore:
    """Keeps values in ``file``, which has ``content``; without a file it keeps nothing."""

    def __init__(
        self,
        file: PvLogFile | None = None,
        content: LogFileContent | None = None,
        clock_s: Callable[[], float] = time.monotonic,
        news: str = "",
    ) -> None:
        self._file, self._content, self._clock_s = file, content, clock_s
        self.news = news
        """What was wrong with the file at the start, as a sentence; empty if nothing was."""
        self.newest_before_ns = NO_PULSE if content is None else content.newest_pulse_ns
        """The newest pulse that an earlier process knew, in ns since the Unix epoch."""
        self.problem = ""
        """Why values are not kept; empty if they are."""
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
            with self._told():
                self._file.add(name, value)

    def reset(self, time_ns: int) -> None:
        """Note that values before a time are not needed any more."""
        if self._file is not None:
            with self._told():
                self._file.reset(time_ns)

    def note_newest(self, pulse_ns: int) -> None:
        """Keep the time of the newest pulse."""
        if self._file is not None:
            with self._told():
                self._file.note_newest(pulse_ns)

    def has_to_rewrite(self, needed: int) -> bool:
        """Whether it is time to `rewrite`, if ``needed`` values are to be kept."""
        if self._file is None or self._rewriting is not None:
            return False
        due = self._incomplete or self._file.size > 2 * needed + SPARE_RECORDS
        return due and self._clock_s() >= self._tried_s + REWRITE_RETRY_S

    def rewrite(self, logs: Sequence[PvLogValues], last: Mapping[str, DatedValue]) -> None:
        """Begin to replace the file by one with these values alone; ``last`` came last."""
        assert self._file is not None
        self._tried_s = self._clock_s()
        self._incomplete = False  # a value that cannot be added from here on is missing again
        self._rewriting = asyncio.create_task(self._finish(self._file.rewrite(logs, last)))

    async def _finish(self, rewriting: Coroutine[None, None, None]) -> None:
        try:
            with self._told():
                await rewriting
                if not self._incomplete:
                    self.problem = ""
        finally:
            self._rewriting = None

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """A context in which a failure to write becomes the problem."""
        try:
            yield
        except OSError as error:
            problem = f"values of process variables are not kept: {error.strerror}"
            if problem != self.problem:
                log.warning(problem)
            self.problem, self._incomplete = problem, True

    async def rewritten(self) -> None:
        """Wait until the file is rewritten, if it is being rewritten."""
        if self._rewriting is not None:
            await self._rewriting

    async def close(self) -> None:
        """Wait until the file is rewritten, at most `CLOSING_S`, and close it.

        If that takes longer, the file stays as it is: it has all values that are needed.
        """
        if (rewriting := self._rewriting) is not None:
            await asyncio.wait({rewriting}, timeout=CLOSING_S)
            rewriting.cancel()
        if self._file is not None:
            self._file.close()
            self._file = None
