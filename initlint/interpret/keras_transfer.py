"""Weights that are taken out of layers of Keras as arrays, and given to them: `get_weights`, `set_weights`."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import InitEvent
from initlint.interpret import compare
from initlint.interpret.keras_functional import layers_of, own_weights
from initlint.interpret.keras_values import KerasObject
from initlint.interpret.machine import Machine
from initlint.interpret.tensors import Param, Tensor
from initlint.interpret.torch_init import copy_into, endings_of
from initlint.interpret.values import Frame, ListValue, Value

LOADED: Final = "Model.load_weights"


def weights_of(machine: Machine, layer: KerasObject) -> list[Param]:
    """The weights of a layer or model, in Keras's order."""
    return [part for owner in (layer, *layers_of(machine, layer)) for part in own_weights(owner)]


def taken(machine: Machine, layer: KerasObject) -> ListValue:
    """`get_weights()`: copies of the values."""
    found = []
    for param in weights_of(machine, layer):
        copy = Tensor(-1, param.shape, None, param)
        copy.origin = endings_of(param)
        found.append(copy)
    return ListValue(tuple(found), serial=machine.next_serial())


def given(machine: Machine, layer: KerasObject, arrays: Value, node: ast.AST, frame: Frame) -> None:
    """`set_weights(arrays)`: each weight takes the values of its array, where it is known which that is; those that it
    has already change nothing."""
    params, items = weights_of(machine, layer), compare.elements(arrays)
    if items is None or len(items) != len(params):
        load(machine, layer, node, frame)
        return
    for param, item in zip(params, items, strict=True):
        if not (isinstance(item, Tensor) and item.param is param and item.content is None and item.origin):
            copy_into(machine, param, item, node, frame, "Layer.set_weights")


def load(machine: Machine, layer: KerasObject, node: ast.AST, frame: Frame) -> None:
    """Loaded weights: noted, beside what they were initialized to."""
    event = InitEvent(
        "unknown", (("why", "loaded weights"),), frame.unit.place(node), LOADED, explicit=True, covers=False
    )
    for param in weights_of(machine, layer):
        machine.write(param, event)
