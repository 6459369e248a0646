"""Messages about runs wait in the event log and in the reports until they are taken."""

from __future__ import annotations

from streaming_data_types.run_start_pl72 import serialise_pl72

from reduction.event_log.protocol import MESSAGES_AT_ONCE
from reduction.messages.run_messages import RunMessage
from reduction.ranks.intake.receiver import StreamReceiver
from reduction.ranks.reporting.reported_runs import MOST_REPORTED_RUNS, ReportedRuns
from reduction.stream.notices import Notices
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.run_queue import MOST_WAITING_RUNS
from tests.support.ranks.listed_log import ListedLogReader
from tests.support.stream.event_logs import START_NS

STARTS = 3 * MOST_WAITING_RUNS


def begun(number: int) -> RunMessage:
    return RunMessage(True, f"job {number}", f"run {number}", "", START_NS + number)


def test_a_flood_of_starts_stays_in_the_event_log_until_the_ranks_take_them() -> None:
    messages: list[bytes] = []
    reader = ListedLogReader(messages)
    intake = PulseAssembler([0], lambda: START_NS)
    receiver = StreamReceiver({0: reader}, intake, 1)
    messages += [
        serialise_pl72(f"job {n}", "file", START_NS // 10**6, run_name=f"run {n}")
        for n in range(STARTS)
    ]
    taken: list[str] = []
    while len(taken) < STARTS:
        for _ in range(STARTS // MESSAGES_AT_ONCE + 1):
            receiver.take(0)
        assert len(intake.runs.waiting) < MOST_WAITING_RUNS + MESSAGES_AT_ONCE
        taken += [each.name for each in intake.runs.taken()]
    assert taken == [f"run {n}" for n in range(STARTS)]


def test_the_last_messages_stand_in_each_report_and_nothing_is_told() -> None:
    notices = Notices(lambda: 0)
    runs = ReportedRuns(notices)
    every = [begun(number) for number in range(2 * MOST_REPORTED_RUNS)]
    for each in every:
        runs.note([each, each])
        runs.note_reported()
    assert runs.messages == tuple(every[MOST_REPORTED_RUNS:])
    runs.note(every[MOST_REPORTED_RUNS:])
    assert notices.message == ""


def test_more_messages_than_a_report_holds_are_told() -> None:
    notices = Notices(lambda: 0)
    runs = ReportedRuns(notices)
    every = [begun(number) for number in range(MOST_REPORTED_RUNS + 5)]
    runs.note(every[:20])
    runs.note(every[20:])
    assert runs.messages == tuple(every[5:])
    assert notices.message == (
        f"{MOST_REPORTED_RUNS + 5} messages about runs came at once:"
        f" only the last {MOST_REPORTED_RUNS} are followed"
    )
