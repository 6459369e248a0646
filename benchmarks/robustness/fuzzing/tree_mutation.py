"""MessagePack that is changed as a tree: fields left out or added, other types, other numbers."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

NUMBERS = (-1, 0, 1, 2, 7, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64 - 1)
REALS = (0.0, -1.0, 0.5, 1e-300, 1e308, float("nan"), float("inf"), float("-inf"))
TEXTS = ("", "x", "é", "\0", "\ud7ff", "TOF", "dSpacing", "0.4,0.001,5", "1,0,2", "<f8", "|O", "S8")
DEPTH = 300
"""How deep a list is that takes the place of a value."""


def mutated_tree(data: bytes, random: Random) -> bytes:
    """``data`` with one to three values changed; bytes that are no MessagePack are cut short."""
    try:
        tree = msgspec.msgpack.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data[: random.randrange(len(data) + 1)]
    for _ in range(random.choice((1, 1, 2, 3))):
        tree = _changed(tree, random)
    try:
        return msgspec.msgpack.encode(tree)
    except (msgspec.EncodeError, OverflowError, RecursionError, UnicodeEncodeError, TypeError):
        return data


def _changed(tree: Any, random: Random) -> Any:
    """A copy of a tree in which one value, chosen at random, is another one."""
    inside = isinstance(tree, dict | list) and tree and random.random() < 0.85
    if not inside:
        return _other(tree, random)
    if isinstance(tree, list):
        place = random.randrange(len(tree))
        return [*tree[:place], _changed(tree[place], random), *tree[place + 1 :]]
    key = random.choice(list(tree))
    if random.random() < 0.03:
        return {name: each for name, each in tree.items() if name != key}
    if random.random() < 0.03:
        return {**tree, "one_field_more": random.choice(NUMBERS)}
    return {**tree, key: _changed(tree[key], random)}


def _other(value: Any, random: Random) -> Any:
    """Another value in the place of ``value``: most often one of its type."""
    if random.random() < 0.25:
        return _of_any_type(random)
    match value:
        case bool():
            return not value
        case int():
            return random.choice((*NUMBERS, value + 1, value - 1, value ^ 1 << 7))
        case float():
            return random.choice((*REALS, value * random.random(), -value))
        case str():
            return random.choice((*TEXTS, value * 2, value[1:], value * 500))
        case bytes():
            return random.choice((b"", value[:-1], value * 2, random.randbytes(len(value))))
        case list():
            return random.choice(([], value[:-1], value * 2, value[::-1], value[:1]))
    return {}


def _of_any_type(random: Random) -> Any:
    deep: Any = 0
    for _ in range(DEPTH):
        deep = [deep]
    kinds: tuple[tuple[Any, ...], ...] = (
        NUMBERS,
        REALS,
        TEXTS,
        (None, True, b"\xff", [], {}, [1, 2], {"a": 1}, deep),
    )
    return random.choice(random.choice(kinds))
