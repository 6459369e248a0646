"""The simulated source as a process: it streams pulses on time, and obeys the IOC.

There is one thread. Between two pulses it obeys orders, reports, and answers readers of the event
log on other hosts; the rest of the time it waits in one poll for whatever comes first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import zmq

from reduction.control.order_receiver import OrderReceiver
from reduction.host.memory.freed_memory import keep_freed_memory
from reduction.host.memory.garbage import search_new
from reduction.host.network.key_file import Key
from reduction.host.steady_clock import steady_clock
from reduction.host.stop import Stop, stopped_by_signals
from reduction.instrument.geometry import Instrument, powder_arc
from reduction.kafka.streams import KafkaStream
from reduction.stream.dialect import Dialect
from simulator.events.pulses import PulseBuffer, PulseGenerator
from simulator.orders import SIMULATOR_PART, SimulatorOrder, SimulatorReport
from simulator.output.event_output import EventLogStart, EventOutput
from simulator.output.habits import Habit, is_quiet, most_made
from simulator.output.pulse_messages import Pulse, PulseMessages
from simulator.parameters import SimulatorSettings
from simulator.schedule import Schedule
from simulator.status import SimulatorStatus

if TYPE_CHECKING:
    from simulator.output.kafka_output import KafkaOutput

PROTON_CHARGE_UC_PER_EVENT = 178.6 / 20_000
"""Log ``proton_charge``, in µC: a pulse of 20 000 events has that of ESS (5 MW at 2 GeV, 14 Hz).

