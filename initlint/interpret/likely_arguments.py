"""Arguments for what we build ourselves: configurations from their defaults, the rest unknown."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare, names
from initlint.interpret.heap import MISSING, Raised
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.machine import OutOfFuel
from initlint.interpret.project import Unit
from initlint.interpret.table_keys import first_key
from initlint.interpret.trees import walk
from initlint.interpret.values import Class, Function, Value

QUESTION_FUEL: Final = 2_000  # steps of asking what a name stands for


def wanted_class(machine: Interpreter, function: Function, name: str, target: Function | Class) -> Value:
    """The class whose objects a parameter takes: by its annotation, or by that of the attribute of
    this name in the class that is built."""
    annotation = next((a.annotation for a in all_parameters(function) if a.arg == name), None)
    wanted = annotated(machine, annotation, function.unit)
    if isinstance(wanted, Class) or not isinstance(target, Class):
        return wanted
    if name in ("config", "cfg"):
        wanted = target.find("config_class")
    for part in target.lineage:
        if isinstance(wanted, Class):
            break
        for statement in part.node.body if isinstance(part, Class) else ():
            if isinstance(statement, ast.AnnAssign) and getattr(statement.target, "id", "") == name:
                assert isinstance(part, Class)
                wanted = annotated(machine, statement.annotation, part.unit)
    return wanted


def annotated(machine: Interpreter, annotation: ast.expr | None, unit: Unit) -> Value:
    """What an annotation names, None for what is more than a name."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str) and annotation.value.isidentifier():
        return names.export(machine, unit, annotation.value)
    if isinstance(annotation, (ast.Name, ast.Attribute)):
        return called_value(machine, annotation, unit)
    return None


def likely_argument(machine: Interpreter, function: Function, name: str, target: Function | Class) -> Value:
    """A required argument: an object of the class that is wanted, where that can be built from defaults, or a name
    that settings are listed under."""
    wanted = wanted_class(machine, function, name, target)
    if is_default(wanted):
        return machine.call(wanted, [], {}, function.node, function.unit.frame)
    key = first_key(machine, function, name)
    if key is not None:
        return key
    return Unknown(f"parameter {name} of {function.qualified}")


def is_default(wanted: Value) -> bool:
    """Whether this is a class whose objects can be made without arguments."""
    if not isinstance(wanted, Class) or wanted.abstract:
        return False
    init = wanted.find("__init__")
    return not (isinstance(init, Function) and required(init))


def is_complete(machine: Interpreter, cls: Class) -> bool:
    """Whether a module can be built as its users would: from nothing, or from default configurations."""
    init = cls.find("__init__")
    if not isinstance(init, Function):
        return True
    return all(is_default(wanted_class(machine, init, name, cls)) for name in required(init))


def is_offered(machine: Interpreter, cls: Class) -> bool:
    """Whether a module takes a configuration, has the project's own base of models, and is listed in `__all__`:
    users build it themselves, even where a larger model of the project holds it too."""
    init = cls.find("__init__")
    if not any(isinstance(base, Class) and base.module for base in cls.lineage[1:]):
        return False
    offered = compare.elements(names.export(machine, cls.unit, "__all__"))
    if not isinstance(init, Function) or not offered or cls.name not in offered:
        return False
    return bool(required(init)) and is_complete(machine, cls)


def required(function: Function) -> list[str]:
    """Parameters without a default, `self` left out."""
    node = function.node.args
    positional = [*node.posonlyargs, *node.args]
    count = len(positional) - len(node.defaults)
    missing = [a.arg for a in positional[:count] if a.arg not in ("self", "cls")]
    return missing + [a.arg for a, d in zip(node.kwonlyargs, node.kw_defaults, strict=True) if d is None]


def omissible(function: Function) -> list[str]:
    """Parameters whose default is None."""
    node = function.node.args
    positional = [*node.posonlyargs, *node.args]
    pairs = list(zip(reversed(positional), reversed(node.defaults), strict=False))[::-1]
    pairs += [(a, d) for a, d in zip(node.kwonlyargs, node.kw_defaults, strict=True) if d is not None]
    return [a.arg for a, d in pairs if isinstance(d, ast.Constant) and d.value is None]


def all_parameters(function: Function) -> list[ast.arg]:
    node = function.node.args
    return [*node.posonlyargs, *node.args, *node.kwonlyargs]


def in_annotations(function: Function) -> set[int]:
    """What a signature's annotations consist of, by identity."""
    node = function.node
    said = [a.annotation for a in (*all_parameters(function), node.args.vararg, node.args.kwarg) if a is not None]
    said += [] if isinstance(node, ast.Lambda) else [node.returns]
    return {id(part) for one in said if one is not None for part in walk(one)}


def called_value(machine: Interpreter, node: ast.expr, unit: Unit) -> Value:
    """What a dotted name in a function's body stands for at module level."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id in ("self", "cls"):
        return None
    value = names.export(machine, unit, node.id)
    fuel, machine.fuel = machine.fuel, QUESTION_FUEL
    try:
        for part in parts:
            if value is MISSING:
                return None
            value = machine.attribute(value, part, node, unit.frame)  # may be a __getattr__ of the project's
    except (Raised, OutOfFuel):
        return None
    finally:
        machine.fuel = fuel
    return value
