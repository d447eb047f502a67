"""Decorators: what they make of functions and classes, each at a bounded price."""

from __future__ import annotations

import ast
from typing import Final

from initlint.interpret.heap import MISSING, Raised
from initlint.interpret.machine import Machine, OutOfFuel
from initlint.interpret.values import (
    ABSENT,
    Bound,
    Class,
    Frame,
    Function,
    Native,
    Partial,
    Symbol,
    Value,
)

TRANSPARENT: Final = ("builtins.staticmethod", "builtins.classmethod", "builtins.property")
MOST_STEPS: Final = 4_000  # of one decorator
TEDIOUS: Final = 200  # steps from which one that changes nothing is not run again
DATACLASSES: Final = ("dataclass", "define", "frozen", "attrs")


def decorate(machine: Machine, decorator: ast.expr, value: Value, function: Function, frame: Frame) -> Value:
    """What a decorator makes of a function. One that is not understood, or that returns a
    wrapper made with functools.wraps, is taken to leave the function's meaning as it is."""
    if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "deleter", "getter"):
        return accessor(machine, decorator, function, frame)
    wrapper, result = apply(machine, decorator, value, frame)
    function.recorded = function.recorded or keeps_arguments(machine, wrapper)
    if isinstance(wrapper, Symbol):
        if wrapper.qualified in TRANSPARENT:
            function.kind = wrapper.name
        elif wrapper.name.endswith(("cached_property", "classproperty")):
            function.kind = "property"
        elif machine.is_no_grad(wrapper):
            function.no_grad = True
        elif wrapper.name == "abstractmethod":
            function.kind = function.kind or "abstract"
        elif wrapper.qualified in machine.tables.symbols:
            result = machine.call(wrapper, [value], {}, decorator, frame)
            return result if isinstance(result, (Function, Partial, Native, Class)) else value
        return value
    if isinstance(wrapper, Class) and is_property(wrapper):
        function.kind = "property"
        return value
    if machine.is_no_grad(wrapper):
        function.no_grad = True
        return value
    if isinstance(wrapper, Native) and wrapper.name == "dataclass_transform":
        function.transforms = True
        return value
    if isinstance(result, Function) and result.wrapped is not None:
        if isinstance(result.wrapped, Function):
            result.wrapped.passed_by = True
        return result.wrapped
    if isinstance(result, (Function, Partial, Native, Class)):
        return result
    return value


def keeps_arguments(machine: Machine, decorator: Value) -> str:
    """The attribute in which a decorator that is known keeps the arguments of what it decorates, "" for others."""
    if isinstance(decorator, Function):
        qualified = f"{machine.project.module_name(decorator.unit)}.{decorator.name}"
    elif isinstance(decorator, Symbol):
        qualified = decorator.qualified
    else:
        return ""
    spec = machine.knowledge.functions.get(qualified)
    return spec.name if spec is not None and spec.role == "recorder" else ""


def is_property(cls: Class) -> bool:
    return any(qualified.endswith(("builtins.property", "cached_property")) for qualified in cls.symbols())


def accessor(machine: Machine, decorator: ast.Attribute, function: Function, frame: Frame) -> Value:
    """`@name.setter`: the property learns how it is set."""
    found = machine.evaluate(decorator.value, frame)
    if not isinstance(found, Function) or found.kind != "property":
        return ABSENT
    if decorator.attr == "getter":
        function.kind, function.setter = "property", found.setter
        return function
    if decorator.attr == "setter":
        found.setter = function
        machine.settable.add(function.name)
    return found


def apply(machine: Machine, decorator: ast.expr, value: Value, frame: Frame) -> tuple[Value, Value]:
    """(the decorator, its result), within a budget of steps. One that takes many steps and gives
    back what it was given (it writes documentation, say) is run once only."""
    maker = machine.evaluate(decorator.func if isinstance(decorator, ast.Call) else decorator, frame)
    key = maker.node if isinstance(maker, (Function, Class)) else None
    if key is not None and key in machine.tedious:
        return None, value
    before = machine.fuel
    machine.fuel = budget = min(before, MOST_STEPS)
    wrapper: Value = None
    result = value
    try:
        wrapper = machine.evaluate(decorator, frame) if isinstance(decorator, ast.Call) else maker
        if isinstance(wrapper, Class) and is_property(wrapper):
            return wrapper, value
        if isinstance(wrapper, (Function, Bound, Partial, Native, Class)) and not machine.is_no_grad(wrapper):
            result = machine.call(wrapper, [value], {}, decorator, frame)
    except Raised:
        result = value
    except OutOfFuel:
        if budget == before:
            raise
        result = value
        machine.fuel = 0
    finally:
        used = budget - max(machine.fuel, 0)
        machine.fuel = before - used
    if key is not None and used > TEDIOUS and (result is value or getattr(result, "wrapped", None) is value):
        machine.tedious.add(key)
    return wrapper, result


def decorate_class(machine: Machine, decorator: ast.expr, value: Value, cls: Class, frame: Frame) -> Value:
    """What a decorator makes of a class. Methods of the language (`__init__`, `__setattr__`) that
    it replaces stay as they were written: wrappers check, count or document."""
    maker = machine.evaluate(decorator.func if isinstance(decorator, ast.Call) else decorator, frame)
    if isinstance(maker, Symbol) and maker.name.endswith(DATACLASSES):
        mark_fields(cls)
        return value
    if isinstance(maker, Function) and maker.transforms:
        mark_fields(cls)
        return value
    special = {key: part for key, part in cls.cell.items() if is_special(key)}
    wrapper, result = apply(machine, decorator, value, frame)
    for key in [key for key in cls.cell if is_special(key)]:
        written = special.get(key, MISSING)
        if written is MISSING:
            machine.heap.delete(cls.cell, key)
        elif written is not cls.cell[key]:
            machine.heap.write(cls.cell, key, written)
    if isinstance(wrapper, (Symbol, Native)) and wrapper.name.endswith(DATACLASSES):
        mark_fields(cls)
    elif isinstance(wrapper, Native) and wrapper.name == "dataclass_transform":
        cls.transforms = True
    return result if isinstance(result, Class) else value


def is_special(key: object) -> bool:
    return isinstance(key, str) and key.startswith("__") and key.endswith("__")


def mark_fields(cls: Class) -> None:
    """The class is a dataclass: its annotated names are fields, after those of its bases."""
    names: list[str] = []
    for part in reversed(cls.lineage):
        if isinstance(part, Class):
            annotated = [statement for statement in part.node.body if isinstance(statement, ast.AnnAssign)]
            names += [
                statement.target.id
                for statement in annotated
                if isinstance(statement.target, ast.Name) and "ClassVar" not in ast.dump(statement.annotation)
            ]
    cls.fields = tuple(dict.fromkeys(names))
