"""Named tuples: objects that are sequences of their fields."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.heap import MISSING
from initlint.interpret.machine import Attribute, Machine
from initlint.interpret.values import ABSENT, DictValue, Frame, Instance, Native, Symbol, Value


class RecordType(Native):
    """What collections.namedtuple returns."""

    __slots__ = ("fields",)

    def __init__(self, fields: Sequence[object], make: Callable[[list[Value], dict[str, Value]], Value]) -> None:
        super().__init__("namedtuple", make)
        self.fields = tuple(fields)


def type_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, RecordType)
    if name == "_fields":
        return value.fields
    if name == "_make":
        return Native(name, lambda args, kwargs: value.handler(list(machine.iterate(args[0], node, frame)[0]), {}))
    return Unknown(f"attribute {name} of a named tuple's type")


def field_values(value: Instance) -> dict[str, Value] | None:
    """The fields of a named tuple in order, None for other objects."""
    if isinstance(value.cls, Symbol):
        if value.cls.qualified != "collections.namedtuple":
            return None
        return {str(name): part for name, part in value.cell.items()}
    if value.cls.fields is None or "typing.NamedTuple" not in value.cls.symbols():
        return None
    return {name: value.cell.get(name, ABSENT) for name in value.cls.fields}


def record_attribute(machine: Machine, value: Instance, name: str) -> Value:
    """`_fields`, `_replace` and `_asdict`; MISSING for other names and objects."""
    if name not in ("_fields", "_replace", "_asdict"):
        return MISSING
    fields = field_values(value)
    if fields is None:
        return MISSING
    if name == "_fields":
        return tuple(fields)
    if name == "_asdict":
        return Native(name, lambda args, kwargs: dictionary(machine, fields))

    def replace(args: list[Value], kwargs: dict[str, Value]) -> Value:
        made = Instance(value.cls, machine.next_serial(), value.spec)
        made.cell.update({**fields, **{key: part for key, part in kwargs.items() if key in fields}})
        return made

    return Native(name, replace)


def dictionary(machine: Machine, fields: dict[str, Value]) -> DictValue:
    made = DictValue(serial=machine.next_serial())
    made.cell.update(fields)
    return made


ATTRIBUTES: Final[dict[type, Attribute]] = {RecordType: type_attribute}
