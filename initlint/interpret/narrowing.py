"""What a test's outcome says about the variables in it."""

from __future__ import annotations

import ast

from initlint.graph import Unknown
from initlint.interpret import compare
from initlint.interpret.heap import Raised
from initlint.interpret.machine import Machine
from initlint.interpret.trees import walk
from initlint.interpret.values import (
    CONSTANTS,
    Alternatives,
    Frame,
    Instance,
    Value,
)


def narrow(machine: Machine, test: ast.expr, frame: Frame, outcome: bool) -> None:
    """Keep, of each variable in the test, the options with which the test can have this outcome."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        narrow(machine, test.operand, frame, not outcome)
        return
    if isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) is outcome:
            for part in test.values:
                narrow(machine, part, frame, outcome)
        return
    for subject in subjects(test):
        value = machine.evaluate(subject, frame)
        if isinstance(value, Alternatives):
            kept = []
            for option in value.options:
                assign_subject(machine, subject, option, frame)
                answer = compare.truth(machine.evaluate(test, frame))
                if answer is None or answer is outcome:
                    kept.append(option)
            if not kept:
                raise Raised
            assign_subject(machine, subject, kept[0] if len(kept) == 1 else Alternatives(tuple(kept)), frame)
        elif isinstance(value, Unknown) and outcome and isinstance(test, ast.Compare) and test.left is subject:
            known = machine.evaluate(test.comparators[0], frame)
            if isinstance(test.ops[0], (ast.Eq, ast.Is)) and isinstance(known, CONSTANTS):
                assign_subject(machine, subject, known, frame)


def subjects(test: ast.expr) -> list[ast.expr]:
    """The variables and attributes a simple test asks about."""
    if isinstance(test, (ast.Name, ast.Attribute)):
        return [test]
    if isinstance(test, ast.Compare):
        return [part for part in (test.left, *test.comparators) if isinstance(part, (ast.Name, ast.Attribute))]
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.args:
        return [part for part in test.args[:1] if isinstance(part, (ast.Name, ast.Attribute))]
    return []


def assign_subject(machine: Machine, subject: ast.expr, value: Value, frame: Frame) -> None:
    if isinstance(subject, ast.Name):
        scope: Frame | None = frame
        while scope is not None:
            if subject.id in scope.cell:
                machine.heap.write(scope.cell, subject.id, value)
                return
            scope = scope.parent
    elif isinstance(subject, ast.Attribute):
        owner = machine.evaluate(subject.value, frame)
        if isinstance(owner, Instance) and subject.attr in owner.cell:
            machine.heap.write(owner.cell, subject.attr, value)


def decides_values(node: ast.If) -> bool:
    """Whether what stands behind `x > 0` or `x <= 0` writes to tensors, by the names of what it calls.

    Elsewhere an x that is not known is taken to be positive (see compare.compare): a rate or a size. Where values
    depend on it that would be a claim, so both ways are gone.
    """
    match node.test:
        case ast.Compare(ops=[ast.Gt() | ast.LtE()], comparators=[ast.Constant(value=0)]):
            statements = (*node.body, *node.orelse)
        case _:
            return False
    calls = (part.func for statement in statements for part in walk(statement) if isinstance(part, ast.Call))
    names_ = (
        function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "") for function in calls
    )
    return any((name.endswith("_") and not name.endswith("__")) or "init" in name or "reset" in name for name in names_)
