"""Parameters made without values that other code than the constructor fills: a loader, or a method called later."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final

from initlint.interpret import torch_init
from initlint.interpret.machine import Arguments, Machine
from initlint.interpret.tensors import Param, View
from initlint.interpret.torch_traversal import all_parameters
from initlint.interpret.trees import last_name, walk
from initlint.interpret.values import Class, Frame, Function, Instance, Value, flatten
from initlint.knowledge import LOADING

SELF: Final = "self"
CONSTRUCTOR: Final = "__init__"
FORWARD: Final = "forward"


def loads(machine: Machine, given: Arguments, node: ast.AST, frame: Frame) -> None:
    """What a loader of the project's own may have done to the modules that it was given: it fills what is empty, though
    the names under which it finds the parameters are not known here."""
    event = torch_init.event_of(machine, "unknown", {"why": "loaded weights"}, node, frame, LOADING)
    for value in given:
        if isinstance(value, Instance) and value.module:
            machine.loaded = True
            for _, param in all_parameters(value):
                if is_empty(param):
                    machine.write(param, event)


def may_fill(machine: Machine, given: Iterable[Value], why: str) -> None:
    """What unseen code may have done that was called for its effect on parameters: `zeros(self.bias)`."""
    for value in flatten(tuple(given)):
        param = value.param if isinstance(value, View) else value
        if isinstance(param, Param) and is_empty(param):
            machine.escape(param, why)


def is_empty(param: Param) -> bool:
    """Whether it was made without values and, on some way, has none yet."""
    return param.memory and any(not history or history[-1].name == "empty" for history in param.histories or ((),))


def is_left_to_methods(machine: Machine, param: Param) -> bool:
    """Whether it is empty and a method of its module that the construction does not run writes to it: the forward, for
    the first data that it sees, or one that a caller runs."""
    owner = param.owner
    if not is_empty(param) or not isinstance(owner, Instance) or not isinstance(owner.cls, Class):
        return False
    return any(
        is_later(machine, function) and writes_to(function, param.name)
        for cls in owner.cls.lineage
        if isinstance(cls, Class)
        for function in cls.cell.values()
        if isinstance(function, Function)
    )


def is_later(machine: Machine, function: Function) -> bool:
    return function.name == FORWARD or (function.name != CONSTRUCTOR and not machine.called.get(function.node))


def writes_to(function: Function, name: str) -> bool:
    """Whether the text of a method writes to `self.name`: in place, to a part, to its data, or through a function whose
    name ends as those do that write to what they are given."""
    for part in walk(function.node):
        if isinstance(part, ast.Call):
            called = part.func
            written = [*([called.value] if isinstance(called, ast.Attribute) else []), *part.args[:1]]
            if last_name(called).endswith("_") and any(is_own(one, name) for one in written):
                return True
        elif (
            isinstance(part, (ast.Attribute, ast.Subscript)) and isinstance(part.ctx, ast.Store) and is_own(part, name)
        ):
            return True
    return False


def is_own(node: ast.expr, name: str) -> bool:
    """Whether an expression is `self.name`, a part of it or its data."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return node.value.id == SELF and node.attr == name
        node = node.func if isinstance(node, ast.Call) else node.value
    return False
