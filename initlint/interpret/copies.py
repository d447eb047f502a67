"""Copies of values, with what is inside them."""

from __future__ import annotations

from initlint.interpret.machine import Machine
from initlint.interpret.tensors import Param
from initlint.interpret.values import DictValue, Instance, ListValue, Value


def copied(machine: Machine, value: Value, copies: dict[int, Value]) -> Value:
    """copy.deepcopy: objects, lists and parameters anew, classes and constants as they are."""
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, Instance):
        made = type(value)(value.cls, machine.next_serial(), value.spec)
        copies[id(value)] = made
        value.copied = True
        made.place, made.frames, made.arguments = value.place, value.frames, value.arguments
        made.escaped, made.copies = value.escaped, value.copies
        made.repeated = value.repeated or machine.repeating > 0
        for key, part in value.cell.items():
            made.cell[key] = copied(machine, part, copies)
            if isinstance(made.cell[key], Param) and isinstance(part, Param) and part.owner is value:
                made.cell[key].owner = made  # type: ignore[attr-defined]
        machine.instances.append(made)
        if any(layer is value for layer in machine.layers):
            machine.layers.append(made)
        return made
    if isinstance(value, Param):
        param = Param(value.name, value.role, value.shape, value.place, machine.next_serial())
        copies[id(value)] = param
        param.trainable, param.memory, param.spec_default = value.trainable, value.memory, value.spec_default
        param.cell["histories"] = value.histories
        return param
    if isinstance(value, ListValue):
        items = ListValue((), open_=value.open, kind=value.kind, serial=machine.next_serial())
        copies[id(value)] = items  # which it may hold itself
        items.cell["items"] = tuple(copied(machine, v, copies) for v in value.items)
        return items
    if isinstance(value, DictValue):
        entries = DictValue(open_=value.open)
        copies[id(value)] = entries
        for key, part in value.cell.items():
            entries.cell[key] = copied(machine, part, copies)
        return entries
    if isinstance(value, tuple):
        return tuple(copied(machine, part, copies) for part in value)
    return value
