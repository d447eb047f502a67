"""Functions of the project that only compute: what they return for plain arguments is remembered.

Libraries decode names and sizes with the same small functions for every layer of every model.
A function is *quiet* where its text stores into nothing but its own fresh lists and dictionaries;
whether what it calls is quiet too, and that no layer was made and no incident seen, is watched
while it runs.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from initlint.graph import Unknown
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.trees import NAME, walk
from initlint.interpret.values import (
    CONSTANTS,
    MOST_NESTED,
    Alternatives,
    Bound,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Package,
    Partial,
    Symbol,
    Value,
)

Invoke: TypeAlias = "Callable[[Machine, Function, Arguments, Keywords, ast.AST, Frame, Value], Value]"

VISITED: Final = object()  # the result is the module that was given
DEEPEST: Final = 3  # forks around a call that forks: far inside forks only one way is executed
NESTED: Final = 4  # lists in lists among the arguments
MUTATORS: Final = frozenset(
    "add append appendleft clear discard extend extendleft insert pop popitem popleft register remove reverse send"
    " setdefault sort update write writelines".split()
)
REFLECTIVE: Final = frozenset({"setattr", "delattr", "globals", "locals", "vars", "exec", "eval", "next"})
MAKERS: Final = frozenset({"dict", "list", "set", "sorted", "defaultdict", "OrderedDict", "deque", "deepcopy"})
METHODS: Final = frozenset({"copy", "deepcopy", "split", "rsplit", "OrderedDict", "defaultdict"})
FRESH: Final = (
    *(ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp),
    *(ast.Constant, ast.JoinedStr, ast.BinOp, ast.UnaryOp, ast.Compare),
)
FIXED: Final = frozenset({*CONSTANTS, Symbol, Class, Function})
LOUD: Final = frozenset({ast.Global, ast.Nonlocal, ast.Yield, ast.YieldFrom, ast.Await, ast.Delete, ast.ClassDef})


def call(
    machine: Machine,
    function: Function,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
    receiver: Value,
    invoke: Invoke,
) -> Value:
    """The result of calling a function or method: remembered, or what `invoke` gives."""
    if function.node not in machine.called or not is_quiet(machine, function):
        return invoke(machine, function, args, kwargs, node, frame, receiver)
    visited = bare_module(args, kwargs, receiver)
    if visited is not None:
        key = visit_key(function, args, kwargs, receiver, visited) if function.closure is None else None
    else:
        key = key_of(machine, function, args, kwargs) if receiver is None and not machine.sweeping else None
    if key is None:
        return invoke(machine, function, args, kwargs, node, frame, receiver)
    known = machine.recalled.get(key)
    if known is not None and all(read.holds() for read in known[1]):
        if machine.reads is not None:
            machine.reads += known[1]
        return visited if known[0] is VISITED else fresh(machine, known[0])
    quiet, machine.quiet = machine.quiet, True
    outer, machine.reads = machine.reads, []
    start, forks, before = machine.heap.serial, machine.heap.forks, traces(machine, visited)
    since, machine.quiet_since = machine.quiet_since, start
    try:
        result = invoke(machine, function, args, kwargs, node, frame, receiver)
    finally:
        alone, machine.quiet, machine.quiet_since = machine.quiet, machine.quiet and quiet, since
        reads, machine.reads = machine.reads, outer
        if outer is not None:
            outer += reads
    whole = machine.heap.depth <= DEEPEST or forks == machine.heap.forks
    if alone and whole and not machine.orphan and before == traces(machine, visited):
        each = list({(id(read.cell), read.name): read for read in reads}.values())
        if visited is not None and (result is None or result is visited):
            machine.recalled[key] = (None if result is None else VISITED, each)
        elif visited is None and is_plain(result, start):
            machine.recalled[key] = (fresh(machine, result), each)
    return result


def traces(machine: Machine, visited: Instance | None) -> tuple[int, ...]:
    """Grows with whatever a call leaves behind beside its result; a sweep over nothing is nothing."""
    return (
        *machine.progress,
        len(machine.incidents),
        len(machine.passes) if visited is None else 0,
        len(machine.ties),
        len(machine.offers),
        len(machine.put_off),
        len(machine.lost_writes),
        len(machine.sampled),
    )


def bare_module(args: Arguments, kwargs: Keywords, receiver: Value) -> Instance | None:
    """The one module among what a function is given, where there is nothing in it to initialize: an
    initializer that visits many such leaves it as it is, whatever it is called there."""
    found: Instance | None = None
    for value in (*args, *kwargs.values()):
        if isinstance(value, Instance) and value is not receiver:
            if found is not None or not value.module:
                return None
            for part in value.cell.values():
                if not is_fixed(part):
                    return None
            found = value
    return found


def is_fixed(value: Value) -> bool:
    return type(value) in FIXED or (type(value) is tuple and all(map(is_fixed, value)))


def visit_key(function: Function, args: Arguments, kwargs: Keywords, receiver: Value, visited: Instance) -> object:
    """Equal for visits to modules of one class by one function, texts (their names) left out."""
    parts: list[object] = [function.node, visited.cls, tuple(visited.cell)]
    for word, value in (*enumerate(args), *kwargs.items()):
        if value is visited or type(value) is str:
            part: object = type(value)
        else:
            part = visitor_key(value)
        if part is None:
            return None
        parts.append((word, part))
    return tuple(parts)


def visitor_key(value: Value) -> object:
    """`value_key`, of objects, their methods and partial applications too: what visits is always the same object."""
    if isinstance(value, Instance):
        return value.serial
    if isinstance(value, Bound):
        receiver = visitor_key(value.receiver) if isinstance(value.function, Function) else None
        return None if receiver is None else (value.function, receiver)
    return partial_key(value, visitor_key) if isinstance(value, Partial) else value_key(value)


def partial_key(value: Partial, callee_key: Callable[[Value], object]) -> object:
    parts = (callee_key(value.function), value_key(value.args), value_key(tuple(value.kwargs.items())))
    return None if None in parts else (Partial, *parts)


def key_of(machine: Machine, function: Function, args: Arguments, kwargs: Keywords) -> object:
    """Equal for calls that are given the same; None where something is given that may change."""
    given = content_key((*args, *kwargs.items()))
    if given is None:
        return None
    if function.closure is None:
        return function.node, given
    seen = closure_key(machine, function)
    return None if seen is None else (function.node, given, seen)


def closure_key(machine: Machine, function: Function) -> object:
    """Equal where the variables around a nested function that it mentions are the same; None where one may change."""
    names = machine.mentions_of(function.node).names
    found: list[object] = []
    frame = function.closure
    while frame is not None:
        if frame.pending:
            return None
        for name, value in frame.cell.items():
            if name in names:
                part = value_key(value)
                if part is None:
                    return None
                found.append((name, part))
        frame = frame.parent
    return tuple(found)


def content_key(value: Value, depth: int = 0) -> object:
    """`value_key`, of lists and dictionaries too: a quiet function changes none that it is given."""
    if depth > NESTED:
        return None
    if isinstance(value, (ListValue, DictValue)):
        if not value.serial:
            return None  # what it is a part of can't be told
        if isinstance(value, ListValue):
            parts: object = content_key(value.items, depth)
            return None if parts is None else (value.kind, value.open, parts)
        parts = None if value.factory is not None else content_key(tuple(value.cell.items()), depth)
        return None if parts is None else (DictValue, value.open, parts)
    if type(value) is tuple:
        inside = tuple(content_key(item, depth + 1) for item in value)
        return None if None in inside else inside
    return value_key(value)


def value_key(value: Value) -> object:
    kind = type(value)
    if kind in CONSTANTS:
        return (kind, value)
    if kind is Symbol or kind is Class:
        return value
    if kind is tuple:
        parts = tuple(map(value_key, value))  # type: ignore[call-overload]
        return None if None in parts else parts
    if kind is Unknown:
        return value
    if kind is Alternatives:
        parts = tuple(map(value_key, value.options))  # type: ignore[attr-defined]
        return None if None in parts else (Alternatives, *parts)
    if isinstance(value, Function):
        return value if value.closure is None else None
    if isinstance(value, Partial):
        return partial_key(value, value_key)
    return value.unit if isinstance(value, Package) else None


def is_plain(value: Value, start: int, depth: int = 0) -> bool:
    """Whether it is a constant, or made of such; lists and dictionaries that were there before are not."""
    if isinstance(value, ListValue):
        return (
            depth < MOST_NESTED
            and not 0 < value.serial <= start
            and all(is_plain(item, start, depth + 1) for item in value.items)
        )
    if isinstance(value, DictValue):
        mine = depth < MOST_NESTED and not 0 < value.serial <= start and value.factory is None
        return mine and all(is_plain(item, start, depth + 1) for item in value.cell.values())
    if isinstance(value, tuple):
        return all(is_plain(item, start, depth + 1) for item in value)
    return value_key(value) is not None


def fresh(machine: Machine, value: Value) -> Value:
    """The same with lists and dictionaries of its own."""
    if isinstance(value, ListValue):
        items = tuple(fresh(machine, item) for item in value.items)
        return ListValue(items, open_=value.open, kind=value.kind, serial=machine.next_serial())
    if isinstance(value, DictValue):
        entries = {key: fresh(machine, item) for key, item in value.cell.items()}
        return DictValue(entries, open_=value.open, serial=machine.next_serial())
    if type(value) is tuple:
        return tuple(fresh(machine, item) for item in value)
    return value


def is_quiet(machine: Machine, function: Function) -> bool:
    """Whether the function's text stores into nothing but what it has made itself."""
    known = machine.quiets.get(function.node)
    if known is None:
        known = machine.quiets[function.node] = stores_inside(function.node)
    return known


