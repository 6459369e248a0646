"""Reading a partition of a Kafka topic: from a place that is assigned, without a consumer group."""

from __future__ import annotations

import time
from collections.abc import Callable

from reduction.event_log.protocol import MESSAGES_AT_ONCE, Backlog, Dropped, LogMessage, LogRefused
from reduction.kafka.client import Answer, KafkaFailed, PartitionConsumer, PlaceLost
from reduction.kafka.partition_places import KafkaRecord, OffsetAt, PartitionPlaces
from reduction.kafka.seek_goal import LookBackSpan, SeekGoal
from reduction.kafka.seek_scan import SeekScan
from reduction.kafka.silence_watch import SilenceWatch
from reduction.kafka.topic_shares import RUN_LOOK_BACK, TopicShare
from reduction.kafka.topic_watch import TopicWatch
from reduction.messages.ev44 import EV44
from reduction.stream.notices import Notices

MARGIN_NS = 10_000_000_000
"""A seek by time is right if no timestamp of a message is this much earlier than its pulse."""

RETRY_S = 1.0
"""A seek that failed is tried again after this time."""

PLACE, READING = "place", "reading"
"""Subjects of notices."""


class PartitionsAdded(LogRefused):
    """A topic has more partitions than are read: they have to be dealt out to ranks anew."""


