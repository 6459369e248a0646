"""CS-Studio Phoebus, showing operator screens on a virtual X server."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np

from tests.support.clients.ca_client import Network
from tests.support.displays.bob_files import root_of, shown_widgets
from tests.support.displays.xdisplay import Pixels, Screen, png, screen
from tests.support.ports import free_port

ROOT = Path(__file__).parents[3]
JARS, SCREENS = ROOT / ".phoebus" / "lib", ROOT / "opi"
START_S, PATIENCE_S, LOOK_S = 120.0, 60.0, 0.2

DISCONNECTED, DISCONNECTED_OPACITY = (200, 0, 200), 200 / 255
"""The border of a widget whose process variable is not connected: red, green, blue; opacity."""

INVALID = (255, 0, 255)
"""The border of a widget whose process variable is in alarm INVALID."""

WHITE, HEAD = 255, 77
"""Grey levels of the background of a screen, and of the heads of its tables."""

MENU_ROWS = 90
"""Height of the menus and tabs of Phoebus, at least, in pixels."""

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
org.csstudio.display.builder.representation/embedded_timeout=60000
org.csstudio.trends.databrowser3/urls=
org.csstudio.trends.databrowser3/archives=
"""

HARMLESS = (
    *("Unsupported JavaFX", "Cannot load", "Skipping image update", "folder.name.preference"),
    *("while channel is null", "Invalid value range"),
)
"""Parts of warnings that mean nothing here.

Phoebus logs them at its first start, when it skips a redraw, when a server answers before
Phoebus has registered the channel, which it uses all the same, or when an image has no cells yet.
"""

WARNINGS = re.compile(r"^[-\d]+ [:\d]+ (SEVERE|WARNING) .*$", re.MULTILINE)


class Phoebus:
    """A running Phoebus, and what is seen of it."""

    def __init__(self, seen: Screen, folder: Path, net: Network) -> None:
        self.screen, self._log = seen, folder / "phoebus.log"
        self._port = free_port()
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

    def warnings(self) -> list[str]:
        """The log lines that are warnings or worse, without harmless ones."""
        found = [each[0] for each in WARNINGS.finditer(self.log())]
        return [line for line in found if not any(words in line for words in HARMLESS)]

    def open(self, name: str, **macros: str) -> None:
        """Open a screen in another tab."""
        given = "&".join(f"{key}={value}" for key, value in macros.items())
        resource = f"file:{SCREENS / name}?{given}&app=display_runtime"
        with closing(socket.create_connection(("127.0.0.1", self._port), 10)) as server:
            server.sendall(f"-resource|{resource}\n".encode())

    def wait_until(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        """Wait for a condition; AssertionError names a picture of the screen if it never holds."""
        begun = time.monotonic()
        while not condition():
            assert self.process.poll() is None, self.log()
            if time.monotonic() - begun > seconds:
                seen = self._log.with_name("seen.png")
                seen.write_bytes(png(self.screen.pixels()))
                raise AssertionError(f"the condition never held; {seen} shows what was seen")
            time.sleep(LOOK_S)  # reading the screen takes processor time that drawing needs

    def wait_for_window(self) -> None:
        """Wait for the window of Phoebus, and let it fill the screen."""
        self.wait_until(lambda: "CS-Studio" in self.log() or bool(self._windows()), START_S)
        self.wait_until(lambda: bool(self._windows()), START_S)
        height, width, _ = self.screen.pixels().shape
        for each in self._windows():
            self.screen.xdotool("windowmove", each, 0, 0, "windowsize", each, width, height)
            self.screen.xdotool("windowfocus", each)

    def _windows(self) -> list[str]:
        return self.screen.xdotool("search", "--onlyvisible", "--name", "CS-Studio").split()

    def widget_centre(self, name: str, pv: str) -> tuple[int, int]:
        """The middle of the widget for ``pv`` on the open screen ``name``: x, y in pixels."""
        widgets = shown_widgets(SCREENS / name, {})
        x, y = next(each.centre for each in widgets if pv in each.texts("pv_name", "*/*/pv_name"))
        pixels = self.screen.pixels()
        of_screen = [(pixels == grey).all(axis=2).mean(axis=1) > 0.15 for grey in (WHITE, HEAD)]
        top = MENU_ROWS + int(np.argmax(np.logical_or(*of_screen)[MENU_ROWS:]))
        return 1 + x, top + y

    def shows(self, name: str) -> bool:
        """Whether the window has the title of the screen; before, it is the name of a file."""
        title = root_of(SCREENS / name).findtext("name", "")
        words = title.partition("$")[0].strip()
        titles = [self.screen.xdotool("getwindowname", each) for each in self._windows()]
        return any(title.startswith(f"CS-Studio: {words}") for title in titles)

    def is_connected(self) -> bool:
        """Whether a screen is seen, and no border says that a value is disconnected or invalid."""
        pixels = self.screen.pixels()
        return (pixels == 255).all(axis=2).mean() > 0.15 and border_pixels(pixels) < 5

    def is_drawn(self) -> bool:
        """Whether Phoebus has finished drawing: two pictures a second apart are nearly the same."""
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


def border_pixels(pixels: Pixels) -> int:
    """How many pixels belong to borders that say disconnected or INVALID, on any background."""
    found = (pixels == INVALID).all(axis=2)
    share = DISCONNECTED_OPACITY
    for ground in (255, 240, 210):
        wanted = [round(share * each + (1 - share) * ground) for each in DISCONNECTED]
        found |= (np.abs(pixels.astype(int) - wanted) <= 3).all(axis=2)
    return int(found.sum())


@contextmanager
def running_phoebus(
    folder: Path, net: Network, size: tuple[int, int] = (1366, 768)
) -> Iterator[Phoebus]:
    """A Phoebus on a screen of ``size`` that talks only to the server of ``net``."""
    with screen(folder, *size) as seen:
        running = Phoebus(seen, folder, net)
        try:
            running.wait_for_window()
            yield running
        finally:
            running.stop()
