"""How orders change the run state: which pulses count from the next one on."""

from __future__ import annotations

from dataclasses import replace

from reduction.control.orders import RanksOrder
from reduction.control.run_state import RunState
from reduction.parameters.series import check_next_series
from reduction.stream.partition_state import NO_PULSE


def resets(state: RunState, order: RanksOrder) -> bool:
    """Whether ``order`` drops what is accumulated."""
    return order.resets not in (0, state.resets)


def closes(state: RunState, order: RanksOrder) -> bool:
    """Whether ``order`` closes what is accumulated as a series."""
    return order.closes not in (0, state.closes) and not resets(state, order)


def begun(state: RunState, order: RanksOrder) -> RunState:
    """The state of an accumulation that begins with the next pulse under ``order``.

    An acquisition that has ended in ``state`` stays ended, unless the order starts one.
    """
    empty = RunState(
        resets=order.resets,
        starts=state.starts,
        closes=order.closes,
        reached=state.reached,
        preset=state.preset,
    )
    return _followed(empty, order, NO_PULSE)


def followed(state: RunState, order: RanksOrder, cut_ns: int) -> RunState:
    """The state under ``order``, which does not reset, and is obeyed after the pulse at ``cut_ns``.

    Raises `reduction.parameters.specs.Refused` if it closes a series that cannot be closed.
    """
    if not closes(state, order):
        return _followed(state, order, cut_ns)
    check_next_series(state.series, order.control)
    ends_ns = (*state.series_ends_ns, cut_ns)
    return _followed(replace(state, series_ends_ns=ends_ns), order, cut_ns)


def _followed(state: RunState, order: RanksOrder, cut_ns: int) -> RunState:
    """The state under ``order``, whose close is already in it."""
    starts = order.starts not in (0, state.starts)
    return replace(
        state,
        starts=order.starts or state.starts,
        closes=order.closes or state.closes,
        paused=order.control.pause,
        acquiring=order.acquiring,
        reached=state.reached and not starts,
        preset=order.acquisition if starts else state.preset,
    ).with_gap_after(cut_ns)


def resumed(order: RanksOrder, state: RunState | None) -> RanksOrder:
    """The first ``order`` of an IOC, by which the accumulation of ``state``, if any, goes on."""
    if state is None:
        return order
    return replace(
        order,
        resets=state.resets,
        starts=state.starts,
        closes=state.closes,
        acquiring=state.acquiring,
        control=replace(order.control, pause=state.paused),
    )


def without_changes(state: RunState, order: RanksOrder) -> RanksOrder:
    """``order`` without what would change which pulses count.

    If there is such a change, the order is obeyed in part only: the revision is the one before that
    change.
    """
    kept = replace(
        order,
        control=replace(order.control, pause=state.paused),
        acquiring=state.acquiring,
        starts=order.starts and state.starts,
        closes=order.closes and state.closes,
    )
    return order if kept == order else replace(kept, revision=max(order.pulses_revision - 1, 0))
