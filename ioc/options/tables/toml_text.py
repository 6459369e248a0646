"""Reads TOML within bounds of time and memory."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from ioc.options.program import StartError
from reduction.host.file_system.regular_files import read_regular_file

LARGEST_TOML_BYTES = 256 << 10
"""Size of the largest file that is read."""

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
"""A text in TOML."""

MOST_DOTS = 100
"""Most dots in a line of a file, outside of texts."""


def toml_table(text: str) -> dict[str, Any]:
    """The table in a text; raises ValueError for what is no TOML, or would take hours to read."""
    if any(STRING.sub("", line).count(".") > MOST_DOTS for line in text.splitlines()):
        raise ValueError(f"a line has more than {MOST_DOTS} dots")  # tomllib takes hours for it
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def read_toml(path: Path, named: str = "") -> dict[str, Any]:
    """The table in a regular file of at most `LARGEST_TOML_BYTES`; raises `StartError`.

    ``named`` is how messages begin about a file that cannot be read.
    """
    try:
        return toml_table(read_regular_file(path, LARGEST_TOML_BYTES).decode("utf-8"))
    except OSError as error:
        raise StartError(f"{named}{path}: {error.strerror}") from None
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are such, too
        raise StartError(f"{path}: {error}") from None
