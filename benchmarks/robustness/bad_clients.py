"""More clients than there are files for, and clients that are stopped for minutes."""

from __future__ import annotations

import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path

import psutil

from benchmarks.product import Product, product
from benchmarks.rows import Row, below, zero
from tests.support.clients.raw_ca_client import RawClient
from tests.support.ports import free_port

EVENTS_PER_PULSE = 3000
FILES, CONNECTIONS = 256, 1000
WITH_FEW_FILES = ("/bin/sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh")
STOPPED_S, QUICK_STOPPED_S = 600.0, 20.0
QUIET_S = 2.0
MOST_GROWTH_MB = 50.0
LONGEST_GAP_S = 5.0
"""Updates come five times a second, unless the machine is busy with something else."""

SPECTRUM = "Red1:Spec:YC"


def measure(quick: bool) -> list[Row]:
    """The rows of both."""
    return [*crowd(), *stopped_clients(QUICK_STOPPED_S if quick else STOPPED_S)]


def crowd() -> Iterator[Row]:
    """The rows of `CONNECTIONS` clients at once, of an IOC that may open `FILES` files."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    page = free_port()
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(folder, "log").open("wb") as log,
        product(
            EVENTS_PER_PULSE,
            f"--web-port={page}",
            folder=folder,
            log=log,
            launcher=WITH_FEW_FILES,
        ) as running,
    ):
        running.wait(running.counts)
        ca = running.network.port
        ports = {"Channel Access": ca, "pvAccess": _pva_port(running, page), "web page": page}
        for protocol, port in ports.items():
            yield from _crowd(running, protocol, port)
        yield zero(
            "… protocols by which no client is served afterwards", 3 - _served(running, page)
        )
        yield zero("… exceptions in the IOC's log", _exceptions(folder))


def _served(running: Product, page: int) -> int:
    """By how many of the protocols a client is served."""
    with urllib.request.urlopen(f"http://127.0.0.1:{page}/", timeout=20) as answer:
        by_page = answer.status == HTTPStatus.OK
    name = running.prefix + "EventTotal_RBV"
    by_pva = (
        subprocess.run(
            [
                sys.executable,
                "-c",
                "from p4p.client.thread import Context;"
                f" print(Context('pva').get('{name}', timeout=20))",
            ],
            env=running.network.environment,
            stdout=subprocess.DEVNULL,
            check=False,
        ).returncode
        == 0
    )
    return int(by_page) + int(by_pva) + int(running.counts())


def _crowd(running: Product, protocol: str, port: int) -> Iterator[Row]:
    with _watching(running, "EventTotal_RBV") as watching:
        before, began_s = running.number("EventTotal_RBV"), time.monotonic()
        with ExitStack() as stack:
            clients = [stack.enter_context(socket.socket()) for _ in range(CONNECTIONS)]
            kept = CONNECTIONS - _lost(clients, port)
            watched_s = time.monotonic() - began_s
        served_s = _served_after(running)
        running.wait(lambda: running.number("EventTotal_RBV") > before)
    told = running.number("ClientsRefused_RBV")
    updates = len(watching)
    yield Row(
        f"{CONNECTIONS} connections by {protocol} at `ulimit -n {FILES}`",
        f"{kept} kept, {CONNECTIONS - kept} refused, `ClientsRefused_RBV` {told:g}; {updates}"
        f" updates in {watched_s:.1f} s for a client from before",
    )
    yield zero("… deaths of the IOC", running.process.poll() is not None)
    yield zero("… restarts of other processes", running.number("Restarts_RBV"))
    yield below("… a new client is served again after", served_s, 10)


def _lost(clients: Sequence[socket.socket], port: int) -> int:
    """Connect all at once; how many are refused, closed, or wait for ever to be accepted."""
    for each in clients:
        each.setblocking(False)
        each.connect_ex(("127.0.0.1", port))
        time.sleep(0.001)
    closed = _closed(clients)
    return len(closed | {each for each in clients if not _established(each)})


def _established(client: socket.socket) -> bool:
    try:
        client.getpeername()
    except OSError:
        return False
    return True


def _closed(clients: Sequence[socket.socket]) -> set[socket.socket]:
    """The connections that the server has closed, by `QUIET_S` after it closed the last one."""
    closed, end_s = set[socket.socket](), time.monotonic() + QUIET_S
    with selectors.DefaultSelector() as selector:
        for each in clients:
            selector.register(each, selectors.EVENT_READ)
        while time.monotonic() < end_s:
            for key, _ in selector.select(0.1):
                client = key.fileobj
                assert isinstance(client, socket.socket)
                try:
                    alive = bool(client.recv(1 << 16))
                except OSError:
                    alive = False
                if not alive:
                    selector.unregister(client)
                    closed.add(client)
                    end_s = time.monotonic() + QUIET_S
    return closed


def _served_after(running: Product) -> float:
    """Seconds until a new client reads a value."""
    began_s = time.monotonic()
    running.wait(running.counts)
    return time.monotonic() - began_s


def _pva_port(running: Product, page: int) -> int:
    """The TCP port of pvAccess: beside it there are those of Channel Access and of the page."""
    ports = {
        each.laddr.port
        for each in psutil.Process(running.process.pid).net_connections("tcp4")
        if each.status == psutil.CONN_LISTEN
    }
    (port,) = ports - {running.network.port, page}
    return port


@contextmanager
def _watching(running: Product, *names: str) -> Iterator[list[str]]:
    """The updates that a client gets meanwhile, one line each; they are there at the end."""
    lines: list[str] = []
    words = [running.prefix + each for each in names]
    process = running.start("camonitor", "-t", "ns", "-#", "1", *words)
    try:
        yield lines
    finally:
        process.terminate()
        said, _ = process.communicate()
        lines += [each for each in said.splitlines() if each]


def _exceptions(folder: str) -> int:
    return Path(folder, "log").read_text(errors="replace").count("Traceback")


def stopped_clients(seconds: float) -> Iterator[Row]:
    """The rows of clients of either protocol that are stopped while they monitor arrays."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(folder, "log").open("wb") as log,
        product(EVENTS_PER_PULSE, "--log-limit=1G", folder=folder, log=log) as running,
    ):
        running.wait(running.counts)
        with ExitStack() as stack:
            clients = [stack.enter_context(each) for each in (_camonitor(running), _pva(running))]
            time.sleep(2)
            for each in clients:
                each.suspend()
            head = psutil.Process(running.process.pid)
            before, gap_s = head.memory_info().rss, _longest_gap(running, seconds)
            grown_mb = (head.memory_info().rss - before) / 1e6
            for each in clients:
                each.resume()
        yield Row(
            f"camonitor and a client of p4p stopped for {seconds:g} s: the IOC grows by",
            f"{grown_mb:.1f} MB",
            f"< {MOST_GROWTH_MB:g} MB",
            grown_mb < MOST_GROWTH_MB,
        )
        yield below("… longest time without an update for another client", gap_s, LONGEST_GAP_S)
        yield zero("… deaths and restarts", running.number("Restarts_RBV"))
        yield zero("… exceptions in the IOC's log", _exceptions(folder))


