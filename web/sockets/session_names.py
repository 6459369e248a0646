"""Names of sessions that people can tell apart: ``brave-otter``."""

from __future__ import annotations

import secrets
from collections.abc import Container

QUALITIES = (
    *("able", "brave", "bright", "brisk", "calm", "clever", "cosy", "eager", "early", "fair"),
    *("fresh", "gentle", "glad", "grand", "happy", "jolly", "keen", "kind", "light", "lively"),
    *("lucky", "merry", "mild", "neat", "noble", "polite", "proud", "quick", "quiet", "ready"),
    *("sharp", "silent", "sunny", "swift", "tidy", "warm", "wise", "witty", "young", "zesty"),
)

ANIMALS = (
    *("badger", "beaver", "bison", "crane", "dolphin", "eagle", "falcon", "finch", "fox", "gecko"),
    *("hare", "hawk", "heron", "ibis", "jackdaw", "koala", "lark", "lemur", "lynx", "marten"),
    *("mole", "moose", "newt", "otter", "owl", "panda", "puffin", "quail", "raven", "robin"),
    *("salmon", "seal", "stoat", "swan", "tapir", "thrush", "toad", "trout", "whale", "wren"),
)

NAME_TRIES = 20


def new_name(taken: Container[str]) -> str:
    """A random name that is not ``taken``; after some tries with a number behind it."""
    for _ in range(NAME_TRIES):
        name = f"{secrets.choice(QUALITIES)}-{secrets.choice(ANIMALS)}"
        if name not in taken:
            return name
    return f"{name}-{secrets.randbelow(10**6)}"
