"""Scales that code computes by hand, as sqrt(2 / n): what n is called, and how large it is.

Nothing is evaluated: the size follows from the scale that the interpreter knows, c / scale^2.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from initlint.graph import Fan
from initlint.interpret.machine import Machine
from initlint.interpret.trees import walk
from initlint.interpret.values import Frame, Function, Value

NAMES: Final = {
    "fan_in": re.compile(
        r"fan_?in|n_?in|(in|input)_(features?|feats?|channels?|chans?|ch|planes?|dims?|size|units)|num_inputs?"
    ),
    "fan_out": re.compile(
        r"fan_?out|n_?out|(out|output)_(features?|feats?|channels?|chans?|ch|planes?|dims?|size|units)|num_outputs?"
    ),
}
MOST_STEPS: Final = 6  # names that are followed one after the other
SHOWN: Final = 40  # characters of an expression in a message


def fan_of(machine: Machine, name: str, given: dict[str, Value], node: ast.AST, frame: Frame) -> Fan | None:
    """The fan by which an initializer's scale was divided, where the code says which one it is."""
    scale = given.get("std") if name in ("normal", "trunc_normal") else given.get("b") if name == "uniform" else None
    if not isinstance(scale, (int, float)) or isinstance(scale, bool) or scale <= 0 or not isinstance(node, ast.Call):
        return None
    for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
        if isinstance(argument, (ast.Name, ast.Starred, ast.BinOp, ast.UnaryOp, ast.Call)):
            found = root(machine, argument, frame)
            if found is not None:
                numerator, divisor, scope = found
                direction = claimed(divisor, scope)
                size = numerator / scale**2
                return Fan(direction, ast.unparse(divisor)[:SHOWN], size) if direction else None
    return None


def root(machine: Machine, node: ast.expr, frame: Frame) -> tuple[float, ast.expr, ast.AST | None] | None:
    """c, n and the function they stand in, where an expression is sqrt(c / n)."""
    scope = frame.function.node if frame.function is not None else None
    if isinstance(node, ast.Starred):  # uniform_(*limits(layer))
        if not isinstance(node.value, ast.Call) or not isinstance(node.value.func, ast.Name):
            return None
        function = machine.evaluate(node.value.func, frame)
        if not isinstance(function, Function) or isinstance(function.node, ast.Lambda):
            return None
        results = [part.value for part in walk(function.node) if isinstance(part, ast.Return)]
        if len(results) != 1 or not isinstance(results[0], ast.Tuple):
            return None
        node, scope = results[0].elts[-1], function.node
    pair = rooted(node, scope, MOST_STEPS)
    return (*pair, scope) if pair is not None else None


def rooted(node: ast.expr, scope: ast.AST | None, steps: int) -> tuple[float, ast.expr] | None:
    """(c, n) of sqrt(c / n), c / sqrt(n), n ** -0.5 and their kin."""
    if steps == 0:
        return None
    match node:
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
            return rooted(inner, scope, steps)
        case ast.Name(id=name):
            values = assigned(name, scope)
            return rooted(values[0], scope, steps - 1) if len(values) == 1 else None
        case ast.Call(func=ast.Attribute(attr="sqrt") | ast.Name(id="sqrt"), args=[inner]):
            return ratio(inner)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=0.5)):
            return ratio(left)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=0.5))):
            return 1.0, left
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            top, below = number(left), under_root(right)
            if top is not None and below is not None:
                return top**2, below
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            for factor, other in ((number(left), right), (number(right), left)):
                pair = rooted(other, scope, steps - 1) if factor is not None else None
                if factor is not None and pair is not None:
                    return factor**2 * pair[0], pair[1]
    return None


def ratio(node: ast.expr) -> tuple[float, ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        top = number(node.left)
        return (top, node.right) if top is not None else None
    return None


def under_root(node: ast.expr) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Attribute(attr="sqrt") | ast.Name(id="sqrt"), args=[inner]):
            return inner
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=0.5)):
            return left
    return None


def number(node: ast.expr) -> float | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and node.value > 0:
        return float(node.value)
    return None


def assigned(name: str, scope: ast.AST | None) -> Sequence[ast.expr]:
    """What a function assigns to a name of its own."""
    return assignments(scope).get(name, ()) if scope is not None else ()


@lru_cache(maxsize=64)
def assignments(scope: ast.AST) -> Mapping[str, list[ast.expr]]:
    """What a function assigns to each of its names."""
    found: dict[str, list[ast.expr]] = {}
    for part in walk(scope):
        targets: list[ast.expr]
        if isinstance(part, (ast.AugAssign, ast.AnnAssign)):
            targets, value = [part.target], part.value
        elif isinstance(part, ast.Assign):
            targets, value = part.targets, part.value
        else:
            continue
        for target in targets:
            if value is not None and isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(value)
    return found


def claimed(divisor: ast.expr, scope: ast.AST | None) -> str:
    """Which fan the code calls it: by its own name, else by the names in what it is computed from; "" for none."""
    if isinstance(divisor, ast.Name):
        own = directions([divisor.id])
        if own:
            return own
        values = assigned(divisor.id, scope)
        return directions([word for value in values for word in words(value)])
    return directions(list(words(divisor)))


def words(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def directions(names: list[str]) -> str:
    found = {fan for fan, pattern in NAMES.items() for name in names if pattern.fullmatch(name.casefold())}
    return found.pop() if len(found) == 1 else ""
