"""Comprehensions, and how many turns of a loop are executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from initlint.interpret import compare
from initlint.interpret.booleans import holds
from initlint.interpret.evaluate import LONGEST
from initlint.interpret.heap import Raised
from initlint.interpret.machine import BARREN_STEPS, Expression, Machine
from initlint.interpret.narrowing import narrow
from initlint.interpret.sequences import assign, hashable, iterate, unknown_key
from initlint.interpret.trees import walk
from initlint.interpret.values import (
    DictValue,
    Frame,
    ListValue,
    Value,
)

LONG_COUNT: Final = 8
FIRST_TURNS: Final = 2
LAST_TURNS: Final = 1
SIMPLE: Final = (ast.Constant, ast.Name, ast.Attribute, ast.Tuple, ast.List)


def turns(
    machine: Machine, iterable: Value, items: tuple[Value, ...], loop: ast.For | ast.AsyncFor | None, frame: Frame
) -> Iterator[tuple[Value, int]]:
    """(item, how many turns of the loop it stands for).

    A long count in which modules are built is sampled: the first turns, one for those in
    between, those that the loop's body singles out, and the last ones; later loops over the
    same count take the same turns.
    """
    if not isinstance(iterable, range) or len(items) <= LONG_COUNT:
        for item in items:
            yield item, 1
        return
    built = len(machine.instances)
    for index in range(FIRST_TURNS):
        yield items[index], 1
    if len(machine.instances) == built and len(items) not in machine.sampled:
        for item in items[FIRST_TURNS:]:
            yield item, 1
        return
    machine.sampled.add(len(items))
    middle = items[FIRST_TURNS:-LAST_TURNS]
    singled = singled_out(machine, loop, frame) if loop is not None else frozenset()
    alike = [item for item in middle if item not in singled]
    for item in middle:
        if item in singled:
            yield item, 1
        elif item is alike[0]:
            yield item, len(alike)
    for item in items[-LAST_TURNS:]:
        yield item, 1


def singled_out(machine: Machine, loop: ast.For | ast.AsyncFor, frame: Frame) -> frozenset[Value]:
    """The numbers that a loop's body asks its counter for: `if i == 5`, `i in self.global_layers`."""
    if not isinstance(loop.target, ast.Name):
        return frozenset()
    found: set[Value] = set()
    for part in (part for statement in loop.body for part in walk(statement)):
        match part:
            case ast.Compare(ast.Name(name), [ast.Eq() | ast.NotEq() | ast.In() | ast.NotIn()], [asked]) if (
                name == loop.target.id and isinstance(asked, SIMPLE)
            ):
                with suppress(Raised):
                    value = machine.evaluate(asked, frame)
                    found.update(part for part in compare.elements(value) or (value,) if isinstance(part, int))
    return frozenset(found) if len(found) <= LONG_COUNT else frozenset()


def again(machine: Machine, items: tuple[Value, ...]) -> Iterator[tuple[Value, int]]:
    """The items of something of unknown length, a single one twice if modules are built for it: of two it shows whether
    one follows the other."""
    built = len(machine.instances)
    for item in items:
        yield item, 1
    if len(items) == 1 and len(machine.instances) > built:
        yield items[0], 1


def comprehension(machine: Machine, node: ast.expr, frame: Frame) -> Value:
    """List, set, generator and dict comprehensions, made at once."""
    inner = Frame(frame.unit, {}, frame, frame.function)
    inner.receiver, inner.call = frame.receiver, frame.call
    machine.frames.append(inner)
    produced: list[Value] = []
    try:
        loose = generate(machine, node, node.generators, 0, inner, produced)  # type: ignore[attr-defined]
    finally:
        machine.frames.pop()
    if isinstance(node, ast.DictComp):
        result = DictValue(open_=loose)
        for pair in produced:
            assert isinstance(pair, tuple)
            key = pair[0] if hashable(pair[0]) else unknown_key(result)
            if key is not pair[0]:
                result.flags["open"] = True
            result.cell[key] = pair[1]
        return result
    kind = "set" if isinstance(node, ast.SetComp) else "list"
    return ListValue(tuple(produced), open_=loose, kind=kind, serial=machine.next_serial())


def generate(
    machine: Machine, node: ast.expr, clauses: list[ast.comprehension], depth: int, frame: Frame, out: list[Value]
) -> bool:
    """Run the clauses from `depth` on; whether the number of elements is uncertain."""
    if depth == len(clauses):
        if isinstance(node, ast.DictComp):
            out.append((machine.evaluate(node.key, frame), machine.evaluate(node.value, frame)))
        else:
            out.append(machine.evaluate(node.elt, frame))  # type: ignore[attr-defined]
        return False
    clause = clauses[depth]
    iterable = machine.evaluate(clause.iter, frame)
    items, loose = iterate(machine, iterable, clause.iter, frame)
    outer = machine.repeating
    if loose:
        machine.repeating = max(machine.heap.serial, 1)
    copies = machine.copies
    before, made = machine.fuel, machine.progress
    for item, weight in again(machine, items) if loose else turns(machine, iterable, items, None, frame):
        if before - machine.fuel > BARREN_STEPS and isinstance(iterable, range):
            if made == machine.progress:
                loose = True  # a table of numbers
                break
            before, made = machine.fuel, machine.progress
        machine.copies = copies * weight
        assign(machine, clause.target, item, frame)
        wanted: bool | None = True
        for test in clause.ifs:
            answer = holds(machine, test, frame)
            if answer is False:
                wanted = False
                break
            if answer is None:
                wanted = None
                narrow(machine, test, frame, True)
        if wanted is False:
            continue
        if wanted is None:
            loose = True
        loose = generate(machine, node, clauses, depth + 1, frame, out) or loose
        if len(out) > LONGEST:
            loose = True
            break
    machine.repeating = outer
    machine.copies = copies
    return loose


EXPRESSIONS: Final[dict[type[ast.AST], Expression]] = {
    ast.ListComp: comprehension,
    ast.SetComp: comprehension,
    ast.GeneratorExp: comprehension,
    ast.DictComp: comprehension,
}
