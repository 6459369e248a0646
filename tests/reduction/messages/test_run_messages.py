"""Messages about runs of the facility, as ESS' own package writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streaming_data_types.run_start_pl72 import serialise_pl72
from streaming_data_types.run_stop_6s4t import serialise_6s4t

from reduction.messages.contents import CorruptMessage
from reduction.messages.run_messages import (
    MOST_NAME,
    RUN_START,
    RUN_STOP,
    RunMessage,
    decode_run_message,
)
from reduction.stream.pulse_assembler import PulseAssembler

NOW_MS = 1_767_225_600_000
NOW_NS = NOW_MS * 10**6
SECRET = "Ada Lovelace"


def start(job: str = "job", time_ms: int = NOW_MS, **more: Any) -> bytes:
    data: bytes = serialise_pl72(job, "file.nxs", time_ms, **{"run_name": "1234", **more})
    return data


def assembler() -> PulseAssembler:
    return PulseAssembler([0], clock_ns=lambda: NOW_NS)


@given(st.text("abc-019", min_size=1, max_size=40), st.integers(1, 2**42))
def test_a_start_and_a_stop_come_back_as_they_were(job: str, time_ms: int) -> None:
    began = decode_run_message(RUN_START, start(job, time_ms))
    assert began == RunMessage(True, job, "1234", "", time_ms * 10**6)
    stop = serialise_6s4t(job, run_name="1234", stop_time=time_ms)
    assert decode_run_message(RUN_STOP, stop) == RunMessage(False, job, "1234", "", time_ms * 10**6)


def test_of_metadata_the_title_alone_is_read() -> None:
    metadata = json.dumps({"title": "Ice at 5 K", "users": [SECRET], "contact": SECRET})
    began = decode_run_message(RUN_START, start(metadata=metadata, service_id=SECRET))
    assert began.title == "Ice at 5 K"
    assert SECRET not in repr(began)


@pytest.mark.parametrize("metadata", ["", "[", "[1]", '{"title": 3}', "7", "[" * 100_000])
def test_metadata_without_a_title_give_none(metadata: str) -> None:
    assert decode_run_message(RUN_START, start(metadata=metadata)).title == ""


def test_texts_are_short_and_printable() -> None:
    began = decode_run_message(RUN_START, start(run_name="Größe\n" + "x" * 500))
    assert began.name.startswith("Gr??e?x")
    assert len(began.name) <= MOST_NAME


@pytest.mark.parametrize("time_ms", [0, 2**63, 2**64 - 1])
def test_a_time_that_no_clock_has_is_now(time_ms: int) -> None:
    assert decode_run_message(RUN_START, start(time_ms=time_ms)).time_ns == 0


def test_a_message_without_job_and_name_is_of_no_run() -> None:
    with pytest.raises(CorruptMessage):
        decode_run_message(RUN_START, start("", run_name=""))


@given(st.data(), st.sampled_from([RUN_START, RUN_STOP]))
def test_bytes_of_any_kind_are_a_message_or_corrupt(data: st.DataObject, schema: str) -> None:
    good = start() if schema == RUN_START else serialise_6s4t("job")
    place = data.draw(st.integers(0, len(good)))
    junk = data.draw(st.binary(max_size=8))
    message = good[:4] + good[4:8] + (good[8:place] + junk + good[place + len(junk) :])
    stream = assembler()
    stream.take(0, message)
    assert len(stream.runs.waiting) + stream.faults.corrupt == 1


@pytest.mark.parametrize(
    ("ahead_ms", "believed"), [(0, 1), (50_000, 1), (-(10**9), 1), (3_600_000, 0)]
)
def test_a_start_far_ahead_is_taken_as_of_its_arrival_and_told(
    ahead_ms: int, believed: int
) -> None:
    stream = assembler()
    stream.take(0, start(time_ms=NOW_MS + ahead_ms))
    (message,) = stream.runs.taken()
    assert message.time_ns == believed * (NOW_NS + ahead_ms * 10**6)
    assert ("run 1234" in stream.notices.message) == (not believed)
    assert stream.runs.waiting == []
