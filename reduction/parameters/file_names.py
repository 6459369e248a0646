"""Checks the names of saved results."""

from __future__ import annotations

import os
import re

from reduction.parameters.specs import Refused

LONGEST_NAME = 200
"""Most bytes of a name: file systems take 255, and endings are appended."""


def check_name(name: str) -> None:
    """Raises `Refused` if ``name`` cannot be the name of a saved result."""
    for wrong, why in (
        (not name, "it is empty"),
        (re.search(r"[/\\]", name), "it is a name in the folder, without / and \\"),
        (name.startswith("."), "it would be hidden"),
        (name != name.strip() or not name.isprintable(), "it has blanks at an end or unprintables"),
        (re.search(r"\.(nxs|xye)$", name), "the endings .nxs and .xye are added to it"),
        (re.search(r"_slice\d+$", name), "names with _slice and a number are those of slices"),
        (len(os.fsencode(name)) > LONGEST_NAME, f"it is longer than {LONGEST_NAME} bytes"),
    ):
        if wrong:
            raise Refused("File:Name", name, why)
