"""Modules that the finished model does not hold: others have taken their places, or they were only copied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from initlint.interpret.machine import Machine
from initlint.interpret.postponed import Deferred
from initlint.interpret.tensors import Param, View
from initlint.interpret.torch_traversal import named_modules
from initlint.interpret.values import (
    Alternatives,
    Bound,
    DictValue,
    Function,
    Instance,
    ListValue,
    Partial,
    Repeat,
    Value,
    options,
)


def give_way(current: Value, value: Value) -> None:
    """Note that an attribute which held one module is given another, or none."""
    if current is value or not isinstance(current, (Instance, Alternatives)):
        return
    taking = options(value)
    if all(option is None or (isinstance(option, Instance) and option.module) for option in taking):
        for option in options(current):
            if isinstance(option, Instance) and option.module and option not in taking:
                option.displaced = True


def replaced(machine: Machine, frames: Iterable[dict[object, object]]) -> set[int]:
    """Modules that lost their place, to another or to none, with those inside that were made with them, where at the
    end nothing holds them: no module, no list, no variable of `frames`, and no data flows through them.

    A layer that was never an attribute is not among them: a list or a function may keep it."""
    lost: dict[int, Instance] = {}
    for module in machine.instances:
        if module.displaced and id(module) not in lost:
            # What was made before is only lent to it: the module that it stood in, say.
            lost |= {id(part): part for part in reached([module], since=module.serial)}
    if not lost:
        return set()
    holders: list[Value] = [module for module in machine.instances if id(module) not in lost]
    holders += [module for module in lost.values() if module.escaped]
    holders += machine.node_layers.values()
    holders += machine.factors.values()
    holders += [value for cell in frames for value in cell.values()]
    return lost.keys() - {id(module) for module in reached(holders)}


def templates(machine: Machine) -> set[int]:
    """Modules that were deep-copied and then thrown away: no other module holds them, no data reaches them."""
    if not any(module.copied for module in machine.instances):
        return set()
    held = {id(module) for module in machine.node_layers.values()}
    for module in machine.instances:
        if module.module and not module.copied and id(module) not in held:
            held.update(id(part) for _, part in named_modules(module))
    return {id(module) for module in machine.instances if module.copied and id(module) not in held}


def reached(values: Iterable[Value], since: int = 0) -> Iterator[Instance]:
    """The objects among the values and inside them that were made after `since`, each once."""
    seen: set[int] = set()
    stack = list(values)
    while stack:
        value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Instance):
            if value.serial < since:
                continue
            yield value
        stack += parts(value)


def parts(value: Value) -> Iterable[Value]:
    """What a value holds on to."""
    if isinstance(value, Instance):
        return (*value.cell.values(), *value.arguments.values())
    if isinstance(value, (tuple, Alternatives)):
        return value.options if isinstance(value, Alternatives) else value
    if isinstance(value, (ListValue, Repeat)):
        return value.items
    if isinstance(value, DictValue):
        return value.cell.values()
    if isinstance(value, Bound):
        return (value.receiver,)
    if isinstance(value, Partial):
        return (value.function, *value.args, *value.kwargs.values())
    if isinstance(value, Function):  # a local one keeps the variables around it
        around = value.closure
        return around.cell.values() if around is not None and around.function is not None else ()
    if isinstance(value, Param):
        return (value.owner,)
    if isinstance(value, View):
        return (value.param,)
    return (value.value,) if isinstance(value, Deferred) else ()
