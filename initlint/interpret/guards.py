"""`with`, `try` and `assert`: what they guard is executed, and sometimes what stands in for it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.booleans import holds
from initlint.interpret.fallbacks import import_fallback
from initlint.interpret.heap import Raised
from initlint.interpret.machine import Machine, Statement, ancestors
from initlint.interpret.narrowing import narrow
from initlint.interpret.sequences import assign
from initlint.interpret.values import Frame

SUPPRESSING: Final = ("suppress", "raises", "assertRaises", "assertRaisesRegex")


def caught_by(kind: ast.expr | None) -> frozenset[str]:
    """The names of the exceptions that a handler takes; `BaseException` for one without a type."""
    if kind is None:
        return frozenset({"BaseException"})
    parts = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return frozenset(part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in parts)


def handled(handlers: Sequence[ast.ExceptHandler]) -> frozenset[str]:
    """What the handlers take and don't raise again."""
    kinds = [caught_by(h.type) for h in handlers if not any(isinstance(part, ast.Raise) for part in h.body)]
    return frozenset().union(*kinds)


def suppressed(node: ast.expr) -> frozenset[str]:
    """What `with suppress(...)` takes."""
    if not isinstance(node, ast.Call):
        return frozenset()
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return frozenset().union(*(caught_by(argument) for argument in node.args)) if name in SUPPRESSING else frozenset()


def chosen(handlers: Sequence[ast.ExceptHandler], what: object) -> ast.ExceptHandler:
    """The handler of an exception that is known by name; the first where it is not."""
    names = ancestors(what) if isinstance(what, str) else ()
    return next((h for h in handlers if not caught_by(h.type).isdisjoint(names)), handlers[0])


def with_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, (ast.With, ast.AsyncWith))
    guards = 0
    taken: frozenset[str] = frozenset()
    for part in node.items:
        taken |= suppressed(part.context_expr)
        value = machine.evaluate(part.context_expr, frame)
        if machine.is_no_grad(value):
            guards += 1
        if part.optional_vars is not None:
            assign(machine, part.optional_vars, value, frame)
    machine.no_grad += guards
    try:
        if not taken:
            return machine.run_block(node.body, frame)
        try:
            with machine.guarded(taken):
                return machine.run_block(node.body, frame)
        except Raised as error:
            if not isinstance(error.what, str):
                raise
            return ""
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
        with machine.guarded(handled(node.handlers)):
            signal = machine.run_block(node.body, frame)
        if not signal:
            signal = machine.run_block(node.orelse, frame)
    except Raised as error:
        if not node.handlers:
            machine.run_block(node.finalbody, frame)
            raise
        handler = chosen(node.handlers, error.what)
        if handler.name:
            machine.heap.write(frame.cell, handler.name, Unknown("an exception"))
        signal = machine.run_block(handler.body, frame)
    return machine.run_block(node.finalbody, frame) or signal


def assert_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    """What follows runs only where the test holds: a false one raises, an unknown one says what its variables are."""
    assert isinstance(node, ast.Assert)
    answer = holds(machine, node.test, frame)
    if answer is None or (answer is False and presumes(machine, node.test, frame)):
        narrow(machine, node.test, frame, True)
    elif answer is False:
        raise Raised
    return ""


def presumes(machine: Machine, test: ast.expr, frame: Frame) -> bool:
    """Whether the test's answer is only the likely one: a number that is not known is taken to be positive."""
    return isinstance(test, ast.Compare) and isinstance(machine.evaluate(test.left, frame), Unknown)


STATEMENTS: Final[dict[type[ast.AST], Statement]] = {
    ast.Assert: assert_,
    ast.With: with_,
    ast.AsyncWith: with_,
    ast.Try: try_,
    ast.TryStar: try_,
}