def stores_inside(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    parts = walk(function)
    changed: set[str] = set()
    for part in parts:
        kind = type(part)
        owner: ast.AST | None = None
        if kind is NAME:
            if part.id in REFLECTIVE:  # type: ignore[attr-defined]
                return False
        elif kind in LOUD:
            return False
        elif isinstance(part, (ast.Attribute, ast.Subscript)):
            if isinstance(part.ctx, ast.Store):
                owner = part.value
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in MUTATORS:
            owner = part.func.value
        if owner is None:
            continue
        if not isinstance(owner, ast.Name):
            return False
        changed.add(owner.id)
    return not changed or changed <= made_here(parts)


def made_here(parts: list[ast.AST]) -> set[str]:
    """The names that a function binds to fresh values only: constants, and lists and dictionaries that it makes."""
    made: set[str] = set()
    other: set[str] = set()
    for part in parts:
        if isinstance(part, ast.Assign):
            pairs = [pair for target in part.targets for pair in bindings(target, part.value)]
        elif isinstance(part, (ast.AnnAssign, ast.NamedExpr)):
            pairs = [(part.target, part.value)] if part.value is not None else []
        elif isinstance(part, ast.arg):
            other.add(part.arg)
            continue
        elif isinstance(part, (ast.For, ast.AsyncFor, ast.comprehension)):
            pairs = [(part.target, None)]
        elif isinstance(part, ast.withitem) and part.optional_vars is not None:
            pairs = [(part.optional_vars, None)]
        else:
            continue
        for target, value in pairs:
            names = {part.id for part in walk(target) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
            (made if value is not None and is_fresh(value) else other).update(names)
    return made - other


def bindings(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        yield from zip(target.elts, value.elts, strict=True)
    elif isinstance(target, ast.Name):
        yield target, value
    else:
        yield target, None


def is_fresh(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        callee = value.func
        if isinstance(callee, ast.Name):
            return callee.id in MAKERS
        return isinstance(callee, ast.Attribute) and callee.attr in METHODS
    if isinstance(value, ast.Subscript):
        return isinstance(value.slice, ast.Slice)  # of a list: a copy
    return isinstance(value, FRESH)
