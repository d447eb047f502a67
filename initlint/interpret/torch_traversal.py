"""Walks over a module's children and parameters, in torch's order."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from initlint.interpret.machine import Keywords, Machine
from initlint.interpret.parts import Pass
from initlint.interpret.tensors import Param
from initlint.interpret.torch_layers import children_of
from initlint.interpret.values import (
    Frame,
    Instance,
    ListValue,
    Value,
    options,
)


class SweepList(ListValue):
    """What modules(), named_parameters(), ... yield; remembers whose they are."""

    __slots__ = ("method", "root")

    def __init__(self, items: tuple[Value, ...], root: Instance, method: str) -> None:
        super().__init__(items)
        self.root = root
        self.method = method


def named_modules(root: Instance) -> list[tuple[str, Instance]]:
    """The module and all modules inside, each once, parents first."""
    found: list[tuple[str, Instance]] = []
    add_modules(root, "", found, set())
    return found


def add_modules(root: Instance, prefix: str, found: list[tuple[str, Instance]], seen: set[int]) -> None:
    if id(root) not in seen:
        seen.add(id(root))
        found.append((prefix, root))
        for key, child in children_of(root):
            add_modules(child, f"{prefix}.{key}" if prefix else key, found, seen)


def modules_of(root: Instance) -> list[Instance]:
    """The same without their names."""
    return [module for _, module in named_modules(root)] if children_of(root) else [root]


def own_parameters(module: Instance) -> list[tuple[str, Param]]:
    return [(str(k), o) for k, v in module.cell.items() for o in options(v) if isinstance(o, Param)]


def all_parameters(root: Instance) -> Iterator[tuple[str, Param]]:
    seen: set[int] = set()
    for prefix, module in named_modules(root):
        for key, param in own_parameters(module):
            if id(param) not in seen:
                seen.add(id(param))
                yield f"{prefix}.{key}" if prefix else key, param


def listing(machine: Machine, receiver: Instance, name: str, kwargs: Keywords) -> Value:
    items: tuple[Value, ...]
    if name in ("modules", "named_modules"):
        pairs: list[tuple[str, Value]] = list(named_modules(receiver))
    elif name in ("children", "named_children"):
        pairs = list({id(c): (k, c) for k, c in children_of(receiver)}.values())
    elif kwargs.get("recurse") is False:
        pairs = list(own_parameters(receiver))
    else:
        pairs = list(all_parameters(receiver))
    items = tuple(pairs) if name.startswith("named") else tuple(value for _, value in pairs)
    return SweepList(items, receiver, name)


def apply(machine: Machine, root: Instance, function: Value, node: ast.AST, frame: Frame) -> Value:
    """`root.apply(fn)`: children first, as torch does."""

    def visit(module: Value) -> None:
        machine.call(function, [module], {}, node, frame)

    name = getattr(getattr(function, "function", function), "name", "")
    sweep = Pass(
        node, frame.unit.place(node), "apply", root, str(name), machine.next_serial(), visit, root_name=root.name
    )
    machine.enter(sweep)
    try:
        for module in reversed_post_order(root):
            visit(module)
    finally:
        machine.leave(sweep)
    return root


def reversed_post_order(root: Instance, seen: set[int] | None = None) -> Iterator[Instance]:
    seen = set() if seen is None else seen
    if id(root) in seen:
        return
    seen.add(id(root))
    for _, child in children_of(root):
        yield from reversed_post_order(child, seen)
    yield root
