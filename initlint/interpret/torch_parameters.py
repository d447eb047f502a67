"""Parameters: making them, giving them to modules, and setting their attributes."""

from __future__ import annotations

import ast

from initlint.graph import InitEvent, Unknown
from initlint.interpret import torch_init
from initlint.interpret.held import give_way
from initlint.interpret.machine import Arguments, Keywords, Machine, function_name
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.values import (
    Alternatives,
    Frame,
    Instance,
    Value,
    options,
)


def adopt(machine: Machine, owner: Instance, name: str, value: Value, node: ast.AST, frame: Frame) -> Value:
    """A value becomes an attribute of a module: parameters learn whose they are."""
    current = owner.cell.get(name)
    give_way(current, value)
    for option in options(value):
        if isinstance(option, Param) and option.owner is None:
            option.owner = owner
            option.name = name
            if isinstance(current, Param):
                option.role = current.role  # it takes the place of the framework's
        elif isinstance(option, Param) and isinstance(current, Param) and option.owner is not owner:
            machine.ties.append((frame.unit.place(node), owner, option))
    plain = isinstance(value, Tensor) or (isinstance(value, View) and value.detached)
    if isinstance(current, Param) and plain and machine.certain:
        by_name = isinstance(node, ast.Call) and node.args  # setattr
        target = f"{ast.unparse(node.args[0])}.{name}" if by_name else ast.unparse(node)  # type: ignore[attr-defined]
        facts = {"name": name, "module": owner.name, "expression": target}
        machine.incident("assign-non-parameter", node, frame, facts, current)
        return current
    return value


def set_tensor_attribute(machine: Machine, owner: Value, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
    """`weight.data = ...`, `weight.requires_grad = False`, and methods that are assigned to."""
    if not isinstance(owner, (Param, View)):
        return
    param = owner.param if isinstance(owner, View) else owner
    if name == "data":
        if isinstance(owner, Param) and isinstance(value, (Param, View)) and getattr(value, "param", value) is param:
            return  # weight.data = weight.data.normal_()
        source: Value = value if isinstance(value, (Tensor, Param, View)) else Unknown("another tensor")
        torch_init.copy_into(machine, param, source, node, frame, "Tensor.data")
    elif name == "requires_grad":
        param.trainable = value if isinstance(value, bool) else None
    elif machine.knowledge.initializers.get("Tensor." + name) is not None:
        machine.incident(
            "init-on-copy",
            node,
            frame,
            {"what": "method-assigned", "method": name, "expression": ast.unparse(node)},
            param,
        )
    else:
        machine.heap.write(param.cell, name, value)  # a mark of the project's own


def make_parameter(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`nn.Parameter(tensor)`."""
    data = args[0] if args else kwargs.get("data")
    if isinstance(data, Alternatives):
        return machine.each(data, lambda option: make_parameter(machine, [option, *args[1:]], kwargs, node, frame))
    if isinstance(data, Param):
        return data
    place = frame.unit.place(node)
    shape = getattr(data, "shape", None)
    param = Param("", "raw", shape, place, machine.next_serial())
    wanted = kwargs.get("requires_grad", args[1] if len(args) > 1 else True)
    param.trainable = wanted if isinstance(wanted, bool) else None
    content = data.content if isinstance(data, Tensor) else None
    if taken := torch_init.values_of(data):
        param.cell["histories"] = tuple((event,) for event in taken)
    elif content is None:
        why = data.why if isinstance(data, Unknown) else "made from another tensor"
        event = InitEvent("unknown", (("why", why),), place, "torch.nn.Parameter", True, function=function_name(frame))
        param.cell["histories"] = ((event,),)
    elif content.name == "empty":
        param.memory = True
    else:
        param.cell["histories"] = ((content,),)
    machine.params.append(param)
    return param
