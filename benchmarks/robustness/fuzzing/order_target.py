"""Mutated orders and log values, received as ranks and the simulator do, and obeyed by a rank."""

from __future__ import annotations

import secrets
from collections import Counter
from random import Random
from typing import Any

import numpy as np
import zmq

from benchmarks.robustness.fuzzing.target import Uncounted
from benchmarks.robustness.fuzzing.tree_mutation import mutated_tree
from reduction.control.encoding import encoded
from reduction.control.hello import own_hello
from reduction.control.order_receiver import LOGS, ORDER, REFUSAL, OrderReceiver
from reduction.control.orders import RANKS_PART, RanksOrder, ReductionOrder, WatchedViews
from reduction.control.pv_log_values import PvLogValues
from reduction.control.run_state import LogPlace, PulseGap, RunState
from reduction.parameters.images.detector_map import MapAxis, MapSettings
from reduction.parameters.images.image import ImageSettings, PickedCells
from reduction.parameters.reduction import FilterSettings, ReductionSettings
from reduction.stream.pulses import NEVER_NS
from simulator.orders import SIMULATOR_PART, SimulatorOrder
from tests.support.ranks.one_rank import PERIOD_NS, START_NS, FedRank

RANKS, LOG_VALUES, SIMULATOR, FRAMES = b"o", b"l", b"s", b"f"
"""First byte of an input: what the rest is. Frames are as many as `BETWEEN` makes them."""

BETWEEN = b"\xc1"
"""Never used in MessagePack."""

OBEYED_EVERY, OBEYED_BY_ONE = 20, 40
"""One of so many orders is obeyed; so many are obeyed by one rank, then by a new one."""

AFRESH = 0.6
"""Share of changes that begin with a valid input, so that many inputs are nearly valid."""

HELLO = encoded(own_hello("ioc"))


class ReceivingEnd:
    """The socket of a process that obeys, and the one that sends to it."""

    def __init__(self, context: zmq.Context[Any], order: type[Any], part: str) -> None:
        endpoint = f"inproc://{secrets.token_hex(8)}"
        self._router = context.socket(zmq.ROUTER)
        self._router.bind(endpoint)
        self._end: OrderReceiver[Any, Any] = OrderReceiver(context, endpoint, order, part)
        self._end.report_work()
        self._identity = self._router.recv_multipart()[0]

    def receive(self, frames: list[bytes]) -> tuple[str, Any]:
        """Receive a message: how it ended, and what is in it."""
        end, ignored = self._end, self._end.ignored
        self._router.send_multipart([self._identity, *frames])
        order, logs = end.latest(), end.logs()
        if end.ignored == ignored + 1 and end.message and order is None and not logs:
            return "ignored", None
        if end.ignored != ignored:
            raise Uncounted(f"counted {end.ignored - ignored} times, in words: {end.message!r}")
        if order is not None:
            return "order", order
        if frames[1] == LOGS:
            return "log values", logs
        if frames[1] == REFUSAL:
            return "refusal", None
        raise Uncounted("no order, and not ignored")


class OrderTarget:
    """Receives each input over ZeroMQ, and has a rank obey some of the orders."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.seeds = seeds()
        context: zmq.Context[Any] = zmq.Context()
        self._ranks = ReceivingEnd(context, RanksOrder, RANKS_PART)
        self._simulator = ReceivingEnd(context, SimulatorOrder, SIMULATOR_PART)
        self._orders = self._obeyed = self._pulse = 0
        self._history: list[RanksOrder] = []

    def take(self, data: bytes) -> None:
        """Receive an input; raises `Uncounted` if it is neither received nor ignored."""
        kind, body = data[:1], data[1:]
        frames = [HELLO, LOGS if kind == LOG_VALUES else ORDER, body]
        if kind == FRAMES:
            frames = body.split(BETWEEN)
        end = self._simulator if kind == SIMULATOR else self._ranks
        outcome, content = end.receive(frames)
        self.outcomes[outcome] += 1
        if isinstance(content, RanksOrder):
            self._orders += 1
            if self._orders % OBEYED_EVERY == 0:
                self._obey(content)
        elif outcome == "log values":
            self._take_logs(content)

    def _obey(self, order: RanksOrder) -> None:
        """Have a rank that has events obey an order, or refuse it, and then a valid one."""
        if self._obeyed % OBEYED_BY_ONE == 0:
            self._rank, self._pulse = FedRank(ReductionSettings()), 0
            self._history.clear()
        self._obeyed += 1
        self._history.append(order)
        self._pulse += 1
        try:
            self._rank.pulses([self._pulse])
            self._rank.rank.reported(order)
            report = self._rank.report()
        except Exception as error:
            error.add_note(f"The rank had obeyed, in this order: {self._history}")
            raise
        if report.unaccounted:
            raise Uncounted(f"{report.unaccounted} events after an order")

    def _take_logs(self, logs: list[PvLogValues]) -> None:
        """Have the rank take log values, if there is one."""
        if self._obeyed:
            self._rank.rank.from_ioc += logs

    def mutated(self, data: bytes, seed: int) -> bytes | None:
        """An input whose MessagePack is changed as a tree, or None."""
        random = Random(seed)
        if random.random() < 0.3 or not data:
            return None
        if random.random() < AFRESH:
            data = random.choice(self.seeds)
        kind, body = data[:1], data[1:]
        if kind != FRAMES:
            return kind + mutated_tree(body, random)
        frames = body.split(BETWEEN)
        place = random.randrange(len(frames))
        frames[place] = mutated_tree(frames[place], random)
        return kind + BETWEEN.join(frames)


def seeds() -> list[bytes]:
    """Valid inputs of each kind."""
    filtered = ReductionSettings(filter=FilterSettings("T", 0.0, 1.0, 0.25))
    image = ImageSettings(picked=PickedCells(0, 0, 9, 9))
    viewed = ReductionSettings(image=image, map=MapSettings(against=MapAxis.TIME))
    state = RunState(
        places=(LogPlace(3, True),),
        before_ns=(START_NS,),
        start_ns=START_NS + PERIOD_NS,
        first=1,
        gaps=(PulseGap(START_NS + 2 * PERIOD_NS, NEVER_NS, True),),
    )
    orders = [
        RanksOrder(revision=5),
        RanksOrder(6, 1, reductions=(ReductionOrder(3, filtered), ReductionOrder())),
        RanksOrder(8, reductions=(ReductionOrder(4, viewed, WatchedViews(image=True, map=True)),)),
        RanksOrder(7, run=state, starts=2, closes=3, begins_ns=START_NS, ends_ns=START_NS),
    ]
    values = PvLogValues("Cryo:T", np.array([START_NS, START_NS + 9]), np.array([1.0, 2.0]))
    return [
        *(RANKS + encoded(each) for each in orders),
        LOG_VALUES + encoded((values, PvLogValues.one("B", START_NS, 4.0))),
        SIMULATOR + encoded(SimulatorOrder(revision=4)),
        FRAMES + BETWEEN.join([HELLO, ORDER, encoded(orders[0])]),
        FRAMES + BETWEEN.join([HELLO, REFUSAL, b"words"]),
        FRAMES + BETWEEN.join([HELLO, b"x", b"y", b"z"]),
        FRAMES,
    ]
