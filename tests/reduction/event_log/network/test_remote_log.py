"""An event log that is served: a reader elsewhere gets what one on the same host gets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import zmq

from reduction.event_log.embedded import EmbeddedLogReader
from reduction.event_log.network.remote import ASK_AGAIN_S, RemoteLogReader
from reduction.event_log.network.server import LARGEST_REQUEST_BYTES, LogServer
from reduction.event_log.writer import LogWriter
from reduction.host.network.key_file import Key
from tests.support.stream.event_logs import (
    LIMIT,
    PERIOD_NS,
    SMALL_SEGMENT,
    START_NS,
    data_of,
    pulse_entries,
    read_served,
    sought,
    write,
    written,
)

STREAM = [entry for number in range(200) for entry in pulse_entries(number, 300)]


@pytest.fixture
def context() -> Iterator[zmq.Context[Any]]:
    with zmq.Context() as made:
        yield made


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/served"


def test_a_remote_reader_gets_what_is_there_and_what_comes(
    context: zmq.Context[Any], endpoint: str, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    with (
        closing(LogWriter(path, 1, LIMIT, SMALL_SEGMENT)) as writer,
        closing(LogServer(context, endpoint, path, 1)) as server,
        closing(RemoteLogReader(context, endpoint, 0)) as reader,
    ):
        assert reader.message.endswith("no process serves it")
        expected = [(offset, data_of(entry)) for offset, entry in enumerate(STREAM)]
        write(writer, STREAM[:300])
        assert read_served(server, reader, 300) == expected[:300]
        write(writer, STREAM[300:])
        assert read_served(server, reader, 300) == expected[300:]
        assert reader.message == ""
        assert reader.behind == (0, 0)


def test_it_seeks_and_finds_the_end_as_a_reader_in_place_does(
    context: zmq.Context[Any], endpoint: str, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    written(path, STREAM)
    with (
        closing(LogServer(context, endpoint, path, 1)) as server,
        closing(RemoteLogReader(context, endpoint, 0)) as reader,
    ):
        for pulse in (0, 7, 150, 199):
            time_ns = START_NS + pulse * PERIOD_NS
            reader.seek(time_ns)
            expected = sought(STREAM, time_ns)
            assert reader.began == -1
            assert read_served(server, reader, len(expected)) == expected
            assert reader.began == 3 * pulse
            assert reader.identity == EmbeddedLogReader(path, 0).identity
            reader.seek_offset(reader.began)
            assert read_served(server, reader, len(expected)) == expected
            assert reader.began == 3 * pulse
        reader.seek_to_end()
        assert read_served(server, reader, 1)[0][1] == data_of(STREAM[-3])
        assert reader.began == len(STREAM)


def test_after_its_server_has_started_again_it_goes_on_where_it_was(
    context: zmq.Context[Any], endpoint: str, tmp_path: Path
) -> None:
    path, now_s = tmp_path / "log", [0.0]
    written(path, STREAM[:300])
    with closing(RemoteLogReader(context, endpoint, 0, lambda: now_s[0])) as reader:
        with closing(LogServer(context, endpoint, path, 1)) as server:
            reader.seek_offset(0)
            found = read_served(server, reader, 150)
        written(path, STREAM[300:])
        with closing(LogServer(context, endpoint, path, 1)) as server:
            now_s[0] += ASK_AGAIN_S
            found += read_served(server, reader, 450)
            assert reader.began == 0
    assert found == [(offset, data_of(entry)) for offset, entry in enumerate(STREAM)]


@pytest.mark.parametrize(
    "frames", [[b""], [b"\xff\xff"], [b"\x94\x01\x05\x00\x00"], [b"a", b"b"], [b"\x93\x01\x00\x09"]]
)
def test_what_is_no_request_is_counted_and_ignored(
    context: zmq.Context[Any], endpoint: str, tmp_path: Path, frames: list[bytes]
) -> None:
    written(tmp_path / "log", STREAM[:3])
    with (
        closing(LogServer(context, endpoint, tmp_path / "log", 1)) as server,
        closing(RemoteLogReader(context, endpoint, 0)) as reader,
        closing(context.socket(zmq.DEALER)) as stranger,
    ):
        stranger.connect(endpoint)
        stranger.send_multipart(frames)
        assert server.socket.poll(5000)
        assert server.problem == ""
        server.serve()
        assert server.ignored == 1
        assert endpoint in server.problem
        assert len(read_served(server, reader, 3)) == 3


def test_readers_without_the_key_get_nothing_and_are_counted(
    context: zmq.Context[Any], tmp_path: Path
) -> None:
    written(tmp_path / "log", STREAM[:3])
    key, other = (Key(bytes(zmq.curve_keypair()[1])) for _ in range(2))
    served = "tcp://127.0.0.1:*"
    with closing(LogServer(context, served, tmp_path / "log", 1, key=key)) as server:
        there = server.socket.getsockopt_string(zmq.LAST_ENDPOINT)
        for shown in (None, other):
            before, deadline_s = server.ignored, time.monotonic() + 60
            with closing(RemoteLogReader(context, there, 0, key=shown)) as stranger:
                while server.ignored == before:
                    assert not stranger.read()
                    server.serve()
                    assert server.problem or time.monotonic() < deadline_s
        assert server.problem.startswith("a process without the key would connect to tcp://")
        with closing(RemoteLogReader(context, there, 0, key=key)) as reader:
            assert len(read_served(server, reader, 3)) == 3


def test_whoever_sends_more_than_a_request_is_disconnected(
    context: zmq.Context[Any], endpoint: str, tmp_path: Path
) -> None:
    written(tmp_path / "log", STREAM[:3])
    with (
        closing(LogServer(context, endpoint, tmp_path / "log", 1)) as server,
        closing(RemoteLogReader(context, endpoint, 0)) as reader,
        closing(context.socket(zmq.DEALER)) as stranger,
    ):
        stranger.setsockopt(zmq.LINGER, 0)
        with stranger.get_monitor_socket(zmq.EVENT_DISCONNECTED) as disconnected:
            stranger.connect(endpoint)
            stranger.send(bytes(LARGEST_REQUEST_BYTES + 1))
            assert disconnected.poll(60_000)
            stranger.disable_monitor()
        server.serve()
        assert server.ignored == 0
        assert len(read_served(server, reader, 3)) == 3


def test_readers_that_never_take_their_answers_cost_others_nothing(
    context: zmq.Context[Any], endpoint: str, tmp_path: Path
) -> None:
    written(tmp_path / "log", STREAM)
    with (
        closing(LogServer(context, endpoint, tmp_path / "log", 1)) as server,
        closing(RemoteLogReader(context, endpoint, 0)) as reader,
        closing(context.socket(zmq.DEALER)) as lazy,
    ):
        lazy.setsockopt(zmq.RCVHWM, 1)
        lazy.connect(endpoint)
        for number in range(50):
            lazy.send(bytes([0x94, number, 0, 2, 0]))
        assert len(read_served(server, reader, len(STREAM))) == len(STREAM)
        lazy.close(linger=0)
