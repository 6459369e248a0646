"""The partitions that one rank reads, put together to complete pulses.

There are no sockets here: messages go in, chunks of complete pulses come out.
"""

from __future__ import annotations

from collections.abc import Callable

from reduction.messages.contents import (
    PULSE_MARK,
    Chunk,
    CorruptMessage,
    LogValue,
    UnknownSchema,
    decode,
    is_number,
    known_number,
)
from reduction.messages.flat_tables import Buffer
from reduction.messages.log_layouts import LogNumber
from reduction.messages.run_messages import RUN_START, RUN_STOP
from reduction.stream import pulse_ranges
from reduction.stream.dialect import ANY_STREAM, Dialect, DialectEvidence, StreamFormat
from reduction.stream.faults import MARKS, Faults
from reduction.stream.first_offsets import FirstOffsets
from reduction.stream.log_values.arriving_logs import ArrivingLogs
from reduction.stream.log_values.logs import Logs
from reduction.stream.marked.holding_partitions import HoldingPartitions
from reduction.stream.marked.marked_partition import MarkedPartition
from reduction.stream.notices import Notices
from reduction.stream.pending_chunks import MOST_PENDING_BYTES
from reduction.stream.plain.plain_partition import PlainPartition
from reduction.stream.plain.pulse_ages import PulseAges
from reduction.stream.pulses import NEVER_NS, NO_PULSE, CompletePulse
from reduction.stream.run_queue import RunQueue
from reduction.stream.unread_messages import CORRUPT, UnreadMessages

PULSE_NUMBERS = range(2**63)
"""The valid numbers of a pulse."""


