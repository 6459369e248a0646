"""Nobody needs to read what the program prints or logs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from ioc.process.output import say


def ended(program: str) -> subprocess.Popen[bytes]:
    """A program that has ended, though its output is a pipe that is full and not read."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with open(write, "wb", buffering=0) as full:
        while full.write(bytes(4096)):
            pass
        os.set_blocking(write, True)
        running = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)], stdout=full, stderr=full
        )
        try:
            running.wait(60)
        finally:
            running.kill()
    os.close(read)
    return running


def test_a_full_pipe_holds_up_neither_what_is_said_nor_what_is_logged() -> None:
    program = """
        import logging, sys
        from ioc.process.output import LogOutput, say
        logging.basicConfig(handlers=[LogOutput()])
        say("Hello")
        for number in range(5000):
            logging.warning("warning %d", number)
        sys.exit(7)
    """
    assert ended(program).returncode == 7


def test_all_messages_are_written_by_the_end() -> None:
    program = """
        import logging
        from ioc.process.output import LogOutput, say
        logging.basicConfig(format="%(message)s", handlers=[LogOutput()])
        say("a\\N{GREEK SMALL LETTER BETA}")
        for number in range(500):
            logging.warning("warning %d", number)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        timeout=60,
        check=True,
    )
    assert done.stdout == "aβ\n"
    assert done.stderr.splitlines() == [f"warning {number}" for number in range(500)]


def test_a_stream_without_a_file_is_printed_to(capsys: pytest.CaptureFixture[str]) -> None:
    say("Hello")
    assert capsys.readouterr().out == "Hello\n"
