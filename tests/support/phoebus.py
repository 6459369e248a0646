"""CS-Studio Phoebus itself, in the display runtime, on a screen of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tests.support.ca_client import Network
from tests.support.xdisplay import Pixels, Screen, png, screen

ROOT = Path(__file__).parents[2]
JARS, SCREENS = ROOT / ".phoebus" / "lib", ROOT / "opi"
START_S, PATIENCE_S, LOOK_S = 120.0, 60.0, 0.2

DISCONNECTED = ((200, 0, 200), 200 / 255)
"""Phoebus' colour of the border of a widget without its process variable, and its opacity."""

INVALID = (255, 0, 255)
ABOVE = 90
"""Rows that the menus and tabs of Phoebus take at least, in pixels."""

BOX = ("x", "y", "width", "height")

SETTINGS = """\
org.phoebus.pv.ca/addr_list=127.0.0.1
org.phoebus.pv.ca/auto_addr_list=false
org.phoebus.pv.ca/server_port={port}
org.phoebus.pv.ca/repeater_port={repeater}
org.phoebus.ui/splash=false
org.phoebus.ui/toolbar_entries=!Home,!Top Resources,!Layouts
org.phoebus.ui/home_display=
org.phoebus.ui/top_resources=
org.phoebus.ui/ui_monitor_period=0
org.csstudio.trends.databrowser3/urls=
org.csstudio.trends.databrowser3/archives=
"""

HARMLESS = (
    *("Unsupported JavaFX", "Cannot load", "Skipping image update", "folder.name.preference"),
    "while channel is null",
)
"""Said by Phoebus at every start on a fresh home, when it redraws less often than it might, or when
a server answers before it has noted the channel, which it then uses all the same."""

TROUBLE = re.compile(r"^[-\d]+ [:\d]+ (SEVERE|WARNING) .*$", re.MULTILINE)


class Phoebus:
    """A running Phoebus that opens what it is told to."""

    def __init__(self, seen: Screen, folder: Path, net: Network) -> None:
        self.screen, self._log = seen, folder / "phoebus.log"
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        settings, environment = folder / "settings.ini", net.environment
        repeater = environment["EPICS_CA_REPEATER_PORT"]
        settings.write_text(SETTINGS.format(port=net.port, repeater=repeater), encoding="ascii")
        with self._log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [
                    *("java", "-Xmx1g", "-Dprism.order=sw", f"-Dphoebus.user={folder / 'user'}"),
                    *("-Dfile.encoding=UTF-8", f"-Djava.util.prefs.userRoot={folder}"),
                    *("-cp", f"{JARS}/*", "org.phoebus.product.Launcher", "-nosplash"),
                    *("-settings", str(settings), "-server", str(self._port)),
                ],
                env=environment | {"DISPLAY": seen.environment["DISPLAY"]},
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def trouble(self) -> list[str]:
        """What it logged as a warning or worse."""
        found = [each[0] for each in TROUBLE.finditer(self.log())]
        return [line for line in found if not any(words in line for words in HARMLESS)]

    def open(self, name: str, **macros: str) -> None:
        """A screen, in a tab of its own."""
        given = "&".join(f"{key}={value}" for key, value in macros.items())
        resource = f"file:{SCREENS / name}?{given}&app=display_runtime"
        with closing(socket.create_connection(("127.0.0.1", self._port), 10)) as server:
            server.sendall(f"-resource|{resource}\n".encode())

    def until(self, true: Callable[[], bool], seconds: float = PATIENCE_S) -> float:
        """Seconds that it took to come true."""
        begun = time.monotonic()
        while not true():
            assert self.process.poll() is None, self.log()
            if time.monotonic() - begun > seconds:
                seen = self._log.with_name("seen.png")
                seen.write_bytes(png(self.screen.pixels()))
                raise AssertionError(f"it never became true; what was seen is {seen}")
            time.sleep(LOOK_S)  # a look at the whole screen takes the processor from who draws it
        return time.monotonic() - begun

    def started(self) -> None:
        """Wait for its window, and give it the whole screen."""
        self.until(lambda: "CS-Studio" in self.log() or bool(self._windows()), START_S)
        self.until(lambda: bool(self._windows()), START_S)
        height, width, _ = self.screen.pixels().shape
        for each in self._windows():
            self.screen.hands("windowmove", each, 0, 0, "windowsize", each, width, height)
            self.screen.hands("windowfocus", each)

    def _windows(self) -> list[str]:
        return self.screen.hands("search", "--onlyvisible", "--name", "CS-Studio").split()

    def middle(self, name: str, pv: str) -> tuple[int, int]:
        """Where on the screen the widget of ``pv`` of the screen that is open is."""
        root = ElementTree.parse(SCREENS / name).getroot()
        found = next(each for each in root.iter("widget") if pv in _pvs(each))
        x, y, wide, high = (int(found.findtext(key, "0")) for key in BOX)
        white = (self.screen.pixels()[:, 1:] == 255).all(axis=2).mean(axis=1)
        top = ABOVE + int(np.argmax(white[ABOVE:] > 0.15))
        return 1 + x + wide // 2, top + y + high // 2

    def shows(self, name: str) -> bool:
        """Whether the window is titled with the name of a screen; while it loads, of its file."""
        title = ElementTree.parse(SCREENS / name).getroot().findtext("name", "")
        words = title.partition("$")[0].strip()
        titles = [self.screen.hands("getwindowname", each) for each in self._windows()]
        return any(title.startswith(f"CS-Studio: {words}") for title in titles)

    def connected(self) -> bool:
        """Whether a screen is seen, and no border on it says that its value is not."""
        pixels = self.screen.pixels()
        return (pixels == 255).all(axis=2).mean() > 0.15 and bordered(pixels) < 5

    def at_rest(self) -> bool:
        """Whether Phoebus has drawn what it was told, which shows in two plots in a row."""
        first = self.screen.pixels()
        time.sleep(1.0)
        moved = (first != self.screen.pixels()).any(axis=2).mean()
        return bool(moved < 0.1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _pvs(widget: ElementTree.Element) -> list[str | None]:
    return [each.text for each in widget.findall("pv_name") + widget.findall("*/*/pv_name")]


def bordered(pixels: Pixels) -> int:
    """Pixels of a border that says disconnected or INVALID, on any ground of the screens."""
    found = (pixels == INVALID).all(axis=2)
    (red, green, blue), share = DISCONNECTED
    for ground in (255, 240, 210):
        wanted = [round(share * each + (1 - share) * ground) for each in (red, green, blue)]
        found |= (np.abs(pixels.astype(int) - wanted) <= 3).all(axis=2)
    return int(found.sum())


@contextmanager
def phoebus(folder: Path, net: Network, size: tuple[int, int] = (1366, 768)) -> Iterator[Phoebus]:
    """A Phoebus on a screen of ``size`` that talks to the server of ``net`` alone."""
    with screen(folder, *size) as seen:
        running = Phoebus(seen, folder, net)
        try:
            running.started()
            yield running
        finally:
            running.stop()
