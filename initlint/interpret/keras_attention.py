"""What Keras's attention layers give to classes that derive from them and write `build` or `call` anew: projections,
the product between them, and the arguments that the projections have in common."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import keras_initializers
from initlint.interpret.keras_layers import OTHER_CHANNELS, size_weights, weighted
from initlint.interpret.keras_shapes import channels_of
from initlint.interpret.keras_values import Initializer, KerasObject, like
from initlint.interpret.keras_weights import remeasure
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.tensors import Tensor
from initlint.interpret.torch_tensors import as_tensor
from initlint.interpret.values import DictValue, Frame, Symbol, Value, options

LAST: Final = "_output_dense"
PROJECTIONS: Final = dict(zip(("_value_dense", "_key_dense"), OTHER_CHANNELS, strict=True)) | {
    "_query_dense": "",
    LAST: "",
}
PRODUCT: Final = "_compute_attention"
IN_COMMON: Final = "_get_common_kwargs_for_sublayer"
QUIET: Final = frozenset({"_build_attention", "_build_from_signature"})
METHODS: Final = frozenset({*PROJECTIONS, PRODUCT, IN_COMMON, *QUIET})
SHARED: Final = tuple(
    f"{weight}_{what}" for weight in ("kernel", "bias") for what in ("initializer", "regularizer", "constraint")
)
ATTENTION: Final = "keras.ops.dot_product_attention"


def is_attention(value: KerasObject) -> bool:
    return value.spec is not None and value.spec.role == "attention"


def last_projections(owners: Sequence[object]) -> dict[int, KerasObject]:
    """The attention layers whose class has made the output's projection itself, by the ids of those: what such a
    projection feeds is what the attention feeds."""
    found: dict[int, KerasObject] = {}
    for owner in owners:
        if isinstance(owner, KerasObject) and is_attention(owner):
            found |= {id(own): owner for own in options(owner.cell.get(LAST)) if isinstance(own, KerasObject)}
    return found


def call(
    machine: Machine, layer: KerasObject, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Call one of these methods. The layer is one step of the data, at the product: the projections before it and the
    one behind it are parts of that."""
    if name in PROJECTIONS:
        return projected(machine, layer, name, args[0] if args else next(iter(kwargs.values()), None))
    if name == PRODUCT:
        return product(machine, layer, args, kwargs, node, frame)
    if name == IN_COMMON:
        return in_common(machine, layer, node, frame)
    return None


def projected(machine: Machine, layer: KerasObject, name: str, value: Value) -> Value:
    """What goes into a projection, whose size is the weights'."""
    assert layer.spec is not None
    data = as_tensor(machine, value)
    if name == "_query_dense":
        size_weights(layer, layer.spec, [data])
    elif PROJECTIONS.get(name):
        channels = channels_of(data, dict(layer.arguments))
        if channels is not None:
            layer.arguments = {**layer.arguments, PROJECTIONS[name]: channels}
            remeasure(layer, layer.spec)
    return like(data, None)


def product(
    machine: Machine, layer: KerasObject, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """The weighted sum of the values, and the weights: of the layer's own projections, or of those that the class has
    made."""
    assert layer.spec is not None
    named = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
    query, key, value = (named.get(name) for name in ("query", "key", "value"))
    if "_query_dense" in layer.cell:
        found = machine.call(Symbol.of(ATTENTION), [query, key, value], {}, node, frame)
    else:
        found = weighted(machine, layer, layer.spec, query, [query, value, key], {}, node, frame)
    return (like(found, None) if isinstance(found, Tensor) else found, Unknown("attention scores"))


def in_common(machine: Machine, layer: KerasObject, node: ast.AST, frame: Frame) -> DictValue:
    """The arguments that each projection gets: initializers as copies of their own."""
    shared: dict[object, Value] = {name: layer.arguments[name] for name in SHARED if name in layer.arguments}
    for name, value in shared.items():
        if isinstance(value, Initializer):
            shared[name] = keras_initializers.call_native(machine, value, "clone", [], {}, node, frame)
    return DictValue(shared, serial=machine.next_serial())
