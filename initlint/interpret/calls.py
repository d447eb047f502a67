"""Functions: definition, decorators, binding of arguments, and running a body."""

from __future__ import annotations

import ast
from itertools import zip_longest
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import recall
from initlint.interpret.decorators import decorate
from initlint.interpret.heap import RAISED, Raised, leave
from initlint.interpret.machine import MOST_FRAMES, Arguments, Call, Keywords, Machine, OutOfFuel
from initlint.interpret.postponed import Deferred
from initlint.interpret.trees import Signature
from initlint.interpret.values import (
    CONSTANTS,
    Absent,
    Alternatives,
    Bound,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Native,
    Partial,
    Symbol,
    Value,
    options,
)

MOST_RECURSION: Final = 12
UNSURE: Final = 1  # calls of itself each of which stands in one more branch whose condition is unknown
LOADERS: Final = ("load_", "_load_", "restore_", "_restore_")  # how functions are named that put in what was kept
ASIDE_FUEL: Final = 10_000  # steps of one call of a method that is no module's
MOST_TEDIOUS: Final = 8  # classes for whose objects one method does not end within them


def define(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Value:
    """The value of a `def`, decorators applied."""
    closure = frame if frame.function is not None else None
    function = Function(node, frame.unit, closure)
    if closure is not None:
        function.defaults = default_values(machine, function, frame)
    value: Value = function
    for decorator in reversed(node.decorator_list):
        value = decorate(machine, decorator, value, function, frame)
    return value


def default_values(machine: Machine, function: Function, frame: Frame) -> dict[str, Value]:
    node = function.node.args
    positional = [*node.posonlyargs, *node.args]
    values: dict[str, Value] = {}
    for argument, default in zip(positional[len(positional) - len(node.defaults) :], node.defaults, strict=True):
        values[argument.arg] = machine.evaluate(default, frame)
    for argument, keyword_default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        if keyword_default is not None:
            values[argument.arg] = machine.evaluate(keyword_default, frame)
    return values


def defaults_of(machine: Machine, function: Function, frame: Frame) -> dict[str, Value]:
    """Default arguments, evaluated when first needed, where the function was defined."""
    if function.defaults is None:
        function.defaults = {}
        home = function.closure or (
            Frame(function.unit, function.owner.cell) if function.owner else function.unit.frame
        )
        function.defaults = default_values(machine, function, home)
    return function.defaults


def bind(machine: Machine, function: Function, args: Arguments, kwargs: Keywords, frame: Frame) -> dict[object, object]:
    """The callee's variables. A parameter that is given nothing is Unknown."""
    signature = machine.signatures.get(function.node)
    if signature is None:
        signature = machine.signatures[function.node] = Signature.of(function.node.args)
    cell: dict[object, object] = dict(zip(signature.positional, args))
    if signature.vararg is not None:
        cell[signature.vararg] = tuple(args[len(signature.positional) :])
    extra: dict[object, object] = {}
    loose = "**" in kwargs
    for key, value in kwargs.items():
        if key in signature.words:
            cell[key] = value
        elif key != "**":
            extra[key] = value
    if signature.kwarg is not None:
        cell[signature.kwarg] = DictValue(extra, open_=loose, serial=machine.next_serial())
    if len(cell) < signature.count:
        defaults = defaults_of(machine, function, frame)
        for name in signature.every:
            if name in cell:
                continue
            if name in defaults:
                cell[name] = machine.heap.alternatives(defaults[name], kwargs["**"]) if loose else defaults[name]
            else:
                cell[name] = Unknown(f"parameter {name} of {function.name}")
    return cell


def is_generator(machine: Machine, function: Function) -> bool:
    """Whether the body yields (outside nested functions)."""
    node = function.node
    known = machine.generators.get(node)
    if known is None:
        whole = machine.generators.get(function.unit.tree)
        if whole is None:
            whole = machine.generators[function.unit.tree] = "yield" in function.unit.source.text
        if not whole:
            machine.generators[node] = False
            return False
        known = False
        stack: list[ast.AST] = list(getattr(node, "body", ())) if not isinstance(node, ast.Lambda) else []
        while stack and not known:
            part = stack.pop()
            if isinstance(part, (ast.Yield, ast.YieldFrom)):
                known = True
            elif not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
                stack.extend(ast.iter_child_nodes(part))
        machine.generators[node] = known
    return known


def invoke(
    machine: Machine,
    function: Function,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
    receiver: Value,
) -> Value:
    """Run a function's body. `receiver` is the object whose method it is."""
    if len(machine.frames) >= MOST_FRAMES:
        return machine.lost("calls nested too deeply", args, kwargs)
    outer: list[Frame] = []
    if function.node in machine.running:
        outer = [f for f in machine.frames if f.function is function and f.receiver is receiver]
        again = len(outer)
        if again and (
            again >= MOST_RECURSION
            or not informed(machine, function, args, kwargs, receiver, outer[-1])
            or (again > UNSURE and machine.heap.depth >= outer[0].depth + again)
        ):
            return machine.lost("recursion", args[receiver is not None :], kwargs)  # to it is done what is done already
    if not outer and isinstance(receiver, (Class, Instance)) and not receiver.module:
        return aside(machine, function, args, kwargs, node, frame, receiver)
    if receiver is None and function.node in machine.tedious:
        return unfinished(machine, args, kwargs, receiver)
    before, done = machine.fuel, (*machine.progress, len(machine.passes))
    try:
        return run(machine, function, args, kwargs, node, frame, receiver)
    except OutOfFuel:
        if (
            not outer
            and before - machine.fuel > ASIDE_FUEL
            and done == (*machine.progress, len(machine.passes))
            and is_recursive(machine, function)
        ):
            machine.tedious.add(function.node)  # one entry is lost to it, not each that calls it
        raise


def is_recursive(machine: Machine, function: Function) -> bool:
    """Whether a function's body names the function, which is no method."""
    return function.owner is None and function.name in machine.mentions_of(function.node).names


def informed(
    machine: Machine, function: Function, args: Arguments, kwargs: Keywords, receiver: Value, running: Frame
) -> bool:
    """Whether a call of a function by itself is told anything: one on nothing known, or on nothing but the constants
    that it has been given before, does not end."""
    positional = machine.signatures[function.node].positional
    given = [*zip_longest(positional[: len(args)], args), *kwargs.items()][receiver is not None :]
    bound = machine.mentions_of(function.node).bound
    return not given or any(
        not isinstance(value, Unknown) and (name in bound or not repeats(value, running.cell.get(name)))
        for name, value in given
    )


def repeats(value: Value, before: Value) -> bool:
    return isinstance(value, CONSTANTS) and type(value) is type(before) and value == before


def aside(
    machine: Machine,
    function: Function,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
    receiver: Value,
) -> Value:
    """A method of an object that is no module (a configuration, a tokenizer) has a budget of its own,
    so that one which does not end leaves the rest of the model to be read. It is not run again for
    objects of that class; one that does not end for many of them, for none."""
    whose = function.node, receiver.cls if isinstance(receiver, Instance) else receiver
    if function.node in machine.tedious or whose in machine.tedious:
        return unfinished(machine, args, kwargs, receiver)
    before = machine.fuel
    machine.fuel = budget = min(before, ASIDE_FUEL)
    made = (len(machine.layers), len(machine.nodes))
    try:
        return run(machine, function, args, kwargs, node, frame, receiver)
    except OutOfFuel:
        if budget == before or made != (len(machine.layers), len(machine.nodes)):
            raise
        machine.tedious.add(whose)
        if sum(isinstance(known, tuple) and known[0] is function.node for known in machine.tedious) >= MOST_TEDIOUS:
            machine.tedious.add(function.node)
        return unfinished(machine, args, kwargs, receiver)
    finally:
        machine.fuel = before - (budget - max(machine.fuel, 0))


def unfinished(machine: Machine, args: Arguments, kwargs: Keywords, receiver: Value) -> Value:
    """What comes of a method that was not run to its end: what its object has not got yet, it may have given it."""
    if isinstance(receiver, Instance):
        for name in [name for name, value in receiver.cell.items() if value is None]:
            machine.heap.write(receiver.cell, name, Unknown("budget"))
    return machine.lost("budget", args, kwargs)


def run(
    machine: Machine,
    function: Function,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
    receiver: Value,
) -> Value:
    machine.called[function.node] = machine.called.get(function.node, 0) + 1
    if machine.quiet and not recall.is_quiet(machine, function):
        machine.quiet = False
    inner = Frame(function.unit, bind(machine, function, args, kwargs, frame), function.closure, function)
    inner.receiver = receiver
    heap = machine.heap
    if function.recorded and isinstance(receiver, Instance):
        words = {str(k): v for k, v in inner.cell.items() if v is not receiver}
        kept = machine.tables.symbols["types.SimpleNamespace"](machine, [], words, node, frame)
        heap.write(receiver.cell, function.recorded, kept)
    inner.depth = heap.depth
    unlogged = heap.log is None
    before = machine.mark_writes(function, args) if function.owner is None and args else None
    if before is not None and function.node in machine.summed:
        return machine.write_summed(before, function, inner, node, frame)
    body = function.node
    running = machine.running.get(body, 0)
    machine.running[body] = running + 1
    machine.frames.append(inner)
    machine.no_grad += function.no_grad
    try:
        if isinstance(body, ast.Lambda):
            result = machine.evaluate(body.body, inner)
        elif is_generator(machine, function):
            inner.yields = []
            machine.run_block(body.body, inner)
            result = ListValue(tuple(inner.yields), serial=machine.next_serial())
        else:
            try:
                machine.run_block(body.body, inner)
            except Raised:
                if not inner.pending:
                    raise
                inner.result = RAISED  # of the ways through the body, those count that returned before
            result = inner.result
        if inner.pending:
            machine.fuel -= len(inner.pending) * len(heap.log or ()) // 4  # what joining them costs
            result = leave(heap, inner, result)
    finally:
        machine.frames.pop()
        if running:
            machine.running[body] = running
        else:
            del machine.running[body]
        machine.no_grad -= function.no_grad
        if unlogged:
            heap.log = None
    if before is not None:
        machine.name_writes(before, function, inner, node, frame)
    if function.name.startswith(LOADERS):
        machine.loads(args, node, frame)
    return result


def call_function(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    assert isinstance(callee, Function)
    return recall.call(machine, callee, args, kwargs, node, frame, None, invoke)


def call_bound(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    assert isinstance(callee, Bound)
    if isinstance(callee.function, str):
        return machine.native_method(callee.receiver, callee.function, args, kwargs, node, frame)
    receiver = callee.receiver
    return recall.call(machine, callee.function, [receiver, *args], kwargs, node, frame, receiver, invoke)


def call_partial(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    assert isinstance(callee, Partial)
    return machine.call(callee.function, [*callee.args, *args], {**callee.kwargs, **kwargs}, node, frame)


def call_native(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    assert isinstance(callee, Native)
    return callee.handler(args, kwargs)


def call_alternatives(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    result = machine.each(callee, lambda option: machine.call(option, list(args), dict(kwargs), node, frame))
    assert isinstance(callee, Alternatives)
    if all(isinstance(option, (Class, Symbol)) for option in callee.options):
        for made in options(result):
            if isinstance(made, Instance):
                made.choice = callee.options
    return result


def call_absent(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    return args[0] if args else None


def call_deferred(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    assert isinstance(callee, Deferred)
    return machine.call(callee.force(), args, kwargs, node, frame)


def call_unknown(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    assert isinstance(callee, Unknown)
    return machine.lost(callee.why, args, kwargs, callee.place)


def call_symbol(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Something outside the project: what the tables say it does."""
    assert isinstance(callee, Symbol)
    handler = machine.tables.symbols.get(callee.qualified)
    if handler is not None:
        return handler(machine, args, kwargs, node, frame)
    return machine.call_known(callee, args, kwargs, node, frame)


CALLS: Final[dict[type, Call]] = {
    Function: call_function,
    Bound: call_bound,
    Partial: call_partial,
    Native: call_native,
    Alternatives: call_alternatives,
    Deferred: call_deferred,
    Unknown: call_unknown,
    Symbol: call_symbol,
    Absent: call_absent,
}
