"""Statements: branches both ways, loops unrolled, early returns joined at the function's end."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import names
from initlint.interpret.booleans import holds
from initlint.interpret.comprehensions import turns
from initlint.interpret.evaluate import LONGEST, binary
from initlint.interpret.heap import DEEPEST_FORK, Delta, Raised
from initlint.interpret.machine import BARREN_STEPS, Machine, OutOfFuel, Statement
from initlint.interpret.narrowing import decides_values, narrow
from initlint.interpret.outlines import KINDS
from initlint.interpret.parts import IN_PLACE
from initlint.interpret.patterns import matches
from initlint.interpret.sequences import MOST_TURNS, assign, iterate, unassign
from initlint.interpret.tensors import Param, View
from initlint.interpret.trees import ASSIGN, EXPR, IF
from initlint.interpret.values import CONSTANTS, DictValue, Frame, Instance, ListValue, Value

NEXT: Final = ""
RETURN: Final = "return"
BREAK: Final = "break"
CONTINUE: Final = "continue"
MAYBE_BREAK: Final = "maybe break"  # some ways leave the loop, others go on
UNKNOWN_TURNS: Final = 2  # of a loop of unknown length: the second sees what the first left


def block(machine: Machine, statements: list[ast.stmt], frame: Frame) -> str:
    for statement in statements:
        machine.fuel -= 1
        if machine.fuel < 0:
            raise OutOfFuel
        kind = type(statement)
        if kind is ASSIGN:  # the commonest kinds directly, as in Interpreter.evaluate
            signal = assignment(machine, statement, frame)
        elif kind is IF:
            signal = if_(machine, statement, frame)
        elif kind is EXPR:
            signal = expression(machine, statement, frame)
        else:
            signal = machine.statements[kind](machine, statement, frame)
        if signal:
            return signal
    return NEXT


def expression(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, ast.Expr)
    if not isinstance(node.value, ast.Constant):
        outer, machine.alone = machine.alone, node.value
        try:
            machine.evaluate(node.value, frame)
        finally:
            machine.alone = outer
    return NEXT


def assignment(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, ast.Assign)
    value = machine.evaluate(node.value, frame)
    if machine.lost_writes:
        machine.found_again(value)
    for target in node.targets:
        assign(machine, target, value, frame)
    return NEXT


def annotated(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, ast.AnnAssign)
    if node.value is not None:
        assign(machine, node.target, machine.evaluate(node.value, frame), frame)
    return NEXT


def augmented(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    """`x += y`: lists and parameters change in place, the rest is bound anew."""
    assert isinstance(node, ast.AugAssign)
    load: ast.expr
    match node.target:
        case ast.Name(id=name):
            load = ast.copy_location(ast.Name(name, ast.Load()), node.target)
        case ast.Attribute(value=whole, attr=name):
            load = ast.copy_location(ast.Attribute(whole, name, ast.Load()), node.target)
        case ast.Subscript(value=whole, slice=index):
            load = ast.copy_location(ast.Subscript(whole, index, ast.Load()), node.target)
    left = machine.evaluate(load, frame)
    right = machine.evaluate(node.value, frame)
    if isinstance(left, ListValue) and isinstance(node.op, ast.Add):
        if left.serial <= machine.quiet_since:
            machine.quiet = False  # somebody else's list
        items, loose = iterate(machine, right, node, frame)
        if len(left.items) + len(items) <= LONGEST:
            machine.heap.write(left.cell, "items", left.items + items)
        else:
            loose = True
        if loose or 0 < machine.repeating >= left.serial:
            machine.heap.write(left.cell, "open", True)
        return NEXT
    if isinstance(left, Instance) and left.spec is not None and left.spec.role == "container":
        machine.call(machine.attribute(left, "extend", node, frame), [right], {}, node, frame)
        return NEXT
    if left is None and isinstance(node.target, ast.Attribute):
        machine.none_attribute(IN_PLACE, node.target, frame)
    word = {ast.Mult: "mul_", ast.Add: "add_", ast.Sub: "sub_", ast.Div: "div_"}.get(type(node.op))
    if word is not None and isinstance(left, (Param, View)) and (left.param if isinstance(left, View) else left).leaf:
        machine.call(machine.attribute(left, word, node, frame), [right], {}, node, frame)
        return NEXT
    if isinstance(left, DictValue) and isinstance(right, DictValue):
        for key, value in right.cell.items():
            machine.heap.write(left.cell, key, value)
        return NEXT
    assign(machine, node.target, binary(machine, type(node.op), left, right, node, frame), frame)
    return NEXT


def returning(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, ast.Return)
    frame.result = machine.evaluate(node.value, frame) if node.value is not None else None
    if machine.lost_writes:
        machine.found_again(frame.result)
    return RETURN


def if_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, ast.If)
    answer = holds(machine, node.test, frame)
    if answer is not None and decides_values(node) and isinstance(machine.evaluate(node.test.left, frame), Unknown):  # type: ignore[attr-defined]
        answer = None
    if machine.sweeping:
        machine.note_test(node, answer, frame)
    if answer is not None:
        return block(machine, node.body if answer else node.orelse, frame)
    return fork(
        machine,
        frame,
        [
            partial(branch, machine, node.test, True, node.body, frame),
            partial(branch, machine, node.test, False, node.orelse, frame),
        ],
    )


def branch(machine: Machine, test: ast.expr, outcome: bool, body: list[ast.stmt], frame: Frame) -> str:
    narrow(machine, test, frame, outcome)
    return block(machine, body, frame)


def fork(machine: Machine, frame: Frame, branches: list[Callable[[], str]]) -> str:
    """Run all branches from the same state and join. A branch that raises drops out; one that
    returns while another goes on is kept aside until the function ends."""
    heap = machine.heap
    going: list[tuple[str, Delta, Value]] = []
    aside = len(frame.pending)
    for run in branches:
        frame.forget()
        signal, delta, raised = heap.explore(run)
        if not raised:
            going.append((str(signal or ""), delta, frame.result))
            if heap.depth >= DEEPEST_FORK:
                break
    frame.forget()
    if len(frame.pending) > aside:  # returns inside a branch: from here on they are seen from this fork
        if heap.log is None:
            heap.log = []
        frame.pending[aside:] = [(delta, value, len(heap.log), born) for delta, value, _, born in frame.pending[aside:]]
    if not going:
        raise Raised
    signals = {signal for signal, _, _ in going}
    if signals == {RETURN}:
        heap.settle([delta for _, delta, _ in going])
        result = going[0][2]
        for _, _, value in going[1:]:
            result = heap.join(result, value)
        frame.result = result
        return RETURN
    for signal, delta, value in going:
        if signal == RETURN:
            set_aside(machine, frame, delta, value)
    rest = [(signal, delta) for signal, delta, _ in going if signal != RETURN]
    heap.settle([delta for _, delta in rest])
    after = {signal for signal, _ in rest}
    return after.pop() if len(after) == 1 else (MAYBE_BREAK if BREAK in after else NEXT)


def set_aside(machine: Machine, frame: Frame, delta: Delta, value: Value) -> None:
    """Keep an early return, with all that led to it, until the function ends."""
    heap = machine.heap
    if heap.log is None:
        heap.log = []
    machine.fuel -= len(heap.log) // 4
    earlier, _ = heap.changes(0)
    frame.pending.append(({**earlier, **delta}, value, len(heap.log), heap.serial))


def for_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, (ast.For, ast.AsyncFor))
    iterable = machine.evaluate(node.iter, frame)
    sweep = machine.sweep_of(node, iterable, frame)
    items, loose = iterate(machine, iterable, node.iter, frame)
    if len(items) > MOST_TURNS and isinstance(iterable, range):
        items, loose = items[:UNKNOWN_TURNS], True
    if loose and items:
        items = (*items, *items)[: max(len(items), UNKNOWN_TURNS)]
    outer = machine.repeating
    if loose:
        machine.repeating = max(machine.heap.serial, 1)
    copies = machine.copies
    before, made = machine.fuel, machine.progress
    inside = machine.constructed or (isinstance(frame.receiver, Instance) and frame.receiver.module)
    counting = inside and all(map(is_plain, items[:2]))
    signal = NEXT
    machine.enter(sweep)
    try:
        for item, weight in turns(machine, iterable, items, node, frame):
            if before - machine.fuel > BARREN_STEPS and counting:
                if made == machine.progress:
                    break  # it counts something, and no layer is the wiser for the rest
                before, made = machine.fuel, machine.progress
            machine.copies = copies * weight
            assign(machine, node.target, item, frame)
            signal = block(machine, node.body, frame)
            if signal == RETURN:
                if not loose:
                    return RETURN
                set_aside(machine, frame, {}, frame.result)
                frame.forget()
                break
            if signal in (BREAK, MAYBE_BREAK):
                break
        else:
            signal = NEXT
    finally:
        machine.leave(sweep)
        machine.repeating = outer
        machine.copies = copies
    if node.orelse and signal != BREAK:
        return block(machine, node.orelse, frame)
    return NEXT


def is_plain(value: Value) -> bool:
    """Whether this is a number, a string or the like, or a tuple of such."""
    return all(map(is_plain, value)) if isinstance(value, tuple) else isinstance(value, CONSTANTS)


def while_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, ast.While)
    unknown_turns = 0
    outer, start = machine.repeating, max(machine.heap.serial, 1)
    for _ in range(MOST_TURNS):
        answer = holds(machine, node.test, frame)
        if answer is False:
            return block(machine, node.orelse, frame)
        if answer is None:
            unknown_turns += 1
        loose = unknown_turns > 0
        machine.repeating = start if loose else outer
        try:
            signal = block(machine, node.body, frame)
        finally:
            machine.repeating = outer
        if signal == RETURN:
            if not loose:
                return RETURN
            set_aside(machine, frame, {}, frame.result)
            frame.forget()
            break
        if signal == BREAK:
            break
        if signal == MAYBE_BREAK:
            unknown_turns += 1
        if unknown_turns >= UNKNOWN_TURNS:
            break
    return NEXT


def raise_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    raise Raised


def function(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    machine.heap.write(frame.cell, node.name, machine.define(node, frame))
    return NEXT


def class_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, ast.ClassDef)
    machine.heap.write(frame.cell, node.name, machine.define_class(node, frame))
    return NEXT


def import_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, (ast.Import, ast.ImportFrom))
    names.run_import(machine, node, frame)
    return NEXT


def scope(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    """`global` and `nonlocal`: later writes go to the frame that has the name."""
    assert isinstance(node, (ast.Global, ast.Nonlocal))
    if frame.scopes is None:
        frame.scopes = {}
    for name in node.names:
        target = frame.unit.frame
        outer = frame.parent if isinstance(node, ast.Nonlocal) else None
        while outer is not None:
            if name in outer.cell:
                target = outer
                break
            outer = outer.parent
        frame.scopes[name] = target
    return NEXT


def delete(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    assert isinstance(node, ast.Delete)
    for target in node.targets:
        unassign(machine, target, node, frame)
    return NEXT


def match_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    """Cases in order; one that may match runs as a branch beside those that follow."""
    assert isinstance(node, ast.Match)
    subject = machine.evaluate(node.subject, frame)
    maybe: list[Callable[[], str]] = []
    for case in node.cases:
        answer = matches(machine, case.pattern, subject, frame)
        if answer is not False and case.guard is not None:
            guard = holds(machine, case.guard, frame)
            answer = guard if answer is True else (False if guard is False else None)
        if answer is False:
            continue
        maybe.append(partial(chosen, machine, case, subject, frame))
        if answer is True:
            break
    else:
        maybe.append(lambda: NEXT)
    return maybe[0]() if len(maybe) == 1 else fork(machine, frame, maybe)


def chosen(machine: Machine, case: ast.match_case, subject: Value, frame: Frame) -> str:
    matches(machine, case.pattern, subject, frame)  # binds its names, which a later case may have bound anew
    return block(machine, case.body, frame)


def pass_(machine: Machine, node: ast.stmt, frame: Frame) -> str:
    return NEXT


STATEMENTS: Final[dict[type[ast.AST], Statement]] = {
    ast.Expr: expression,
    ast.Assign: assignment,
    ast.AnnAssign: annotated,
    ast.AugAssign: augmented,
    ast.Return: returning,
    ast.If: if_,
    ast.For: for_,
    ast.AsyncFor: for_,
    ast.While: while_,
    ast.Raise: raise_,
    ast.FunctionDef: function,
    ast.AsyncFunctionDef: function,
    **dict.fromkeys(KINDS.values(), function),
    ast.ClassDef: class_,
    ast.Import: import_,
    ast.ImportFrom: import_,
    ast.Global: scope,
    ast.Nonlocal: scope,
    ast.Delete: delete,
    ast.Match: match_,
    ast.Pass: pass_,
    ast.Break: lambda machine, node, frame: BREAK,
    ast.Continue: lambda machine, node, frame: CONTINUE,
}
