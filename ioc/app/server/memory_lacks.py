"""Services that go on after they were out of memory, which is told for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from reduction.host.memory.memory_limits import no_memory_words

log = logging.getLogger(__name__)

AGAIN_S = 1.0
"""Pause before a service that was out of memory goes on."""

TOLD_FOR_S = 60.0
"""How long a lack of memory is told."""


class MemoryLacks:
    """Runs services again that end with MemoryError; what they were doing is left out."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._words, self._told_s = "", -TOLD_FOR_S

    @property
    def problem(self) -> str:
        """Which limit was reached in the last minute; empty if none was."""
        return self._words if self._clock_s() - self._told_s < TOLD_FOR_S else ""

    async def survived(self, service: Callable[[], Awaitable[None]]) -> None:
        """Run a service that may be begun anew at any time, until it ends or is cancelled."""
        while True:
            try:
                await service()
            except MemoryError as error:
                self._note(error)
                await asyncio.sleep(AGAIN_S)
            else:
                return

    def _note(self, error: MemoryError) -> None:
        self._words = f"IOC: {no_memory_words(error)}"
        if self._clock_s() - self._told_s >= TOLD_FOR_S:
            log.warning("%s", self._words)
        self._told_s = self._clock_s()