It is proportional to the events made, so that counts per charge depend on neither rate nor spread.
"""

REPORT_INTERVAL_NS = 250_000_000
OUTPUT_LOOK_NS = 10_000_000
"""How often it is looked whether messages still wait for their output."""

FIRST_ORDER_PATIENCE_NS = 2_000_000_000
"""How long to wait for settings from the IOC before starting with those of the command line."""

STARTING_IOC_PATIENCE_NS = 60_000_000_000
"""The same if the IOC is on this host: it starts the simulator before it has read its files."""


@dataclass(frozen=True)
class SimulateStart:
    """The settings that the process starts with.

    ``log`` is where the events go. ``control`` is the endpoint of the IOC, which may ask for the
    ``key``; None: run alone with ``settings``. Pulses are numbered from ``first_pulse``, or from
    the one after the last pulse in the log if that is larger. In the plain ``dialect`` there are no
    marks, and there may be ``habits`` of facilities. With ``kafka`` events go there, and ``log`` is
    not used.
    """

    log: EventLogStart
    partitions: int = 1
    control: str | None = None
    seed: int = 1
    first_pulse: int = 0
    dialect: Dialect = Dialect.MARKED
    habits: frozenset[Habit] = frozenset()
    kafka: KafkaStream | None = None
    key: Key | None = None
    settings: SimulatorSettings = field(default_factory=SimulatorSettings)
    instrument: Instrument = field(default_factory=powder_arc)

    def __post_init__(self) -> None:
        if self.partitions < 1:
            raise ValueError(f"partitions: {self.partitions} refused: at least 1")
        if self.habits and self.dialect is not Dialect.PLAIN:
            raise ValueError("habits: only in the plain dialect")


def _output(
    start: SimulateStart, context: zmq.Context[Any], clock_ns: Callable[[], int]
) -> EventOutput | KafkaOutput:
    """Where the events go."""
    if start.kafka is None:
        return EventOutput(start.log, start.partitions, context, clock_ns)
    from simulator.output.kafka_output import KafkaOutput  # confluent-kafka is optional

    keep_freed_memory()
    return KafkaOutput(start.kafka, start.partitions)


def _patience_ns(control: str | None) -> int:
    """How long to wait for the first settings of the IOC at the endpoint ``control``."""
    if control is None:
        return 0
    here = control.startswith("ipc:")
    return STARTING_IOC_PATIENCE_NS if here else FIRST_ORDER_PATIENCE_NS


def simulate(start: SimulateStart, stop: Stop | None = None) -> None:
    """Run the simulated source until ``stop`` is set or, in the main thread, SIGTERM or SIGINT."""
    with contextlib.ExitStack() as stack:
        until = stop or stack.enter_context(contextlib.closing(Stop()))
        stack.enter_context(stopped_by_signals(until))
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        stack.callback(context.destroy, linger=0)
        stream = EventStream(start, context, until)
        stack.callback(stream.close)
        if stop is None:  # this process does nothing else
            search_new()
        stream.run()


class EventStream:
    """Makes pulses when they are due and streams them; `tick` and `wait` are called in turn.

    While the output cannot take messages, no pulses are made, and so none is lost.
    """

    def __init__(
        self,
        start: SimulateStart,
        context: zmq.Context[Any],
        stop: Stop,
        clock_ns: Callable[[], int] | None = None,
    ) -> None:
        self._stop = stop
        self._clock_ns = clock_ns = clock_ns or steady_clock()
        self._generator = PulseGenerator(start.instrument, start.seed)
        self._detected, self._monitored = PulseBuffer(), PulseBuffer()
        self._settings = start.settings
        self._generator.compile(start.settings)
        self._habits = start.habits
        self._revision = self._obeyed = -1
        self._reported_ns = 0
        self._schedule = Schedule(clock_ns() + _patience_ns(start.control))
        self._output = _output(start, context, clock_ns)
        self._messages = PulseMessages(self._output.partitions, start.dialect, start.habits)
        self._made_pulse = most_made(self._output.last_pulse + 1, start.habits) - 1
        self._pulse = max(start.first_pulse - 1, self._made_pulse)
        self._control: OrderReceiver[SimulatorOrder, SimulatorReport] | None = None
        if start.control:
            self._control = OrderReceiver(
                context, start.control, SimulatorOrder, SIMULATOR_PART, start.key
            )

    @property
    def status(self) -> SimulatorStatus:
        return SimulatorStatus(
            pulse=self._made_pulse,
            events_sent=self._output.events_sent,
            chunks_dropped=self._output.chunks_dropped,
            events_dropped=self._output.events_dropped,
            log_size=self._output.size_bytes,
            log_reach=self._output.reach_s,
            log_message=self._output.message,
            lattice_parameter=self._settings.sample.lattice_parameter,
            reflections=len(self._settings.sample.reflections),
            seed=self._generator.seed,
        )

    @property
    def _makes_pulses(self) -> bool:
        """Whether pulses are made when they are due: not in a pause, nor while messages wait."""
        return not self._settings.pause and not self._output.waits

    def run(self) -> None:
        """Stream until the stop is set; a pulse that this interrupts has no end mark."""
        while not self._stop.is_set():
            self.tick()
            self.wait()

    def tick(self) -> None:
        """Obey the newest order, make a pulse if one is due, answer readers, report."""
        obeyed = self._obeyed
        self._obey()
        if self._makes_pulses and self._schedule.due(self._clock_ns()):
            self._stream_pulse(self._schedule.take(self._clock_ns(), self._settings.pulse_rate))
        self._output.serve()
        # The absolute difference: a clock that is set back must not stop the reports.
        if (
            self._obeyed != obeyed
            or abs(self._clock_ns() - self._reported_ns) >= REPORT_INTERVAL_NS
        ):
            self._report()

    def wait(self) -> None:
        """Sleep until there is something to do: a pulse, an order, a reader, or a stop."""
        poller = zmq.Poller()
        poller.register(self._stop.fileno(), zmq.POLLIN)
        if self._control is not None:
            poller.register(self._control.socket, zmq.POLLIN)
        if self._output.socket is not None:
            poller.register(self._output.socket, zmq.POLLIN)
        now = self._clock_ns()
        until = min(self._reported_ns, now) + REPORT_INTERVAL_NS
        if self._makes_pulses:
            until = min(until, self._schedule.next_ns)
        elif self._output.waits:
            until = min(until, now + OUTPUT_LOOK_NS)
        # Rounded up: a poll that returns before the pulse is due would spin.
        poller.poll(max(0, -((now - until) // 1_000_000)))

    def close(self) -> None:
        """Close all sockets and the event log."""
        if self._control is not None:
            self._control.end()
            self._control.close()
        self._output.close()

    def _obey(self) -> None:
        order = self._control.latest() if self._control is not None else None
        if order is None or order == SimulatorOrder(self._revision, self._settings):
            return
        now = self._clock_ns()
        if self._revision < 0 or (self._settings.pause and not order.settings.pause):
            self._schedule.restart(now)
        elif order.settings.pulse_rate != self._settings.pulse_rate:
            self._schedule.change_rate(now, order.settings.pulse_rate)
        self._settings, self._revision = order.settings, order.revision
        # An order counts as obeyed once a pulse is made with it, or now if none is due soon.
        if not self._makes_pulses or self._schedule.next_ns - now > REPORT_INTERVAL_NS:
            self._obeyed = self._revision

    def _report(self) -> None:
        self._reported_ns = self._clock_ns()
        if self._control is not None:
            self._control.report(SimulatorReport(self._obeyed, self.status, self._control.message))

    def _stream_pulse(self, time_ns: int) -> None:
        """Send the messages of a pulse."""
        self._pulse += 1
        events = self._generator.events(self._settings, self._pulse, self._detected)
        monitored = self._generator.monitor_events(self._settings, self._pulse, self._monitored)
        self._made_pulse = self._pulse
        logs = {
            "temperature": self._settings.temperature,
            "pressure": self._settings.pressure,
            "lattice_parameter": self._settings.sample.lattice_parameter,
            "proton_charge": events.tof_ns.size * PROTON_CHARGE_UC_PER_EVENT,
        }
        if not is_quiet(self._pulse, self._habits):
            pulse = Pulse(self._pulse, time_ns, events, monitored, logs)
            for message in self._messages.of(pulse, self._settings.max_chunk_size):
                if message.events and self._stop.is_set():
                    return
                self._output.put(message)
        self._obeyed = self._revision
