"""Showing data to models of Keras: the call on symbolic tensors, and what their results end in."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.heap import Raised
from initlint.interpret.keras_functional import bring
from initlint.interpret.keras_models import is_model
from initlint.interpret.keras_values import INPUT_SHAPE, OUTPUTS, KerasObject, like
from initlint.interpret.machine import Machine
from initlint.interpret.tensors import Tensor
from initlint.interpret.values import Class, Frame, Function, Instance, Value, flatten

SWITCHES: Final = frozenset("training mask return_attention_scores attention_mask padding_mask".split())
MOST_SHOWN: Final = 12


def show(machine: Machine, model: KerasObject, frame: Frame) -> list[Value]:
    """The results of a model on symbolic data; a functional one has them already."""
    if OUTPUTS in model.cell:
        bring(machine, model)
        model.uses += 1
        return [model.cell[OUTPUTS]]
    node: ast.AST = model.cls.node if isinstance(model.cls, Class) else frame.unit.tree.body[-1]
    shape = model.cell.get(INPUT_SHAPE)
    call = model.cls.find("call") if isinstance(model.cls, Class) else None
    given: list[Value] = [data(machine, shape)]
    extra: dict[str, Value] = {}
    if isinstance(call, Function):
        args = call.node.args
        positional = [*args.posonlyargs, *args.args][1:]
        count = len(positional) - len(args.defaults)
        given = []
        for index, argument in enumerate(positional[: max(count, 1)]):
            switch = argument.arg in SWITCHES
            given.append(Unknown(argument.arg) if switch else data(machine, shape if index == 0 else None))
        for argument, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            if default is None:
                extra[argument.arg] = Unknown(argument.arg) if argument.arg in SWITCHES else data(machine, None)
    machine.frames.append(frame)
    try:
        return [machine.call(model, given, extra, node, frame)]
    except Raised:
        return []
    finally:
        machine.frames.pop()
        machine.heap.log = None


def data(machine: Machine, shape: Value) -> Tensor:
    return like(Tensor(machine.emit("input", ())), shape if isinstance(shape, tuple) else None)


def unused(machine: Machine) -> list[KerasObject]:
    """Models that nothing has called and that no other object holds."""
    models = [m for m in machine.instances if isinstance(m, KerasObject) and is_model(m) and not m.uses]
    if not models:
        return []
    held = {
        id(part)
        for owner in machine.instances
        if isinstance(owner, KerasObject)
        for value in owner.cell.values()
        for part in flatten(value)
        if isinstance(part, Instance)
    }
    return [m for m in models if id(m) not in held][:MOST_SHOWN]
