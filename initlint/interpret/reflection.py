"""Python's functions that ask about types and attributes, or change them."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import attributes, instance_checks, names
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.postponed import Deferred
from initlint.interpret.tensors import Param, View
from initlint.interpret.values import (
    CONSTANTS,
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
    Super,
    Symbol,
    Value,
)
from initlint.knowledge import canonical

TYPE_NAMES: Final[tuple[tuple[type, str], ...]] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "str"),
    (bytes, "bytes"),
    (tuple, "tuple"),
    (range, "range"),
    (type(None), "NoneType"),
)


def answer(result: bool | None, why: str) -> Value:
    return Unknown(why) if result is None else result


def isinstance_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if len(args) != 2:
        return Unknown("a type test")
    kinds = args[1]
    if isinstance(kinds, ListValue):
        kinds = kinds.items
    return answer(instance_checks.is_instance(machine, args[0], kinds), "a type test")


def issubclass_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return answer(instance_checks.is_subclass(machine, args[0], args[1]) if len(args) == 2 else None, "a type test")


def hasattr_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if len(args) == 2 and isinstance(args[1], str):
        return answer(attributes.has_attribute(machine, args[0], args[1], node, frame), "hasattr")
    return Unknown("hasattr")


def getattr_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if len(args) < 2:
        return Unknown("getattr")
    owner, name = args[0], args[1]
    if isinstance(name, Alternatives):
        return machine.each(name, lambda option: getattr_(machine, [owner, option, *args[2:]], {}, node, frame))
    if not isinstance(name, str):
        return Unknown("getattr with an unknown name")
    if len(args) > 2:
        there = attributes.has_attribute(machine, owner, name, node, frame)
        if there is False:
            return args[2]
        if there is None and not isinstance(owner, Symbol):
            return machine.heap.alternatives(args[2], machine.attribute(owner, name, node, frame))
    return machine.attribute(owner, name, node, frame)


def setattr_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if len(args) == 3 and isinstance(args[1], str):
        attributes.set_attribute(machine, args[0], args[1], args[2], node, frame)
    elif len(args) == 3 and isinstance(args[0], Instance):
        attributes.set_attribute(machine, args[0], f"?{len(args[0].cell)}", args[2], node, frame)
    return None


def delattr_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if len(args) == 2 and isinstance(args[0], Instance) and isinstance(args[1], str):
        if args[0].module:
            machine.adopt(args[0], args[1], None, node, frame)
        machine.heap.delete(args[0].cell, args[1])
    return None


def callable_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[0] if args else None
    if isinstance(value, (Function, Class, Symbol, Bound, Partial, Native)):
        return True
    if isinstance(value, (*CONSTANTS, tuple, ListValue, DictValue)):
        return False
    return True if isinstance(value, Instance) and value.module else Unknown("callable")


def type_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[0] if args else None
    if len(args) > 1:
        return Unknown("a class made at run time")
    if isinstance(value, Instance):
        return value.cls
    if isinstance(value, Deferred):
        return value.cls
    for kind, name in TYPE_NAMES:
        if type(value) is kind:
            return Symbol.of("builtins." + name)
    if isinstance(value, (ListValue, DictValue)):
        return Symbol.of("builtins." + (value.kind if isinstance(value, ListValue) else "dict"))
    if isinstance(value, (Param, View)):
        return Symbol.of("torch.nn.Parameter" if isinstance(value, Param) else "torch.Tensor")
    return Unknown("a type")


def dir_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """The names of a framework's namespace that the tables know; there are others."""
    if len(args) != 1 or not isinstance(args[0], Symbol):
        return Unknown("dir")
    start = canonical(args[0].qualified) + "."
    tables = machine.knowledge
    found = (
        name[len(start) :] for table in (tables.functions, tables.layers) for name in table if name.startswith(start)
    )
    return ListValue(tuple(dict.fromkeys(name for name in found if "." not in name)), open_=True)


def super_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if len(args) == 2 and isinstance(args[0], Class):
        return Super(args[1], args[0])
    scope: Frame | None = frame
    while scope is not None:
        if scope.function is not None and scope.function.owner is not None:
            receiver = scope.receiver
            if receiver is None:
                first = scope.function.node.args.args[:1]
                receiver = scope.cell.get(first[0].arg, None) if first else None
            if isinstance(receiver, (Instance, Class)):
                return Super(receiver, scope.function.owner)
        scope = scope.parent
    return Unknown("super()")


def method_of_kind(kind: str) -> Handler:
    """`staticmethod(f)`, `property(f)`: what the decorators make of functions."""

    def make(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        value = args[0] if args else kwargs.get("fget")
        return value.of_kind(kind) if isinstance(value, Function) else value

    return make


def vars_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if args and isinstance(args[0], Instance):
        return DictValue(args[0].cell)
    return DictValue(dict(frame.cell)) if not args else Unknown("vars")


def globals_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return DictValue({name: machine.unit_attribute(frame.unit, name) for name in frame.unit.index}, open_=True)


def import_module_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`importlib.import_module("einops")`: a module outside of the project, as an import statement would bind it."""
    name = args[0] if args else kwargs.get("name")
    if not isinstance(name, str) or not name or name.startswith("."):
        return Unknown("an import of what is not known")
    target = names.import_path(machine, name, 0, frame.unit)
    return names.symbol(target) if isinstance(target, str) else Unknown(f"an import of {name}")


def import_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`__import__("einops.layers")`: the package at the top."""
    top = args[0].partition(".")[0] if args and isinstance(args[0], str) else None
    return import_module_(machine, [top], {}, node, frame)
