"""The web page of ``run``, and next to an IOC that runs already."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients.ca_client import Client, Network
from tests.support.ioc.ioc_process import ioc_process
from tests.support.ports import free_port
from tests.support.product.live import Live, live

pytest.importorskip("p4p", reason="the web server reads by pvAccess, which needs p4p")

ADDRESS = re.compile(r"Open http://127\.0\.0\.1:(\d+)/\?token=(\S+) in a browser\.")
START_S = 20.0


def answer(port: int, path: str) -> tuple[int, str, http.client.HTTPMessage]:
    """The status, the text and the headers of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S)
    with closing(connection):
        connection.request("GET", path)
        found = connection.getresponse()
        return found.status, found.read().decode(), found.headers


def info(port: int) -> dict[str, Any]:
    told = json.loads(answer(port, "/info")[1])
    assert isinstance(told, dict)
    return told


@contextmanager
def page_alone(net: Network, prefix: str, *flags: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ioc", "web", "--prefix", prefix, *flags],
        env=net.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_run_prints_the_address_first_and_the_page_is_there_at_once(net: Network) -> None:
    port = free_port()
    running = Live(net, f"--web-port={port}")
    try:
        assert running.process.stdout is not None
        lines = iter(running.process.stdout.readline, "")
        first = next(line for line in lines if line.strip())
        found = ADDRESS.fullmatch(first.strip())
        assert found is not None, first
        assert int(found[1]) == port
        status, _, headers = answer(port, f"/?token={found[2]}")
        assert (status, headers["Location"]) == (303, "/")
        assert "<html" in answer(port, "/")[1]
        assert info(port)["prefix"] == running.prefix
        running.ready()
        running.until(lambda: info(port)["simulator"])
        assert running.stop() == 0
    finally:
        running.kill_all()


def test_a_page_that_ends_is_started_again_at_the_same_address(net: Network) -> None:
    port = free_port()
    with live(net, f"--web-port={port}") as running:
        page = running.one(" web ")
        page.kill()
        assert info(port)["prefix"] == running.prefix  # waits, and is not refused
        assert running.one(" web ").pid != page.pid


def test_no_token_is_in_a_command_line(net: Network) -> None:
    port = free_port()
    with live(net, f"--web-port={port}") as running:
        assert info(port)["prefix"] == running.prefix  # waits for the page
        words = [" ".join(each.cmdline()) for each in running.family()]
        assert any(" web " in each for each in words)
        assert not any("token" in each.lower() for each in words)


def test_a_port_that_is_taken_ends_the_start_in_words(net: Network) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with page_alone(net, "T:", f"--web-port={port}") as process:
            _, said = process.communicate(timeout=START_S)
    assert process.returncode == 2
    assert f"web page at 127.0.0.1 port {port}: Address already in use" in said


def test_a_page_alone_is_a_client_of_an_ioc_anywhere(net: Network, tmp_path: Path) -> None:
    port = free_port()
    with (
        ioc_process(net, tmp_path) as ioc,
        page_alone(net, ioc.prefix, f"--web-port={port}") as page,
    ):
        assert page.stdout is not None
        assert ADDRESS.match(page.stdout.readline())
        client = Client(net, ioc.prefix)
        client.until(lambda: answer(port, "/download/xye")[0] == 200)
        assert "# pulses: 3 to 2147483647" in answer(port, "/download/xye")[1]
        page.send_signal(signal.SIGTERM)
        assert page.wait(START_S) == 0
