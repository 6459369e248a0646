"""How much XML there is in a file, before it is parsed: parsing takes time and memory for it."""

from __future__ import annotations

import numpy as np

MOST_ATTRIBUTES = 1000
"""Most ``=`` in a tag or between two tags; expat takes a µs for each attribute."""


def elements_in(content: bytes) -> int:
    """At least the number of elements."""
    return content.count(b"<") - content.count(b"</")


def has_too_many_attributes(content: bytes) -> bool:
    """Whether some element seems to have more than `MOST_ATTRIBUTES`."""
    characters = np.frombuffer(content, np.uint8)
    equals = np.flatnonzero(characters == ord("="))
    before = np.searchsorted(equals, np.flatnonzero(characters == ord("<")))
    return bool(np.diff(before, append=equals.size).max(initial=0) > MOST_ATTRIBUTES)
