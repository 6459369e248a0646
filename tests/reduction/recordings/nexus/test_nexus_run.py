"""The run that a NeXus file is of comes as the first message of the recording."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import pytest

from reduction.control.orders import RanksOrder
from reduction.host.stop import Stop
from reduction.messages.run_messages import RUN_START, RunMessage, decode_run_message
from reduction.recordings.open_recording import open_recording
from reduction.recordings.play_settings import PlaySettings
from reduction.recordings.replay import replay
from tests.support.stream.event_logs import all_of
from tests.support.stream.nexus_events import START, START_NS, put, random_bank, sns_file
from tests.support.stream.recordings import ListOutput, all_bytes, read_by_rank

PULSES = 20


def file_of(path: Path, **texts: object) -> Path:
    """A file of the SNS with more datasets in its entry."""
    bank = random_bank(np.random.default_rng(1), PULSES, 200, 1)
    made = sns_file(path, [bank], PULSES)
    with h5py.File(made, "r+") as file:
        for name, text in texts.items():
            put(file["entry"], name, text)
    return made


def run_in(path: Path) -> RunMessage | None:
    """The run of a recording, from its first message."""
    with closing(open_recording(path, 1)) as recording:
        first = all_bytes(recording, 0)[0]
    return decode_run_message(RUN_START, first) if first[4:8] == b"pl72" else None


def test_number_title_and_start_of_the_run_are_read(tmp_path: Path) -> None:
    whole_ms = START_NS // 10**6 * 10**6
    named = file_of(
        tmp_path / "a.nxs", entry_identifier="1466", title=b"Ice at 5 K", start_time=[START]
    )
    found = run_in(named)
    assert found is not None
    assert (found.name, found.title, found.time_ns) == ("1466", "Ice at 5 K", whole_ms)
    numbered = run_in(file_of(tmp_path / "b.nxs", run_number=np.int32(77)))
    assert numbered is not None
    assert (numbered.name, numbered.title, numbered.time_ns) == ("77", "", 0)
    other = run_in(file_of(tmp_path / "c.nxs", run_number=np.int32(77), start_time=START))
    assert other is not None
    assert other.key != numbered.key
    assert run_in(file_of(tmp_path / "d.nxs", title="Ice", start_time=START)) is None
    odd = run_in(file_of(tmp_path / "e.nxs", run_number="5", start_time="noon"))
    assert odd is not None
    assert odd.time_ns == 0


@pytest.mark.parametrize("partitions", [1, 2])
def test_the_run_is_one_message_more_and_each_place_is_found(
    tmp_path: Path, partitions: int
) -> None:
    plain = file_of(tmp_path / "plain.nxs")
    named = file_of(tmp_path / "named.nxs", entry_identifier="1466", start_time=START)
    with (
        closing(open_recording(plain, partitions)) as without,
        closing(open_recording(named, partitions)) as recording,
    ):
        for partition in range(partitions):
            messages = all_bytes(recording, partition)
            assert messages[partition == 0 :] == all_bytes(without, partition)
            with closing(recording.reader(partition)) as reader:
                for offset in range(len(messages) + 1):
                    reader.seek_offset(offset)
                    rest = [each for each in all_of(reader) if each[0] >= offset]
                    assert rest == list(enumerate(messages))[offset:]
                reader.seek(START_NS)
                assert all_of(reader)[0] == (0, messages[0])


def test_ranks_report_the_run_and_count_all_events(tmp_path: Path) -> None:
    named = file_of(tmp_path / "named.nxs", entry_identifier="1466", start_time=START)
    with closing(open_recording(named, 1)) as recording:
        report = read_by_rank(recording, RanksOrder())
    assert [each.name for each in report.run_messages] == ["1466"]
    assert report.stream.event_total == 200


def test_a_run_that_is_played_now_starts_now(tmp_path: Path) -> None:
    named = file_of(tmp_path / "named.nxs", entry_identifier="1466", start_time=START)
    output = ListOutput()
    with closing(open_recording(named, 1)) as recording, closing(Stop()) as stop:
        replay(recording, output, PlaySettings(speed=1000.0, now=True), stop)
    (first, *others) = output.put_messages
    found = decode_run_message(RUN_START, b"".join(first.entry.pieces))
    pulse_ns = next(each.entry.time_ns for each in others if each.entry.time_ns)
    assert found.name == "1466"
    assert abs(found.time_ns - pulse_ns) < 10**9
