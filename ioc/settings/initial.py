"""The settings to begin with: the defaults, what was saved, and what ``--set`` changes of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ioc.model.ioc_parameters import IocOrder
from ioc.model.paths import Part, ValuePath, value_at, with_value
from ioc.model.pvs import Access, PvRow, Role, pv_rows
from ioc.model.wire_type import WireKind, wire_type
from ioc.options.commands import SettingOptions
from ioc.options.program import StartError
from reduction.control.orders import RanksOrder, ReductionOrder
from reduction.parameters.reduction import DetectorSettings, ReductionSettings
from reduction.parameters.specs import Refused, Spec, nearest
from simulator.orders import SimulatorOrder

Given = dict[str, Any]
"""Values by field of one dataclass."""

Banks = tuple[str, ...]
"""Names of the banks of the instrument."""


class AllOrders(NamedTuple):
    """What each part is to obey."""

    ranks: RanksOrder
    simulator: SimulatorOrder
    ioc: IocOrder

    def of(self, part: Part) -> Any:
        """The order of a part."""
        match part:
            case Part.RANKS:
                return self.ranks
            case Part.SIMULATOR:
                return self.simulator
            case Part.IOC:
                return self.ioc


Fits = Callable[[AllOrders], None]
"""Raises `Refused` for orders that the instrument has no place for."""


@dataclass(frozen=True)
class RestoredOrders:
    """First orders with saved settings in them."""

    orders: AllOrders
    names: tuple[str, ...]
    """What was restored, without prefix."""
    changed: Mapping[str, Any]
    """The values of those of them that are not the defaults, switches by their labels."""
    skipped: tuple[str, ...]
    """What was not restored: name, value and reason of each."""


def first_orders(start: SettingOptions, banks: Banks = ()) -> AllOrders:
    """The first orders, with ``start.set`` as (PV name without prefix, value) in force.

    ``banks`` are those of the instrument.

    Raises `StartError` for a name that is no setting, and for a value that is refused.
    """
    known = _known(start.reductions)
    for name, _ in start.set:
        if name not in known:
            raise StartError(_unknown(name, known))
    try:
        return _with(_defaults(start, banks), _by_place(known, start.set))
    except Refused as refused:
        raise StartError(str(refused)) from None


def restored(
    start: SettingOptions, saved: Mapping[str, Any], fits: Fits, banks: Banks = ()
) -> RestoredOrders:
    """The first orders with the ``saved`` settings in them, by PV name without prefix.

    What ``start.set`` says stands above what was saved, and bins that it says are for the unit that
    it says, or else the default: neither they nor saved ones are put on another unit. Saved
    settings of one dataclass are applied together, so that their order does not matter; those that
    are refused, or do not go with ``start.set``, are left out one by one. Raises as `first_orders`.
    """
    orders, known = first_orders(start, banks), _known(start.reductions)
    above = _by_place(known, start.set)
    skipped = [_unknown(name, known) for name in saved if name not in known]
    taken: dict[str, Any] = {}
    unit_of = _units_of_bins(known)
    units = {unit_of[name] for name, _ in start.set if name in unit_of}
    for group in _grouped(known, saved.keys() - dict(start.set).keys() - units & known.keys()):
        while group:
            values = {name: saved[name] for name in (*taken, *group)}
            try:
                below = _with(_defaults(start, banks), _by_place(known, values.items()))
                fits(tried := _with(below, above))
            except Refused as refused:
                culprit = _culprit(group, known, refused)
                group.remove(culprit)
                skipped.append(f"{culprit}: {saved[culprit]!r} refused: {refused.why}")
                for name in [each for each in group if unit_of.get(each) == culprit]:
                    group.remove(name)
                    skipped.append(f"{name}: {saved[name]!r} was for {saved[culprit]!r}")
            else:
                orders, taken, group = tried, values, []
    accepted = {name: _at(known[name].place, orders) for name in taken}
    changed = {
        name: wire_type(known[name].spec).served(value)
        for name, value in accepted.items()
        if value != known[name].default
    }
    return RestoredOrders(orders, tuple(taken), changed, tuple(skipped))


def _grouped(known: Mapping[str, PvRow], names: Iterable[str]) -> list[list[str]]:
    """The names of each dataclass together, in the order of the settings."""
    groups: dict[ValuePath, list[str]] = {}
    wanted = set(names)
    for name, row in known.items():
        if name in wanted:
            groups.setdefault(row.group.place, []).append(name)
    return list(groups.values())


def _units_of_bins(known: Mapping[str, PvRow]) -> dict[str, str]:
    """For each setting of bins, by name, that of the unit that they are for."""
    units = {row.group.reduction: name for name, row in known.items() if row.role is Role.UNITS}
    return {
        name: units[row.group.reduction] for name, row in known.items() if row.role is Role.BINS
    }


def _culprit(names: list[str], known: Mapping[str, PvRow], refused: Refused) -> str:
    """Which of the settings is to be left out."""
    return next((name for name in names if known[name].spec.pv == refused.name), names[-1])


def _at(place: ValuePath, orders: AllOrders) -> Any:
    return value_at(orders.of(place.part), place.path)


def _defaults(start: SettingOptions, banks: Banks) -> AllOrders:
    detectors = DetectorSettings(banks=banks)
    settings = ReductionSettings(detectors=detectors, max_bins=start.max_bins)
    reduction = ReductionOrder(settings=settings)
    ranks = RanksOrder(reductions=(reduction,) * start.reductions)
    return AllOrders(ranks, SimulatorOrder(), IocOrder())


def _with(orders: AllOrders, given: Mapping[ValuePath, Given]) -> AllOrders:
    """``orders`` with the values given; raises `Refused`."""
    return AllOrders(
        _changed(orders.ranks, Part.RANKS, given.items()),
        _changed(orders.simulator, Part.SIMULATOR, given.items()),
        _changed(orders.ioc, Part.IOC, given.items()),
    )


def _changed(order: Any, part: Part, given: Iterable[tuple[ValuePath, Given]]) -> Any:
    """``order`` with the values given; those of one dataclass together, as they may need it."""
    here = {place: values for place, values in given if place.part is part}
    for place in sorted(here, key=lambda each: each.depth):  # BinMin after BinParams
        present = value_at(order, place.path)
        changed = dataclasses.replace(present, **_completed(present, here[place]))
        order = with_value(order, place.path, changed)
    return order


def _completed(present: Any, values: Given) -> Given:
    """A unit comes with its own bins, unless bins are given."""
    if isinstance(present, ReductionSettings) and "units" in values:
        return {"bin_params": values["units"].default_bins, **values}
    return values


def _known(reductions: int) -> dict[str, PvRow]:
    return {row.name: row for row in pv_rows("", reductions) if row.access is Access.SETPOINT}


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"no setting is called {name!r}" + nearest(name, known)


def _by_place(
    known: Mapping[str, PvRow], settings: Iterable[tuple[str, Any]]
) -> dict[ValuePath, Given]:
    """Checked values of settings that are known; raises `Refused`."""
    given: dict[ValuePath, Given] = {}
    for name, text in settings:
        row = known[name]
        value = row.spec.checked(_value(row.spec, text))
        given.setdefault(row.group.place, {})[row.field] = value
    return given


def _value(spec: Spec, given: Any) -> Any:
    """``given``; if it is the label of a state, in any case, what ``spec.checked`` takes for it."""
    wire = wire_type(spec)
    if not wire.labels or not isinstance(given, str):
        return given
    states: dict[str, Any] = {label.lower(): label for label in wire.labels}
    if wire.kind is not WireKind.CHOICE:
        states = {"0": 0, "1": 1} | {label: index for index, label in enumerate(states)}
    return states.get(given.lower(), given)
