"""Two processes that work at the same time, as two ranks do."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from typing import Any

PATIENCE_S = 100.0

Meet = Callable[[], object]
"""Waits until the other process calls it too."""


def side_by_side(work: Callable[..., list[float]], *arguments: Any) -> list[list[float]]:
    """What ``work(rank, meet, *arguments)`` returns in each of two processes, both at once.

    Both are gone, and their memory is free, when this returns.
    """
    context = multiprocessing.get_context("spawn")
    meeting, links, processes = context.Barrier(2, timeout=PATIENCE_S), [], []
    for rank in range(2):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_run, args=(work, rank, meeting, there, arguments))
        process.start()
        there.close()
        links.append(here)
        processes.append(process)
    try:
        return [link.recv() for link in links]
    finally:
        for link, process in zip(links, processes, strict=True):
            link.close()
            process.join(PATIENCE_S)


def _run(
    work: Callable[..., list[float]],
    rank: int,
    meeting: Any,
    link: Connection,
    arguments: tuple[Any, ...],
) -> None:
    with closing(link):
        link.send(work(rank, meeting.wait, *arguments))


def timed(meet: Meet, work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes from when both processes are there."""
    meet()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
