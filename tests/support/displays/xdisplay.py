"""A virtual X server, with what it shows as an array or PNG, and with mouse and keyboard."""

from __future__ import annotations

import os
import struct
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""(height, width, 3) uint8: red, green, blue."""

DRAG_STEPS = 5


class Screen:
    """A running X server. Its clients need the variables of ``environment``."""

    def __init__(self, number: int, folder: Path) -> None:
        self.environment = os.environ | {"DISPLAY": f":{number}"}
        self._frame = folder / "Xvfb_screen0"

    def pixels(self) -> Pixels:
        """What is seen now. The server's memory is a file in the format XWD."""
        raw = self._frame.read_bytes()
        head = struct.unpack(">25I", raw[:100])
        width, height, line, colours = head[4], head[5], head[12], head[19]
        start = head[0] + 12 * colours
        rows = np.frombuffer(raw, np.uint8, line * height, start).reshape(height, line)
        return np.ascontiguousarray(rows[:, : 4 * width].reshape(height, width, 4)[:, :, 2::-1])

    def xdotool(self, *words: object) -> str:
        """Run xdotool with ``words``, such as ``"mousemove", 3, 4, "click", 1``; what it prints."""
        command = ["xdotool", *map(str, words)]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout

    def click(self, x: int, y: int) -> None:
        """Click on a pixel."""
        self.xdotool("mousemove", x, y, "sleep", 0.1, "click", 1)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press the mouse on one pixel, move it to another in steps, and release it there."""
        self.xdotool("mousemove", *start, "sleep", 0.3, "mousedown", 1)
        for step in range(1, DRAG_STEPS + 1):
            part = step / DRAG_STEPS
            x, y = (round(a + part * (b - a)) for a, b in zip(start, end, strict=True))
            self.xdotool("mousemove", x, y, "sleep", 0.1)
        self.xdotool("mouseup", 1)

    def type(self, text: str) -> None:
        """Replace the text of the focused field, and press Enter."""
        self.xdotool("key", "ctrl+a", "type", "--delay", 20, text)
        self.xdotool("key", "Return")


@contextmanager
def screen(folder: Path, width: int = 1366, height: int = 768) -> Iterator[Screen]:
    """An X server that listens on no network; its memory is a file in ``folder``."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [
            *("Xvfb", "-displayfd", str(writing), "-nolisten", "tcp", "-fbdir", str(folder)),
            *("-screen", "0", f"{width}x{height}x24"),
        ],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as said:
            yield Screen(int(said.readline()), folder)
    finally:
        server.terminate()
        server.wait(10)


def png(pixels: Pixels) -> bytes:
    """The PNG file of an image."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
