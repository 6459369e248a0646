"""Whether a calculation of an access security file is one, as EPICS Base (postfix.c) has them."""

from __future__ import annotations

import re

OPERAND, OPERATOR = "an operand", "an operator"

FUNCTIONS = (
    *("ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEIL", "COS", "COSH", "EXP", "FINITE", "FLOOR"),
    *("FMOD", "INT", "ISINF", "ISNAN", "LN", "LOG", "LOGE", "MAX", "MIN", "NINT", "NOT", "SIN"),
    *("SINH", "SQR", "SQRT", "TAN", "TANH"),
)
CONSTANTS = ("D2R", "PI", "R2D", "RNDM", "VAL")

TOKEN = re.compile(
    r"\s*(?:(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)"
    rf"|(?P<binary>AND|OR|XOR|:=|\*\*|&&|\|\||>>>|>>|<<|<=|>=|!=|==|[-+*/%&|^<>=#?:,;])"
    rf"|(?P<function>{'|'.join(sorted(FUNCTIONS, key=len, reverse=True))})"
    rf"|(?P<value>{'|'.join(CONSTANTS)}|[A-U])"
    r"|(?P<unary>[!~])|(?P<mark>[()])|(?P<bad>\S))",
    re.ASCII | re.IGNORECASE,
)


def calc_error(text: str) -> str:
    """What is wrong with a calculation; empty if nothing is.

    Numbers of arguments and assignments are not checked.
    """
    wanted, depth, choices = OPERAND, 0, 0
    for token in TOKEN.finditer(text.rstrip()):
        word = token[0].strip()
        match token.lastgroup:
            case "number" | "value" if wanted is OPERAND:
                wanted = OPERATOR
            case "function" | "unary" if wanted is OPERAND:
                continue
            case "binary" if wanted is OPERATOR:
                choices += (word == "?") - (word == ":")
                if choices < 0 or (word == "," and not depth):
                    return f"{word!r} is not expected"
                wanted = OPERAND
            case "binary" if word == "-":
                continue
            case "mark" if word == "(" and wanted is OPERAND:
                depth += 1
            case "mark" if word == ")" and wanted is OPERATOR and depth:
                depth -= 1
            case _:
                return f"{wanted} is expected, not {word!r}"
    if depth or choices:
        return "a bracket is not closed" if depth else "a ? has no :"
    return "" if wanted is OPERATOR else f"it ends where {OPERAND} is expected"
