"""Results whose arrays do not fit together are no results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reduction.control.encoding import MessageNotUnderstood, decoded, encoded
from reduction.control.reports import ReductionResult


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
