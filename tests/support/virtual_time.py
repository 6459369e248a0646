"""An event loop whose clock jumps to what is due next: hours of waiting take no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Waits for nothing, and notes how long it would have."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise AssertionError("all tasks wait for each other")
        self.waited_s += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """For coroutines that wait for each other and for time alone."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.waited_s

    def sleep_through(self, seconds: float) -> None:
        """The process is stopped for a while: its clock goes on, and nothing else does."""
        self._jumping.waited_s += seconds


def run_at_once(story: Coroutine[Any, Any, T]) -> T:
    """What ``story`` returns, however long it takes by its own clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)
