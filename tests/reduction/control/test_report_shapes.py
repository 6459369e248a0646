"""Results whose arrays do not fit together, and numbers that no array holds, are not understood."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from reduction.control.encoding import MessageNotUnderstood, decoded, encoded
from reduction.control.orders import RanksOrder
from reduction.control.reports import ReductionResult
from reduction.control.run_state import LogPlace, PulseGap, RunState


def result(**changed: Any) -> dict[str, Any]:
    """A result of one bin as plain values, some of them changed."""
    zeros = np.zeros
    plain = {"order": {}, "status": {}, "edges": zeros(2), "counts": zeros((1, 1, 1), np.int64)}
    return plain | {"charges_uc": [0.0], "monitor_counts": [0.0]} | changed


@pytest.mark.parametrize(
    "changed",
    [
        {"counts": np.zeros(1, np.int64)},
        {"counts": np.zeros((0, 0, 0), np.int64)},
        {"edges": np.zeros(1)},
        {"edges": None},
        {"monitor_counts": [0.0, 1.0]},
        {"faded": np.zeros((2, 1, 1, 2))},
        {"counts": np.zeros((1, 1, 1), "S8")},
        {"edges": np.zeros(2, "M8[s]")},
    ],
)
def test_results_whose_arrays_do_not_fit_together_are_not_understood(changed: Any) -> None:
    assert decoded(ReductionResult, encoded(result())).counts is not None
    with pytest.raises(MessageNotUnderstood):
        decoded(ReductionResult, encoded(result(**changed)))


@pytest.mark.parametrize(
    "order",
    [
        RanksOrder(revision=2**63),
        RanksOrder(closes=2**64 - 1),
        RanksOrder(begins_ns=-(2**63)),
        RanksOrder(run=RunState(places=(LogPlace(2**63, True),))),
        RanksOrder(run=RunState(gaps=(PulseGap(0, 2**63, True),))),
        RanksOrder(run=RunState(series_ends_ns=(-2,))),
    ],
)
def test_orders_with_numbers_that_no_array_holds_are_not_understood(order: RanksOrder) -> None:
    with pytest.raises(MessageNotUnderstood, match="Expected `int`"):
        decoded(RanksOrder, encoded(order))


@pytest.mark.parametrize("dtype", [",0,2", "|O", "S8", "<M8[s]", "i8,i8", "f16", "", None, [1]])
def test_arrays_of_any_other_type_are_not_understood(dtype: Any) -> None:
    plain = msgspec.msgpack.decode(encoded(result()))
    plain["edges"] = (dtype, (2,), bytes(16))
    with pytest.raises(MessageNotUnderstood):
        decoded(ReductionResult, msgspec.msgpack.encode(plain))
