"""Activations of Keras: strings, functions, layers and configurations, where a layer is given one."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import keras_names
from initlint.interpret.keras_values import like
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.tensors import Tensor
from initlint.interpret.values import (
    Alternatives,
    Class,
    DictValue,
    Frame,
    Symbol,
    Value,
)

NAMESPACE: Final = "keras.activations"


def function_of(machine: Machine, name: str) -> Value:
    """What Keras, or a lookup table, means by a name: a function's symbol; None for `linear`."""
    own = keras_names.named(machine, name)
    if own is not None:
        return own
    qualified = f"{NAMESPACE}.{name}"
    spec = machine.knowledge.functions.get(qualified)
    if spec is not None:
        return None if spec.role == "identity" else Symbol.of(qualified)
    known = machine.knowledge.strings.get(name.lower())
    if known == "linear":
        return None
    if known is not None:
        return Symbol.of(f"{NAMESPACE}.{known}")
    return Unknown(f"an activation called {name!r}")


def get(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`activations.get(identifier)`."""
    value = args[0] if args else kwargs.get("identifier", kwargs.get("activation"))
    if isinstance(value, Alternatives):
        return machine.each(value, lambda option: get(machine, [option], {}, node, frame))
    if value is None:
        return Symbol.of(f"{NAMESPACE}.linear")
    if isinstance(value, str):
        return function_of(machine, value) or Symbol.of(f"{NAMESPACE}.linear")
    if isinstance(value, DictValue):
        name = value.cell.get("class_name")
        config = value.cell.get("config")
        if isinstance(name, str) and f"keras.layers.{name}" in machine.knowledge.layers:
            given = {str(k): v for k, v in config.cell.items()} if isinstance(config, DictValue) else {}
            return machine.call(Symbol.of(f"keras.layers.{name}"), [], given, node, frame)
        name = config if isinstance(config, str) else name
        return get(machine, [name], {}, node, frame) if isinstance(name, str) else Unknown("an activation")
    return value


def serialize(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[0] if args else kwargs.get("activation")
    return value.name if isinstance(value, Symbol) and value.qualified.startswith(NAMESPACE) else value


def apply(machine: Machine, value: Value, tensor: Tensor, node: ast.AST, frame: Frame) -> Tensor:
    """The tensor after an activation that a layer was given."""
    if value is None:
        return tensor
    if isinstance(value, Alternatives):
        result = machine.each(value, lambda option: apply(machine, option, tensor, node, frame))
        return result if isinstance(result, Tensor) else tensor
    function = get(machine, [value], {}, node, frame) if isinstance(value, (str, DictValue)) else value
    if isinstance(function, Symbol):
        spec = machine.knowledge.functions.get(function.qualified)
        if spec is not None and spec.role == "identity":
            return tensor
        if function.qualified in machine.knowledge.layers:  # the class itself, which Keras makes an object of
            function = machine.call(function, [], {}, node, frame)
        elif function.name in machine.knowledge.activations and spec is None:
            return like(machine.flow("activation", [tensor], function.name, node), tensor.shape, tensor.channels)
    if function is None:
        return tensor
    if isinstance(function, Class):
        function = machine.call(function, [], {}, node, frame)
    if isinstance(function, Unknown):
        return unknown(machine, tensor, function.why, node)
    result = machine.call(function, [tensor], {}, node, frame)
    if isinstance(result, Tensor) and result.node >= 0:
        return like(result, tensor.shape, tensor.channels)
    return unknown(machine, tensor, "an activation that is not understood", node)


def unknown(machine: Machine, tensor: Tensor, why: str, node: ast.AST) -> Tensor:
    """The tensor after something that is not understood."""
    if tensor.node < 0:
        return tensor
    return like(Tensor(machine.emit("unknown", (tensor.node,), why, node)), tensor.shape, tensor.channels)


HANDLERS: Final[dict[str, Handler]] = {
    f"{NAMESPACE}.get": get,
    f"{NAMESPACE}.deserialize": get,
    f"{NAMESPACE}.serialize": serialize,
}
