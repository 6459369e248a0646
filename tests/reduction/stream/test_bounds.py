"""Whatever names come, what is kept and said of them is bounded."""

from __future__ import annotations

import numpy as np
import pytest

from reduction.messages.contents import Chunk, encode_chunk, encode_log, encode_pulse_mark
from reduction.stream.dialect import Dialect, StreamFormat
from reduction.stream.log_values import logs
from reduction.stream.notices import LONGEST_NOTICE, MOST_NOTICES
from reduction.stream.pulse_assembler import PulseAssembler
from reduction.stream.pulses import LATEST_NS, NEVER_NS, NO_PULSE

NOW_NS = 1_767_225_600_000_000_000


def assembler() -> PulseAssembler:
    return PulseAssembler([0], lambda: NOW_NS)


def test_logs_beyond_the_most_are_counted_and_told_and_those_known_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "MOST_STREAM_LOGS", 3)
    stream = assembler()
    for number in range(5):
        stream.take(0, encode_log(f"log {number}", NOW_NS, 1.0))
    assert stream.logs.names == ("log 0", "log 1", "log 2")
    assert stream.faults.bad_log == 2
    assert "log 4 is ignored" in stream.notices.message
    stream.take(0, encode_log("log 1", NOW_NS + 1, 7.0))
    assert stream.logs.at("log 1", np.array([NOW_NS + 1])).tolist() == [7.0]
    assert stream.faults.bad_log == 2


def test_a_log_whose_name_is_too_long_is_counted_and_told() -> None:
    stream = assembler()
    stream.take(0, encode_log("n" * (logs.LONGEST_LOG_NAME + 1), NOW_NS, 1.0))
    assert stream.logs.names == ()
    assert stream.faults.bad_log == 1
    assert "characters" in stream.notices.message


@pytest.mark.parametrize("dialect", [Dialect.MARKED, Dialect.PLAIN])
@pytest.mark.parametrize("time_ns", [NEVER_NS, NEVER_NS - 1, LATEST_NS + 1, -(2**63)])
def test_a_time_that_fits_no_sum_of_times_is_that_of_no_pulse(
    dialect: Dialect, time_ns: int
) -> None:
    now_ns, events = NOW_NS, np.ones(1, np.int32)
    stream = PulseAssembler([0], lambda: now_ns, StreamFormat(dialect, pulse_log="beam"))
    for number in range(8):
        stream.take(0, encode_chunk(Chunk("bank", number, time_ns, events, events)))
        stream.take(0, encode_pulse_mark(number, time_ns, number + 1))
        stream.take(0, encode_log("beam", time_ns, 1.0))
        now_ns += 60 * 10**9
        stream.wait()
    assert stream.newest_ns == NO_PULSE
    assert stream.complete_from_ns == 0
    assert stream.pending == []
    assert stream.faults.bad_time >= 8


def test_notices_about_many_names_and_long_ones_are_few_and_short() -> None:
    stream, events = assembler(), np.ones(1, np.int32)
    for number in range(200):
        stream.take(0, encode_log(f"log {number}", 5, 1.0))
    assert stream.notices.message.count("from its arrival on") == MOST_NOTICES
    assert "log 199" in stream.notices.message
    stream.refuse(Chunk("s" * 100_000, 0, NOW_NS, events, events))
    stream.take(0, encode_chunk(Chunk("s" * 100_000, 0, NOW_NS, events, events)))
    assert len(stream.notices.message) < MOST_NOTICES * (LONGEST_NOTICE + 2)
