"""The simulated source when somebody deletes its event log."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from reduction.event_log.folder import MESSAGE_S
from tests.support.stream.stream_bench import Bench, marks_of


def test_it_goes_on_in_a_new_log_and_says_so_for_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with closing(Bench(path)) as bench:
        stream = bench.stream(partitions=2)
        bench.pulses(stream, 3)
        shutil.rmtree(path)
        bench.pulses(stream, 3)
        assert stream.status.log_message == f"log {path}: it was deleted, and a new one is begun"
        assert [mark[2][0] for mark in marks_of(bench.readers(2)[1].messages())] == [4, 5]
        bench.clock.now_ns += int(MESSAGE_S * 1e9)
        bench.pulses(stream, 1)
        assert stream.status.log_message == ""
        assert stream.status.events_dropped == 0
