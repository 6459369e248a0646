"""Terminal sessions shown in Markdown: read, run against the running product, and compared.

A session is a block fenced with ``console``. Lines that begin with ``$ `` are commands, typed into
one shell after the other; the lines below a command are what it prints. ``^C`` ends a command that
does not end by itself. A line of ``…`` stands for any lines. Numbers and dates need not agree.
Folder and host are shown under other names.

``python -m tests.support.documents.transcripts PAGE.md …`` runs the sessions of pages and writes
what is printed into them.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.clients.ca_client import TOOLS, Network, network
from tests.support.product.live import live

ROOT = Path(__file__).parents[3]
FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![A-Za-z])[-+]?\d[\d.]*(e[-+]?\d+)?|\bnan\b")
DATE = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d+ \d{4}")
INTERRUPT, ANY_LINES = "^C", "…"
HOST_SHOWN, HOME_SHOWN = "beamline", "/home/you"
FOLDER_SHOWN = f"{HOME_SHOWN}/epics-live-reduction"
LONGEST_S = 120


@dataclass(frozen=True)
class ShownCommand:
    """A command as it is typed, and the lines that it is shown to print."""

    typed: str
    shown: tuple[str, ...] = ()

    @property
    def interrupted(self) -> bool:
        return self.shown[-1:] == (INTERRUPT,)

    @property
    def output(self) -> tuple[str, ...]:
        """The shown lines without the mark of an interrupt."""
        return self.shown[:-1] if self.interrupted else self.shown

    def differs(self, printed: tuple[str, ...]) -> str:
        """In words how ``printed`` differs from what is shown; empty if it agrees."""
        pattern = "".join(
            r"(?:.*\n)*" if line == ANY_LINES else re.escape(comparable(line)) + r"\n"
            for line in self.output
        )
        if re.fullmatch(pattern, "".join(comparable(line) + "\n" for line in printed)):
            return ""
        return "\n".join((f"$ {self.typed}", "shown:", *self.output, "printed:", *printed))


def comparable(line: str) -> str:
    """``line`` with each number as ``#``, without dates, and with single blanks."""
    return " ".join(NUMBER.sub("#", DATE.sub("#", line)).split())


def commands(session: str) -> list[ShownCommand]:
    """The commands of a session."""
    found: list[ShownCommand] = []
    for line in session.splitlines():
        if line.startswith("$ "):
            found.append(ShownCommand(line.removeprefix("$ ")))
        else:
            found[-1] = replace(found[-1], shown=(*found[-1].shown, line))
    return found


def sessions(page: Path) -> list[str]:
    """The sessions of a page, without their fences."""
    return FENCE.findall(page.read_text(encoding="utf-8"))


class Shell:
    """Runs commands in a folder, one by one; what is exported stays so."""

    def __init__(self, net: Network, folder: Path) -> None:
        self._folder = folder
        path = os.pathsep.join((str(TOOLS), str(Path(sys.executable).parent), os.environ["PATH"]))
        mine = {"PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "NO_COLOR": "1"}
        patience = {"EPICS_CLI_TIMEOUT": "10"}  # for a machine that others use, too
        self._environment = net.environment | mine | patience
        self._exports: list[str] = []

    def run(self, command: ShownCommand) -> tuple[str, ...]:
        """The lines that a command prints, on both streams."""
        if command.typed.startswith("export "):
            self._exports.append(command.typed)
            return ()
        process = subprocess.Popen(
            ["bash", "-c", "\n".join((*self._exports, f"exec {command.typed}"))],
            env=self._environment,
            cwd=self._folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            lines = tuple(self._lines(process, command))
        finally:
            process.kill()
            process.wait()
        return tuple(self._anonymous(line) for line in lines)

    def _anonymous(self, line: str) -> str:
        """``line`` with the folder and host that are shown in place of those here."""
        here = line.replace(str(self._folder), FOLDER_SHOWN)
        here = here.replace(self._environment["HOME"], HOME_SHOWN)
        return here.replace(f" on {socket.gethostname()}", f" on {HOST_SHOWN}").rstrip()

    def run_python(self, code: str) -> None:
        """Run Python code in a process of its own; it must succeed."""
        subprocess.run(
            [sys.executable, "-c", code],
            env=self._environment,
            cwd=self._folder,
            timeout=LONGEST_S,
            check=True,
        )

    @staticmethod
    def _lines(process: subprocess.Popen[str], command: ShownCommand) -> Iterator[str]:
        assert process.stdout is not None
        with process.stdout:
            if command.interrupted:
                for _ in command.output:
                    yield process.stdout.readline()
                process.send_signal(signal.SIGINT)
                return
            text, _ = process.communicate(timeout=LONGEST_S)
            yield from text.splitlines()


@contextmanager
def product(folder: Path, *flags: str) -> Iterator[Shell]:
    """A shell in ``folder``, while the product runs there as ``make run`` starts it.

    It may have more ``flags``.
    """
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "docs").symlink_to(ROOT / "docs")
    as_default = ("--set=Sim:EventsPerPulse=20000", "--set=Sim:EventsPerPulseSpread=0")
    before = Path.cwd()
    os.chdir(folder)
    try:
        with network() as net, live(net, *as_default, f"--files={folder}", *flags, prefix="LIVE:"):
            yield Shell(net, folder)
    finally:
        os.chdir(before)


def rewritten(page: Path, shell: Shell) -> str:
    """The text of a page with what its commands print now."""

    def session(match: re.Match[str]) -> str:
        lines = []
        for each in commands(match[1]):
            printed = shell.run(each)
            if each.interrupted:
                printed = (*printed, INTERRUPT)
            elif ANY_LINES in each.shown and not each.differs(printed):
                printed = each.shown
            lines += [f"$ {each.typed}", *printed]
        return "\n".join(("```console", *lines, "```"))

    return FENCE.sub(session, page.read_text(encoding="utf-8"))


def main(pages: list[str]) -> None:
    for page in map(Path, pages):
        absolute = page.absolute()
        with tempfile.TemporaryDirectory() as folder, product(Path(folder)) as shell:
            text = rewritten(absolute, shell)
        absolute.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
