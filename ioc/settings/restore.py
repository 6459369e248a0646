"""Restores saved settings into the first orders, without settings that are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ioc.model.paths import ValuePath
from ioc.model.roles import Role
from ioc.model.wire_type import wire_type
from ioc.options.shared_options import SettingOptions
from ioc.settings.initial import (
    AllOrders,
    Banks,
    NamedSettings,
    default_orders,
    first_orders,
    with_settings,
)
from reduction.parameters.specs import Refused, shown

MOST_TOLD = 10
"""So many unknown names are told one by one."""

InstrumentCheck = Callable[[AllOrders], None]
"""Raises `Refused` for orders that do not fit the instrument or the files that they name."""


@dataclass(frozen=True)
class RestoredOrders:
    """First orders with saved settings in them."""

    orders: AllOrders
    names: tuple[str, ...]
    """The settings that were restored, without prefix."""
    changed: Mapping[str, Any]
    """Restored values that differ from the default; switches and choices by their labels."""
    skipped: tuple[str, ...]
    """The settings that were not restored: name, value and reason of each."""


def restored(
    options: SettingOptions,
    saved: Mapping[str, Any],
    check: InstrumentCheck,
    banks: Banks = (),
) -> RestoredOrders:
    """The first orders with the ``saved`` settings, by PV name without prefix, in them.

    ``options.set`` has precedence. Its bins are for its unit, or else for the default unit; bins
    are never used with another unit, whether given or saved. Saved settings of one dataclass are
    applied together, so that their order does not matter. Settings that are refused, or contradict
    ``options.set``, are left out one by one. Raises as `first_orders` does.
    """
    restoring = _Restoring(options, saved, check, banks)
    for group in restoring.groups():
        restoring.take(group)
    return restoring.result()


class _Restoring:
    """Takes saved settings into orders, one dataclass after the other."""

    def __init__(
        self,
        options: SettingOptions,
        saved: Mapping[str, Any],
        check: InstrumentCheck,
        banks: Banks,
    ) -> None:
        self._orders = first_orders(options, banks)
        self._defaults = default_orders(options, banks)
        self._known, self._saved, self._check = NamedSettings(options.reductions), saved, check
        self._given = dict(options.set)
        self._given_values = self._known.checked(options.set)
        self._unit_of = _unit_of_bins(self._known)
        self._taken: list[str] = []
        self._skipped = list(self._unknown())

    def _unknown(self) -> Iterable[str]:
        """A sentence for each of the first names that no setting has, and one for the others."""
        names = [name for name in self._saved if name not in self._known]
        yield from map(self._known.unknown, names[:MOST_TOLD])
        if len(names) > MOST_TOLD:
            yield f"{len(names) - MOST_TOLD} more names are those of no setting"

    def groups(self) -> Iterable[list[str]]:
        """The names to restore, grouped by dataclass, in the order of the settings."""
        decided = {self._unit_of[name] for name in self._given if name in self._unit_of}
        groups: dict[ValuePath, list[str]] = {}
        for name, row in self._known.rows.items():
            if name in self._saved and name not in self._given and name not in decided:
                groups.setdefault(row.group.place, []).append(name)
        return groups.values()

    def take(self, group: list[str]) -> None:
        """Restore the settings of one dataclass, without settings that are refused."""
        while group:
            try:
                self._orders = self._tried([*self._taken, *group])
            except Refused as refused:
                group = self._without_refused(group, refused)
            else:
                self._taken += group
                return

    def result(self) -> RestoredOrders:
        """The orders, and the names of the settings that were restored and that were not."""
        rows = [self._known.rows[name] for name in self._taken]
        changed = {
            row.name: wire_type(row.spec).served(self._orders.setting(row))
            for row in rows
            if self._orders.setting(row) != row.default
        }
        return RestoredOrders(self._orders, tuple(self._taken), changed, tuple(self._skipped))

    def _tried(self, names: list[str]) -> AllOrders:
        """Orders with the saved settings of these names, changed by ``options.set``."""
        values = self._known.checked((name, self._saved[name]) for name in names)
        orders = with_settings(with_settings(self._defaults, values), self._given_values)
        self._check(orders)
        return orders

    def _without_refused(self, group: list[str], refused: Refused) -> list[str]:
        """``group`` without the refused setting, and without bins of a refused unit."""
        matching = [name for name in group if self._known.rows[name].spec.pv == refused.name]
        culprit = matching[0] if matching else group[-1]
        value = self._saved[culprit]
        self._skipped.append(f"{culprit}: {shown(value)} refused: {refused.why}")
        bins = [name for name in group if self._unit_of.get(name) == culprit]
        for name in bins:
            was_for = f"{shown(self._saved[name])} was for {shown(value)}"
            self._skipped.append(f"{name}: {was_for}")
        return [name for name in group if name != culprit and name not in bins]


def _unit_of_bins(known: NamedSettings) -> dict[str, str]:
    """For each setting of bins, by name, the name of the setting of their unit."""
    rows = known.rows.values()
    units = {row.group.reduction: row.name for row in rows if row.role is Role.UNITS}
    return {row.name: units[row.group.reduction] for row in rows if row.role is Role.BINS}
