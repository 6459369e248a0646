"""The most files that this process may have open, raised as far as the system allows."""

from __future__ import annotations

import contextlib
import resource

ENOUGH_FILES = 65536
"""More are not asked for: some programs close all that there could be, one by one."""


def raise_file_limit() -> None:
    """Raise the limit of open files, which children inherit, from the soft to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
