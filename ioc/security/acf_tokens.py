"""The words and punctuation marks of an EPICS access security file, line by line."""

from __future__ import annotations

import enum
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from ioc.security.access_macros import MacroError, Macros

KEYWORD = re.compile("UAG|HAG|ASG|RULE|CALC|INP[A-U]")
TOKEN = re.compile(
    r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[\w\-+:.\[\]<>;]+)'
    r"|(?P<mark>[(){},])|(?P<bad>[^ \t\r])",
    re.ASCII,
)
NUMBER = re.compile(r"[-+]?(?:[0-9]+|[0-9]*\.[0-9]+(?:[eE][-+]?[0-9]+)?)")
"""What is no name. Versions of EPICS Base before 7.0.10 take it for one unless it is all digits."""

COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|#.*')
UNDEFINED = re.compile(r"\$[({][^)}]*[)}]?")


LONGEST_TEXT = 512 << 10
"""Most characters of a file with its macros expanded; each takes up to a µs."""


LONGEST_INTEGER = 4000
"""Most characters of an integer: Python reads no longer ones."""


LONGEST_WHY = 300
"""Most characters of what is wrong, which may show a name."""


class AcfError(ValueError):
    """An error in an access security file. The text says what is wrong, ``line`` where."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why if len(why) <= LONGEST_WHY else f"{why[:LONGEST_WHY]}…")
        self.line = line


class TokenKind(enum.Enum):
    """What a token is. The number +1.5 is no name, and neither is a keyword, unless quoted."""

    NAME = "a name"
    NUMBER = "a number"
    KEYWORD = "a keyword"
    MARK = "a mark"


@dataclass(frozen=True)
class Token:
    """A word or a punctuation mark, and the number of its line, from 1."""

    text: str
    line: int
    kind: TokenKind
    quoted: bool = False

    @property
    def name(self) -> str:
        """The name that the token is; raises `AcfError` if it is none."""
        if self.kind is not TokenKind.NAME:
            raise AcfError(self.line, f"a name is expected, not {self.text!r}")
        if undefined := UNDEFINED.search(self.text):
            raise AcfError(self.line, undefined_macro(undefined[0]))
        return self.text


def tokens(text: str, macros: Macros) -> Iterator[Token]:
    """The tokens of a file; raises `AcfError` for characters that can be in none.

    An undefined macro is an error only where a name with it is used.
    """
    length = 0
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            expanded = COMMENT.sub(r"\1", _expanded(line, macros))
        except MacroError as error:
            raise AcfError(number, str(error)) from None
        length += len(expanded)
        if length > LONGEST_TEXT:
            why = f"with its macros the file is longer than {LONGEST_TEXT} characters"
            raise AcfError(number, why)
        for match in TOKEN.finditer(expanded):
            yield _token(match, number)


def _expanded(line: str, macros: Macros) -> str:
    """A line with its macros expanded; those of a comment may be wrong."""
    if "$" not in line:
        return line
    try:
        return macros.expanded(line)
    except MacroError:
        return macros.expanded(COMMENT.sub(r"\1", line))


def undefined_macro(reference: str) -> str:
    """What is wrong with a reference to an undefined macro, and what helps."""
    name = re.split("[=,]", reference[2:].rstrip(")}"))[0]
    return f"macro {reference} is not defined: --access-macros {name}=VALUE"


def _token(match: re.Match[str], line: int) -> Token:
    text = match[0]
    match match.lastgroup:
        case "quoted":
            return Token(match["quoted"], line, TokenKind.NAME, quoted=True)
        case "mark":
            return Token(text, line, TokenKind.MARK)
        case "word" if NUMBER.fullmatch(text):
            return Token(_checked_number(text, line), line, TokenKind.NUMBER)
        case "word":
            keyword = KEYWORD.fullmatch(text)
            return Token(text, line, TokenKind.KEYWORD if keyword else TokenKind.NAME)
    if text == '"':
        raise AcfError(line, "a quoted text does not end on its line")
    if text == "$" and (undefined := UNDEFINED.match(match.string, match.start())):
        raise AcfError(line, undefined_macro(undefined[0]))
    byte = text.encode(errors="surrogateescape")[0]
    shown = text if text.isprintable() and text.isascii() else f"0x{byte:02x}"
    raise AcfError(line, f"{shown} is no character of a name: put the name between quotes")


def _checked_number(text: str, line: int) -> str:
    """The number; raises `AcfError` for one that 64 bits do not hold, as an integer or a double."""
    if re.fullmatch("[-+]?[0-9]+", text):
        held = len(text) <= LONGEST_INTEGER and -(1 << 63) <= int(text) < 1 << 63
    else:
        value = abs(float(text))
        zero = not re.search("[1-9]", re.split("[eE]", text)[0])
        held = zero or sys.float_info.min <= value < math.inf
    if not held:
        raise AcfError(line, f"{text} is a number that EPICS Base cannot hold")
    return text
