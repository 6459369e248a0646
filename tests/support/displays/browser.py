"""A browser that looks at the web page: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import base64
import importlib.util
import io
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests.support.clients.ca_client import Client

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--disable-gpu")
"""Root's browser has no sandbox in a container; without graphics the processor draws."""

PATIENCE_MS, LOOK_MS = 15_000, 50
DESK, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}

LOST = re.compile(r"WebSocket connection to .* failed|ERR_CONNECTION_REFUSED")
"""What Chromium writes to the console when a server is gone."""


def chromium() -> str | None:
    """The path of Chromium; None where there is none."""
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


def why_no_browser() -> str:
    """Why no browser can be driven here; empty if one can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return "" if chromium() else "there is no Chromium here (apt-get install chromium)"


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class PageServer:
    """A running ``live-reduction web``: its address with the token, and its process."""

    address: str
    process: subprocess.Popen[str]

    @property
    def without_token(self) -> str:
        return self.address.partition("?")[0]


@contextmanager
def page_server(running: Client, *flags: str, port: int = 0) -> Iterator[PageServer]:
    """The web page of a running IOC, on a free port unless one is given."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "ioc", "web", "--prefix", running.prefix),
            *("--web-port", str(port), *flags),
        ],
        env=running.network.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        address = re.search(r"http://\S+", said)
        assert address is not None, said
        yield PageServer(address[0], process)
    finally:
        process.terminate()
        process.communicate(timeout=15)


class OpenPage:
    """An open web page, what it shows, and what its console said."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not LOST.search(message.text):
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def open(self, address: str) -> None:
        """Go to an address and wait until a result is drawn."""
        self.page.goto(address)
        self.wait_for(".readout", "bins")

    def tab(self, title: str) -> None:
        self.page.get_by_role("tab", name=title).click()

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def wait_for(self, selector: str, words: str) -> None:
        """Wait until an element shows words."""
        self.page.locator(selector, has_text=words).first.wait_for()

    def wait_until(self, condition: str, argument: object = None) -> None:
        """Wait until an expression of JavaScript is true.

        Playwright's own way makes code of the text in the page, which the page's policy forbids.
        """
        deadline = time.monotonic() + PATIENCE_MS / 1e3
        while not self.page.evaluate(condition, argument):
            assert time.monotonic() < deadline, f"it never became true: {condition}"
            self.page.wait_for_timeout(LOOK_MS)

    def field(self, pv: str) -> Locator:
        """The field of a setting, by the name of its PV without prefix."""
        return self.page.locator(f'.field[data-pv="{pv}"]')

    def set(self, pv: str, value: str) -> None:
        """Type a value into a field and press Enter; it may be refused."""
        field = self.field(pv)
        field.evaluate("each => { const d = each.closest('details'); if (d) d.open = true; }")
        control = field.locator("input")
        control.fill(value)
        control.press("Enter")
        self.wait_until(
            'pv => !document.querySelector(`.field[data-pv="${pv}"]`)'
            ".classList.contains('pending')",
            pv,
        )

    def choose(self, pv: str, label: str) -> None:
        """Choose a label of a setting that is a choice."""
        field = self.field(pv)
        field.evaluate("each => { const d = each.closest('details'); if (d) d.open = true; }")
        field.locator("select").select_option(label=label)

    def bins(self) -> int:
        """How many bins the curve has, as the page says."""
        return int(re.sub(r"\D", "", self.text(".spectrum .readout")) or 0)

    def wait_for_bins(self, count: int) -> None:
        """Wait until the curve has so many bins; takes the mouse off the plot, to read that."""
        self.page.mouse.move(1, 1)
        self.wait_until(
            "count => Number((document.querySelector('.spectrum .readout').textContent"
            ".match(/^([^:]*) bins$/) ?? ['', '0'])[1].replace(/[^0-9]/g, '')) === count",
            count,
        )

    def ink(self) -> float:
        """The share of the spectrum's pixels that are drawn."""
        script = "document.querySelector('.main-plot canvas.base').toDataURL()"
        png = base64.b64decode(self.page.evaluate(script).partition(",")[2])
        return float((np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))[:, :, 3] > 0).mean())

    def plot_box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of the surface of the spectrum, in pixels."""
        box = self.page.locator(".main-plot .surface").bounding_box()
        assert box is not None
        return box["x"], box["y"], box["width"], box["height"]

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse between two places, given as shares of the spectrum's surface."""
        left, top, width, height = self.plot_box()
        mouse = self.page.mouse
        mouse.move(left + start[0] * width, top + start[1] * height)
        mouse.down()
        mouse.move(left + (start[0] + end[0]) / 2 * width, top + start[1] * height)
        mouse.move(left + end[0] * width, top + end[1] * height)
        mouse.up()

    def call(self, module: str, expression: str) -> Any:
        """The value of an expression over what a module of the page exports, as ``m``."""
        return self.page.evaluate(f"import('/page/{module}.js').then((m) => ({expression}))")


@contextmanager
def open_page(
    browser: Browser, size: dict[str, int] = DESK, *, dark: bool = False, touch: bool = False
) -> Iterator[OpenPage]:
    """A page in a browser context of its own, closed at the end."""
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme="dark" if dark else "light",
        has_touch=touch,
        accept_downloads=True,
    )
    try:
        yield OpenPage(context.new_page())
    finally:
        context.close()


def axe_violations(page: Page) -> list[str]:
    """What axe finds wrong with the accessibility of a page: rule, elements, and why."""
    package = importlib.util.find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    script = Path(package.origin).with_name("axe.min.js")
    page.evaluate(script.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
