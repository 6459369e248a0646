"""Takes the events of the pulses that count, by the run state, from the stream to the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from reduction.control import transitions
from reduction.control.orders import NO_REVISION, RanksOrder
from reduction.control.run_state import RunState
from reduction.ranks.collectives import Collectives
from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.intake.receiver import StreamReceiver, places_of_all
from reduction.ranks.pulses.counted_pulses import CountedPulses
from reduction.ranks.pulses.coverage import Obeyed, PulseCoverage
from reduction.ranks.pulses.past_boundaries import PastBoundaries
from reduction.ranks.pulses.presets import Acquisition
from reduction.ranks.pulses.recent_pulses import RecentPulses
from reduction.ranks.tick import Ticks
from reduction.stream.dialect import Dialect
from reduction.stream.pulses import NEVER_NS, NO_PULSE, CompletePulse


class Accumulation:
    """Takes the events of the pulses that count, from the stream into the pipeline.

    ``state`` and the ``counted`` pulses are the same on all ranks. But whether counts have reached
    their preset is known on rank 0 alone.
    """

    def __init__(self, together: Collectives, pipeline: Pipeline, receiver: StreamReceiver) -> None:
        self._together, self._pipeline, self._receiver = together, pipeline, receiver
        self._intake = receiver.intake
        self._recent = RecentPulses()
        self._past = PastBoundaries(together, pipeline, receiver, self._recent)
        self._newest_ns = NO_PULSE
        """The newest pulse of which any rank has received anything."""
        self._last_number = NO_PULSE
        """The last number that was given to a pulse of a stream without marks."""
        self._begin_with(RunState())

    def _begin_with(self, state: RunState) -> None:
        """Accumulate no pulse yet, by a state that may have pulses in the event log."""
        self.state = state
        self.counted = CountedPulses(state.before_ns)
        self._recent.clear()
        self._cut = CompletePulse(NO_PULSE, NO_PULSE)
        self._begin_ns = NO_PULSE
        if state.first != NO_PULSE:
            self._last_number = state.first - 1
        self._pipeline.timeline.clear()
        self._follow_series()

    def _follow_series(self) -> None:
        """Have the series and the acquisition that the state says."""
        self.counted.close(self.state.series)
        self._pipeline.timeline.end(self.state.series_ends_ns)
        self.acquisition = Acquisition(
            self.state.preset, self.counted.running, self.counted.periods
        )

    @property
    def coverage(self) -> PulseCoverage:
        """Which pulses are taken and accumulated."""
        running = self.counted.running
        return PulseCoverage(
            self._cut.time_ns, self._cut.number, running.first, running.last, running.last_ns
        )

    def advance(self, ticks: Ticks, pulses: Sequence[CompletePulse], *, held: bool) -> None:
        """Take the events of the pulses that all ranks have reached.

        ``pulses`` are those that are not cut yet on any rank, in their order, up to the first one
        that is ``held`` back. In a stream without marks some of them may be late, and none has a
        number.
        """
        self._newest_ns = ticks.newest_ns
        plain = self._intake.dialect is Dialect.PLAIN
        reached = CompletePulse(ticks.slowest.reached_ns, ticks.slowest.reached_number)
        if plain or held:
            reached = pulses[-1] if pulses else self._cut
        if reached.time_ns == NO_PULSE:
            return
        if self._begin_ns == NO_PULSE:
            self._begin(ticks.complete_from_ns)
        since_ns = max(self._begin_ns, self._cut.time_ns + 1)
        self._pass_waiting(pulses)
        late_ns = [each.time_ns for each in pulses if self._begin_ns <= each.time_ns < since_ns]
        pulses = [each for each in pulses if each.time_ns >= since_ns]
        if plain:
            self._take_late(late_ns)
            self._skip_lost(pulses)
            pulses = self._numbered(pulses)
            reached = CompletePulse(reached.time_ns, (pulses or [self._cut])[-1].number)
        self._note_first(pulses)
        self._end_at_preset(pulses, preset_reached=ticks.of_rank_0.preset_reached)
        self._take_pulses(pulses)
        before_ns = self._cut.time_ns
        self._cut = CompletePulse(max(reached.time_ns, before_ns), reached.number)
        self._take_events(before_ns, {each.time_ns for each in pulses})

    def _pass_waiting(self, pulses: Sequence[CompletePulse]) -> None:
        """Note the times of pulses after a reset that is to begin with a later one."""
        before_ns = self.state.before_ns[-1:]
        for each in pulses:
            if before_ns and before_ns[0] < each.time_ns < self.state.start_ns:
                self.counted.periods.passed(each.time_ns)

    def _take_late(self, times_ns: Sequence[int]) -> None:
        """Take pulses that are first seen after later ones; some may have been taken already."""
        for time_ns in times_ns:
            if self.counted.seen(time_ns):
                continue
            one_ns = np.array([time_ns])
            series = int(self.state.series_of(one_ns)[0]) if self.state.counts(one_ns)[0] else None
            self.counted.insert(time_ns, series)
            self._recent.insert(time_ns)
            self._cut = CompletePulse(self._cut.time_ns, self._cut.number + 1)
            self._last_number += 1
            if series is not None:
                self._pipeline.begin_series(series, time_ns, self._cut.time_ns)

    def _numbered(self, pulses: Sequence[CompletePulse]) -> list[CompletePulse]:
        """The next pulses of a stream without marks, with numbers that count them."""
        numbered = [
            CompletePulse(each.time_ns, number)
            for number, each in enumerate(pulses, self._last_number + 1)
        ]
        self._last_number += len(numbered)
        return numbered

    def _skip_lost(self, pulses: Sequence[CompletePulse]) -> None:
        """Leave out as many numbers as pulses have gone, if the first ones have left the log."""
        read_again = self._cut.time_ns == NO_PULSE and self.state.first != NO_PULSE
        if read_again and pulses and self._begin_ns > self.state.start_ns:
            self._last_number += self._pulses_gone(pulses)

    def _begin(self, complete_from_ns: int) -> None:
        """Count from the first pulse of which all ranks have received everything."""
        self._begin_ns = max(complete_from_ns, self.state.start_ns)
        if self.state.start_ns == NO_PULSE or not self.state.places:
            places = self.state.places or places_of_all(
                self._together, self._receiver.places_begun()
            )
            self.state = replace(
                self.state, start_ns=self._begin_ns, places=places, log=self._receiver.log
            )
        self._intake.logs.forget(self._begin_ns)

    def _note_first(self, pulses: Sequence[CompletePulse]) -> None:
        """Note the number of the first pulse, or how many had left the event log before it."""
        if not pulses:
            return
        first = pulses[0].number
        if self.state.first == NO_PULSE:
            self.state = replace(self.state, first=first)
        elif self._cut.time_ns == NO_PULSE and self._begin_ns > self.state.start_ns:
            lost = max(first - self.state.first, self._lost_with_log(pulses))
            self.state = replace(self.state, lost=lost)
        elif self._cut.time_ns == NO_PULSE:
            self.state = replace(self.state, lost=0)

    def _lost_with_log(self, pulses: Sequence[CompletePulse]) -> int:
        """About how many pulses were lost with another event log; 0 if this is the same one.

        Numbers may begin again in a new log, so the time that is missing tells it.
        """
        if self._receiver.log in ("", self.state.log):
            return 0
        self._intake.notices.give_once(
            "event log", "the accumulation began in another event log, which is gone"
        )
        return self._pulses_gone(pulses)

    def _pulses_gone(self, pulses: Sequence[CompletePulse]) -> int:
        """About how many pulses came since the start and before ``pulses``, which come first."""
        times_ns = [each.time_ns for each in pulses]
        return self.counted.periods.pulses_before(times_ns, self.state.start_ns)

    def _end_at_preset(self, pulses: Sequence[CompletePulse], *, preset_reached: bool) -> None:
        """End the acquisition if a preset is reached with one of ``pulses``, which come next.

        ``preset_reached`` tells that the counts have reached theirs.
        """
        if not self.state.counting:
            return
        if preset_reached:
            self.state = self.state.ended(self._cut.time_ns)
            return
        times_ns = np.array([each.time_ns for each in pulses], np.int64)
        running = self.state.series_of(times_ns) == self.state.series - 1
        limit_ns = self.acquisition.limit_ns(times_ns, running & self.state.counts(times_ns))
        if limit_ns != NEVER_NS:
            self.state = self.state.ended(limit_ns)

    def _take_pulses(self, pulses: Sequence[CompletePulse]) -> None:
        """Take the next pulses: note which of them count, and for which series."""
        times_ns = np.array([each.time_ns for each in pulses], np.int64)
        counts, series = self.state.counts(times_ns), self.state.series_of(times_ns)
        self.counted.take(pulses, counts, series)
        self._recent.note(pulses, self._pipeline.received)
        if words := self.counted.periods.close_words:
            self._intake.notices.give("close pulses", words)
        for number in np.unique(series[counts]).tolist():
            first_ns = int(times_ns[counts & (series == number)][0])
            self._pipeline.begin_series(number, first_ns, self._cut.time_ns)

    def _take_events(self, before_ns: int, ended_ns: set[int]) -> None:
        """Take the events up to the cut: of pulses that have just ended, and late ones before.

        Those of pulses that a pause left out count as filtered, those after the end of an
        acquisition do not count at all.
        """
        counting, filtered = [], 0
        for chunk in self._intake.cut(self._cut.time_ns):
            at_ns = chunk.pulse_time_ns
            if self.counted.has(at_ns):
                counting.append(chunk)
            elif self._begin_ns <= at_ns <= before_ns or at_ns in ended_ns:
                gap = self.state.gap_at(at_ns)
                filtered += chunk.tof_ns.size if gap is None or gap.paused else 0
            elif at_ns > max(before_ns, self._begin_ns):
                self._intake.refuse(chunk)
        gap = self.state.gap_at(self._cut.time_ns)
        ended = gap is not None and not gap.paused
        self._pipeline.accumulate(
            counting,
            self._cut.time_ns,
            filtered=filtered,
            window_end_ns=gap.after_ns if gap and ended else self._cut.time_ns,
        )

    def after(self, order: RanksOrder) -> RunState:
        """The state once ``order`` is obeyed now; raises `reduction.parameters.specs.Refused`.

        All ranks call this together.
        """
        state, cut_ns = self._former(order), self._cut.time_ns
        back = self._can_go_back(order) or self._past.can_move(order, state, cut_ns)
        past_ns = order.begins_ns - 1 if back else cut_ns
        if transitions.resets(state, order) or not self._goes_on(order):
            return transitions.begun(state, order, cut_ns, past_ns)
        return transitions.followed(state, order, cut_ns, past_ns)

    def _can_go_back(self, order: RanksOrder) -> bool:
        """Whether ``order`` drops all but pulses that have come already, which are read again."""
        former, cut_ns = self._former(order), self._cut.time_ns
        return self._past.can_go_back(order, former, cut_ns, self._newest_ns)

    def _former(self, order: RanksOrder) -> RunState:
        """The state before ``order``: with the first order, it is the one that comes with it."""
        if self._pipeline.order.revision != NO_REVISION:
            return self.state
        return order.run or RunState(resets=order.resets)

    def _goes_on(self, order: RanksOrder) -> bool:
        """Whether there is an accumulation that goes on under ``order`` unless it resets."""
        if self._pipeline.order.revision != NO_REVISION:
            return True
        return order.run is not None and len(order.run.places) in (0, self._receiver.partitions)

    def resets(self, order: RanksOrder) -> bool:
        """Whether ``order`` drops what is accumulated."""
        return transitions.resets(self._former(order), order)

    def obey(self, order: RanksOrder, state: RunState, *, skip: bool) -> Obeyed:
        """Go over to the ``state`` after an order.

        All ranks call this together, before their pipelines obey the order. A reset goes on with
        the first pulse that counts, or, if ``skip`` is set, with what comes to the event log after
        now.
        """
        first = self._pipeline.order.revision == NO_REVISION
        if self.resets(order) or not self._goes_on(order):
            self._tell_other_partitions(order)
            if self._can_go_back(order):
                self._go_back(state)
                return Obeyed(reads_again=True)
            self._restart(state, skip=skip, first=first)
        elif first:
            self._begin_with(state)
            if state.places:
                self._receiver.read_again(state)
            return Obeyed(reads_again=bool(state.places))
        else:
            return self._go_on(state)
        return Obeyed()

    def _go_on(self, state: RunState) -> Obeyed:
        """Go on with an accumulation, by its ``state`` after an order."""
        ended, self.state = state.series > self.state.series, state
        end_ns = state.series_ends_ns[-1] if ended else NEVER_NS
        moved = end_ns < self._cut.time_ns
        if moved:
            self._split_series(end_ns)
        self._follow_series()
        if moved and self.counted.running.pulses:
            first_ns = self.counted.running.first_ns
            self._pipeline.begin_series(state.series - 1, first_ns, self._cut.time_ns)
        return Obeyed(moved_ns=end_ns + 1 if moved else None)

    def _go_back(self, state: RunState) -> None:
        """Accumulate from a pulse on that was taken already: it is read again."""
        since_ns = min(state.start_ns, self._cut.time_ns + 1)
        taken = self._recent.since(since_ns)
        plain = self._intake.dialect is Dialect.PLAIN
        begun = replace(
            state,
            places=places_of_all(self._together, self._receiver.places_at(since_ns)),
            before_ns=self._recent.before_ns(since_ns, self.state.before_ns),
            log=self._receiver.log,
            dialect=self._intake.dialect,
            first=taken[0].number if taken else self._last_number + 1 if plain else NO_PULSE,
        )
        self._begin_with(begun)
        self._receiver.go_back(begun)

    def _split_series(self, end_ns: int) -> None:
        """End the running series before pulses that it has; they are of the next one."""
        first = self._recent.since(end_ns + 1)[0].number
        stay = [each for each in self.counted.running.times_ns if each <= end_ns]
        last = self._recent.number_at(stay[-1]) if stay else None
        self.counted.split(end_ns, first - 1 if last is None else last, first)

    def _tell_other_partitions(self, order: RanksOrder) -> None:
        """Tell if the accumulation that comes with an order is of a stream cut in another way."""
        before, now = len(order.run.places) if order.run else 0, self._receiver.partitions
        if before not in (0, now):
            self._intake.notices.give_once(
                "run state",
                f"the accumulation before was of a stream of {before} partitions, this one has"
                f" {now}: it begins afresh",
            )

    def _restart(self, state: RunState, *, skip: bool, first: bool) -> None:
        """Accumulate from the next pulse on, by a new ``state``."""
        if skip:
            self._receiver.skip_to_end()
        if skip or first:
            places = places_of_all(self._together, self._receiver.places_begun())
        else:
            places = places_of_all(self._together, self._receiver.places_after_marks())
            state = replace(state, before_ns=self.counted.periods.times_ns)
            self._intake.restart(self._cut.time_ns + 1)
        dialect, log = self._intake.dialect, self._receiver.log
        number = self._last_number + 1 if dialect is Dialect.PLAIN else NO_PULSE
        self._begin_with(replace(state, places=places, log=log, dialect=dialect, first=number))
