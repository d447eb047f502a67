"""A module's `_parameters` and `_modules`: what is put there is the module's, and what is taken out is gone from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from initlint.interpret.tensors import Param
from initlint.interpret.values import Cell, DictValue, Frame, Instance, Value

if TYPE_CHECKING:
    import ast

    from initlint.interpret.machine import Machine


class Registry(DictValue):
    """One of the dictionaries in which a module keeps what was registered."""

    __slots__ = ("owner",)

    def __init__(self, owner: Instance, entries: Cell) -> None:
        super().__init__(entries)
        self.owner = owner


def put(machine: Machine, target: DictValue, key: Value, value: Value, node: ast.AST, frame: Frame) -> None:
    """`target[key] = value`, of a key that is known or stands for unknown ones."""
    machine.heap.write(target.cell, key, value)
    if isinstance(target, Registry) and isinstance(key, str):
        if isinstance(value, (Param, Instance)):
            machine.set_attribute(target.owner, key, value, node, frame)
        else:  # past what watches over attributes
            machine.heap.write(target.owner.cell, key, value)


def take(machine: Machine, target: DictValue, key: Value) -> None:
    """`del target[key]`."""
    machine.heap.delete(target.cell, key)
    if isinstance(target, Registry):
        machine.heap.delete(target.owner.cell, key)
