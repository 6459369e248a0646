"""What the ranks could not obey is refused before it is ordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ioc.judge import Judge
from ioc.places import Path as Steps
from ioc.places import replaced
from reduction.geometry import powder_arc
from reduction.messages import RanksOrder
from reduction.parameters import Accumulation, RunControl
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
    new = RanksOrder()
    for path, value in changes:
        new = replaced(new, (*SETTINGS, *path), value)
    return judge(RanksOrder(), new)


def judge(old: RanksOrder, new: RanksOrder, series: int = 1) -> Logs:
    logs = Logs()

    async def judging() -> None:
        judge = Judge(powder_arc(), logs, lambda: series)  # type: ignore[arg-type]
        async with judge.allowed(old, new):
            return

    asyncio.run(judging())
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


@pytest.mark.parametrize(
    ("series", "mode", "words"),
    [
        (17, Accumulation.SINCE_RESET, "16 series are closed, which is the limit"),
        (1, Accumulation.WINDOW, "AccumulationMode is Window; series are of SinceReset"),
        (1, Accumulation.FADING, "AccumulationMode is Fading"),
    ],
)
def test_a_series_that_cannot_be_closed_is_refused(
    series: int, mode: Accumulation, words: str
) -> None:
    old = RanksOrder(control=RunControl(accumulation=mode))
    with pytest.raises(Refused, match=words):
        judge(old, replace(old, closes=1), series)


def test_series_count_for_the_memory_of_cells() -> None:
    groups = ";".join(map(str, range(32)))
    old = replaced(RanksOrder(), (*SETTINGS, "detectors", "groups"), groups)
    old = replaced(old, (*SETTINGS, "bin_params"), "0.4,0.0001,5")
    judge(old, replace(old, closes=1), 10)
    with pytest.raises(Refused, match="15 series of together 15 slices, 32 groups"):
        judge(old, replace(old, closes=1), 14)


def test_what_fits_is_allowed(tmp_path: Path) -> None:
    table = tmp_path / "difc.txt"
    table.write_text("3 5000\n4 5001\n")
    judged((("detectors", "calibration"), str(table)), (("detectors", "mask"), "0:15,400:420"))


def test_a_log_is_needed_from_the_order_on_that_slices_by_it() -> None:
    assert judged((("filter", "log"), "temperature")).held_names == [{"temperature"}]
    assert judged((("filter", "step"), 2.0)).held_names == [set()]