def _longest_gap(running: Product, seconds: float) -> float:
    """The longest time without an update of the spectrum that a client sees meanwhile."""
    longest_s, end_s = 0.0, time.monotonic() + seconds
    with RawClient(running.network.port) as client:
        number = client.monitor(running.prefix + "EventTotal_RBV", 20, 1)
        last_s = time.monotonic()
        while time.monotonic() < end_s:
            client.listen(0.05)
            if client.events[number]:
                client.events[number].clear()
                last_s = time.monotonic()
            longest_s = max(longest_s, time.monotonic() - last_s)
    return longest_s


@contextmanager
def _camonitor(running: Product) -> Iterator[psutil.Process]:
    process = running.start("camonitor", running.prefix + SPECTRUM, running.prefix + "Red1:Spec:Y")
    yield from _until_killed(process)


@contextmanager
def _pva(running: Product) -> Iterator[psutil.Process]:
    script = (
        "import sys, time; from p4p.client.thread import Context;"
        " c = Context('pva'); s = [c.monitor(n, id) for n in sys.argv[1:]]; time.sleep(1e4)"
    )
    names = [running.prefix + each for each in (SPECTRUM, "Red1:Snapshot")]
    words = [sys.executable, "-c", script, *names]
    process = subprocess.Popen(words, env=running.network.environment, stdout=subprocess.DEVNULL)
    yield from _until_killed(process)


def _until_killed(
    process: subprocess.Popen[str] | subprocess.Popen[bytes],
) -> Iterator[psutil.Process]:
    try:
        yield psutil.Process(process.pid)
    finally:
        process.kill()
        process.communicate()
