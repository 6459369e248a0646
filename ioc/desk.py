"""Where puts arrive: turns a value for a field into a changed order, and waits until it is true."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ioc.orders import Command, Orders
from reduction import rebin
from reduction.messages import RanksOrder, RanksReport
from reduction.parameters import RunCommands, RunControl
from reduction.settings import ReductionSettings, Segment
from reduction.specs import Refused, specs
from reduction.units import Units
from simulator.messages import SimulatorOrder, SimulatorReport
from simulator.parameters import SimulatorSettings


class Desk:
    """The accepted settings, and the way to change them. Knows no channels and no sockets."""

    def __init__(
        self,
        ranks: RanksOrder,
        simulator: SimulatorOrder,
        command_ranks: Command[RanksOrder],
        command_simulator: Command[SimulatorOrder],
        timeout_s: float = 30.0,
    ) -> None:
        self.ranks = Orders("the back end", ranks, command_ranks, _counted, timeout_s)
        self.simulator = Orders(
            "the simulator", simulator, command_simulator, lambda order, _: order, timeout_s
        )
        self._bins: dict[Units, str] = {}
        self._remember(ranks)

    def accepted(self, of: type[Any]) -> Any:
        """The accepted settings of a class: what setpoints and readbacks show."""
        order = self.ranks.accepted
        if of is RunControl:
            return order.control
        if of is RunCommands:
            return RunCommands()
        if of is ReductionSettings:
            return order.reductions[0].settings
        if of is Segment:
            return Segment.of(order.reductions[0].settings.bin_params)
        if of is SimulatorSettings:
            return self.simulator.accepted.settings
        raise TypeError(f"{of.__name__} are no settings")

    async def put(self, of: type[Any], field: str, value: Any) -> Any:
        """Change a field and return its accepted value once posted results show it.

        Raises `Refused`, with nothing changed, if the value is not taken or not obeyed in time.
        """
        spec = dict(specs(of))[field]
        try:
            await self._change(of, field, value)
        except Refused as refused:
            # BinMin that makes bad bins is told as BinMin, though it is BinParams that refuses.
            raise Refused(spec.pv, value, refused.why) from None
        except TimeoutError as late:
            raise Refused(spec.pv, value, str(late)) from None
        return getattr(self.accepted(of), field)

    async def _change(self, of: type[Any], field: str, value: Any) -> None:
        if of is SimulatorSettings:
            await self.simulator.change(_simulated(field, value), in_result=False)
        elif of is RunControl:
            await self.ranks.change(_controlled(field, value), in_result=False)
        elif of is RunCommands:
            if value:
                await self.ranks.change(_reset, in_result=True)
        elif of is Segment:
            await self.ranks.change(self._reduced(_segmented(field, value)), in_result=True)
        elif (of, field) == (ReductionSettings, "units"):
            bins = self._bins_of(value)
            await self.ranks.change(_reduced(lambda s: s.with_units(value, bins)), in_result=True)
        elif of is ReductionSettings:
            await self.ranks.change(self._reduced(_replaced(field, value)), in_result=True)
        else:
            raise TypeError(f"{of.__name__} are no settings")

    def _reduced(self, change: Callable[[ReductionSettings], ReductionSettings]) -> _RanksChange:
        """A change that is meant for the present unit, and for no other."""
        units = self.ranks.newest.reductions[0].settings.units

        def checked(settings: ReductionSettings) -> ReductionSettings:
            if settings.units != units:
                raise Refused("Units", settings.units, f"meant for {units}, which was not applied")
            return change(settings)

        return _reduced(checked)

    def posted_ranks(self, report: RanksReport) -> None:
        """``report`` is on the PVs; its puts complete."""

        def shows(order: RanksOrder) -> bool:
            return len(report.results) == len(order.reductions) and all(
                result.counts is not None and result.order.generation >= wanted.generation
                for result, wanted in zip(report.results, order.reductions, strict=True)
            )

        for order in self.ranks.posted(report.revision, shows):
            self._remember(order)

    def posted_simulator(self, report: SimulatorReport) -> None:
        """``report`` is on the PVs; its puts complete."""
        self.simulator.posted(report.revision, lambda _: True)

    def _remember(self, order: RanksOrder) -> None:
        settings = order.reductions[0].settings
        self._bins[settings.units] = settings.bin_params

    def _bins_of(self, units: Units) -> str:
        """The bins that ``units`` had last, in this session."""
        for order in reversed(self.ranks.waiting()):
            settings = order.reductions[0].settings
            if settings.units == units:
                return settings.bin_params
        return self._bins.get(units, units.default_bins)


_RanksChange = Callable[[RanksOrder], RanksOrder]


def _counted(order: RanksOrder, former: RanksOrder) -> RanksOrder:
    """``order`` with generations that count on from ``former``'s where settings differ.

    Resets never count down: the ranks would take that for another one.
    """
    reductions = tuple(
        dataclasses.replace(new, generation=old.generation + (new.settings != old.settings))
        for new, old in zip(order.reductions, former.reductions, strict=True)
    )
    resets = max(order.resets, former.resets)
    return dataclasses.replace(order, resets=resets, reductions=reductions)


def _controlled(field: str, value: Any) -> _RanksChange:
    return lambda order: dataclasses.replace(
        order, control=dataclasses.replace(order.control, **{field: value})
    )


def _reset(order: RanksOrder) -> RanksOrder:
    return dataclasses.replace(order, resets=order.resets + 1)


def _reduced(change: Callable[[ReductionSettings], ReductionSettings]) -> _RanksChange:
    def changed(order: RanksOrder) -> RanksOrder:
        first, *others = order.reductions
        new = dataclasses.replace(first, settings=change(first.settings))
        return dataclasses.replace(order, reductions=(new, *others))

    return changed


def _replaced(field: str, value: Any) -> Callable[[ReductionSettings], ReductionSettings]:
    return lambda settings: dataclasses.replace(settings, **{field: value})


def _segmented(field: str, value: Any) -> Callable[[ReductionSettings], ReductionSettings]:
    """One segment with one of its three numbers changed."""

    def changed(settings: ReductionSettings) -> ReductionSettings:
        present = Segment.of(settings.bin_params)
        segment = dataclasses.replace(present, **{field: value})
        if segment == present and len(rebin.parsed(settings.bin_params)) == 3:
            return settings
        return dataclasses.replace(settings, bin_params=segment.bin_params)

    return changed


def _simulated(field: str, value: Any) -> Callable[[SimulatorOrder], SimulatorOrder]:
    return lambda order: dataclasses.replace(
        order, settings=dataclasses.replace(order.settings, **{field: value})
    )
