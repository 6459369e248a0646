"""The control channel of ranks that read a recording: the first order begins at its start."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import zmq

from reduction.control import transitions
from reduction.control.order_receiver import OrderReceiver
from reduction.control.orders import RANKS_PART, RanksOrder
from reduction.control.reports import RanksReport
from reduction.control.run_state import LogPlace, RunState
from reduction.host.network.key_file import Key
from reduction.recordings.protocol import Recording
from reduction.stream.pulses import NO_PULSE


class RecordingControl(OrderReceiver[RanksOrder, RanksReport]):
    """Receives orders; those without an accumulation to go on with begin with a ``recording``."""

    def __init__(
        self, context: zmq.Context[Any], endpoint: str, recording: Recording, key: Key | None
    ) -> None:
        super().__init__(context, endpoint, RanksOrder, RANKS_PART, key)
        self._recording = recording

    def latest(self) -> RanksOrder | None:
        """The newest order; see `OrderReceiver.latest`."""
        order = super().latest()
        return None if order is None else from_start(order, self._recording)


def from_start(order: RanksOrder, recording: Recording) -> RanksOrder:
    """The order, with an accumulation that begins with the first message of a recording.

    Ranks whose first order it is read the recording as an event log is read again, as fast as they
    can. An order that has an accumulation to go on with stays as it is.
    """
    if order.run is not None and order.run.places:
        return order
    begun = transitions.begun(order.run or RunState(resets=order.resets), order, NO_PULSE)
    places = (LogPlace(0, False),) * recording.partitions
    return replace(order, run=replace(begun, places=places, log=recording.identity))
