"""Enumerations: a class whose members are its only objects, stated as a class or by a call."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.values import Class, DictValue, Frame, Function, Instance, Symbol, Value

ENUMERATIONS: Final = ("enum.Enum", "enum.IntEnum", "enum.StrEnum")


def is_enumeration(cls: Class) -> bool:
    return any("enum." in qualified for qualified in cls.symbols())


def enumerate_members(machine: Machine, cls: Class) -> None:
    """Make members of what the body of the class assigns."""
    for key, value in list(cls.cell.items()):
        if isinstance(key, str) and not key.startswith("_") and not isinstance(value, (Function, Class)):
            member = Instance(cls, machine.next_serial())
            member.cell.update({"value": value, "name": key})
            cls.cell[key] = member


def enum_member(cls: Class, args: Arguments) -> Value:
    """`Choice(value)`."""
    for member in cls.cell.values():
        if isinstance(member, Instance) and args and compare.equal(member.cell.get("value"), args[0]) is True:
            return member
    return Unknown(f"a member of {cls.name}")


def called_for(base: Symbol) -> Handler:
    """`Enum("Norm", "Batch Weight")`: the class that a statement with these members would define."""

    def make(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        name = args[0] if args else kwargs.get("value")
        members = members_of(args[1] if len(args) > 1 else kwargs.get("names"), kwargs.get("start", 1))
        if not isinstance(name, str) or members is None:
            return Unknown("an enumeration")
        statement = ast.ClassDef(name=name, bases=[], keywords=[], body=[], decorator_list=[])
        cls = Class(name, ast.copy_location(statement, node), frame.unit, (base,))
        cls.lineage = (cls, base)
        cls.cell.update(members)
        enumerate_members(machine, cls)
        return cls

    return make


def members_of(names: Value, start: Value) -> dict[str, Value] | None:
    """Names with their values: counted from `start` where only the names are given."""
    if isinstance(names, DictValue):
        items: tuple[Value, ...] = () if names.open else tuple(names.cell.items())
    else:
        items = tuple(names.replace(",", " ").split()) if isinstance(names, str) else compare.elements(names) or ()
    if items and isinstance(start, int) and all(isinstance(item, str) for item in items):
        return {str(item): start + index for index, item in enumerate(items)}
    pairs = [item for item in items if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)]
    return {str(pair[0]): pair[1] for pair in pairs} if items and len(pairs) == len(items) else None


HANDLERS: Final[dict[str, Handler]] = {name: called_for(Symbol.of(name)) for name in ENUMERATIONS}
