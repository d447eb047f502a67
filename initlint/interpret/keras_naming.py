"""Names of Keras's layers and weights, and what may be asked of those that are known in part."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import torch_methods
from initlint.interpret.keras_values import KerasObject
from initlint.interpret.machine import Attribute, Machine
from initlint.interpret.partial_names import PartialName
from initlint.interpret.tensors import Param
from initlint.interpret.values import Frame, Native, Value
from initlint.knowledge import snake

METHODS: Final[dict[str, Callable[[PartialName, str], bool | None]]] = {
    "startswith": PartialName.begins,
    "endswith": PartialName.ends,
}


def name_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    """The methods of the string that the name is: those that a part of it answers."""
    assert isinstance(value, PartialName)
    answer = METHODS.get(name)
    if answer is None:
        return value if name in ("lower", "casefold") else Unknown(f"attribute {name} of a name")
    return Native(name, partial(answered, value, answer))


def answered(
    name: PartialName,
    answer: Callable[[PartialName, str], bool | None],
    args: list[Value],
    kwargs: dict[str, Value],
) -> Value:
    asked = args[0] if args else None
    parts = asked if isinstance(asked, tuple) else (asked,)
    answers = [answer(name, part) if isinstance(part, str) else None for part in parts]
    if True in answers:
        return True
    return Unknown("a name that is known in part") if None in answers else False


def weight_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute of a weight; Keras names it by its layer: `kernel` in Keras 3, `dense/kernel:0` in TensorFlow."""
    if name in ("name", "path") and isinstance(value, Param) and isinstance(value.owner, KerasObject) and value.name:
        return PartialName("the name of a weight", known=value.name, numbered=False)
    return torch_methods.tensor_attribute(machine, value, name, node, frame)


def layer_name(layer: KerasObject) -> Value:
    """The name of a layer: as it was given, else Keras's own."""
    given = layer.cell.get("name", layer.arguments.get("name"))
    if given is not None:
        return given
    return (
        Unknown("attribute name")
        if layer.spec is None
        else PartialName("a name", known=snake(layer.name), numbered=True)
    )


ATTRIBUTES: Final[dict[type, Attribute]] = {PartialName: name_attribute, Param: weight_attribute}
