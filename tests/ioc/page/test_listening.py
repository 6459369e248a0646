"""Where the web server listens, and the address that people are told."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing

import pytest

from ioc.options.program import StartError
from ioc.page.listening import PORT, address_of, listening_sockets


def test_if_the_usual_port_is_taken_any_other_serves() -> None:
    with ExitStack() as stack:
        first = listening_sockets(["127.0.0.1"], 0)
        second = listening_sockets(["127.0.0.1"], 0)
        for each in (*first, *second):
            stack.enter_context(closing(each))
        assert second[0].getsockname()[1] not in (0, PORT)


def test_a_port_that_is_asked_for_and_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"127.0.0.1 port {port}: Address already in use"):
            listening_sockets(["127.0.0.1"], port)


def test_an_address_of_another_host_is_told() -> None:
    with pytest.raises(StartError, match=r"192\.0\.2\.1 port"):
        listening_sockets(["192.0.2.1"], 0)


def test_all_interfaces_have_one_port() -> None:
    made = listening_sockets(["127.0.0.1", "127.0.0.2"], 0)
    assert len({each.getsockname()[1] for each in made}) == 1
    for each in made:
        each.close()


def test_the_address_has_the_token_and_is_one_that_browsers_reach() -> None:
    (made,) = listening_sockets(["0.0.0.0"], 0)
    with made:
        port = made.getsockname()[1]
        assert address_of([made], "abc") == f"http://127.0.0.1:{port}/?token=abc"
        assert address_of([made], "") == f"http://127.0.0.1:{port}/"
