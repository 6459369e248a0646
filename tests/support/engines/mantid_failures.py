"""Mantid made to fail, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.engines.tried import imported


@contextmanager
def nowhere_to_write() -> Iterator[None]:
    """Mantid can be given no events."""
    mantid = imported()
    folder, mantid.folder = mantid.folder, Path("/nowhere")
    try:
        yield
    finally:
        mantid.folder = folder


@contextmanager
def failing(algorithm: str) -> Iterator[None]:
    """An algorithm fails, in engines that are made meanwhile, until the end of the context."""
    mantid, ends = imported(), False
    run = mantid.run

    def run_or_fail(name: str, *arguments: Any, **properties: Any) -> Any:
        if name == algorithm and not ends:
            raise RuntimeError(f"{name} has failed")
        return run(name, *arguments, **properties)

    mantid.run = run_or_fail
    try:
        yield
    finally:
        ends = True
        mantid.run = run
