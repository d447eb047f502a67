"""Size expressions of the tables (`in_channels // groups * prod(kernel_size, 2)`) over constructor arguments.

A small closed language: names, numbers, strings, None, True, False, arithmetic, comparisons, and/or/not,
`x if c else y`, subscripts, and the functions below. What depends on something unknown is `UNDETERMINED`.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, TypeAlias


class Undetermined:
    """The type of `UNDETERMINED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDETERMINED"


UNDETERMINED: Final = Undetermined()

Reader: TypeAlias = Callable[[Mapping[str, object]], object]


_NAME: Final = re.compile(r"(?<![\w.'])[A-Za-z_]\w*")


class ExpressionError(ValueError):
    """The expression is not one of this language."""


def prod(value: object, rank: int = 1) -> object:
    """Product of a tuple; of `rank` equal sizes for an int, as torch reads `kernel_size=3`."""
    if isinstance(value, (tuple, list)):
        return math.prod(value) if all(isinstance(v, int) for v in value) else UNDETERMINED
    return value**rank if isinstance(value, int) else UNDETERMINED


FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "prod": prod,
    "sqrt": math.sqrt,
    "floor": math.floor,
    "len": len,
    "max": max,
    "min": min,
}
ARITHMETIC: Final[Mapping[type[ast.AST], Callable[..., object]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}
COMPARISONS: Final[Mapping[type[ast.AST], Callable[..., object]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
KNOWN_TYPES: Final = (int, float, str, bool, tuple, list, type(None))


def evaluate(expression: str, arguments: Mapping[str, object]) -> object:
    """The expression's value, `UNDETERMINED` where an argument that matters is absent or of a foreign type.

    Raises ExpressionError when the text is not an expression of this language.
    """
    return reader(expression)(arguments)


def names(expression: str) -> frozenset[str]:
    """The arguments that an expression mentions."""
    tree = _parse(expression)
    return frozenset(n.id for n in ast.walk(tree) if isinstance(n, ast.Name)) - FUNCTIONS.keys()


def substitute(expression: str, values: Mapping[str, str]) -> str:
    """The expression with names replaced by expressions."""
    return _NAME.sub(lambda match: values.get(match[0], match[0]), expression)


@cache
def reader(expression: str) -> Reader:
    """The expression compiled to a closure."""
    return _compile(_parse(expression), expression)


def _parse(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"not an expression: {expression!r}") from error


def _compile(node: ast.expr, text: str) -> Reader:
    match node:
        case ast.Constant(value):
            return lambda _: value
        case ast.Name(name):
            return lambda arguments: _known(arguments.get(name, UNDETERMINED))
        case ast.BinOp(left, op, right) if type(op) in ARITHMETIC:
            return _apply(_numeric(ARITHMETIC[type(op)]), [_compile(left, text), _compile(right, text)])
        case ast.UnaryOp(ast.Not(), operand):
            return _negate(_compile(operand, text))
        case ast.UnaryOp(op, operand) if type(op) in ARITHMETIC:
            return _apply(_numeric(ARITHMETIC[type(op)]), [_compile(operand, text)])
        case ast.Compare(left, [op], [right]) if type(op) in COMPARISONS:
            return _apply(COMPARISONS[type(op)], [_compile(left, text), _compile(right, text)])
        case ast.BoolOp(op, values):
            return _decide([_compile(v, text) for v in values], isinstance(op, ast.Or))
        case ast.IfExp(test, body, orelse):
            return _choose(_compile(test, text), _compile(body, text), _compile(orelse, text))
        case ast.Subscript(value, index):
            return _apply(operator.getitem, [_compile(value, text), _compile(index, text)])
        case ast.Call(ast.Name(name), operands, []) if name in FUNCTIONS:
            return _apply(FUNCTIONS[name], [_compile(v, text) for v in operands])
        case _:
            raise ExpressionError(f"{ast.unparse(node)!r} is not allowed in the expression {text!r}")


def _known(value: object) -> object:
    return value if isinstance(value, KNOWN_TYPES) else UNDETERMINED


def _numeric(function: Callable[..., object]) -> Callable[..., object]:
    """Refuses strings and tuples: the argument is the user's, and `"x" * 10**12` would be built."""

    def on_numbers(*values: object) -> object:
        return function(*values) if all(isinstance(v, (int, float)) for v in values) else UNDETERMINED

    return on_numbers


def _apply(function: Callable[..., object], operands: list[Reader]) -> Reader:
    def read(arguments: Mapping[str, object]) -> object:
        values = [operand(arguments) for operand in operands]
        if UNDETERMINED in values:
            return UNDETERMINED
        try:
            return _known(function(*values))
        except (TypeError, ValueError, ArithmeticError, LookupError):
            return UNDETERMINED

    return read


def _negate(operand: Reader) -> Reader:
    def read(arguments: Mapping[str, object]) -> object:
        value = operand(arguments)
        return UNDETERMINED if value is UNDETERMINED else not value

    return read


def _decide(operands: list[Reader], stop: bool) -> Reader:
    """`or` (stops at what is true) and `and` (stops at what is false), with Kleene's unknown."""

    def read(arguments: Mapping[str, object]) -> object:
        value: object = None
        unknown = False
        for operand in operands:
            value = operand(arguments)
            if value is UNDETERMINED:
                unknown = True
            elif bool(value) is stop:
                # In `unknown or 3` the truth is known, the value is not.
                return stop if unknown else value
        return UNDETERMINED if unknown else value

    return read


def _choose(test: Reader, body: Reader, orelse: Reader) -> Reader:
    def read(arguments: Mapping[str, object]) -> object:
        truth = test(arguments)
        if truth is UNDETERMINED:
            return UNDETERMINED
        return body(arguments) if truth else orelse(arguments)

    return read
