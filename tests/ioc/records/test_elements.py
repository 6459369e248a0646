"""Which elements of a value a client gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ioc.records.elements import MOST_ZEROS, selected

ALL_THAT_A_REQUEST_CAN_NAME = 2**32 - 1


@pytest.mark.parametrize("values", [np.array([1.5, 2.5]), b"ab", [b"a", b"b"]])
def test_a_client_that_asks_for_more_than_memory_holds_gets_few_zeros(
    values: Sequence[Any],
) -> None:
    got = selected(values, None, ALL_THAT_A_REQUEST_CAN_NAME)
    assert len(got) == 2 + MOST_ZEROS
    assert list(got[:2]) == list(values)
    assert not any(map(bool, got[2:]))
