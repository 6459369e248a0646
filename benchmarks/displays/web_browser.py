"""The web page in a browser: how soon it shows data, and what drawing each result costs."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.product import Product, product
from benchmarks.rows import Row
from benchmarks.timing import Figure
from benchmarks.usage import Usage
from tests.support.displays.browser import (
    OpenPage,
    PageServer,
    open_page,
    page_server,
    running_browser,
    why_no_browser,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EVENTS_PER_PULSE = 20_000
BINS = {4_600: "0.4,0.001,5", 46_000: "0.4,0.0001,5"}
FIRST_S, OF_BROWSER = 1.0, 0.4
"""Targets: seconds, and cores of the browser with 46 000 bins."""

SETTLE_S = 4.0


def measure(quick: bool) -> list[Row]:
    """The rows, where there is a browser; one that says so elsewhere."""
    if why := why_no_browser():
        return [Row(f"not measured: {why}", "")]
    seconds = 8.0 if quick else 30.0
    with product(EVENTS_PER_PULSE, "--no-web") as running:
        running.wait(running.counts)
        with page_server(running) as server:
            return [
                *_first_data(running, server, 2 if quick else 6),
                *_of_browser(running, server, seconds),
            ]


def _first_data(running: Product, server: PageServer, times: int) -> list[Row]:
    """From asking for the page in a fresh browser profile to a drawn curve."""
    running.put("Red1:BinParams", BINS[46_000], "-S")
    found = []
    with running_browser() as browser:
        for _ in range(times + 1):
            with open_page(browser) as page:
                page.open(server.address)
                found.append(_drawn_s(page))
    figure = Figure(tuple(found[1:]))  # the first one starts the browser's own processes
    words = f"opening the page until 46 000 bins are drawn, {times} times"
    return [Row(words, str(figure), f"all < {FIRST_S:g} s", max(found[1:]) < FIRST_S)]


def _drawn_s(page: OpenPage) -> float:
    return 1e-3 * float(
        page.page.evaluate("performance.getEntriesByName('first result')[0].startTime")
    )


def _browser_processes() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "chrom" in each.name()]


def _cores(processes: list[psutil.Process], seconds: float) -> float:
    """Cores that processes keep busy."""
    usages = [Usage({"it": each}) for each in processes]
    time.sleep(seconds)
    return sum(each.cores()["it"] for each in usages)


def _of_browser(running: Product, server: PageServer, seconds: float) -> list[Row]:
    """The browser's share while it draws each result, and that of plotly with the same curve."""
    rows = []
    for bins, params in BINS.items():
        running.put("Red1:BinParams", params, "-S")
        with running_browser() as browser:
            with open_page(browser) as page:
                page.open(server.address)
                time.sleep(SETTLE_S)
                ours = _cores(_browser_processes(), seconds)
            peer = _plotly_cores(browser, bins, seconds)
        target = bins == max(BINS)
        rows.append(
            Row(
                f"browser, {bins} bins at 5 Hz, drawn by the processor: cores busy",
                f"{ours:.2f}",
                f"< {OF_BROWSER:g}" if target else "",
                ours < OF_BROWSER if target else None,
                f"plotly: {peer:.2f}" if peer else "",
                f"{peer / ours:.1f}" if peer else "",
            )
        )
    return rows


PLOTLY = """
<body style="margin:0"><div id="plot" style="width:1000px;height:560px"></div></body>
"""
DRAW = """bins => {
    const x = Float64Array.from({length: bins}, (_, index) => 0.4 + 4.6 * index / bins);
    let scale = 1;
    const draw = () => {
        scale += 0.01;
        const peak = (d) => 900 * Math.exp(-(((d - 1.92) / 0.01) ** 2));
        const y = Float32Array.from(x, (d) => scale * (50 + peak(d) + 14 * Math.random()));
        Plotly.react('plot', [{x, y, mode: 'lines', line: {shape: 'hv', width: 1}}],
            {margin: {t: 10}, uirevision: 1});
    };
    draw();
    setInterval(draw, 200);
}"""


def _plotly_cores(browser: Browser, bins: int, seconds: float) -> float:
    """Cores of the browser while plotly draws such a curve at 5 Hz; 0 without plotly."""
    found = importlib.util.find_spec("plotly")
    if found is None or found.origin is None:
        return 0.0
    with open_page(browser) as page:
        page.page.set_content(PLOTLY)
        script = Path(found.origin).parent / "package_data" / "plotly.min.js"
        page.page.add_script_tag(path=script)
        page.page.evaluate(DRAW, bins)
        time.sleep(SETTLE_S)
        return _cores(_browser_processes(), seconds)
