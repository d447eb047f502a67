"""`with` and `try`: what they guard is executed, and sometimes what stands in for it."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.fallbacks import import_fallback
from initlint.interpret.heap import Raised
from initlint.interpret.machine import Machine, Statement
from initlint.interpret.sequences import assign
from initlint.interpret.values import Frame


def with_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, (ast.With, ast.AsyncWith))
    guards = 0
    for part in node.items:
        value = machine.evaluate(part.context_expr, frame)
        if machine.is_no_grad(value):
            guards += 1
        if part.optional_vars is not None:
            assign(machine, part.optional_vars, value, frame)
    machine.no_grad += guards
    try:
        return machine.run_block(node.body, frame)
    finally:
        machine.no_grad -= guards


def try_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    """The body is taken to succeed; the handlers run when it raises for certain, or imports the invisible."""
    assert isinstance(node, (ast.Try, ast.TryStar))
    fallback = import_fallback(machine, node, frame.unit)
    if fallback is not None:
        signal = machine.run_block(fallback.body, frame)
        return machine.run_block(node.finalbody, frame) or signal
    try:
        signal = machine.run_block(node.body, frame)
        if not signal:
            signal = machine.run_block(node.orelse, frame)
    except Raised:
        if not node.handlers:
            machine.run_block(node.finalbody, frame)
            raise
        handler = node.handlers[0]
        if handler.name:
            machine.heap.write(frame.cell, handler.name, Unknown("an exception"))
        signal = machine.run_block(handler.body, frame)
    return machine.run_block(node.finalbody, frame) or signal


STATEMENTS: Final[dict[type[ast.AST], Statement]] = {
    ast.With: with_,
    ast.AsyncWith: with_,
    ast.Try: try_,
    ast.TryStar: try_,
}
