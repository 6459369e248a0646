"""Evaluates the equations of definitions, such as ``2.6*sin(2*value*0.0174533)``."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Sequence

LONGEST_EQUATION = 500

OPERATIONS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
FUNCTIONS: dict[str, Callable[[float], float]] = {
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: getattr(math, name) for name in ("sinh", "cosh", "tanh", "exp", "sqrt")},
    **{name: getattr(math, name) for name in ("asinh", "acosh", "atanh")},
    "abs": abs,
    "sign": lambda number: float((number > 0) - (number < 0)),
    "rint": lambda number: float(math.floor(number + 0.5)),
    "ln": math.log,
    "log10": math.log10,
    "log2": math.log2,
}
"""The functions of muparser, which Mantid uses; not ``log``, whose base depends on its version."""

FUNCTIONS_OF_SEVERAL: dict[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "max": max,
    "sum": math.fsum,
    "avg": lambda numbers: math.fsum(numbers) / len(numbers),
}

CONSTANTS = {"_pi": math.pi, "_e": math.e}

NOT_IN_MUPARSER = re.compile(r"\*\*|\b0[xXoObB]|[0-9]_|_[0-9]")
"""What Python takes in an equation and muparser does not."""


def evaluated(equation: str, value: float) -> float:
    """The number that an equation gives for a ``value``; raises ValueError if it gives none.

    As in Mantid, the value is rounded to six digits first, and an equation must have it.
    """
    if len(equation) > LONGEST_EQUATION:
        raise ValueError(f"an equation of more than {LONGEST_EQUATION} characters")
    if "value" not in equation:
        raise ValueError(f"{equation!r} does not have the word value")
    if NOT_IN_MUPARSER.search(equation):
        raise ValueError(f"{equation!r} is not understood by muparser, which Mantid uses")
    try:
        tree = ast.parse(equation.strip().replace("^", "**"), mode="eval")
        result = float(_number(tree.body, float(f"{value:g}")))
    except (ArithmeticError, RecursionError, SyntaxError) as error:
        raise ValueError(f"{equation!r} cannot be computed: {error}") from None
    if not math.isfinite(result):
        raise ValueError(f"{equation!r} is not finite for {value:g}")
    return result


def _number(node: ast.expr, value: float) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id="value"):
            return value
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_number(inner, value)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _number(inner, value)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in OPERATIONS:
            return OPERATIONS[type(operation)](_number(left, value), _number(right, value))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if arguments:
            numbers = [_number(each, value) for each in arguments]
            if name in FUNCTIONS and len(numbers) == 1:
                return FUNCTIONS[name](numbers[0])
            if name == "atan2" and len(numbers) == 2:
                return math.atan2(*numbers)
            if name in FUNCTIONS_OF_SEVERAL:
                return FUNCTIONS_OF_SEVERAL[name](numbers)
    raise ValueError(f"{ast.unparse(node)!r} in an equation is not understood")
