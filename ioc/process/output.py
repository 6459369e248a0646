"""What the program prints and logs: nothing waits long for whoever should read it.

A pipe that nobody reads from is full after 64 KB, and whoever writes to it then waits.
"""

from __future__ import annotations

import io
import logging
import os
import queue
import sys
import threading
from concurrent.futures import wait
from typing import TextIO

from reduction.host.file_system.file_threads import started_in_thread

PATIENCE_S = 1.0
"""How long one text may take to be printed."""

LAST_MESSAGES_S = 3.0
"""How long the end waits for log messages to be written."""

MOST_WAITING = 1000
"""So many log messages wait to be written; further ones are dropped, and counted."""


def say(text: str) -> None:
    """Print a text on standard output; if nobody takes it for `PATIENCE_S`, go on without."""
    wait([started_in_thread(lambda: _write(sys.stdout, f"{text}\n"))], PATIENCE_S)


def _write(stream: TextIO, text: str) -> None:
    """Write to a stream: to its file, without the buffer, whose lock would be held meanwhile."""
    try:
        file = stream.fileno()
    except io.UnsupportedOperation:
        stream.write(text)
        stream.flush()
        return
    data = memoryview(text.encode(stream.encoding, "backslashreplace"))
    while data:
        data = data[os.write(file, data) :]


class LogOutput(logging.Handler):
    """Writes log messages to standard error, in a thread."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: queue.Queue[str] = queue.Queue(MOST_WAITING)
        self._dropped = 0
        threading.Thread(target=self._write_all, daemon=True, name="log").start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have a message written, or drop it if too many wait."""
        text = self.format(record)
        if self._dropped and not self._texts.full():
            text, self._dropped = f"{self._dropped} messages are left out here\n{text}", 0
        try:
            self._texts.put_nowait(f"{text}\n")
        except queue.Full:
            self._dropped += 1

    def _write_all(self) -> None:
        while True:
            text = self._texts.get()
            try:
                _write(sys.stderr, text)
            except (OSError, ValueError):
                pass  # nobody reads, or the stream is closed
            finally:
                self._texts.task_done()

    def flush(self) -> None:
        """Wait until all is written, at most `LAST_MESSAGES_S`."""
        done = self._texts.all_tasks_done
        with done:
            done.wait_for(lambda: not self._texts.unfinished_tasks, LAST_MESSAGES_S)
