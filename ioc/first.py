"""The settings to begin with: the defaults, and what ``--set`` changes of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from ioc.groups import Access, rows
from ioc.places import Part, Path, Place, at, replaced
from ioc.startup import BadStart, Startup
from reduction.messages import RanksOrder, ReductionOrder
from reduction.settings import ReductionSettings
from reduction.specs import Choice, Refused, Switch, nearest
from simulator.messages import SimulatorOrder

Given = dict[str, Any]
"""Values by field of one dataclass."""


def first_orders(start: Startup) -> tuple[RanksOrder, SimulatorOrder]:
    """The first orders, with ``start.set`` as (PV name without prefix, value) in force.

    Raises `BadStart` for a name that is no setting, and for a value that is refused.
    """
    given = _by_place(start.set, start.reductions)
    reduction = ReductionOrder(settings=ReductionSettings(max_bins=start.max_bins))
    ranks = RanksOrder(reductions=(reduction,) * start.reductions)
    try:
        return (
            _with(ranks, Part.RANKS, given.items()),
            _with(SimulatorOrder(), Part.SIMULATOR, given.items()),
        )
    except Refused as refused:
        raise BadStart(str(refused)) from None


def _with(order: Any, part: Part, given: Iterable[tuple[Place, Given]]) -> Any:
    """``order`` with the values given; those of one dataclass together, as they may need it."""
    here = [(place.path, values) for place, values in given if place.part is part]
    for path, values in sorted(here, key=_depth):
        present = at(order, path)
        order = replaced(order, path, dataclasses.replace(present, **_completed(present, values)))
    return order


def _depth(given: tuple[Path, Given]) -> int:
    return len(given[0])  # a face of a setting, as BinMin is of BinParams, comes after it


def _completed(present: Any, values: Given) -> Given:
    """A unit comes with its own bins, unless bins are given."""
    if isinstance(present, ReductionSettings) and "units" in values:
        return {"bin_params": values["units"].default_bins, **values}
    return values


def _by_place(settings: Sequence[tuple[str, str]], reductions: int) -> dict[Place, Given]:
    known = {row.name: row for row in rows("", reductions) if row.access is Access.SETPOINT}
    given: dict[Place, Given] = {}
    for name, text in settings:
        if name not in known:
            raise BadStart(f"no setting is called {name!r}" + nearest(name, known))
        row = known[name]
        try:
            value = row.spec.checked(_value(row.spec, text))
        except Refused as refused:
            raise BadStart(str(refused)) from None
        given.setdefault(row.group.place, {})[row.field] = value
    return given


def _value(spec: Any, text: str) -> Any:
    """The value that a text stands for: a state of a switch or choice may be told by its label."""
    match spec:
        case Switch():
            labels = {"0": 0, "1": 1, spec.off.lower(): 0, spec.on.lower(): 1}
            return labels.get(text.lower(), text)
        case Choice():
            words = {each.lower(): each for each in spec.options}
            return words.get(text.lower(), text)
        case _:
            return text
