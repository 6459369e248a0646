"""Whether a calculation of an access security file is one, as EPICS Base (postfix.c) has them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

OPERAND, OPERATOR = "an operand", "an operator"

SEVERAL = ("FINITE", "ISNAN", "MAX", "MIN")
"""Functions of one argument or more."""

ARGUMENTS: Mapping[str, int] = {
    **dict.fromkeys(("ABS", "ACOS", "ASIN", "ATAN", "CEIL", "COS", "COSH", "EXP", "FLOOR"), 1),
    **dict.fromkeys(("ISINF", "LN", "LOG", "LOGE", "NINT", "NOT", "SIN", "SINH"), 1),
    **dict.fromkeys(("SQR", "SQRT", "TAN", "TANH"), 1),
    **dict.fromkeys(("ATAN2", "FMOD"), 2),
}
"""How many arguments the other functions have."""

FUNCTIONS = (*ARGUMENTS, *SEVERAL)
CONSTANTS = ("D2R", "PI", "R2D", "RNDM", "VAL")
BINDING: Mapping[str, int] = {
    **dict.fromkeys(("||", "|", "OR", "XOR"), 1),
    **dict.fromkeys(("&&", "&", "AND", ">>>", ">>", "<<"), 2),
    **dict.fromkeys(("<=", ">=", "!=", "==", "<", ">", "=", "#"), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/%", 5),
    **dict.fromkeys(("**", "^"), 6),
}
"""How strongly the operators between two operands bind."""

BINDING_TO_THE_RIGHT, BINDING_TO_THE_LEFT = 7, 8
"""How strongly functions, signs and brackets bind."""

MOST_VALUES = 80
"""A calculation that would hold so many values, or operators that wait, is refused."""

TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan(?:\(\w*\))?)"
    rf"|(?P<binary>{'|'.join(re.escape(each) for each in sorted(BINDING, key=len, reverse=True))}"
    r"|:=|[?:,;])"
    rf"|(?P<function>{'|'.join(sorted(FUNCTIONS, key=len, reverse=True))})"
    rf"|(?P<value>{'|'.join(CONSTANTS)}|[A-U])"
    r"|(?P<unary>[!~])|(?P<mark>[()])|(?P<bad>\S))",
    re.ASCII | re.IGNORECASE,
)


def calc_error(text: str) -> str:
    """What is wrong with a calculation; empty if nothing is."""
    try:
        _Calculation().read(text)
    except _NoCalculationError as wrong:
        return str(wrong)
    return ""


class _NoCalculationError(ValueError):
    """The text says what is wrong with a calculation."""


@dataclass
class _Waiting:
    """An operator that waits for its operands; ``effect``: how many values it adds."""

    word: str
    binds: int
    effect: int


class _Calculation:
    """Counts the values that a calculation would hold, in the order of postfix.c."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._values = 0
        self._choices = 0

    def read(self, text: str) -> None:
        """Read a whole calculation; raises `_NoCalculationError`."""
        wanted = OPERAND
        for token in TOKEN.finditer(text.rstrip()):
            word = token[0].strip()
            match token.lastgroup:
                case "number" | "value" if wanted is OPERAND:
                    self._operand(word)
                    wanted = OPERATOR
                case "function" | "unary" if wanted is OPERAND:
                    self._prefix(word)
                case "binary" if wanted is OPERATOR:
                    self._between(word.upper())
                    wanted = OPERAND
                case "binary" | "mark" if word in "(-" and wanted is OPERAND:
                    self._prefix(word)
                case "mark" if word == ")" and wanted is OPERATOR:
                    self._close()
                case _:
                    raise _NoCalculationError(f"{wanted} is expected, not {word!r}")
            if not (0 <= self._values < MOST_VALUES > len(self._waiting)):
                what = "values are missing" if self._values < 0 else "too many values are held"
                raise _NoCalculationError(f"{what} at {word!r}")
        self._end(wanted)

    def _operand(self, word: str) -> None:
        hexadecimal = word[:2].lower() == "0x"
        if hexadecimal and int(word, 16) >= 1 << 32:
            raise _NoCalculationError(f"{word} is longer than 32 bits")
        if word[0] in ".0123456789" and not hexadecimal and math.isinf(float(word)):
            raise _NoCalculationError(f"{word} is no finite number")
        self._values += 1

    def _prefix(self, word: str) -> None:
        """Take a function, a sign or an opening bracket."""
        effect = 1 - ARGUMENTS.get(word.upper(), 1)
        self._finish(BINDING_TO_THE_LEFT)
        self._waiting.append(_Waiting(word, 0 if word == "(" else BINDING_TO_THE_RIGHT, effect))

    def _between(self, word: str) -> None:
        """Take what stands between two operands."""
        if word in (":=", ";"):
            raise _NoCalculationError(f"{word!r} is not expected")
        if word == ",":
            self._back_to_bracket(word)
            self._waiting[-1].effect -= 1
        elif word in "?:":
            self._finish(1)
            self._values -= 1
            self._choices += 1 if word == "?" else -1
            if self._choices < 0:
                raise _NoCalculationError(f"{word!r} is not expected")
            if word == ":":
                self._waiting.append(_Waiting(word, 0, 0))
        else:
            self._finish(BINDING[word])
            self._waiting.append(_Waiting(word, BINDING[word], -1))

    def _finish(self, binds: int) -> None:
        """Do what waits and binds at least as strongly."""
        while self._waiting and self._waiting[-1].binds >= binds:
            self._values += self._waiting.pop().effect

    def _back_to_bracket(self, word: str) -> None:
        """Do what waits since the last opening bracket; raises if there is none before ``word``."""
        while self._waiting and self._waiting[-1].word != "(":
            self._values += self._waiting.pop().effect
        if not self._waiting:
            raise _NoCalculationError(f"{word!r} is not expected")

    def _close(self) -> None:
        self._back_to_bracket(")")
        bracket = self._waiting.pop()
        if self._waiting and self._waiting[-1].word.upper() in SEVERAL:
            self._waiting[-1].effect = bracket.effect

    def _end(self, wanted: str) -> None:
        if wanted is OPERAND:
            raise _NoCalculationError(f"it ends where {OPERAND} is expected")
        if any(each.word == "(" for each in self._waiting):
            raise _NoCalculationError("a bracket is not closed")
        self._finish(0)
        if self._choices:
            raise _NoCalculationError("a ? has no :")
        if self._values != 1:
            raise _NoCalculationError(f"it gives {self._values} values, not one")
