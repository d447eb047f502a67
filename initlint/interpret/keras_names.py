"""Names that the project gives to objects of its own, for Keras to find where a layer is given a string.

Keras 2 looks strings up there. Keras 3 raises on those that it does not know itself, and code that runs has none.
"""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.values import Class, DictValue, Frame, Function, Native, Value

NAMES: Final = "keras custom objects"  # where the machine keeps them
PACKAGE: Final = "Custom"  # of a registered object, where none is given


def registered(machine: Machine) -> DictValue:
    """The dictionary of `keras.utils.get_custom_objects()`."""
    found = machine.patches.get(NAMES)
    if not isinstance(found, DictValue):
        found = DictValue()
        machine.heap.write(machine.patches, NAMES, found)
    return found


def named(machine: Machine, name: str) -> Value:
    """What was given this name; None where nothing was."""
    found = machine.patches.get(NAMES)
    return found.cell.get(name) if isinstance(found, DictValue) else None


def custom_objects(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return registered(machine)


def scope(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`with custom_object_scope({...}):` - the names stay afterwards, where nothing would find them."""
    given = args[0] if args else kwargs.get("custom_objects", kwargs.get("objects"))
    if isinstance(given, DictValue):
        for name, value in given.cell.items():
            machine.heap.write(registered(machine).cell, name, value)
    return Unknown("a scope")


def serializable(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`@register_keras_serializable(package, name)`: a decorator that changes nothing."""
    package = args[0] if args else kwargs.get("package", PACKAGE)
    name = args[1] if len(args) > 1 else kwargs.get("name")

    def register(given: list[Value], _: dict[str, Value]) -> Value:
        value = given[0] if given else None
        if isinstance(value, (Function, Class)) and isinstance(package, str):
            own = name if isinstance(name, str) else value.name
            machine.heap.write(registered(machine).cell, f"{package}>{own}", value)
        return value

    return Native("register_keras_serializable", register)


HOMES: Final = ("keras.utils", "keras.saving")
HANDLERS: Final[dict[str, Handler]] = {
    **{f"{home}.get_custom_objects": custom_objects for home in HOMES},
    **{f"{home}.{word}": scope for home in HOMES for word in ("custom_object_scope", "CustomObjectScope")},
    **{f"{home}.register_keras_serializable": serializable for home in HOMES},
}
