"""Evaluates the equations of definitions, such as ``2.6*sin(2*value*0.0174533)``."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable

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
    "abs": abs,
    "rint": round,
    "ln": math.log,
    "log10": math.log10,
    "log2": math.log2,
}
"""The functions of muparser, which Mantid uses; not ``log``, whose base depends on its version."""

CONSTANTS = {"_pi": math.pi, "_e": math.e}


def evaluated(equation: str, value: float) -> float:
    """The number that an equation gives for a ``value``; raises ValueError if it gives none."""
    if len(equation) > LONGEST_EQUATION:
        raise ValueError(f"an equation of more than {LONGEST_EQUATION} characters")
    try:
        tree = ast.parse(equation.strip().replace("^", "**"), mode="eval")
        result = float(_number(tree.body, value))
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
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](_number(inner, value))
    raise ValueError(f"{ast.unparse(node)!r} in an equation is not understood")