class KafkaLogReader:
    """A share of a partition in Kafka, as `reduction.event_log.protocol.LogReader`.

    The reader begins at the start of the partition unless it is told otherwise. It may be made
    before the topic, and while no broker answers. A topic that is deleted and made again is read
    from its start. `seek` leads to a place before the pulse, from which the reader drops the
    messages of older pulses. The last values that come first are those in the
    `TopicShare.look_back` messages before the place, and after `seek` those in dropped messages.
    ``partitions`` of the topic are read by all readers together.
    """

    def __init__(
        self,
        watch: TopicWatch,
        share: TopicShare,
        partitions: int = 1,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watch, self._share, self._clock_s = watch, share, clock_s
        self._partitions = partitions
        self._consumer = PartitionConsumer(watch.client.server, share.topic, share.partition)
        self._silence = SilenceWatch(watch.client, share.topic, share.partition, clock_s)
        self._notices = Notices(lambda: int(clock_s() * 1e9))
        self._topic_id = ""
        """The topic that is read; empty before the first place is reached."""
        self._ready: list[LogMessage] = []
        self._mean_bytes = 0.0
        self._start_over(SeekGoal(offset=0))

    def _start_over(self, goal: SeekGoal) -> None:
        """Have no place, and go to one as soon as the brokers have told where it is."""
        self._consumer.leave()
        self._silence.begin()
        self._ready.clear()
        self._goal: SeekGoal | None = goal
        self._asked: Answer[PartitionPlaces] | None = None
        self._ask_s = self._clock_s()
        self._scan: SeekScan | None = None
        self._span: LookBackSpan | None = None
        if not goal.resumed:
            self._began, self._offset, self._high = -1, 0, 0
            self._time_ns, self._dropped = 0, Dropped()

    def seek(self, time_ns: int) -> None:
        """See `LogReader.seek`."""
        self._start_over(SeekGoal(time_ns=time_ns))

    def seek_to_end(self) -> None:
        """See `LogReader.seek_to_end`."""
        self._start_over(SeekGoal())

    def seek_offset(self, offset: int) -> None:
        """See `LogReader.seek_offset`."""
        self._start_over(SeekGoal(offset=offset))

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """See `LogReader.read`."""
        self._watch.look()
        self._follow_topic()
        if (self._goal is None or self._arrived()) and len(self._ready) < most:
            self._fetch(most - len(self._ready))
        found, self._ready = self._ready[:most], self._ready[most:]
        return found

    def _follow_topic(self) -> None:
        """Go to the start of a topic that was deleted and made again; raises `PartitionsAdded`.

        A new topic that becomes longer than the old one before the watch looks again, a second
        later at most, is read from the old place until then.
        """
        if not self._topic_id:
            return
        facts = self._watch.facts(self._share.topic)
        if facts is None:
            if self._goal is None:
                self._start_over(SeekGoal(offset=self._offset, resumed=True))
        elif facts.partitions > self._partitions:
            raise PartitionsAdded(
                f"{self._watch.client.server.url}: topic {self._share.topic} has"
                f" {facts.partitions} partitions, of which {self._partitions} are read"
            )
        elif facts.identity != self._topic_id:
            self._enter_new_topic()

    def _enter_new_topic(self) -> None:
        """Forget the topic that was read, with all that was not read of it."""
        unread = max(0, self._high - self._offset)
        self._drop(unread, self._time_ns)
        self._notices.give(
            PLACE,
            f"{self._where}: the topic was deleted and made again: it is read from its start;"
            f" {unread} messages of the old one were not read",
        )
        self._topic_id = ""
        self._start_over(SeekGoal(offset=0, resumed=True))
        self._offset = self._high = 0

    def _drop(self, messages: int, until_ns: int) -> None:
        """Count messages that have gone before they were read."""
        if messages:
            self._dropped += Dropped(messages, 0, self._time_ns, until_ns)

    def _arrived(self) -> bool:
        """Go to the place that is sought, once the brokers have told it; whether they have."""
        share, goal = self._share, self._goal
        assert goal is not None
        if self._asked is None:
            if self._clock_s() < self._ask_s:
                return False
            times_ns = [] if goal.time_ns is None else [goal.time_ns, goal.time_ns - MARGIN_NS]
            self._asked = self._watch.client.places(share.topic, share.partition, times_ns)
        if not self._asked.has_come:
            return False
        asked, self._asked = self._asked, None
        try:
            self._go(asked.result(), goal)
        except KafkaFailed as failed:
            self._tell(failed)
            self._ask_s = self._clock_s() + RETRY_S
            if failed.topic_missing and goal == SeekGoal():
                self._goal = SeekGoal(offset=0)  # the end of what does not exist is its start
        return self._goal is None

    def _go(self, places: PartitionPlaces, goal: SeekGoal) -> None:
        """Go to a place that brokers have told."""
        if self._topic_id not in ("", places.topic.identity):
            self._enter_new_topic()
            return
        self._topic_id, self._goal, self._high = places.topic.identity, None, places.high
        if goal.time_ns is not None:
            self._go_to_time(places, goal.time_ns)
            return
        wanted = places.high if goal.offset is None else min(goal.offset, places.high)
        place = max(wanted, places.low)
        if goal.offset is not None and place > goal.offset:
            self._tell_gone(place - goal.offset)
        elif goal.resumed and goal.offset is not None and place < goal.offset:
            self._tell_shorter(goal.offset - place)
        least = RUN_LOOK_BACK[0] if self._share.runs else 0
        self._look_back(LookBackSpan(max(places.low, place - least), place, places.low), goal)

    def _tell_gone(self, messages: int) -> None:
        self._drop(messages, self._time_ns)
        self._notices.give(
            PLACE, f"{self._where}: {messages} messages had left the topic before they were read"
        )

    def _tell_shorter(self, messages: int) -> None:
        self._notices.give(
            PLACE, f"{self._where}: the brokers have lost {messages} messages that were read here"
        )

    def _look_back(self, span: LookBackSpan, goal: SeekGoal) -> None:
        """Read what comes before a place, for the last values and the last run there."""
        start = max(span.low, min(span.start, span.place - self._share.look_back))
        self._go_from(start, span.place, goal)
        self._span = span if self._share.runs else None

    def _looks_further_back(self) -> bool:
        """Begin farther before the place if no start of a run was found; whether it does."""
        span, scan = self._span, self._scan
        if span is None or scan is None or scan.has_run or span.start <= span.low:
            return False
        further = next((n for n in RUN_LOOK_BACK if n > span.place - span.start), None)
        if further is not None:
            farther = span._replace(start=max(span.low, span.place - further))
            self._look_back(farther, SeekGoal(offset=span.place))
        return further is not None

    def _go_from(self, start: int, place: int, goal: SeekGoal) -> None:
        """Read from ``start``, and give the last values of what lies before the place."""
        if goal.resumed or start == place:
            self._begin_at(place)
            if self._began < 0:
                self._began = place
        else:
            self._begin_at(start)
            self._scan = SeekScan(place)

    def _begin_at(self, offset: int) -> None:
        self._consumer.go(offset)
        self._offset = offset

    def _go_to_time(self, places: PartitionPlaces, time_ns: int) -> None:
        """Go to a time: by timestamps to a message before its pulse, and read on to the pulse."""
        at, before = places.at
        place = at.offset if at.offset >= 0 else places.high
        self._note_gone(places.low, at, time_ns)
        if self._share.look_back:
            start, scan = max(places.low, place - self._share.look_back), SeekScan(place)
        else:
            start = before.offset if before.offset >= 0 else places.high
            scan = SeekScan(places.high, time_ns)
        self._begin_at(start)
        if start < places.high:
            self._scan = scan
        else:
            self._began = start

    def _note_gone(self, low: int, at: OffsetAt, time_ns: int) -> None:
        """Note what had gone if the first message of all is later than the time sought."""
        if at.offset == low > 0 and at.time_ns > time_ns + 1_000_000:
            self._dropped = Dropped(low, 0, time_ns, at.time_ns)
            seconds = (at.time_ns - time_ns) / 1e9
            words = f"the topic no longer holds the first {seconds:.0f} s of what is needed"
            self._notices.give(PLACE, f"{self._where}: {words}")

    def _fetch(self, most: int) -> None:
        """Add messages that have come to those that are ready."""
        try:
            records = self._consumer.take(most)
            if not records:
                self._silence.check(self._offset)
        except PlaceLost:
            self._start_over(SeekGoal(offset=self._offset, resumed=True))
            return
        except KafkaFailed as failed:
            self._tell(failed)
            return
        if records:
            self._silence.end()
            self._notices.withdraw(READING)
        for record in records:
            self._offset, self._time_ns = record.offset + 1, record.time_ns
            self._mean_bytes += (len(record.data) - self._mean_bytes) / 8
            scan = self._scan
            self._ready += self._given(record)
            if self._scan not in (scan, None):
                return  # it begins farther back: the other records will come again
        self._pass_end(self._consumer.end)

    def _pass_end(self, end: int) -> None:
        """Go to the end of the partition, before which there may be offsets without messages."""
        self._offset = max(self._offset, end)
        if self._scan is not None and end >= self._scan.end:
            self._ready += self._from_place(self._scan.finish())

    def _tell(self, failed: KafkaFailed) -> None:
        """Tell what failed, unless the watch tells it."""
        share, facts = self._share, self._watch.facts(self._share.topic)
        gone = facts is not None and share.partition >= facts.partitions
        words = "the topic has no such partition any more" if gone else str(failed)
        if not failed.unreachable and self._watch.message(share.topic) == "":
            self._notices.give(READING, f"{self._where}: {words}")

    def _given(self, record: KafkaRecord) -> list[LogMessage]:
        """The messages that a record gives: none if it lies before the place or is of others."""
        message = LogMessage(record.offset, record.data)
        messages = [message]
        if self._scan is not None:
            messages = self._from_place(self._scan.take(message))
        if self._share.of == 1:
            return messages
        return [each for each in messages if self._is_shared_here(each)]

    def _from_place(self, messages: list[LogMessage]) -> list[LogMessage]:
        """What a scan gives: none if it is to begin farther back."""
        assert self._scan is not None
        if self._scan.began >= 0 and self._looks_further_back():
            return []
        if self._scan.began >= 0:
            self._began, self._scan = self._scan.began, None
        return messages

    def _is_shared_here(self, message: LogMessage) -> bool:
        """Whether a message is of this share: it is one of its events, or has none."""
        mine = message.offset % self._share.of == self._share.index
        return mine or bytes(message.data[4:8]) != EV44

    @property
    def began(self) -> int:
        """See `LogReader.began`; also -1 while older messages are read and dropped."""
        missing = self._began < 0 and self._watch.is_missing(self._share.topic)
        return 0 if missing else self._began

    @property
    def identity(self) -> str:
        """See `LogReader.identity`: one for all topics of the stream."""
        return self._watch.identity

    @property
    def behind(self) -> Backlog:
        """See `LogReader.behind`; the size is estimated from the messages before."""
        if self._goal is None:
            self._high = max(self._high, self._consumer.high)
        messages = max(0, self._high - self._offset) + len(self._ready)
        return Backlog(messages, round(messages * self._mean_bytes))

    @property
    def dropped(self) -> Dropped:
        """See `LogReader.dropped`; the number of pulses is unknown, and 0."""
        return self._dropped

    @property
    def message(self) -> str:
        """See `LogReader.message`."""
        return "; ".join(
            filter(None, (self._watch.message(self._share.topic), self._notices.message))
        )

    @property
    def _where(self) -> str:
        share = self._share
        return f"{self._watch.client.server.url}: {share.topic}, partition {share.partition}"

    def close(self) -> None:
        """See `LogReader.close`."""
        self._consumer.close()
