"""Which pulses count, against an oracle that goes from pulse to pulse."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reduction.control import transitions
from reduction.control.encoding import decoded, encoded
from reduction.control.orders import RanksOrder
from reduction.control.run_state import MOST_GAPS, PulseGap, RunState
from reduction.parameters.acquisition import AcquisitionSettings, Preset
from reduction.parameters.all_reductions.run import RunControl
from reduction.parameters.specs import Refused
from reduction.stream.pulses import NEVER_NS, NO_PULSE

PAUSE, RUN = RunControl(pause=True), RunControl()


@dataclass
class Oracle:
    """What happens to each pulse when it comes."""

    state: RunState
    order: RanksOrder
    cut_ns: int = 0
    series: int = 0
    reached: bool = False

    def __post_init__(self) -> None:
        self.fates: list[tuple[int, bool, int]] = []

    def pulse(self) -> None:
        self.cut_ns += 10
        running = self.order.acquiring and not self.reached
        counts = running and not self.order.control.pause
        self.fates.append((self.cut_ns, counts, self.series))

    def obey(self, order: RanksOrder) -> None:
        self.series += order.closes != self.order.closes
        if order.starts != self.order.starts:
            self.reached = False
        self.state = transitions.followed(self.state, order, self.cut_ns)
        self.order = order

    def reach(self) -> None:
        if self.state.counting:
            self.reached = True
            self.state = self.state.ended(self.cut_ns)


STEPS = ["pulse", "pulse", "pulse", "pause", "go on", "stop", "next", "acquire", "reach"]


@given(st.lists(st.sampled_from(STEPS), max_size=60))
def test_the_state_tells_of_each_pulse_what_happened_to_it(steps: list[str]) -> None:
    order = RanksOrder(starts=1, closes=1)
    oracle = Oracle(replace(RunState(starts=1, closes=1), start_ns=0), order)
    for number, step in enumerate(steps, start=2):
        order = oracle.order
        match step:
            case "pulse":
                oracle.pulse()
            case "reach":
                oracle.reach()
            case "pause" | "go on":
                oracle.obey(replace(order, control=PAUSE if step == "pause" else RUN))
            case "stop":
                oracle.obey(replace(order, acquiring=False))
            case "acquire":
                oracle.obey(replace(order, acquiring=True, starts=number))
            case "next":
                oracle.obey(replace(order, acquiring=True, starts=number, closes=number))
    state = oracle.state
    times_ns = np.array([time_ns for time_ns, _, _ in oracle.fates], np.int64)
    assert state.counts(times_ns).tolist() == [counts for _, counts, _ in oracle.fates]
    assert state.series_of(times_ns).tolist() == [series for _, _, series in oracle.fates]
    for time_ns, counts, _ in oracle.fates:
        assert (state.gap_at(time_ns) is None) == counts
    bounds = [ns for gap in state.gaps for ns in (gap.after_ns, gap.until_ns)]
    assert bounds == sorted(bounds)
    assert all(gap.until_ns > gap.after_ns for gap in state.gaps)
    assert state.counting == (state.running and not state.paused)
    assert decoded(RunState, encoded(state)) == state
    assert msgspec.json.decode(msgspec.json.encode(state), type=RunState) == state


def test_nothing_counts_before_the_start() -> None:
    state = RunState(start_ns=5)
    assert state.counts(np.array([4, 5, 6])).tolist() == [False, True, True]
    assert state.series == 1


def test_a_pause_that_no_pulse_was_in_leaves_no_trace() -> None:
    state = RunState(start_ns=0)
    paused = transitions.followed(state, RanksOrder(control=PAUSE), 50)
    assert paused.gaps == (PulseGap(50, NEVER_NS, True),)
    assert transitions.followed(paused, RanksOrder(), 50) == state
    assert transitions.followed(paused, RanksOrder(control=PAUSE), 80) == paused


def test_an_acquisition_that_begins_afresh_has_its_own_preset_and_no_gaps() -> None:
    preset = AcquisitionSettings(preset=Preset.PULSES, preset_pulses=7)
    before = RunState(resets=1, starts=1, start_ns=3, gaps=(PulseGap(4, 9, True),), reached=True)
    order = RanksOrder(resets=2, starts=2, acquisition=preset)
    begun = transitions.begun(before, order, 99)
    assert begun == RunState(resets=2, starts=2, preset=preset)
    ended = transitions.begun(before, RanksOrder(resets=2, starts=1), 99)
    assert ended.reached
    assert ended.gaps == (PulseGap(NO_PULSE, NEVER_NS, False),)


def test_counts_of_an_ioc_that_knows_nothing_change_nothing() -> None:
    state = RunState(resets=4, starts=5, closes=6, start_ns=0)
    order = RanksOrder(revision=9)
    assert not transitions.resets(state, order)
    assert not transitions.closes(state, order)
    assert transitions.followed(state, order, 10) == state
    assert transitions.without_changes(state, order) is order


@pytest.mark.parametrize(
    "changes", [{"control": PAUSE}, {"acquiring": False}, {"starts": 8}, {"closes": 8}]
)
def test_an_order_without_its_changes_is_one_revision_lower(changes: dict[str, object]) -> None:
    state = RunState(resets=4, starts=5, closes=6)
    order = transitions.resumed(RanksOrder(revision=9, pulses_revision=9), state)
    assert transitions.without_changes(state, order) is order
    changed = replace(order, **changes)  # type: ignore[arg-type]
    assert transitions.without_changes(state, changed) == replace(order, revision=8)


def test_a_series_that_cannot_be_closed_is_refused() -> None:
    state = RunState(closes=1, series_ends_ns=(0,) * 1000)
    with pytest.raises(Refused, match="1000 series"):
        transitions.followed(state, RanksOrder(closes=2), 10)


def test_many_pauses_cost_little() -> None:
    gaps = tuple(PulseGap(20 * n, 20 * n + 10, True) for n in range(MOST_GAPS))
    state = RunState(start_ns=0, gaps=gaps)
    assert len(encoded(state)) < 30 * MOST_GAPS
    assert state.counts(np.arange(100_000)).sum() == 50_000


def test_the_start_is_told_in_words() -> None:
    assert RunState(start_ns=1_767_225_600_000_000_000).since == "2026-01-01 00:00:00 UTC"
    assert RunState().since == "the next pulse"
