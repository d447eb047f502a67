"""Which constructions are alike: those whose arguments differ in numbers only.

A library registers many factories for a few classes. A model whose every argument was seen
before, down to the fields of its configuration, would teach little, so it is put off until
something is done with it; and those that bring most that is new are built first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heapreplace
from typing import Final, TypeAlias

from initlint.graph import Unknown
from initlint.interpret.postponed import Deferred
from initlint.interpret.values import (
    Alternatives,
    Bound,
    Class,
    DictValue,
    Function,
    Instance,
    ListValue,
    Partial,
    Symbol,
    Value,
)

DEEPEST = 4
MOST_LEAVES: Final = 2_000  # of one construction's arguments

# What class is built, where in its arguments, and of what kind: plain values, the same in every process.
Leaf: TypeAlias = tuple[str, object, object]


def home(thing: Class | Function) -> str:
    """Where a class or function is defined."""
    return f"{thing.unit.path}:{thing.node.lineno}:{thing.node.col_offset}"


def kind(value: Value, depth: int = 0) -> object:
    """A hashable that is equal for values which differ in numbers only (zero kept apart)."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return 0 if value == 0 else "number"
    if isinstance(value, (str, bytes)):
        return value
    if depth > DEEPEST:
        return type(value).__name__
    if isinstance(value, (tuple, ListValue)):
        items = value if isinstance(value, tuple) else value.items
        parts = tuple(kind(item, depth + 1) for item in items)
        if all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in items):
            return ("numbers", len(parts) > 1)
        return ("list", parts if len(set(map(repr, parts))) > 1 else parts[:1])
    if isinstance(value, DictValue):
        return ("dict", tuple((told(key), kind(part, depth + 1)) for key, part in value.cell.items()), value.open)
    if isinstance(value, Partial):
        return ("partial", kind(value.function), kind(value.args), tuple((k, kind(v)) for k, v in value.kwargs.items()))
    if isinstance(value, Function):
        return ("function", home(value))
    if isinstance(value, Bound):
        return ("bound", kind(value.function), kind(value.receiver, depth + 1))
    if isinstance(value, Class):
        return ("class", home(value))
    if isinstance(value, Symbol):
        return ("symbol", value.qualified)
    if isinstance(value, Instance):
        cells = tuple((told(k), kind(v, depth + 1)) for k, v in value.cell.items()) if not value.module else ()
        return ("instance", kind(value.cls), cells)
    if isinstance(value, Deferred):
        return ("instance", kind(value.cls), ())
    if isinstance(value, Alternatives):
        return ("either", tuple(kind(option, depth + 1) for option in value.options))
    if isinstance(value, Unknown):
        return "unknown"
    return type(value).__name__


def told(key: Value) -> object:
    """A key, numbers told apart."""
    return repr(key) if key is None or isinstance(key, (str, bytes, int, float)) else kind(key)


def leaves(
    cls: Class, args: list[Value], kwargs: Mapping[str, Value], defaults: Mapping[str, Value]
) -> frozenset[Leaf]:
    """What the arguments of a construction consist of, defaults filled in, numbers left out (zero is none)."""
    init = cls.find("__init__")
    own = [a.arg for a in (*init.node.args.args[1:], *init.node.args.kwonlyargs)] if isinstance(init, Function) else []
    given: dict[object, Value] = dict(zip(own, args, strict=False))
    given.update({name: value for name, value in defaults.items() if name not in given})
    given.update(kwargs)
    given.update({index: value for index, value in enumerate(args) if index >= len(own)})
    found: dict[tuple[object, object], None] = {((), kind(cls)): None}
    for name, value in given.items():
        for leaf in parts(value, (name,)):
            found[leaf] = None
            if len(found) > MOST_LEAVES:
                break
    named = home(cls)
    return frozenset((named, *leaf) for leaf in found if leaf[1] not in ("unknown", "number"))


def parts(value: Value, path: tuple[object, ...]) -> Iterator[tuple[object, object]]:
    """(path, kind) of each plain value inside; elements of a sequence share a path."""
    if len(path) <= 2 * DEEPEST:
        if isinstance(value, (tuple, ListValue)):
            for item in value if isinstance(value, tuple) else value.items:
                yield from parts(item, (*path, "[]"))
            return
        if isinstance(value, DictValue):
            for key, item in value.cell.items():
                yield from parts(item, (*path, told(key)))
            return
        if isinstance(value, Partial):
            yield path, ("partial", kind(value.function))
            for word, item in value.kwargs.items():
                yield from parts(item, (*path, word))
            return
        if isinstance(value, Alternatives):
            for option in value.options:
                yield from parts(option, path)
            return
        if isinstance(value, Instance) and not value.module:
            yield path, kind(value.cls)
            for key, item in value.cell.items():
                yield from parts(item, (*path, told(key)))
            return
    yield path, kind(value)


def most_first(offers: list[frozenset[Leaf]]) -> list[int]:
    """Indices of the offers that cover all leaves, each the one that brings most that is new (greedy set cover)."""
    uncovered = set().union(*offers)
    losses = [(-len(offer), index) for index, offer in enumerate(offers) if offer]
    heapify(losses)
    chosen: list[int] = []
    while losses:
        loss, best = losses[0]
        fresh = len(offers[best] & uncovered)
        if fresh < -loss:  # gains only shrink: look again when it comes up
            if fresh:
                heapreplace(losses, (-fresh, best))
            else:
                heappop(losses)
            continue
        chosen.append(best)
        uncovered -= offers[best]
        heappop(losses)
    return chosen
