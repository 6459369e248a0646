"""What the ranks could not obey is refused before it is ordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ioc.judge import Judge
from ioc.places import Path as Steps
from ioc.places import replaced
from reduction.geometry import powder_arc
from reduction.messages import RanksOrder
from reduction.specs import Refused

SETTINGS: Steps = ("reductions", 0, "settings")


class Logs:
    """Notes which logs an order needs."""

    def __init__(self) -> None:
        self.held_names: list[set[str]] = []

    @asynccontextmanager
    async def held(self, names: Iterable[str]) -> AsyncIterator[None]:
        self.held_names.append(set(names))
        yield


def judged(*changes: tuple[Steps, Any]) -> Logs:
    logs, old = Logs(), RanksOrder()
    new = old
    for path, value in changes:
        new = replaced(new, (*SETTINGS, *path), value)

    async def judge() -> None:
        async with Judge(powder_arc(), logs).allowed(old, new):  # type: ignore[arg-type]
            return

    asyncio.run(judge())
    return logs


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("mask", "5000", "no detector in 5000; powder_arc has ids from 0 to 999"),
        ("mask", "a:b", "'a:b' is no detector id"),
        ("groups", "0:9;5:20", "detector 5 is in two groups"),
        ("groups", ";".join(map(str, range(33))), "33 groups; the limit is 32"),
        ("calibration", "/absent.txt", "absent.txt"),
    ],
)
def test_detectors_that_there_are_not_are_refused(field: str, value: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        judged((("detectors", field), value))


def test_more_cells_than_memory_is_for_are_refused() -> None:
    groups = ";".join(map(str, range(32)))
    with pytest.raises(Refused, match="are too many together"):
        judged(
            (("detectors", "groups"), groups),
            (("filter", "log"), "temperature"),
            (("filter", "step"), 0.5),
            (("bin_params",), "0.4,0.0001,5"),
        )


def test_what_fits_is_allowed(tmp_path: Path) -> None:
    table = tmp_path / "difc.txt"
    table.write_text("3 5000\n4 5001\n")
    judged((("detectors", "calibration"), str(table)), (("detectors", "mask"), "0:15,400:420"))


def test_a_log_is_needed_from_the_order_on_that_slices_by_it() -> None:
    assert judged((("filter", "log"), "temperature")).held_names == [{"temperature"}]
    assert judged((("filter", "step"), 2.0)).held_names == [set()]
