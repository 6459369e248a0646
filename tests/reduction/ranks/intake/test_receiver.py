"""Taking messages from event logs: when all of a log has been read, and when reading waits."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from reduction.control.run_state import LogPlace, RunState
from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.protocol import MESSAGES_AT_ONCE, LogMessage
from reduction.event_log.writer import LogWriter
from reduction.ranks.intake.catch_up import PERIODS_PER_TICK, CatchUp
from reduction.ranks.intake.receiver import StreamReceiver
from reduction.stream.dialect import Dialect
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.pulses import NEVER_NS
from tests.support.ranks.listed_log import ListedLogReader
from tests.support.stream.event_logs import (
    LIMIT,
    PERIOD_NS,
    START_NS,
    data_of,
    pulse_entries,
    write,
)

PULSES = 100


def receiver_of(folder: Path, now_ns: int, partitions: int = 1) -> StreamReceiver:
    """A receiver at the start of a log."""
    readers = {number: EmbeddedLogReader(folder, number) for number in range(partitions)}
    intake = PulseAssembler(list(readers), lambda: now_ns)
    return StreamReceiver(readers, intake, partitions)


def test_a_log_is_at_its_end_only_when_the_last_message_has_been_read(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path, 1, LIMIT)
    for number in range(PULSES):
        write(writer, pulse_entries(number))
    receiver = receiver_of(tmp_path, START_NS + PULSES * PERIOD_NS)
    reads = 0
    while not receiver.at_end:
        assert receiver.intake.reached.number < PULSES - 1
        receiver.take(0)
        receiver.note_ends()
        reads += 1
    assert reads == 3 * PULSES // MESSAGES_AT_ONCE + 1
    assert receiver.intake.reached.number == PULSES - 1
    receiver.note_ends()
    assert not receiver.at_end, "nothing has been read since"
    write(writer, pulse_entries(PULSES))
    receiver.take(0)
    write(writer, pulse_entries(PULSES + 1))
    receiver.note_ends()
    assert receiver.at_end, "it was, before the last pulse was written"
    writer.close()


def test_catching_up_ends_with_the_first_result_after_the_end_of_the_log() -> None:
    catch_up = CatchUp(ticks_per_result=3)
    catch_up.begin()
    catch_up.ticked(at_end=False)
    catch_up.made_result()
    assert catch_up.active
    catch_up.ticked(at_end=True)
    catch_up.ticked(at_end=False)
    assert catch_up.active
    catch_up.made_result()
    assert not catch_up.active


def test_while_catching_up_ticks_are_rarer_until_the_end_of_the_log() -> None:
    catch_up = CatchUp(ticks_per_result=3)
    assert (catch_up.periods_per_tick, catch_up.ends) == (1, False)
    catch_up.begin()
    catch_up.ticked(at_end=False)
    assert (catch_up.periods_per_tick, catch_up.ends) == (PERIODS_PER_TICK, False)
    catch_up.ticked(at_end=True)
    assert (catch_up.periods_per_tick, catch_up.ends) == (1, True)
    catch_up.made_result()
    assert (catch_up.periods_per_tick, catch_up.ends) == (1, False)


def test_a_partition_that_is_ahead_of_another_waits_in_the_log_and_loses_nothing(
    tmp_path: Path,
) -> None:
    writer = LogWriter(tmp_path, 2, LIMIT)
    for number in range(PULSES):
        write(writer, pulse_entries(number), partition=0)
    receiver = receiver_of(tmp_path, START_NS + PULSES * PERIOD_NS, partitions=2)
    receiver.intake.limit_pending(2 * 50_000)
    for _ in range(PULSES):
        receiver.take(0)
    assert receiver.pending_bytes <= 50_000
    assert 10 < len(receiver.intake.pending) < PULSES - 10
    for number in range(PULSES):
        write(writer, pulse_entries(number), partition=1)
    numbers = []
    for _ in range(PULSES):
        receiver.take(0)
        reached_ns = receiver.intake.reached.time_ns
        numbers += [int(each.pixel_id[0]) for each in receiver.intake.cut(reached_ns)]
    assert sorted(numbers) == sorted([*range(PULSES)] * 2)
    assert dataclasses.astuple(receiver.intake.faults) == (0,) * 10
    assert receiver.intake.uncut_until(NEVER_NS) == []
    writer.close()


class LateIdentity(ListedLogReader):
    """A reader that knows which log it reads only when the first messages have come."""

    def __init__(self, messages: list[bytes], identity: str) -> None:
        super().__init__(messages, "")
        self._found = identity
        self.sought: list[str] = []

    def seek(self, time_ns: int) -> None:
        """See `LogReader.seek`."""
        self.sought.append("time")
        super().seek(time_ns)

    def seek_offset(self, offset: int) -> None:
        """See `LogReader.seek_offset`."""
        self.sought.append("offset")
        super().seek_offset(offset)

    def read(self, most: int = MESSAGES_AT_ONCE) -> list[LogMessage]:
        """See `LogReader.read`."""
        self.identity = self._found
        return super().read(most)


@pytest.mark.parametrize("other", [False, True])
def test_a_log_that_turns_out_to_be_another_one_is_sought_by_time(other: bool) -> None:
    messages = [data_of(each) for number in range(50) for each in pulse_entries(number, logs=())]
    reader = LateIdentity(messages, "new" if other else "old")
    intake = PulseAssembler([0], lambda: START_NS + 10**12)
    receiver = StreamReceiver({0: reader}, intake, 1)
    state = RunState(
        log="old", places=(LogPlace(40, True),), start_ns=START_NS, dialect=Dialect.MARKED
    )
    receiver.read_again(state)
    for _ in range(5):
        receiver.take(0)
    assert reader.sought == (["offset", "time"] if other else ["offset"])
    assert intake.uncut_until(NEVER_NS)[0].number == (0 if other else 20)
