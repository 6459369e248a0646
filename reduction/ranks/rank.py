"""The MPI ranks: each reads its partitions, and tick by tick they act as one.

A tick exchanges how far every rank has come, takes the events up to the last pulse that all have
reached, and obeys a new order between this pulse and the next. When a result is due, no further
pulse is taken until all ranks have histogrammed what they have; then their cells are summed on
rank 0, which reports to the IOC. So there are results and orders are obeyed also while events come
faster than ranks can work. Nothing is accumulated before the first order has come.

Ticks come by the monotonic clock, whatever becomes of the time of day. One also comes at once when
an order has come, and the next one as soon as it is obeyed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from reduction.control import transitions
from reduction.control.encoding import decoded, encoded
from reduction.control.orders import NO_REVISION, RanksOrder
from reduction.control.pv_log_values import PvLogValues
from reduction.engines.protocol import Recipe
from reduction.host.file_system.file_threads import FileThreads
from reduction.messages.run_messages import RunMessage
from reduction.parameters.specs import Refused
from reduction.ranks.collectives import Collectives
from reduction.ranks.counting.pipeline import Pipeline
from reduction.ranks.counting.views import Views
from reduction.ranks.intake.catch_up import CatchUp
from reduction.ranks.intake.engine_work import EngineWork
from reduction.ranks.intake.intake_budget import UNLIMITED_BYTES
from reduction.ranks.intake.receiver import StreamReceiver
from reduction.ranks.pulses.accumulation import Accumulation
from reduction.ranks.pulses.run_holds import HOLD_S, RunHolds
from reduction.ranks.reporting.result_reporter import Control, RankParts, ResultReporter
from reduction.ranks.tick import Tick, Ticks
from reduction.ranks.tick_clock import RankTiming, TickClock
from reduction.results.references import LoadedReferences, load_references, references_in_time
from reduction.stream.dialect import Dialect
from reduction.stream.pulses import NO_PULSE, CompletePulse

ENGINE_STEP_S = 0.01
"""Time that the engine gets before the event log is read again."""

ORDER_STEP_S = 0.05
"""… and the same in the tick that obeys an order: most results are in its report then."""

CALL_POLL_S = 0.002
"""How often a rank that waits for messages checks whether rank 0 has called it to a tick."""

ORDER_DELAY_S = 0.2
"""How long a tick is put off while the first result under an order is being made."""

TICKS_PER_START = 1000
"""Every how many ticks the clocks of all ranks are brought into step."""


class Rank:
    """One MPI rank: its partitions, its pipeline, and its part in what all ranks do together.

    Rank 0 has ``control``. All ranks end together once one of them is ``stopping``.
    """

    def __init__(
        self,
        together: Collectives,
        receiver: StreamReceiver,
        pipeline: Pipeline,
        control: Control | None,
        timing: RankTiming,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._together, self._receiver, self._pipeline = together, receiver, pipeline
        self._control, self._timing = control, timing
        self._clock = TickClock(timing.tick_rate_hz, now_s)
        self._intake = receiver.intake
        self._accumulation = Accumulation(together, pipeline, receiver)
        self._work = EngineWork(pipeline.engine, now_s)
        self._catch_up = CatchUp(timing.ticks_per_catch_up_result)
        self._views = Views(pipeline, timing.tick_rate_hz)
        self._reporter = ResultReporter(
            RankParts(
                together, pipeline, self._accumulation, receiver, self._catch_up, self._views
            ),
            control,
        )
        self._holds = RunHolds(round(HOLD_S * timing.tick_rate_hz))
        self._ticks = 0
        self._references = load_references(pipeline.order, [])
        self._read_reference = references_in_time(FileThreads())
        self._order = pipeline.order
        self._order_pending = False
        """Whether an order is obeyed or refused, but no result under it is reported yet."""
        self._result_waits = False
        """Whether a result is due for which some rank has events left to histogram."""
        self._others_lack = False  # whether events here waited for other ranks at the last tick
        self._message = ""
        self.stopping = False

    def run(self) -> None:
        """Tick until some rank is told to stop; then all return together."""
        stopped = False
        while not stopped:
            due_s = self._clock.next_tick_s(self._catch_up.periods_per_tick)
            self._receive_until(due_s + ORDER_DELAY_S if self._order_pending else due_s)
            stopped = self._tick()
        if self._control is not None:
            self._control.end()

    def _receive_until(self, deadline_s: float) -> None:
        """Histogram events, or take messages, until it is time to tick.

        Messages are taken only while the engine has caught up. Those that come faster than it can
        work wait in the event log, and there are results of what has been taken meanwhile. When the
        log is read again, messages are always there, so reading waits for a result now and then.
        It also waits for the next tick once there is enough for it, and for the engine to prepare
        what it has, see `IntakeBudget`.
        """
        called = False
        while not called and (left := deadline_s - self._clock.now_s()) > 0:
            called = self._called()
            if self._work.caught_up:
                wait_s = 0 if called or self._views.behind else min(left, CALL_POLL_S)
                if self._work.budget.rests:
                    self._work.prepare(wait_s)
                else:
                    self._receiver.take(wait_s)
                self._views.advance(min(ENGINE_STEP_S, left))
            else:
                self._work.count(min(ENGINE_STEP_S, left), again=self._order_pending)
                if self._work.caught_up and not self._catch_up.active:
                    self._work.prepare(0)

    def _called(self) -> bool:
        """Whether to tick before the next tick is due.

        Rank 0 calls the others to a tick as soon as it has an order, or enough events for a tick,
        unless the result of the order before is still pending, which must have its time. Ranks
        that have that result ready come to the tick at once, too, and wait for the others there.
        So do those that have any other result ready that is due.
        """
        if self._order_pending or self._result_waits:
            return self._work.caught_up
        if self._control is None:
            return self._together.called(self._ticks + 1)
        enough = self._work.caught_up and not self._others_lack and self._receiver.has_enough
        early = self._control.ordered or enough
        if early:
            self._together.call(self._ticks + 1)
        return early

    def _tick(self) -> bool:
        """One tick of all ranks together; return whether to stop."""
        self._ticks += 1
        logs = self._take_orders()
        ticks = Ticks.of(self._together.exchange(self._own_tick(len(logs)).vector()))
        self._catch_up.ticked(at_end=ticks.at_end and not self._result_waits)
        if self._ticks % TICKS_PER_START == 1:
            self._clock.start()
        if ticks.of_rank_0.logs:
            self._share_logs(logs)
        if ticks.any_run_messages:
            self._gather_run_messages()
        self._reporter.progress.newest_ns = ticks.newest_ns
        empty = not self._accumulation.coverage.last_ns
        self._advance(ticks)
        has_first = empty and self._accumulation.coverage.last_ns > 0  # it is shown at once
        self._obey_new_order(ticks)
        self._pipeline.limit_memory(self._receiver.pending_bytes)
        work = self._work
        step_s = ORDER_STEP_S if self._order_pending else ENGINE_STEP_S
        work.count(step_s, again=self._order_pending)
        self._views.note_events(self._accumulation.coverage.last_ns)
        due = self._order_pending or self._ticks % self._timing.ticks_per_result == 0
        due = due or self._result_waits or ticks.any_run_messages or has_first
        due = due or self._catch_up.waits or self._catch_up.ends
        if work.caught_up:
            if due:
                self._views.advance(ENGINE_STEP_S)
            self._reporter.account.check(everything=due)
            if not self._catch_up.active:
                work.prepare(0)
        work.note_backlog(None if self._catch_up.active else self._receiver.behind.size_bytes)
        if due:
            references = [each.references for each in self._references]
            reported = self._reporter.report(work.caught_up, self._ticks, self._remark, references)
            self._order_pending = self._order_pending and not reported
            self._result_waits = not reported
        return ticks.stopping

    def _obey_new_order(self, ticks: Ticks) -> None:
        """Share the order that rank 0 has, and obey it, unless it is the present one."""
        if ticks.of_rank_0.revision != self._pipeline.order.revision:
            order = b""
            if self._control is not None:
                order = encoded(self._next_order)
                self._control.report_work()
            self._obey(decoded(RanksOrder, self._together.share(order)))

    def _advance(self, ticks: Ticks) -> None:
        """Take the pulses that all ranks have reached, once it is known what ends a pulse."""
        intake, shown = self._intake, ticks.dialect
        intake.tell_holding(ticks.newest_ns)
        if intake.dialect is Dialect.AUTO and shown is not Dialect.AUTO:
            intake.decide_dialect(shown)
            if shown is Dialect.PLAIN:
                return  # what was told at this tick was of a stream with marks
        if self._pipeline.order.revision != NO_REVISION and not self._result_waits:
            plain = intake.dialect is Dialect.PLAIN
            reached_ns = ticks.plain_until_ns if plain else ticks.slowest.reached_ns
            until_ns = min(reached_ns, self._holds.until_ns(reached_ns))
            pulses = self._receiver.pulses_of_all(self._together, until_ns)
            self._take(ticks, pulses, held=until_ns < reached_ns)

    def _take(self, ticks: Ticks, pulses: list[CompletePulse], *, held: bool) -> None:
        """Take events of pulses, and say how many there should be at the next tick."""
        receiver, began_s = self._receiver, self._clock.now_s()
        pending_bytes, enough = receiver.pending_bytes, receiver.has_enough
        self._accumulation.advance(ticks, pulses, held=held)
        taken_bytes = pending_bytes - receiver.pending_bytes
        self._others_lack = enough and not taken_bytes
        self._work.budget.took(taken_bytes, self._clock.now_s() - began_s)
        enough_bytes = self._catch_up.periods_per_tick * self._work.budget.enough_bytes
        receiver.enough_bytes = UNLIMITED_BYTES if held else enough_bytes

    def _own_tick(self, logs: int) -> Tick:
        """The tick of this rank, which has received ``logs`` log values from the IOC."""
        self._receiver.note_ends()
        self._intake.wait()
        reached_ns, reached_number = self._intake.reached
        shown = self._intake.shown_dialect
        return Tick(
            reached_ns=reached_ns,
            reached_number=reached_number,
            complete_from_ns=self._intake.complete_from_ns,
            newest_ns=self._intake.newest_ns,
            unread_ns=self._intake.unread_ns,
            aged_ns=self._intake.ages.aged_ns,
            marked=shown is Dialect.MARKED,
            plain=shown is Dialect.PLAIN,
            stopping=self.stopping,
            at_end=self._at_end,
            run_messages=len(self._intake.runs.waiting),
            revision=self._next_order.revision,
            preset_reached=self._accumulation.acquisition.reached,
            logs=logs,
        )

    @property
    def _at_end(self) -> bool:
        """Whether all that the event logs hold is read, and nothing of it is waited with."""
        waits = self._intake.in_doubt or self._intake.runs.waiting or self._holds.holding
        return self._receiver.at_end and not waits

    def _take_orders(self) -> list[PvLogValues]:
        """Receive from the IOC: keep the newest order, and return the log values.

        The IOC has decided from which times these values hold.
        """
        if self._control is None:
            return []
        newest, logs = self._control.latest(), self._control.logs()
        if newest is not None:
            self._order = newest
        return [each.finite for each in logs]

    @property
    def _remark(self) -> str:
        """What is wrong with the orders, in words; empty if nothing is."""
        between = "" if self._control is None else self._control.message
        return "; ".join(filter(None, (self._message, between)))

    def _share_logs(self, logs: list[PvLogValues]) -> None:
        """Share the ``logs`` of rank 0 with all ranks, which note them."""
        shared = self._together.share(encoded(logs))
        for log in decoded(list[PvLogValues], shared):
            self._intake.logs.extend(log.name, log.times_ns, log.values)

    def _gather_run_messages(self) -> None:
        """Have rank 0 report the messages about runs that any rank has read."""
        taken = msgspec.json.encode(self._intake.runs.taken()).decode()
        for text in self._together.texts(taken):
            messages = msgspec.json.decode(text, type=list[RunMessage])
            self._reporter.note_runs(messages)
            self._holds.note(messages, self._accumulation.state.facility_run)

    @property
    def _next_order(self) -> RanksOrder:
        """The order that rank 0 has all ranks obey now.

        It is the newest one. But while the event log is read again, which pulses count stays: a
        pause or the end of a series is meant for pulses that arrive now. Only a reset is obeyed,
        and what the order tells of pulses that are not read yet.
        """
        first = self._pipeline.order.revision == NO_REVISION
        state = self._order.run if first else self._accumulation.state
        if state is None or not (first or self._catch_up.active):
            return self._order
        later = not first and transitions.changes_later(state, self._order, self._cut_ns)
        if later or transitions.resets(state, self._order):
            return self._order
        return transitions.without_changes(state, self._order)

    @property
    def _cut_ns(self) -> int:
        """The last pulse that is taken from the stream."""
        return self._accumulation.coverage.cut_ns

    def _obey(self, order: RanksOrder) -> None:
        """Obey an order on all ranks, or on none if one of them cannot."""
        if not self._catch_up.active:
            order = transitions.without_far_boundaries(order, self._cut_ns)
        self._order_pending = True
        references: list[LoadedReferences] = []
        state, changed, refusal = self._accumulation.state, dict[int, Recipe](), ""
        try:
            state = self._accumulation.after(order)
            changed = self._pipeline.plan(order, state.series)
            if self._control is not None:
                references = load_references(order, self._references, self._read_reference)
        except Refused as refused:
            refusal = str(refused)
        refusals = self._together.texts(refusal)
        self._message = next(filter(None, refusals), "")
        if self._message and self._pipeline.order.revision == NO_REVISION:
            return  # tried again at the next tick: there is nothing yet that could go on instead
        if self._message:
            self._pipeline.order = replace(self._pipeline.order, revision=order.revision)
            return
        clear = self._accumulation.resets(order)
        if clear:
            self._reporter.progress.clear()
        skip, cut_ns = clear and self._catch_up.active and state.start_ns == NO_PULSE, self._cut_ns
        obeyed = self._accumulation.obey(order, state, skip=skip)
        if obeyed.reads_again:
            self._catch_up.begin()
        elif skip:
            self._catch_up.end()
        self._pipeline.obey(order, changed, state.series, clear=clear)
        self._intake.limit_pending(self._pipeline.most_pending_bytes)
        self._views.obey()
        if obeyed.moved_ns is not None:
            self._pipeline.move_pulses(obeyed.moved_ns, cut_ns)
        self._holds.ordered(state.facility_run)
        self._intake.ages.wait_for(order.control.grace_time)
        self._references = references
