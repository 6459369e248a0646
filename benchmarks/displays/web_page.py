"""What the web server costs, and how soon a page has its first spectrum."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import psutil

from benchmarks.product import Product, product
from benchmarks.rows import Row, below
from benchmarks.timing import Figure
from benchmarks.usage import Usage
from tests.support.clients.ca_client import network

EVENTS_PER_PULSE = 20_000
BINS = {"0.4,0.001,5": 4600, "0.4,0.0001,5": 46_000}
TABS = (0, 1, 20)
MOST_CORES = 0.1
"""Most of a core that 20 tabs may take."""

FIRST_S = 1.0


def measure(quick: bool) -> list[Row]:
    """Rows of the server's share of a core, by bins and tabs, and of the first spectrum."""
    with network() as net:
        port = net.port
    with product(EVENTS_PER_PULSE, f"--web-port={port}") as running:
        running.wait(running.counts)
        return [row for bins in BINS for row in _with_bins(running, port, bins, quick)]


def _with_bins(running: Product, port: int, bins: str, quick: bool) -> Iterator[Row]:
    assert running.put("Red1:BinParams", bins, "-S").returncode == 0
    seconds = 5 if quick else 20
    for tabs in TABS:
        words = (str(port), running.prefix, str(tabs), str(seconds))
        command = [sys.executable, "-m", "benchmarks.displays.web_tabs", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            watching.stdout.readline()
            usage = Usage({"web": page_process_of(running)})
            told = json.loads(watching.stdout.readline())
            cores = usage.cores()["web"]
        yield _share(BINS[bins], tabs, cores, told["rates"])
        if tabs:
            figure = Figure(tuple(told["first_s"]))
            what = f"… from opening a tab to its first spectrum, {tabs} at once: {figure}; longest"
            yield below(what, max(told["first_s"]), FIRST_S)


def _share(bins: int, tabs: int, cores: float, rates: list[float]) -> Row:
    spectra = f", {min(rates):.1f} spectra/s in each" if rates else ""
    what = f"server, {bins:,} bins, {tabs} tabs".replace(",", " ")
    measured = f"{100 * cores:.1f} % of a core{spectra}"
    if tabs < max(TABS):
        return Row(what, measured)
    return Row(what, measured, f"< {100 * MOST_CORES:g} %", cores < MOST_CORES)


def page_process_of(running: Product) -> psutil.Process:
    """The process of the web server."""
    children = psutil.Process(running.process.pid).children(recursive=True)
    return next(each for each in children if each.cmdline()[2:4] == ["-m", "web"])
