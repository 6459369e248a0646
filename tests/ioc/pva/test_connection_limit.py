"""At the limit of open files new clients wait, and sockets that listen stay."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from ioc.ca.serving import connections
from ioc.pva import connection_limit
from ioc.pva.connection_limit import ConnectionLimit, limits_connections

pytestmark = pytest.mark.skipif(not limits_connections(), reason="this system is not Linux")


def test_at_a_limit_that_is_below_what_is_open_the_server_goes_on_listening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(listening.getsockname()))
        served, _ = listening.accept()
        stack.enter_context(served)
        last = max(listening.fileno(), served.fileno())
        for module in (connection_limit, connections):
            monkeypatch.setattr(module, "most_files", lambda: last + 1)
            monkeypatch.setattr(module, "reserved_files", lambda: last)
        limit = ConnectionLimit(frozenset([listening.fileno()]))
        limit.look()
        assert limit.problem
        assert client.recv(1) == b"", "it is disconnected"
        monkeypatch.undo()
        monkeypatch.setattr(connection_limit, "HELD_OFF_S", 0)
        limit._until_s = 0
        limit.look()
        assert limit.problem == ""
        with socket.create_connection(listening.getsockname()) as another:
            accepted, address = listening.accept()
            accepted.close()
            assert address == another.getsockname()
