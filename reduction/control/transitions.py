"""How orders change the run state: which pulses count from the next one on."""

from __future__ import annotations

from dataclasses import replace

from reduction.control.facility_run import FacilityRun
from reduction.control.orders import RanksOrder
from reduction.control.run_state import PulseGap, RunState
from reduction.parameters.all_reductions.series import check_next_series
from reduction.stream.pulses import NEVER_NS, NO_PULSE

FAR_AHEAD_NS = 60_000_000_000
"""A boundary that is further ahead of the newest pulse is not believed."""


def resets(state: RunState, order: RanksOrder) -> bool:
    """Whether ``order`` drops what is accumulated."""
    return order.resets not in (0, state.resets)


def closes(state: RunState, order: RanksOrder) -> bool:
    """Whether ``order`` closes what is accumulated as a series."""
    return order.closes not in (0, state.closes) and not resets(state, order)


def begun(state: RunState, order: RanksOrder, cut_ns: int, past_ns: int | None = None) -> RunState:
    """The state of an accumulation that begins under ``order`` after the pulse at ``cut_ns``.

    It begins with the next pulse, or, if the order resets, with the first one at the time that the
    order tells. That time may lie before the cut, but after ``past_ns``, if what was taken since
    can be taken again. An acquisition that has ended in ``state`` stays ended, unless the order
    starts one.
    """
    past_ns = cut_ns if past_ns is None else past_ns
    timed = resets(state, order) and order.begins_ns > past_ns
    empty = RunState(
        resets=order.resets,
        starts=state.starts,
        closes=order.closes,
        reached=state.reached,
        preset=state.preset,
        start_ns=order.begins_ns if timed else NO_PULSE,
        gaps=tuple(gap for gap in state.gaps if timed and _goes_on(gap, order.begins_ns)),
        facility_run=_facility_run(state, order, past_ns),
    )
    return _followed(empty, order, min(cut_ns, order.begins_ns - 1) if timed else NO_PULSE)


def _goes_on(gap: PulseGap, begins_ns: int) -> bool:
    """Whether a gap leaves out pulses of an accumulation that begins at a time."""
    return gap.until_ns > begins_ns and (gap.paused or gap.until_ns == NEVER_NS)


def followed(
    state: RunState, order: RanksOrder, cut_ns: int, past_ns: int | None = None
) -> RunState:
    """The state under ``order``, which does not reset, and is obeyed after the pulse at ``cut_ns``.

    A series may end before that pulse, but not before the one at ``past_ns``, if pulses since can
    be moved to the next series. Raises `reduction.parameters.specs.Refused` if it closes a series
    that cannot be closed.
    """
    past_ns = cut_ns if past_ns is None else past_ns
    state = replace(state, facility_run=_facility_run(state, order, past_ns))
    if not closes(state, order):
        ends = state.acquiring and not order.acquiring
        return _followed(state, order, max(cut_ns, order.ends_ns - 1) if ends else cut_ns)
    check_next_series(state.series, order.control)
    end_ns = max(past_ns, order.begins_ns - 1, *state.series_ends_ns[-1:])
    ends_ns = (*state.series_ends_ns, end_ns)
    return _followed(replace(state, series_ends_ns=ends_ns), order, end_ns)


def _facility_run(state: RunState, order: RanksOrder, past_ns: int) -> FacilityRun:
    """The run under ``order``, with how late it begins if the order makes it begin.

    It can begin with the first pulse after ``past_ns``.
    """
    run, before = order.facility_run, state.facility_run
    if not run.key:
        return before
    if run.key == before.key:
        return replace(run, late_ns=before.late_ns)
    begins = resets(state, order) or closes(state, order)
    timed = begins and order.begins_ns != NO_PULSE
    return replace(run, late_ns=max(past_ns + 1 - order.begins_ns, 0) if timed else 0)


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
        facility_run=state.facility_run,
    )


def without_changes(state: RunState, order: RanksOrder) -> RanksOrder:
    """``order`` without what would change which pulses count.

    If there is such a change, the order is obeyed in part only: the revision is the one before that
    change, and the run of the facility stays as it is.
    """
    kept = replace(
        order,
        control=replace(order.control, pause=state.paused),
        acquiring=state.acquiring,
        starts=order.starts and state.starts,
        closes=order.closes and state.closes,
    )
    if kept == order:
        return order
    return replace(
        kept, revision=max(order.pulses_revision - 1, 0), facility_run=state.facility_run
    )


def without_far_boundaries(order: RanksOrder, cut_ns: int) -> RanksOrder:
    """``order`` without boundaries far ahead of the newest pulse, which is at ``cut_ns``.

    What has such a boundary is of the next pulse. If the source was silent, that means the same; if
    not, the clock of the source is far behind that of the facility.
    """
    if cut_ns == NO_PULSE:
        return order
    latest_ns = cut_ns + FAR_AHEAD_NS
    return replace(
        order,
        begins_ns=order.begins_ns if order.begins_ns <= latest_ns else NO_PULSE,
        ends_ns=order.ends_ns if order.ends_ns <= latest_ns else NO_PULSE,
    )


def changes_later(state: RunState, order: RanksOrder, cut_ns: int) -> bool:
    """Whether what ``order`` changes about which pulses count is of pulses after ``cut_ns``.

    Then it means the same whenever it is obeyed before these pulses come.
    """
    if order.control.pause != state.paused:
        return False
    if resets(state, order) or closes(state, order):
        return order.begins_ns > cut_ns
    return state.acquiring and not order.acquiring and order.ends_ns > cut_ns
