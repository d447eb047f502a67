"""Functions that select between entries: where(x > 0, x, a * x), x * (x > 0), maximum(x, a * x)."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from initlint.formulas import Choice
from initlint.graph import InitEvent
from initlint.interpret import compare
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.tensors import Comparison, Param, Tensor, View
from initlint.interpret.torch_init import endings_of
from initlint.interpret.values import Value

STEPS: Final = frozenset({"activation", "scale", "shift", "add", "mul", "cat"})  # that may keep single entries
FARTHEST: Final = 24
TESTS: Final[Mapping[str, type[ast.cmpop]]] = {
    "gt": ast.Gt, "greater": ast.Gt, "ge": ast.GtE, "greater_equal": ast.GtE,
    "lt": ast.Lt, "less": ast.Lt, "le": ast.LtE, "less_equal": ast.LtE,
}  # fmt: skip
LARGER: Final = frozenset({"maximum", "fmax", "max"})
SMALLER: Final = frozenset({"minimum", "fmin", "min"})
REDUCING: Final = frozenset({"max", "min"})  # over a dimension, where the second argument is a number
CONSTANTS: Final = {"zeros": 0.0, "ones": 1.0}


def constant_of(value: Value) -> float | None:
    """The number that a value is, or that all entries of a tensor are which was made so; a parameter's initial one."""
    if isinstance(value, (int, float)):
        return None if isinstance(value, bool) else float(value)
    if isinstance(value, Tensor):
        events: Sequence[InitEvent] = (value.content,) if value.content is not None else value.origin
        return _same(events) if value.node < 0 else None
    param = value.param if isinstance(value, View) else value
    return _same(endings_of(param)) if isinstance(param, Param) else None


def _same(events: Sequence[InitEvent]) -> float | None:
    found = {_constant(event) for event in events}
    return found.pop() if len(found) == 1 else None


def _constant(event: InitEvent) -> float | None:
    if event.name != "constant":
        return CONSTANTS.get(event.name)
    value = event.argument("val")
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def called(machine: Machine, name: str, args: Arguments, kwargs: Keywords, node: ast.AST) -> Value:
    """What a function or method of this name selects, or a comparison that is called; None where it does neither, or
    what it selects by is not known."""
    name = name.rstrip("_")
    if name in TESTS and len(args) == 2:
        found = compare.undecided([TESTS[name]()], args[0], args[1], None)
        return found if isinstance(found, Comparison) else None
    if name in LARGER or name in SMALLER:
        if len(args) != 2 or (name in REDUCING and not isinstance(args[1], (Tensor, Param, View))):
            return None
        return extreme(machine, "maximum" if name in LARGER else "minimum", args, node)
    if args and isinstance(args[0], Comparison):
        if name in compare.CASTS:
            return args[0]
        if name == "logical_not":
            return compare.inverted(args[0])
    if name == "where" and not args:
        args = [kwargs.get(word) for word in ("condition", "x1", "x2")] if "x1" in kwargs else []
    if name == "where" and len(args) == 3:
        if isinstance(args[1], Comparison):  # x.where(test, other)
            return select(machine, args[1], args[0], args[2], node)
        return select(machine, args[0], args[1], args[2], node)
    if name == "masked_fill" and len(args) == 3:
        return select(machine, args[1], args[2], args[0], node)
    return None


def select(machine: Machine, test: Value, then: Value, other: Value, node: ast.AST) -> Tensor | None:
    """`where`, where the test compares what the branches come from with a number; None where that is not so."""
    if not isinstance(test, Comparison):
        return None
    branches = (then, other) if test.above else (other, then)
    tensors = [v for v in branches if isinstance(v, Tensor) and v.node >= 0]
    numbers = [None if v in tensors else constant_of(v) for v in branches]
    known = all(v in tensors or n is not None for v, n in zip(branches, numbers))
    if not tensors or not known or not set.intersection(*(behind(machine, t.node) for t in (test.tested, *tensors))):
        return None
    made = machine.flow("cat", [test.tested, *tensors], "where", node)
    inputs = machine.nodes[made.node].inputs
    first, second = (inputs.index(v.node) if isinstance(v, Tensor) and v in tensors else None for v in branches)
    choice = Choice(inputs.index(test.tested.node), test.bound, first, second, (numbers[0] or 0.0, numbers[1] or 0.0))
    machine.nodes[made.node] = replace(machine.nodes[made.node], choice=choice)
    return made


def masked(machine: Machine, mask: Value, value: Value, node: ast.AST) -> Tensor | None:
    """`mask * x`, where the mask is a comparison taken for a number."""
    made = select(machine, mask, value, 0.0, node)
    factor = mask.factor if isinstance(mask, Comparison) else 1.0
    return made if made is None or factor == 1 else machine.flow("scale", [made], "mul", node, factor)


def behind(machine: Machine, start: int) -> set[int]:
    """The steps that one comes from by steps on single entries alone, it included."""
    waiting, seen = [start], {start}
    while waiting and len(seen) <= FARTHEST:
        node = machine.nodes[waiting.pop()]
        fresh = [i for i in node.inputs if i not in seen] if node.op in STEPS else []
        seen.update(fresh)
        waiting += fresh
    return seen


def extreme(machine: Machine, name: str, values: Sequence[Value], node: ast.AST) -> Tensor | None:
    """The larger (`maximum`) or smaller of two; with a constant a bound. None where only one is data and the other is
    not known."""
    data = [v for v in values if isinstance(v, Tensor) and v.node >= 0]
    if len(data) == 2:
        return machine.flow("cat", data, name, node)
    bound = next((n for v in values if v not in data and (n := constant_of(v)) is not None), None)
    if len(data) == 1 and len(values) == 2 and bound is not None:
        return machine.flow("scale", data, "clamp_min" if name == "maximum" else "clamp_max", node, bound)
    return None
