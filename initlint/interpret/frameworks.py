"""Whose object it is: what PyTorch and Keras do to values, by the framework that they are of."""

from __future__ import annotations

import ast
from typing import Final

from initlint.interpret import (
    attributes,
    keras,
    keras_initializers,
    keras_models,
    keras_naming,
    numpy_arrays,
    torch,
    torch_modules,
    torch_parameters,
)
from initlint.interpret.keras_values import Initializer, KerasObject, KerasValue
from initlint.interpret.machine import Arguments, Attribute, Call, Handler, Keywords, Machine
from initlint.interpret.pretrained import Pretrained
from initlint.interpret.values import Frame, Instance, Symbol, Value

CALLS: Final[dict[type, Call]] = {
    Instance: torch_modules.call_instance,
    Pretrained: torch_modules.call_instance,
    KerasObject: keras_models.call_object,
    Initializer: keras_initializers.call_initializer,
}
ATTRIBUTES: Final[dict[type, Attribute]] = {
    KerasObject: attributes.instance_attribute,
    Initializer: attributes.instance_attribute,
    **keras_naming.ATTRIBUTES,
}
SYMBOLS: Final[dict[str, Handler]] = {**torch.SYMBOLS, **keras.SYMBOLS, **numpy_arrays.HANDLERS}


def call_known(
    machine: Machine, callee: Symbol, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A call of something outside the project that has no handler of its own."""
    known = keras.call_known if callee.qualified.startswith(keras.ROOTS) else torch.call_known
    return known(machine, callee, args, kwargs, node, frame)


def native_attribute(machine: Machine, value: Instance, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute that the framework gives to its objects; MISSING when it gives none."""
    if isinstance(value, KerasValue):
        return keras_models.native_attribute(machine, value, name, node, frame)
    return torch_modules.native_attribute(machine, value, name, node, frame)


def call_native(
    machine: Machine, receiver: Instance, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Call a method that the framework gives."""
    if isinstance(receiver, KerasValue):
        return keras_models.call_native(machine, receiver, name, args, kwargs, node, frame)
    return torch_modules.call_native(machine, receiver, name, args, kwargs, node, frame)


def adopt(machine: Machine, owner: Instance, name: str, value: Value, node: ast.AST, frame: Frame) -> Value:
    """A value becomes an attribute of a module."""
    if isinstance(owner, KerasObject):
        return keras_models.adopt(machine, owner, name, value)
    return torch_parameters.adopt(machine, owner, name, value, node, frame)


def is_kind(machine: Machine, value: Instance, kind: Symbol) -> bool:
    """Whether a module is of a framework's class."""
    return (
        keras_models.is_kind(value, kind)
        if isinstance(value, KerasValue)
        else torch_modules.is_kind(machine, value, kind)
    )
