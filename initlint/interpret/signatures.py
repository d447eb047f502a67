"""What functions and classes say of themselves: `inspect.signature(block).parameters`, `dataclasses.fields(config)`."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.classes import inherited_fields
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.trees import Signature
from initlint.interpret.values import (
    Bound,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Symbol,
    Value,
)
from initlint.knowledge import knowledge


def parameter_names(value: Value) -> tuple[list[str], bool] | None:
    """The names of what a call of this takes, and whether there may be more; None where they are not known."""
    if isinstance(value, Symbol):
        spec = knowledge().layers.get(value.qualified)
        return None if spec is None else ([p.name for p in spec.parameters], True)
    if isinstance(value, Class):
        fields = inherited_fields(value, None)
        if fields is not None:
            return list(fields), False
        init = value.find("__init__")
        return own_names(init, 1) if isinstance(init, Function) else None
    if isinstance(value, Bound) and isinstance(value.function, Function):
        return own_names(value.function, 1)
    return own_names(value, 0) if isinstance(value, Function) else None


def own_names(function: Function, first: int) -> tuple[list[str], bool] | None:
    """The names in a `def`, those of *args and **kwargs in their places."""
    if function.passed_by or function.wrapped is not None:
        return None
    given = function.node.args
    found = list(Signature.of(given).positional[first:])
    found += [given.vararg.arg] if given.vararg else []
    found += [a.arg for a in given.kwonlyargs]
    return found + ([given.kwarg.arg] if given.kwarg else []), False


def signature(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    known = parameter_names(args[0]) if len(args) == 1 else None
    if known is None:
        return Unknown("a signature")
    parameters: dict[object, object] = {}
    for name in known[0]:
        parameters[name] = one = Instance(Symbol.of("inspect.Parameter"), machine.next_serial())
        one.cell["name"] = name
    made = Instance(Symbol.of("inspect.Signature"), machine.next_serial())
    made.cell["parameters"] = DictValue(parameters, open_=known[1], serial=machine.next_serial())
    return made


def argument_names(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`inspect.getfullargspec(function)`, of which its list of arguments is told."""
    value = args[0] if len(args) == 1 else None
    if not isinstance(value, Function) or value.passed_by or value.wrapped is not None:
        return Unknown("the arguments of a function")
    made = Instance(Symbol.of("inspect.FullArgSpec"), machine.next_serial())
    made.cell["args"] = ListValue(Signature.of(value.node.args).positional, serial=machine.next_serial())
    return made


def fields_of(value: Value) -> tuple[str, ...] | None:
    """The fields of a dataclass or of an object of one; () for other classes, None for what is unseen."""
    cls = value.cls if isinstance(value, Instance) else value
    if not isinstance(cls, Class) or cls.open:
        return None
    return next((part.fields for part in cls.lineage if isinstance(part, Class) and part.fields is not None), ())


def fields(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    names = fields_of(args[0]) if len(args) == 1 else None
    if not names:
        return Unknown("the fields of a dataclass")
    found = []
    for name in names:
        found.append(one := Instance(Symbol.of("dataclasses.Field"), machine.next_serial()))
        one.cell["name"] = name
    return tuple(found)


def is_dataclass(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    names = fields_of(args[0]) if len(args) == 1 else None
    return Unknown("whether a class is a dataclass") if names is None else bool(names)


HANDLERS: Final[dict[str, Handler]] = {
    "inspect.signature": signature,
    "inspect.getfullargspec": argument_names,
    "dataclasses.fields": fields,
    "dataclasses.is_dataclass": is_dataclass,
}
