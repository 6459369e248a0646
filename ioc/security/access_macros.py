"""Macros of EPICS Base (macLib) in a line of a file: ``$(NAME)``, ``${NAME}``, ``$(NAME=default)``.

A reference may have definitions that hold within it alone: ``$(NAME,A=1,B=2)``. Names, values and
defaults may have references themselves. Nothing is expanded between single quotes.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass, field

LONGEST_EXPANSION = 10_000
"""Most characters of an expanded line."""

DEEPEST_REFERENCE = 20
"""Most references within each other."""

CLOSING = {"(": ")", "{": "}"}


class MacroError(ValueError):
    """A macro that cannot be expanded. The text names it."""


@dataclass
class _Reader:
    """A text and the place in it that is read next."""

    text: str
    at: int = 0

    @property
    def here(self) -> str:
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        self.at += 1
        return self.text[self.at - 1 : self.at]


@dataclass(frozen=True)
class Macros:
    """The definitions of macros, by name: ``values`` as they were written, not expanded."""

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parsed(cls, text: str) -> Macros:
        """The macros of a text like ``A=1,B="x,y"``; a name without ``=`` is taken back.

        Raises `MacroError` for a definition without a name.
        """
        values: dict[str, str] = {}
        for definition in _split(text, ","):
            name, *value = _split(definition, "=", once=True)
            name = _without_quotes(name.strip())
            if not name and definition.strip():
                raise MacroError(f"a macro needs a name: {definition.strip()}")
            values.pop(name, None)
            if value:
                values[name] = value[0].strip()
        return cls(values)

    def expanded(self, line: str) -> str:
        """The line with its macros expanded; undefined macros stay as they are.

        Raises `MacroError` for macros that refer to themselves, nest too deep or become too long.
        """
        return self._translated(_Reader(line), "", (), keep_quotes=True)

    def _translated(
        self, reader: _Reader, ends: str, within: tuple[str, ...], *, keep_quotes: bool = False
    ) -> str:
        """The text up to one of the characters ``ends``; ``within`` are the macros around it."""
        if len(within) > DEEPEST_REFERENCE:
            raise MacroError(f"macros nest deeper than {DEEPEST_REFERENCE}: {within[0]}")
        found, quote = "", ""
        while reader.here and (reader.here not in ends or not ends):
            here = reader.next()
            if here in "\"'" and quote in ("", here):
                quote = "" if quote else here
                found += here if keep_quotes else ""
            elif here == "$" and reader.here in CLOSING and reader.here and quote != "'":
                found += self._referred(reader, within)
            elif here == "\\" and reader.here:
                found += (here if keep_quotes else "") + reader.next()
            else:
                found += here
            if len(found) > LONGEST_EXPANSION:
                raise MacroError(f"macros make a line longer than {LONGEST_EXPANSION} characters")
        return found

    def _referred(self, reader: _Reader, within: tuple[str, ...]) -> str:
        """What a reference stands for; it begins after its ``$``."""
        start = reader.at - 1
        close = CLOSING[reader.next()]
        name = self._translated(reader, f"=,{close}", (*within, "?"))
        default = _raw_default(reader, close) if reader.here == "=" else None
        scope = self._scope(reader, close, within)
        if reader.next() != close:
            raise MacroError(f"{reader.text[start:]} has no {close}")
        if name in within:
            raise MacroError(f"macro {name} refers to itself")
        if name in scope.values:
            return scope._translated(_Reader(scope.values[name]), "", (*within, name))
        if default is not None:
            return scope._translated(_Reader(default), "", (*within, "?"))
        return reader.text[start : reader.at]

    def _scope(self, reader: _Reader, close: str, within: tuple[str, ...]) -> Macros:
        """These macros and those that a reference defines."""
        more: dict[str, str] = {}
        while reader.here == ",":
            reader.next()
            name = self._translated(reader, f"=,{close}", (*within, "?"))
            if reader.here == "=":
                reader.next()
                more[name] = self._translated(reader, f",{close}", (*within, "?"))
        return Macros(ChainMap(more, dict(self.values))) if more else self


def _raw_default(reader: _Reader, close: str) -> str:
    """The default of a reference as it is written; raises `MacroError` if it nests too deep."""
    reader.next()
    start = reader.at
    _skip(reader, f",{close}", 0)
    return reader.text[start : reader.at]


def _skip(reader: _Reader, ends: str, depth: int) -> None:
    """Go to the next of the characters ``ends`` that is in no reference and not escaped.

    Nothing is expanded: what is expanded to find its end and then expanded again takes twice the
    time for each level of nesting.
    """
    if depth > DEEPEST_REFERENCE:
        raise MacroError(f"macros nest deeper than {DEEPEST_REFERENCE}: {reader.text[:60]}")
    quote = ""
    while reader.here and reader.here not in ends:
        here = reader.next()
        if here in "\"'" and quote in ("", here):
            quote = "" if quote else here
        elif here == "$" and reader.here and reader.here in CLOSING and quote != "'":
            close = CLOSING[reader.next()]
            _skip(reader, close, depth + 1)
            reader.next()
        elif here == "\\":
            reader.next()


def _split(text: str, separator: str, *, once: bool = False) -> list[str]:
    """The parts of a text between separators that are not quoted or escaped."""
    parts, quote, escaped = [""], "", False
    for each in text:
        if each == separator and not quote and not escaped and not (once and parts[1:]):
            parts.append("")
            continue
        if each in "\"'" and not escaped and quote in ("", each):
            quote = "" if quote else each
        escaped = each == "\\" and not escaped
        parts[-1] += each
    return parts


def _without_quotes(text: str) -> str:
    """A name without its quotes and escapes."""
    return Macros()._translated(_Reader(text), "", ())
