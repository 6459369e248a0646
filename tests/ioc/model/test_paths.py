from __future__ import annotations

from typing import Any

import pytest

from ioc.model.paths import Part, ValuePath, value_at, with_value
from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.parameters.reduction import Segment
from reduction.parameters.specs import Refused

ORDER = RanksOrder(reductions=(ReductionOrder(), ReductionOrder()))
SECOND = ("reductions", 1, "settings")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("control", "pause"), True),
        ((*SECOND, "bin_params"), "1,1,4"),
        ((*SECOND, "filter", "log"), "temperature"),
        ((*SECOND, "bin_params", Segment, "bin_max"), 4.0),
    ],
)
def test_a_value_put_to_an_address_is_there_and_nothing_else_changes(
    path: tuple[Any, ...], value: bool | float | str
) -> None:
    new = with_value(ORDER, path, value)
    assert value_at(new, path) == value
    assert with_value(new, path, value_at(ORDER, path)) == ORDER
    assert new.reductions[0] == ORDER.reductions[0]


def test_dataclasses_on_the_path_are_checked() -> None:
    with pytest.raises(Refused, match="Max: -1"):
        with_value(ORDER, (*SECOND, "filter", "maximum"), -1.0)
    with pytest.raises(Refused, match="boundaries must rise"):
        with_value(ORDER, (*SECOND, "bin_params", Segment, "bin_max"), 0.1)


def test_a_segment_that_says_the_same_leaves_the_bins_as_they_are_written() -> None:
    path = (*SECOND, "bin_params")
    order = with_value(ORDER, path, "0.40,0.001,5.0")
    assert value_at(with_value(order, (*path, Segment, "bin_min"), 0.4), path) == "0.40,0.001,5.0"
    several = with_value(ORDER, path, "1,0.5,4,1,8")
    assert value_at(with_value(several, (*path, Segment, "bin_step"), 0.5), path) == "1,0.5,8"


def test_an_address_tells_whether_it_is_below_another() -> None:
    root = ValuePath(Part.RANKS, ("reductions", 1))
    assert (root / "slices" / 3).below(root) == ("slices", 3)
    assert root.below(root) == ()
    assert root.below(root / "slices") is None
    assert (ValuePath(Part.SIMULATOR) / "reductions" / 1).below(root) is None
