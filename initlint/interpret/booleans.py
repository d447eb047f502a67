"""`and`, `or` and conditional expressions: what they give, and whether a test holds."""

from __future__ import annotations

import ast
from functools import partial
from typing import Final

from initlint.interpret import compare
from initlint.interpret.machine import Expression, Machine
from initlint.interpret.narrowing import narrow
from initlint.interpret.values import Frame, Value, options


def boolean(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    """`and`, `or`: the deciding operand, or the join of those that may decide."""
    assert isinstance(node, ast.BoolOp)
    stop = isinstance(node.op, ast.Or)
    maybe: list[Value] = []
    value: Value = None
    for operand in node.values:
        value = machine.evaluate(operand, frame)
        answer = compare.truth(value)
        if answer is stop:
            break
        if answer is None:
            maybe += [option for option in options(value) if compare.truth(option) is not (not stop)]
    if value is stop or (not stop and compare.truth(value) is False):
        return value  # whatever the others are: `x and False` is false, `x or True` true
    for option in maybe:
        value = machine.heap.join(option, value)
    return value


def holds(machine: Machine, test: ast.expr, frame: Frame) -> bool | None:
    """Whether a test comes out true, None where that can't be known. One operand may decide for all, known or not."""
    if not isinstance(test, ast.BoolOp):
        return compare.truth(machine.evaluate(test, frame))
    stop = isinstance(test.op, ast.Or)
    answer: bool | None = not stop
    for operand in test.values:
        found = holds(machine, operand, frame)
        if found is stop:
            return stop
        if found is None:
            answer = None
    return answer


def conditional(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    assert isinstance(node, ast.IfExp)
    answer = holds(machine, node.test, frame)
    if answer is not None:
        return machine.evaluate(node.body if answer else node.orelse, frame)
    return machine.heap.fork(
        [
            partial(narrowed, machine, node.test, branch, frame, outcome)
            for outcome, branch in ((True, node.body), (False, node.orelse))
        ]
    )


def narrowed(machine: Machine, test: ast.expr, branch: ast.expr, frame: Frame, outcome: bool) -> Value:
    narrow(machine, test, frame, outcome)
    return machine.evaluate(branch, frame)


EXPRESSIONS: Final[dict[type[ast.AST], Expression]] = {ast.BoolOp: boolean, ast.IfExp: conditional}
