"""Reads JSON5, as EPICS Base 7 takes it in filters of names: JSON as people write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

TOKEN = re.compile(
    r"(?P<skipped>\s+|//[^\n]*|/\*.*?\*/)"
    r'|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<single>'(?:[^'\\]|\\.)*')"
    r"|(?P<hex>[+-]?0[xX][0-9a-fA-F]+)"
    r"|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[A-Za-z_$][\w$]*)"
    r"|(?P<mark>[{}\[\]:,])",
    re.DOTALL,
)
WORDS = ("true", "false", "null")


class JsonObject(dict[str, Any]):
    """An object with the last value of each key; ``pairs`` are all its keys and values in order."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.pairs = tuple(pairs)


def read_json5(text: str) -> Any:
    """The value of a text, objects as `JsonObject`; raises ValueError.

    Keys may have no quotes, texts single ones; numbers may be hexadecimal, or have a plus; a comma
    may follow the last item; comments are skipped.
    """
    return json.loads(" ".join(_plain_json(_tokens(text))), object_pairs_hook=JsonObject)


def _tokens(text: str) -> list[re.Match[str]]:
    found, at = [], 0
    while at < len(text):
        token = TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"{text[at]} at {at} is no JSON5")
        at = token.end()
        if token.lastgroup != "skipped":
            found.append(token)
    return found


def _plain_json(found: list[re.Match[str]]) -> Iterator[str]:
    """The tokens as JSON has them."""
    for place, token in enumerate(found):
        after = found[place + 1][0] if place + 1 < len(found) else ""
        before, word = found[place - 1][0], token[0]
        match token.lastgroup:
            case "single":
                yield json.dumps(re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL))
            case "hex":
                yield str(int(word, 16))
            case "number":
                yield _number(word)
            case "word" if after == ":":
                yield json.dumps(word)
            case "word" if word not in WORDS:
                raise ValueError(f"{word} is no value")
            case "mark" if word == "," and after in ("}", "]") and before not in ("{", "[", ","):
                continue
            case _:
                yield word


def _number(word: str) -> str:
    """A decimal number as JSON has it: digits on both sides of the point, and no plus."""
    value = float(word)
    return str(value) if set(".eE") & set(word) else str(int(word))
