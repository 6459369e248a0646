"""The engines that the contract is tried on; that of Mantid where there is a Mantid."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from reduction.engines.native.engine import NativeEngine
from reduction.engines.protocol import Engine

MakeEngine = Callable[..., Engine]
"""A class of engines, or a function that makes one."""

HOW = (
    "no Mantid: mamba env create -f environment.yml, then "
    "MANTID_PYTHON=.../envs/live-reduction/bin/python make test-mantid"
)


@cache
def imported() -> Any:
    """Mantid, once for all tests; skips what needs it where it is not."""
    if importlib.util.find_spec("mantid") is None:
        pytest.skip(HOW)
    from reduction.engines.mantid.framework import MantidFramework

    return MantidFramework.imported()


def mantid_engine(*arguments: Any, **more: Any) -> Engine:
    """Mantid's engine; skips where there is no Mantid."""
    mantid = imported()
    from reduction.engines.mantid.engine import MantidEngine

    return MantidEngine(mantid, *arguments, **more)


each_engine = pytest.mark.parametrize(
    "engine",
    [
        pytest.param(NativeEngine, id="native"),
        pytest.param(mantid_engine, id="mantid", marks=pytest.mark.mantid),
    ],
)
"""For tests of what all engines have to do."""
