"""Channels that clients of pvAccess are refused, without a line in the log for each of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

REFUSAL = 'makeChannel("'
"""Start of what p4p says whenever a provider refuses a channel, as it may."""


@contextmanager
def unsaid_refusals() -> Iterator[None]:
    """A context in which p4p does not print that a channel was refused; other errors are printed.

    p4p prints it by ``sys.excepthook``, and whoever asks for names that do not exist could fill
    the log.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if not (kind is TypeError and where is None and str(error).startswith(REFUSAL)):
            before(kind, error, where)

    sys.excepthook = hook
    try:
        yield
    finally:
        sys.excepthook = before
