"""The settings to begin with: the defaults, and what ``--set`` changes of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ioc.database import Access, rows
from ioc.startup import BadStart
from reduction.messages import RanksOrder, ReductionOrder
from reduction.parameters import RunControl
from reduction.settings import ReductionSettings, Segment
from reduction.specs import Choice, Refused, Switch, nearest
from reduction.units import Units
from simulator.messages import SimulatorOrder
from simulator.parameters import SimulatorSettings


def first_orders(
    settings: Sequence[tuple[str, str]], max_bins: int
) -> tuple[RanksOrder, SimulatorOrder]:
    """The first orders, with ``settings`` as (PV name without prefix, value) in force.

    Raises `BadStart` for a name that is no setting, and for a value that is refused.
    """
    given = _by_class(settings)
    try:
        reduction = _reduction(given.get(ReductionSettings, {}), max_bins)
        if Segment in given:
            segment = dataclasses.replace(Segment.of(reduction.bin_params), **given[Segment])
            reduction = dataclasses.replace(reduction, bin_params=segment.bin_params)
        return (
            RanksOrder(
                control=RunControl(**given.get(RunControl, {})),
                reductions=(ReductionOrder(settings=reduction),),
            ),
            SimulatorOrder(settings=SimulatorSettings(**given.get(SimulatorSettings, {}))),
        )
    except Refused as refused:
        raise BadStart(str(refused)) from None


def _reduction(given: dict[str, Any], max_bins: int) -> ReductionSettings:
    """Settings with the unit's own bins, unless bins are given."""
    units = Units(given.get("units", Units.D_SPACING))
    return ReductionSettings(**{"bin_params": units.default_bins, **given, "max_bins": max_bins})


def _by_class(settings: Sequence[tuple[str, str]]) -> dict[type[Any], dict[str, Any]]:
    known = {row.name: row for row in rows("") if row.access is Access.SETPOINT}
    given: dict[type[Any], dict[str, Any]] = {}
    for name, text in settings:
        if name not in known:
            raise BadStart(f"no setting is called {name!r}" + nearest(name, known))
        row = known[name]
        try:
            value = row.spec.checked(_value(row.spec, text))
        except Refused as refused:
            raise BadStart(str(refused)) from None
        given.setdefault(row.of, {})[row.field] = value
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