class PulseAssembler:
    """Takes the messages of a rank's partitions, and gives the chunks of complete pulses.

    ``clock_ns`` tells the time, ns since the Unix epoch; no step of it is expected.
    ``logs`` are all logs that came with the events. ``notices`` tell what is wrong.
    ``ages`` are those of the pulses of a plain stream.
    """

    def __init__(
        self,
        partitions: list[int],
        clock_ns: Callable[[], int],
        stream_format: StreamFormat = ANY_STREAM,
    ) -> None:
        self.logs = Logs()
        self.clock_ns = clock_ns
        self.notices = Notices(clock_ns)
        self.runs = RunQueue(clock_ns, self.notices)
        self._arriving_logs = ArrivingLogs(self.logs, clock_ns, self.notices)
        self.ages = PulseAges(clock_ns)
        self.dialect = stream_format.dialect
        self._format = stream_format
        self._evidence = {number: DialectEvidence() for number in partitions}
        self._first_offsets = {number: FirstOffsets() for number in partitions}
        """What is noted of partitions until the dialect is known."""
        self._unread = UnreadMessages(clock_ns, self.notices)
        self._holding = HoldingPartitions(clock_ns, self.notices)
        self._passed_ns: dict[int, int] = {}
        """The last pulse before the place where a partition began to be read again."""
        self.awaited = stream_format.with_events(partitions)
        """The partitions that may have events: a pulse is complete once it is in all of these."""
        self._most_pending_bytes = MOST_PENDING_BYTES
        self._ended: set[int] = set()
        """The partitions that are read to their ends."""
        self.partitions: dict[int, MarkedPartition | PlainPartition] = {
            number: self._new_plain(number, Faults())
            if self.dialect is Dialect.PLAIN
            else MarkedPartition(clock_ns, self.notices)
            for number in partitions
        }

    def take(
        self, partition: int, message: Buffer, offset: int = 0, *, earlier: bool = False
    ) -> None:
        """Take a message of a partition, with its offset in the event log if it comes from one.

        It may be of ``earlier`` than the place at which reading began, as last values of logs are.
        A bad one is counted and ignored.
        """
        state = self.partitions[partition]
        every = partition not in self._format.sources
        if every and (number := known_number(message)) is not None:
            self._take_number(partition, number, offset)
            return
        try:
            content = self._read(partition, message)
        except UnknownSchema as error:
            if error.schema not in (RUN_START, RUN_STOP):
                state.faults.unknown += 1
                self._unread.note_schema(error.schema)
            elif not self.runs.add(error.schema, message, self.newest_ns, earlier=earlier):
                state.faults.corrupt += 1
            return
        except CorruptMessage:
            state.faults.corrupt += 1
            self._unread.note(CORRUPT)
            return
        if content is None:
            self._unread.note("of other sources")
        elif isinstance(content, LogValue):
            self._take_log(partition, content, offset)
        else:
            self._unread.read()
            if self.dialect is Dialect.AUTO:
                self._evidence[partition].chunks(content)
                self._first_offsets[partition].note_chunks(content, offset)
            state.chunks(content, offset)

    def _read(self, partition: int, message: Buffer) -> list[Chunk] | LogValue | None:
        """What a message holds; None if it is of a source that is not used."""
        sources = self._format.sources.get(partition)
        if sources is None:
            return decode(message, self._format.monitors)
        return sources.used(decode(message, sources.monitors or self._format.monitors))

    def _take_log(self, partition: int, log: LogValue, offset: int) -> None:
        state, has_marks = self.partitions[partition], self._evidence[partition].has_marks
        if log.name != PULSE_MARK or (log.value.size == 1 and not has_marks):  # a facility's log
            if is_number(log):
                number = LogNumber(log.name, log.time_ns, float(log.value[0]))
                self._take_number(partition, number, offset)
            else:
                state.faults.bad_log += 1
        elif self._take_mark(state, log, offset):
            self._unread.read()
            self._evidence[partition].mark()
        else:
            state.faults.corrupt += 1

    def _take_number(self, partition: int, log: LogNumber, offset: int) -> None:
        state = self.partitions[partition]
        if not self._arriving_logs.take(log, lambda: self.newest_ns):
            state.faults.bad_log += 1
        elif isinstance(state, PlainPartition):
            state.log(log.time_ns, offset)
            if log.name == self._format.pulse_log:
                state.pulse(log.time_ns, offset)
        elif self.dialect is Dialect.AUTO:
            self._first_offsets[partition].note_log(log.time_ns, offset)

    def _take_mark(
        self, state: MarkedPartition | PlainPartition, log: LogValue, offset: int
    ) -> bool:
        """Take a mark; False if it is none."""
        if log.value.size != 2 or log.value.dtype.kind not in "iu":
            return False
        number, chunks_sent = log.value.tolist()
        if number not in PULSE_NUMBERS or chunks_sent < 0:
            return False
        state.mark(number, log.time_ns, chunks_sent, offset)
        return True

    def wait(self) -> None:
        """Go by the clock: believe marks in doubt after a while, and tell if there are none."""
        for each in self.partitions.values():
            each.wait()
        if self.dialect is Dialect.PLAIN:
            self.ages.note(self.newest_ns)

    def note_end(self, partition: int, *, ended: bool) -> None:
        """Note whether a partition is read to its end, so that nothing of it waits to be read."""
        if ended:
            self._ended.add(partition)
        else:
            self._ended.discard(partition)

    def full(self, partition: int) -> bool:
        """Whether no more of a partition should be read for now."""
        state = self.partitions[partition]
        if self.dialect is Dialect.AUTO and isinstance(state, MarkedPartition) and state.full:
            return True
        return state.crowded or self.runs.full

    @property
    def in_doubt(self) -> bool:
        """Whether there are pulses that will be believed unless others contradict them soon."""
        return any(each.in_doubt for each in self.partitions.values())

    @property
    def shown_dialect(self) -> Dialect:
        """The dialect that the messages so far show; `Dialect.AUTO` if they do not."""
        shown = {each.shown for each in self._evidence.values()}
        order = Dialect.MARKED, Dialect.PLAIN
        return next((each for each in order if each in shown), Dialect.AUTO)

    def decide_dialect(self, dialect: Dialect) -> None:
        """Read the stream as one of a dialect from now on, what has come included."""
        self.dialect = dialect
        if dialect is Dialect.PLAIN:
            self.notices.withdraw(MARKS)
            for number, state in self.partitions.items():
                if isinstance(state, MarkedPartition):
                    self.partitions[number] = self._plain(number, state)
            self._limit_partitions()
        for offsets in self._first_offsets.values():
            offsets.clear()

    def limit_pending(self, most_bytes: int) -> None:
        """Let all chunks that wait for their pulses take so many bytes together."""
        self._most_pending_bytes = min(
            most_bytes // max(len(self.partitions), 1), MOST_PENDING_BYTES
        )
        self._limit_partitions()

    def _limit_partitions(self) -> None:
        for each in self.partitions.values():
            each.most_pending_bytes = self._most_pending_bytes

    def _plain(self, number: int, state: MarkedPartition) -> PlainPartition:
        """A partition without marks, with the chunks that have come for one with marks."""
        old, offsets = state.faults, self._first_offsets[number]
        faults = Faults(corrupt=old.corrupt, unknown=old.unknown, bad_log=old.bad_log)
        plain = self._new_plain(number, faults)
        for chunk in state.unmarked:
            plain.chunks([chunk], offsets.of_pulse(chunk.pulse_time_ns))
        for time_ns, offset in offsets.of_logs.items():
            plain.log(time_ns, offset)
        return plain

    def restart(self, time_ns: int) -> None:
        """Begin afresh with the next pulse, whatever its time is.

        Of each log, the last value before ``time_ns`` stays.
        """
        for each in self.partitions.values():
            each.restart()
        self.ages.restart()
        self.logs.forget(time_ns)
        self.logs.forget(0)  # values from here on may be of earlier times again

    def begin(self, partition: int, *, after_mark: bool, passed_ns: int | None = None) -> None:
        """Begin a partition anew, with messages of another place in its event log.

        The first one follows a mark if ``after_mark`` is set. Without marks, ``passed_ns`` is the
        last pulse that does not count, see `PlainPartition`. All logs stay.
        """
        self._first_offsets[partition].clear()
        self._passed_ns.pop(partition, None)
        self._ended.discard(partition)
        if passed_ns is not None:
            self._passed_ns[partition] = passed_ns
        self.partitions[partition] = (
            self._new_plain(partition, Faults())
            if self.dialect is Dialect.PLAIN
            else MarkedPartition(self.clock_ns, self.notices, after_mark=after_mark)
        )
        self.partitions[partition].most_pending_bytes = self._most_pending_bytes

    def _new_plain(self, number: int, faults: Faults) -> PlainPartition:
        """A partition without marks, of which no chunk has come."""
        return PlainPartition(
            self.clock_ns,
            self.notices,
            faults,
            passed_ns=self._passed_ns.get(number),
            shared=number in self._format.shared,
        )

    def refuse(self, chunk: Chunk) -> None:
        """Count a chunk whose time is that of no pulse."""
        next(iter(self.partitions.values())).faults.bad_time += 1
        self.notices.give(
            "no pulse",
            f"a chunk of {chunk.source} has a time at which there is no pulse: it does not count",
        )

    @property
    def pending(self) -> list[Chunk]:
        """Chunks whose pulses are not cut yet, or that came late."""
        return [chunk for each in self.partitions.values() for chunk in each.pending]

    @property
    def reached(self) -> CompletePulse:
        """The last pulse that is complete in all partitions that may have events.

        If there are none, so that nothing is waited for, its time is `NEVER_NS`.
        """
        return min(
            (self.partitions[each].reached for each in self.awaited),
            default=CompletePulse(NEVER_NS, NO_PULSE),
        )

    def tell_holding(self, newest_ns: int) -> None:
        """Tell of partitions that send no marks, so that no pulse is complete.

        ``newest_ns`` is the newest pulse of which any rank has received anything.
        """
        if self.dialect is not Dialect.PLAIN:
            for number in self.awaited:
                ended, reached_ns = number in self._ended, self.partitions[number].reached.time_ns
                self._holding.note(number, reached_ns, newest_ns, ended=ended)

    @property
    def unread_ns(self) -> int:
        """The time up to which pulses are complete where not all is read; `NEVER_NS` if all is."""
        left = (self.partitions[each] for each in self.awaited - self._ended)
        return min((each.reached.time_ns for each in left), default=NEVER_NS)

    @property
    def newest_ns(self) -> int:
        """The latest pulse time of anything that has arrived."""
        return max(each.newest_ns for each in self.partitions.values())

    @property
    def complete_from_ns(self) -> int:
        """From this pulse time on all of each pulse has arrived; 0 if nothing has."""
        return max(each.complete_from_ns or 0 for each in self.partitions.values())

    def uncut_until(self, time_ns: int) -> list[CompletePulse]:
        """The uncut pulses up to a time, of any partition, in their order."""
        pulses = {
            pulse.time_ns: pulse
            for each in self.partitions.values()
            for pulse in each.uncut
            if pulse.time_ns <= time_ns
        }
        return sorted(pulses.values())

    def cut(self, time_ns: int) -> list[Chunk]:
        """The chunks of pulses up to ``time_ns``, which are no longer pending."""
        return [chunk for each in self.partitions.values() for chunk in each.cut(time_ns)]

    def forget(self, number: int) -> None:
        """Forget what is missing of the pulses below ``number``."""
        for each in self.partitions.values():
            each.forget(number)

    @property
    def incomplete(self) -> list[pulse_ranges.PulseRange]:
        """Numbers of pulses of which something is missing, the ranges of all partitions."""
        return [pulses for each in self.partitions.values() for pulses in each.incomplete]

    @property
    def faults(self) -> Faults:
        """The faults of all partitions."""
        return Faults.total(each.faults for each in self.partitions.values())
