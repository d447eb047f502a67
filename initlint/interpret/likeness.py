"""Which constructions are alike: those whose arguments differ in numbers only.

A library registers many factories for a few classes. The second model of a kind would teach
nothing that the first did not, so it is put off until something is done with it.
"""

from __future__ import annotations

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
        return ("dict", tuple((repr(key), kind(part, depth + 1)) for key, part in value.cell.items()), value.open)
    if isinstance(value, Partial):
        return ("partial", kind(value.function), kind(value.args), tuple((k, kind(v)) for k, v in value.kwargs.items()))
    if isinstance(value, Function):
        return ("function", id(value.node))
    if isinstance(value, Bound):
        return ("bound", kind(value.function), kind(value.receiver, depth + 1))
    if isinstance(value, (Class, Symbol)):
        return value
    if isinstance(value, Instance):
        cells = tuple((repr(k), kind(v, depth + 1)) for k, v in value.cell.items()) if not value.module else ()
        return ("instance", value.cls, cells)
    if isinstance(value, Deferred):
        return ("instance", value.cls, ())
    if isinstance(value, Alternatives):
        return ("either", tuple(kind(option, depth + 1) for option in value.options))
    if isinstance(value, Unknown):
        return "unknown"
    return type(value).__name__
