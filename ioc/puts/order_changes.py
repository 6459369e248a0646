"""Changes of the order of the ranks: by commands, by a unit, and of the numbers in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ioc.model.paths import Path, value_at, with_value
from reduction.control.orders import RanksOrder
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units

RanksChange = Callable[[RanksOrder], RanksOrder]
"""Makes a new order from the present one; may raise `reduction.parameters.specs.Refused`."""


def numbered(order: RanksOrder, former: RanksOrder) -> RanksOrder:
    """``order`` with numbers that count on from those of ``former``.

    The generation of a reduction counts up if its settings differ. The numbers ``resets`` and
    ``closes`` never decrease: the ranks obey every change of them as a new reset or close. An order
    that changes which pulses count will have the next revision.
    """
    reductions = tuple(
        dataclasses.replace(new, generation=old.generation + (new.settings != old.settings))
        for new, old in zip(order.reductions, former.reductions, strict=True)
    )
    resets, closes = max(order.resets, former.resets), max(order.closes, former.closes)
    made = dataclasses.replace(order, resets=resets, closes=closes, reductions=reductions)
    same = _pulses(made) == _pulses(former)
    return dataclasses.replace(
        made, pulses_revision=former.pulses_revision if same else former.revision + 1
    )


def _pulses(order: RanksOrder) -> tuple[object, ...]:
    """What of an order decides which pulses count."""
    return order.resets, order.starts, order.closes, order.acquiring, order.control.pause


def reset(order: RanksOrder) -> RanksOrder:
    """The order to drop all that is accumulated.

    The number of the reset is new: no earlier order had it, of this IOC or of an earlier IOC.
    """
    return dataclasses.replace(order, resets=max(order.revision, order.resets) + 1)


def started(order: RanksOrder) -> RanksOrder:
    """The order to start an acquisition afresh."""
    again = reset(order)
    return dataclasses.replace(again, acquiring=True, starts=again.resets)


def next_series(order: RanksOrder) -> RanksOrder:
    """The order to close the running series and start the next one."""
    closes = max(order.revision, order.closes) + 1
    return dataclasses.replace(order, acquiring=True, starts=closes, closes=closes)


def stopped(order: RanksOrder) -> RanksOrder:
    """The order to end the acquisition."""
    return dataclasses.replace(order, acquiring=False)


def command_change(field: str, value: bool) -> RanksChange:
    """The change that a command makes: ``field`` of `RunCommands`; ``value`` false is to stop."""
    match field:
        case "acquire":
            return started if value else stopped
        case "stop":
            return stopped
        case "reset":
            return reset
        case "next_series":
            return next_series
    raise ValueError(f"no command is called {field}")


def stopped_after(start: int) -> RanksChange:
    """The change that ends the acquisition of number ``start``, and no other one."""
    return lambda order: stopped(order) if order.starts == start else order


def with_units(path: Path, units: Units, bin_params: str) -> RanksChange:
    """The change of the reduction settings at ``path`` to a unit, with bins of that unit."""

    def changed(order: RanksOrder) -> RanksOrder:
        settings: ReductionSettings = value_at(order, path)
        return with_value(order, path, settings.with_units(units, bin_params))

    return changed
