"""Imports numba, and has it load compiled kernels, without what only compiling needs.

Here alone numba's private parts are touched. Of a process that finds all of its kernels compiled,
0.5 s of processor time are otherwise spent on packages and tables that it does not use.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

NOT_NEEDED = ("coverage", "scipy", "yaml")
"""Packages that numba imports where they are installed, for functions that no kernel here calls."""

NEWEST_TRIED = (0, 68)
"""The newest numba for which it was tried. A newer one loads kernels in its own, slower way."""


def import_numba() -> None:
    """Import numba so that kernels are loaded from its cache quickly.

    Call it before any other import of numba. What is not in the cache is compiled as ever.
    """
    with _hidden(NOT_NEEDED):
        import numba.np.arraymath  # which cached kernels import; it imports scipy's linear algebra
        from numba.core.caching import Cache

    if numba.version_info.short <= NEWEST_TRIED:
        Cache.load_overload = _load_overload  # type: ignore[method-assign]


def _load_overload(cache: Any, signature: Any, context: Any) -> Any:
    """As numba has it, but without ``context.refresh()``.

    That fills the tables of all that can be compiled. The compiler does it itself, before it
    compiles; what is compiled already needs numba's runtime alone.
    """
    from numba.core.runtime.nrt import rtsys

    rtsys.initialize(context)
    with cache._guard_against_spurious_io_errors():
        return cache._load_overload(signature, context)
    return None  # the context has swallowed an error of the file


@contextmanager
def _hidden(names: Sequence[str]) -> Iterator[None]:
    """A context in which packages that are not imported yet count as not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
