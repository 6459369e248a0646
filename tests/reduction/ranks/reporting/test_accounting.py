"""That an event which is in no count, or in two, does not go unnoticed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.engines.native.engine import NativeEngine
from reduction.instrument.geometry import powder_arc
from reduction.messages.contents import Chunk
from reduction.parameters.reduction import ReductionSettings
from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.reporting.accounting import CELLS_A_TICK, EventAccount
from reduction.stream.log_values.logs import Logs


class Miscounting(NativeEngine):
    """Has ``wrong`` events too many in a cell."""

    wrong = 0

    def cells(self, reduction: int) -> NDArray[np.int64]:
        cells = super().cells(reduction).copy()
        cells[1] += self.wrong
        return cells


@pytest.fixture
def pipeline() -> Pipeline:
    bins = ("0.4,0.01,5", f"0.4,{4.6 / CELLS_A_TICK},5")
    settings = [ReductionSettings(bin_params=each, max_bins=200_000) for each in bins]
    order = RanksOrder(reductions=tuple(ReductionOrder(0, each) for each in settings))
    made = Pipeline(powder_arc(), Miscounting, order, Logs(), 1 << 40)
    times_ns = np.arange(100, dtype=np.int32) * np.int32(10**6)
    chunk = Chunk("", 0, 1, np.arange(-5, 95, dtype=np.int32), times_ns)
    made.accumulate([chunk], 1, filtered=0, window_end_ns=1)
    assert made.engine.advance(600)
    return made


def error(pipeline: Pipeline, account: EventAccount, wrong: int, everything: bool = True) -> int:
    assert isinstance(pipeline.engine, Miscounting)
    pipeline.engine.wrong = wrong
    account.check(everything=everything)
    return account.unaccounted()


def test_an_account_that_is_right_is_told_as_0_and_one_that_is_not_by_how_much(
    pipeline: Pipeline,
) -> None:
    account = EventAccount(pipeline)
    assert [error(pipeline, account, wrong) for wrong in (0, 3, -2, 0)] == [0, 3, 2, 0]


def test_an_error_between_two_reports_is_told_in_the_next(pipeline: Pipeline) -> None:
    account = EventAccount(pipeline)
    assert isinstance(pipeline.engine, Miscounting)
    for wrong in (0, -4, 1):
        pipeline.engine.wrong = wrong
        account.check(everything=False)
    assert account.unaccounted() == 4
    assert error(pipeline, account, 0) == 0


def test_an_error_stands_until_the_account_has_been_found_right(pipeline: Pipeline) -> None:
    account = EventAccount(pipeline)
    small, large = (pipeline.engine.cells(number).size for number in range(2))
    assert small <= CELLS_A_TICK < large
    assert error(pipeline, account, 5) == account.unaccounted() == 5
    assert (
        error(pipeline, account, 0, everything=False) == 5
    )  # the large reduction has not been looked at
    assert error(pipeline, account, 0) == 0
