"""The first settings of an IOC: the defaults, changed by ``--set``."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ioc.model.ioc_order import IocOrder
from ioc.model.paths import Part, ValuePath, value_at, with_value
from ioc.model.pvs import Access, PvRow, pv_rows
from ioc.model.wire_type import WireKind, wire_type
from ioc.options.program import StartError
from ioc.options.shared_options import SettingOptions
from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.instrument.default_bins import DECLARED_BINS
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused, Spec, nearest, shown
from reduction.parameters.units import Units
from simulator.orders import SimulatorOrder

FieldValues = dict[str, Any]
"""Checked values of one dataclass, by field."""

Banks = tuple[str, ...]
"""Names of the banks of the instrument."""


class AllOrders(NamedTuple):
    """The orders of all parts of the program."""

    ranks: RanksOrder
    simulator: SimulatorOrder
    ioc: IocOrder

    def of(self, part: Part) -> Any:
        """The order of a part."""
        return {Part.RANKS: self.ranks, Part.SIMULATOR: self.simulator, Part.IOC: self.ioc}[part]

    def setting(self, row: PvRow) -> Any:
        """The value of the setting of a row."""
        return value_at(self.of(row.place.part), row.place.path)


@functools.cache
def unprefixed_rows(reductions: int) -> Sequence[PvRow]:
    """All process variables by their names without prefix; a starting IOC needs them often."""
    return tuple(pv_rows("", reductions))


class NamedSettings:
    """All settings of an IOC with a number of reductions, by PV name without prefix."""

    def __init__(self, reductions: int) -> None:
        rows = unprefixed_rows(reductions)
        self.rows = {row.name: row for row in rows if row.access is Access.SETPOINT}

    def __contains__(self, name: str) -> bool:
        return name in self.rows

    def unknown(self, name: str) -> str:
        """A sentence: there is no setting of this name, but perhaps similar ones."""
        return f"no setting is called {shown(name)}" + nearest(name, self.rows)

    def checked(self, values: Iterable[tuple[str, Any]]) -> dict[ValuePath, FieldValues]:
        """Values by the address of their dataclass, from names that exist; raises `Refused`."""
        checked: dict[ValuePath, FieldValues] = {}
        for name, value in values:
            row = self.rows[name]
            fields = checked.setdefault(row.group.place, {})
            fields[row.field] = row.spec.checked(_state(row.spec, value))
        return checked


def first_orders(
    options: SettingOptions, banks: Banks = (), bins: Mapping[Units, str] = DECLARED_BINS
) -> AllOrders:
    """The defaults, changed by ``options.set``: pairs of PV name without prefix and value.

    ``banks`` are the banks of the instrument, ``bins`` those that each unit has at first. Raises
    `StartError` for a name that no setting has, and for a value that is refused.
    """
    known = NamedSettings(options.reductions)
    for name, _ in options.set:
        if name not in known:
            raise StartError(known.unknown(name))
    try:
        return with_settings(default_orders(options, banks), known.checked(options.set), bins)
    except Refused as refused:
        raise StartError(str(refused)) from None


def default_orders(options: SettingOptions, banks: Banks) -> AllOrders:
    """Orders in which every setting has its default."""
    detectors = DetectorSettings(banks=banks)
    settings = ReductionSettings(detectors=detectors, max_bins=options.max_bins)
    reduction = ReductionOrder(settings=settings)
    ranks = RanksOrder(reductions=(reduction,) * options.reductions)
    return AllOrders(ranks, SimulatorOrder(), IocOrder())


def with_settings(
    orders: AllOrders,
    values: Mapping[ValuePath, FieldValues],
    bins: Mapping[Units, str] = DECLARED_BINS,
) -> AllOrders:
    """``orders`` with ``values``, by the address of their dataclass; raises `Refused`.

    A unit without bins has the ``bins`` of that unit. The values of one dataclass are set together,
    because it checks them together.
    """
    changed = {part: orders.of(part) for part in Part}
    for place in sorted(values, key=lambda each: each.depth):  # BinMin after BinParams
        order = changed[place.part]
        present = value_at(order, place.path)
        new = dataclasses.replace(present, **_with_bins(present, values[place], bins))
        changed[place.part] = with_value(order, place.path, new)
    return AllOrders(changed[Part.RANKS], changed[Part.SIMULATOR], changed[Part.IOC])


def _with_bins(present: Any, values: FieldValues, bins: Mapping[Units, str]) -> FieldValues:
    """``values``; if they have a unit and no bins, with the ``bins`` of that unit."""
    if isinstance(present, ReductionSettings) and "units" in values:
        return {"bin_params": bins[values["units"]], **values}
    return values


def _state(spec: Spec, value: Any) -> Any:
    """``value``; the label of a state, in upper or lower case, becomes the state."""
    wire = wire_type(spec)
    if not wire.labels or not isinstance(value, str):
        return value
    states: dict[str, Any] = {label.lower(): label for label in wire.labels}
    if wire.kind is not WireKind.CHOICE:
        states = {"0": 0, "1": 1} | {label: index for index, label in enumerate(states)}
    return states.get(value.lower(), value)
