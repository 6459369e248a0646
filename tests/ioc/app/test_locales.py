"""What is printed where the encoding of the locale lacks a character."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", [("pvs",), ("pvs", "--format=csv"), ("run", "--help")])
def test_all_is_printed_with_escapes_for_characters_that_the_encoding_lacks(
    words: tuple[str, ...],
) -> None:
    def printed(encoding: str) -> bytes:
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"}
        command = [sys.executable, "-m", "ioc", *words]
        return subprocess.run(command, env=environment, capture_output=True, check=True).stdout

    assert printed("ascii") == printed("utf-8").decode().encode("ascii", "backslashreplace")
