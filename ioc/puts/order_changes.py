"""Changes of the order of the ranks: by commands, by a unit, and of the numbers in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ioc.model.paths import Path, value_at, with_fields, with_value
from ioc.model.run_parameters import RunAction
from reduction.control.facility_run import FacilityRun
from reduction.control.orders import RanksOrder, WatchedViews
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.units import Units
from reduction.stream.pulses import NO_PULSE

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
    resets = max(order.revision, order.resets) + 1
    return dataclasses.replace(order, resets=resets, begins_ns=NO_PULSE)


def started(order: RanksOrder) -> RanksOrder:
    """The order to start an acquisition afresh."""
    again = reset(order)
    return dataclasses.replace(again, acquiring=True, starts=again.resets)


def next_series(order: RanksOrder) -> RanksOrder:
    """The order to close the running series and start the next one."""
    closes = max(order.revision, order.closes) + 1
    return dataclasses.replace(
        order, acquiring=True, starts=closes, closes=closes, begins_ns=NO_PULSE
    )


def stopped(order: RanksOrder) -> RanksOrder:
    """The order to end the acquisition."""
    return dataclasses.replace(order, acquiring=False, ends_ns=NO_PULSE)


def run_started(run: FacilityRun, action: RunAction) -> RanksChange:
    """The change that a run makes that starts."""

    def changed(order: RanksOrder) -> RanksOrder:
        match action:
            case RunAction.ACQUIRE:
                order = dataclasses.replace(started(order), begins_ns=_boundary_ns(run.start_ns))
            case RunAction.NEXT_SERIES:
                order = dataclasses.replace(
                    next_series(order), begins_ns=_boundary_ns(run.start_ns)
                )
        return dataclasses.replace(order, facility_run=run)

    return changed


def run_stopped(run: FacilityRun, time_ns: int, *, stops: bool) -> RanksChange:
    """The change that a run makes that has stopped at a time; ``stops``: so does acquiring."""

    def changed(order: RanksOrder) -> RanksOrder:
        if stops and order.acquiring:
            order = dataclasses.replace(stopped(order), ends_ns=_boundary_ns(time_ns))
        return dataclasses.replace(order, facility_run=run)

    return changed


def _boundary_ns(time_ns: int) -> int:
    """The time as a boundary in an order; a time of 0 stands for now."""
    return time_ns or NO_PULSE


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


def with_fields_at(path: Path, fields: Mapping[str, Any]) -> RanksChange:
    """The change of several fields of the settings at ``path``."""
    return lambda order: with_fields(order, path, fields)


def with_file_at(path: Path, field: str, file: str) -> RanksChange:
    """The change of the settings of detectors at ``path`` to another file, which is to be read."""

    def changed(order: RanksOrder) -> RanksOrder:
        order = with_fields(order, path, {field: file})
        settings: DetectorSettings = value_at(order, path)
        return with_value(order, path, settings.unread(field))

    return changed


def with_units(path: Path, units: Units, bin_params: str) -> RanksChange:
    """The change of the reduction settings at ``path`` to a unit, with bins of that unit."""

    def changed(order: RanksOrder) -> RanksOrder:
        settings: ReductionSettings = value_at(order, path)
        return with_value(order, path, settings.with_units(units, bin_params))

    return changed


def with_watched(number: int, watched: WatchedViews) -> RanksChange:
    """The change of what clients watch of a reduction, by its index."""

    def changed(order: RanksOrder) -> RanksOrder:
        reduction = dataclasses.replace(order.reductions[number], watched=watched)
        return with_value(order, ("reductions", number), reduction)

    return changed
