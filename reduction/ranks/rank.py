"""The MPI ranks: each reads its partitions, and tick by tick they act as one.

A tick exchanges how far every rank has come, cuts at the last pulse that all have reached, takes
the events of the pulses cut, and obeys a new order between this pulse and the next. When results
are due and no rank has events outstanding, their cells are summed on rank 0, which reports to the
IOC. Nothing is accumulated before the first order has come.

Ticks come by the clock; one comes at once with an order, and the next when it is obeyed.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import zmq
from numpy.typing import NDArray

from reduction.control.channel import CommandedEnd, decoded, encoded
from reduction.control.orders import NO_REVISION, RanksOrder
from reduction.control.reports import RanksReport
from reduction.parameters.specs import Refused
from reduction.ranks.accounting import EventAccount
from reduction.ranks.accumulation import Accumulation
from reduction.ranks.collectives import Collectives
from reduction.ranks.pipeline import Pipeline
from reduction.ranks.progress import Progress
from reduction.ranks.reports import RankFigures, ResultContext, counted, report
from reduction.results.references import LoadedReferences, load_references
from reduction.stream import pulse_ranges
from reduction.stream.messages import CorruptMessage, UnknownSchema
from reduction.stream.partitions import NO_PULSE, PulseAssembler

SLICE_S = 0.01
"""Time given to outstanding events before the sockets are looked at again."""

LOOK_S = 0.005
"""How often a rank that waits for messages looks whether a tick is called for."""

OWED_S = 0.2
"""How long a tick may be late that would only hold up what an order asks for."""

MOST_AT_ONCE = 64
"""Messages taken from a partition before the others have their turn."""

Control = CommandedEnd[RanksOrder, RanksReport]


class Rank:
    """One MPI rank: its partitions, its pipeline, and its part in what all ranks do together."""

    def __init__(
        self,
        together: Collectives,
        sockets: dict[int, zmq.Socket[Any]],
        intake: PulseAssembler,
        pipeline: Pipeline,
        control: Control | None,
        *,
        tick_rate_hz: float = 14.0,
        publish_rate_hz: float = 5.0,
    ) -> None:
        self._together, self._sockets, self._pipeline = together, sockets, pipeline
        self._control = control
        self._intake = intake
        self._tick_rate_hz = tick_rate_hz
        self._ticks_per_result = max(1, round(tick_rate_hz / publish_rate_hz))
        self._ticks = 0
        self._accumulation = Accumulation(pipeline, intake)
        self._progress = Progress(together)
        self._corrections = load_references(pipeline.order, [])
        self._account = EventAccount(pipeline)
        self._order = pipeline.order
        self._published = NO_REVISION
        self._owed = False
        self._caught_up = True
        self._message = ""
        self.stopping = False

    def run(self) -> None:
        """Tick until some rank is told to stop; then all return together."""
        self._poller = zmq.Poller()
        for socket in self._sockets.values():
            self._poller.register(socket, zmq.POLLIN)
        stopped = False
        while not stopped:
            due_s = (int(time.time() * self._tick_rate_hz) + 1) / self._tick_rate_hz
            self._receive_until(due_s + OWED_S if self._owed else due_s)
            stopped = self._tick()

    def _receive_until(self, deadline_s: float) -> None:
        """Take messages, and histogram what is outstanding, until the time has come to tick."""
        called = False
        while not called and (left := deadline_s - time.time()) > 0:
            called = self._called()
            if not self._caught_up:
                self._caught_up = self._pipeline.engine.advance(min(SLICE_S, left))
            wait_s = 0 if called or not self._caught_up else min(left, LOOK_S)
            ready = dict(self._poller.poll(math.ceil(wait_s * 1000)))
            for partition, socket in self._sockets.items():
                if socket in ready:
                    self._drain(partition, socket)

    def _called(self) -> bool:
        """Whether to tick before it is due.

        An order is taken at once, unless another one is still owed, which must have its time. The
        ranks that have obeyed meet at once, too: they wait for the others until it is due.
        """
        if self._owed:
            return self._caught_up
        if self._control is None:
            return self._together.called(self._ticks + 1)
        ordered = self._control.ordered
        if ordered:
            self._together.call(self._ticks + 1)
        return ordered

    def _drain(self, partition: int, socket: zmq.Socket[Any]) -> None:
        try:
            for _ in range(MOST_AT_ONCE):
                self._intake.take(partition, socket.recv(zmq.DONTWAIT))
        except zmq.Again:
            return

    def _tick(self) -> bool:
        """One step of all ranks together; whether to stop."""
        self._ticks += 1
        logs = self._take_orders()
        reached_ns, number = self._intake.reached
        everyone = self._together.exchange(
            np.array(
                [
                    reached_ns,
                    number,
                    self._intake.complete_from_ns,
                    self._intake.newest_ns,
                    self._order.revision,
                    self.stopping,
                    self._accumulation.limit_ns,
                    self._accumulation.acquisition.reached,
                    len(logs),
                ]
            )
        )
        if everyone[0, 8]:
            shared = self._together.share(encoded(logs))
            for name, time_ns, value in decoded(list[tuple[str, int, float]], shared):
                self._intake.logs.add(name, time_ns, value)
        self._progress.newest_ns = int(everyone[:, 3].max())
        self._advance(everyone)
        if everyone[0, 4] != self._pipeline.order.revision:
            self._obey(decoded(RanksOrder, self._together.share(encoded(self._order))))
        self._caught_up = self._pipeline.engine.advance(SLICE_S)
        due = self._owed or self._ticks % self._ticks_per_result == 0
        if self._caught_up:
            self._account.check(everything=due)
            self._pipeline.engine.prepare(0)
        if due:
            self._publish()
        return bool(everyone[:, 5].any())

    def _take_orders(self) -> list[tuple[str, int, float]]:
        """Take what the IOC has sent: the newest order, and log values (name, time_ns, value)."""
        if self._control is None:
            return []
        try:
            newest = self._control.latest()
            logs = self._control.logs()
        except (msgspec.ValidationError, CorruptMessage, UnknownSchema) as error:
            self._message = f"what the IOC sent was not understood: {error}"
            return []
        if newest is not None:
            self._order = newest
        return [(each.name, each.time_ns, float(each.value[0])) for each in logs]

    def _advance(self, everyone: NDArray[np.int64]) -> None:
        """Cut at a pulse that every rank has reached, and take the events up to it."""
        time_ns, number, *_ = (int(n) for n in everyone[everyone[:, 0].argmin()])
        if time_ns == NO_PULSE or self._pipeline.order.revision == NO_REVISION:
            return
        if self._accumulation.cut.start_ns == NO_PULSE:
            # Events are taken from the next tick on: rank 0 must know the start for its limit.
            self._accumulation.begin(int(everyone[:, 2].max()))
            return
        limit_ns, reached = (int(n) for n in everyone[0, 6:8])
        self._accumulation.advance(time_ns, number, limit_ns, bool(reached))

    def _obey(self, order: RanksOrder) -> None:
        """Follow an order on all ranks, or on none of them if one of them cannot."""
        self._order, self._owed = order, True
        corrections: list[LoadedReferences] = []
        try:
            changed, refusal = self._pipeline.plan(order), ""
            if self._control is not None:
                corrections = load_references(order, self._corrections)
        except Refused as refused:
            changed, refusal = {}, str(refused)
        refusals = self._together.texts(refusal)
        self._message = next(filter(None, refusals), "")
        if self._message and self._pipeline.order.revision == NO_REVISION:
            return  # tried again at the next tick: there is nothing yet that could go on instead
        if self._message:
            self._pipeline.order = replace(self._pipeline.order, revision=order.revision)
            return
        if self._pipeline.resets(order):
            self._progress.clear()
        self._accumulation.obey(order)
        self._pipeline.obey(order, changed, self._accumulation.cut.time_ns)
        self._corrections = corrections

    def _publish(self) -> None:
        """Sum the ranks' figures, and their cells once no rank has events outstanding."""
        engine, reductions = self._pipeline.engine, range(len(self._pipeline.order.reductions))
        mine = [self._caught_up, pulse_ranges.size(self._intake.incomplete)]
        mine += [engine.displaced(number) for number in reductions]
        figures = RankFigures.of(self._pipeline, self._intake, self._account.told()).vector()
        everyone = self._together.exchange(np.array([*mine, *figures]))
        caught_up, missing, *astray = everyone[:, : len(mine)].T
        total = RankFigures.total(everyone[:, len(mine) :])
        ailing = self._together.texts(engine.message) if total.ailing else [""]
        self._progress.note_missing(missing, self._intake.incomplete)
        cells: list[NDArray[np.int64]] = []
        faded: list[NDArray[np.float64]] = []
        if caught_up.all():
            self._owed = False
            self._published = self._pipeline.order.revision
            self._progress.shown(self._accumulation.cut.time_ns)
            cells = [self._together.total(engine.cells(number)) for number in reductions]
            now_ns = self._accumulation.cut.now_ns
            faded = [self._together.total(engine.faded(number, now_ns)) for number in reductions]
        if self._control is not None:
            beside = self._beside([int(n.sum()) for n in astray], faded)
            message = self._message or next(filter(None, ailing), "")
            self._control.report(self._report(total, cells, beside, message))

    def _beside(self, astray: list[int], faded: list[NDArray[np.float64]]) -> list[ResultContext]:
        """What is known of each reduction beside its cells, if there are any."""
        if not faded:
            return []
        accumulation = self._accumulation
        charges = self._pipeline.charges_uc(accumulation.times_ns, accumulation.cut.now_ns)
        tally = self._pipeline.engine.tally
        return [
            ResultContext(
                astray[number],
                charges[number],
                accumulation.closed,
                [tally(number, each) for each in sums],
                self._corrections[number].references,
            )
            for number, sums in enumerate(faded)
        ]

    def _report(
        self,
        figures: RankFigures,
        cells: list[NDArray[np.int64]],
        beside: list[ResultContext],
        message: str,
    ) -> RanksReport:
        """The report of all ranks; without cells it says of the result what the last one did."""
        accumulation, acquisition = self._accumulation, self._accumulation.acquisition
        stream = self._progress.status(figures, accumulation.cut, result=bool(cells))
        tally = self._pipeline.engine.tally
        tallies = [tally(number, each) for number, each in enumerate(cells)]
        made = report(
            self._pipeline,
            self._published,
            figures,
            accumulation.cut,
            stream,
            acquisition.status,
            tallies,
            beside,
            accumulation.seconds,
            self._together.size,
            self._intake.logs.names,
            message,
        )
        if made.results:
            acquisition.counted(*counted(made.results[0], acquisition.settings))
        series = self._pipeline.timeline.series
        status = replace(acquisition.status, series=series)
        if not accumulation.running:  # stopped before its preset, it has no time to go
            status = replace(status, acquiring=False, time_remaining=0.0)
        return replace(made, acquisition=status)
