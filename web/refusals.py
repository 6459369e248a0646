"""Counts what is refused, and logs it so that a flood does not fill the log."""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

LOG_PERIOD_S = 10.0
"""Shortest time between two lines in the log about one kind of refusal, in seconds."""

LONGEST_WORDS = 200
"""Most characters of a reason that are logged; visitors can put long texts in it."""

NO_FILE_LEFT = (errno.EMFILE, errno.ENFILE)


class RefusalCounts:
    """Numbers of refusals by kind. ``clock`` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._logged_s: dict[str, float] = {}
        self._logged: Counter[str] = Counter()

    def add(self, kind: str, who: str, why: str) -> None:
        """Count one refusal; ``kind`` is one of a few fixed words."""
        self.counts[kind] += 1
        now_s = self._clock()
        if now_s - self._logged_s.get(kind, -LOG_PERIOD_S) < LOG_PERIOD_S:
            return
        unsaid = self.counts[kind] - self._logged[kind] - 1
        self._logged_s[kind], self._logged[kind] = now_s, self.counts[kind]
        more = f" ({unsaid} more of this kind before)" if unsaid else ""
        log.warning("%s refused: %s: %.*r%s", kind, who, LONGEST_WORDS, why, more)

    def handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle an exception of a loop: one for want of files means that a connection has to wait.

        asyncio tries again after a second, and else logs a traceback for each of a hundred tries.
        """
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in NO_FILE_LEFT:
            self.add("connection", "somebody", "too many files are open (ulimit -n)")
        else:
            loop.default_exception_handler(context)
