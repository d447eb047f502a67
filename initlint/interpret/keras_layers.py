"""The layers of Keras: construction, and what calling them does to the data."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import compare, keras_activations, windows
from initlint.interpret.keras_shapes import channels_of, output_of
from initlint.interpret.keras_values import INPUT_SHAPE, KerasObject, bind, like, shape_from
from initlint.interpret.keras_weights import make_weights, remeasure
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.tensors import Tensor
from initlint.interpret.torch_layers import WEIGHTED
from initlint.interpret.torch_tensors import as_tensor, tensors_in
from initlint.interpret.values import (
    DictValue,
    Frame,
    Instance,
    ListValue,
    Symbol,
    Value,
    options,
)
from initlint.knowledge import LayerSpec

CONCATENATE: Final = "keras.layers.Concatenate"
EXTREMES: Final = {"Maximum": ("cat", "maximum"), "Minimum": ("cat", "minimum")}
SPATIAL: Final = ("kernel_size", "strides", "dilation_rate", "pool_size")
OLDER_SIZES: Final = ("kernel_dim1", "kernel_dim2", "kernel_dim3", "nb_row", "nb_col")
OLDER_WORDS: Final[Mapping[tuple[str, str], Value]] = {
    ("dim_ordering", "th"): "channels_first",
    ("dim_ordering", "tf"): "channels_last",
    ("forget_bias_init", "one"): True,
}
WRAPPERS: Final = frozenset({"TimeDistributed", "SpectralNormalization", "Wrapper", "Bidirectional", "RNN"})
OTHER_INPUTS: Final = ("value", "key", "query", "inputs")
OTHER_CHANNELS: Final = ("value_channels", "key_channels")
# What sizes of weights may speak of beside the constructor's arguments: only the inputs tell it.
MEASURED: Final = frozenset({"channels", *OTHER_CHANNELS, "kernel_shape", "bias_shape", "input_units", "output_units"})


def construct_layer(
    machine: Machine, spec: LayerSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """`layers.Dense(...)`: an object with its parameters, whose sizes are known once it is called."""
    layer = KerasObject(Symbol.of(spec.qualified), machine.next_serial(), spec)
    machine.heap.made(layer.cell)
    machine.locate(layer, node, frame)
    build(machine, layer, spec, args, kwargs, node, frame)
    machine.register(layer)
    return layer


def build(
    machine: Machine,
    layer: KerasObject,
    spec: LayerSpec,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> None:
    """What Keras's own __init__ does to `layer`."""
    arguments, given = bind(spec.parameters, dict(spec.older), *of_later_versions(spec, args, kwargs))
    if spec.rank:
        for name in SPATIAL:
            if isinstance(arguments.get(name), int):
                arguments[name] = (arguments[name],) * spec.rank
    layer.arguments = arguments
    for name, value in arguments.items():
        machine.heap.write(layer.cell, name, value)
    shape = input_shape(kwargs)
    if shape is not None:
        machine.heap.write(layer.cell, INPUT_SHAPE, shape)
    if spec.weights:
        for weight in spec.weights:
            layer.cell.pop(weight.name, None)
        given_here = len(args) if isinstance(node, ast.Call) and len(node.args) == len(args) else 0
        order = [p.spelled or p.name for p in spec.parameters if p.kind == "ordinary"][:given_here]
        make_weights(machine, layer, spec, given, node, frame, order, loose="**" in kwargs)
    if arguments.get("trainable") is False:
        freeze(layer)


def of_later_versions(spec: LayerSpec, args: Arguments, kwargs: Keywords) -> tuple[Arguments, Keywords]:
    """Where a call has names of Keras 1: the sizes of a kernel, an argument each there, as one; and older words."""
    if not any(name in spec.older or name in OLDER_SIZES for name in kwargs):
        return args, kwargs
    kwargs = {
        name: OLDER_WORDS.get((name, value), value) if isinstance(value, str) else value
        for name, value in kwargs.items()
    }
    sizes = (*args[1:], *(kwargs[name] for name in OLDER_SIZES if name in kwargs))
    if spec.rank < 2 or len(sizes) != spec.rank or not all(isinstance(size, int) for size in sizes):
        return args, kwargs
    return args[:1], {**kwargs, "kernel_size": sizes}


def input_shape(kwargs: Mapping[str, Value]) -> tuple[int | None, ...] | None:
    """The shape of its input that a first layer is told, batch included."""
    for name in ("batch_input_shape", "batch_shape"):
        if name in kwargs:
            return shape_from(kwargs[name])
    if "input_shape" in kwargs:
        shape = shape_from(kwargs["input_shape"])
        return (None, *shape) if shape is not None else None
    if isinstance(kwargs.get("input_dim"), int):
        return (None, kwargs["input_dim"])  # type: ignore[return-value]
    return None


def freeze(layer: Instance) -> None:
    """`trainable=False`."""
    for value in layer.cell.values():
        for option in options(value):
            if hasattr(option, "trainable") and hasattr(option, "histories"):
                option.trainable = False
            elif isinstance(option, KerasObject) and option is not layer:
                freeze(option)


# -- calls --------------------------------------------------------------------------------


def forward(
    machine: Machine, layer: KerasObject, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Calling a layer of Keras."""
    spec = layer.spec
    assert spec is not None
    word = next((k for k in OTHER_INPUTS if k in kwargs), next(iter(kwargs), ""))
    value = args[0] if args else kwargs.get(word)
    if spec.kind in WRAPPERS or spec.kind == "StackedRNNCells":
        return wrapped(machine, layer, spec, value, kwargs, node, frame)
    if spec.kind == "Lambda":
        return lambda_(machine, layer, value, node, frame)
    if spec.merge:
        return merge(machine, spec, layer.arguments, [value], node)
    if spec.role in WEIGHTED:
        return weighted(machine, layer, spec, value, args, kwargs, node, frame)
    if not isinstance(value, Tensor):
        value = as_tensor(machine, value)
    shape, channels = output_of(spec.output, dict(layer.arguments), [value])
    if spec.kind == "Activation":
        return keras_activations.apply(machine, layer.arguments.get("activation"), value, node, frame)
    if spec.role in ("shape", "identity"):
        return like(value, shape, channels)
    if spec.role == "activation":
        name, slope = activation_of(layer, spec)
        return like(machine.flow("activation", [value], name, node, slope), value.shape, value.channels)
    if spec.role == "pool":
        found = windows.of_layer(spec, layer.arguments)
        return like(windows.pooled(machine, [value], spec.pool or spec.kind, node, *found), shape, channels)
    if spec.role in ("norm", "dropout"):
        size_weights(layer, spec, [value])
        made = machine.flow(spec.role, [value], spec.kind, node, rate_of(layer, spec))
        if spec.role != "pool" and made.node >= 0 and layer.place is not None:  # told where it is constructed
            machine.nodes[made.node] = replace(machine.nodes[made.node], place=layer.place)
        return like(made, shape, channels)
    return machine.lost(f"a call of {spec.kind}", args, kwargs)


def rate_of(layer: KerasObject, spec: LayerSpec) -> float | None:
    """What share of the units a dropout drops."""
    rate = layer.arguments.get("rate") if spec.role == "dropout" else None
    return rate if isinstance(rate, (int, float)) and not isinstance(rate, bool) else None


def activation_of(layer: KerasObject, spec: LayerSpec) -> tuple[str, float | None]:
    """Which activation a layer of activations is, by its arguments, and its slope."""
    slope = layer.arguments.get(spec.parameter) if spec.parameter else None
    number = slope if isinstance(slope, (int, float)) and not isinstance(slope, bool) else None
    if spec.kind == "ReLU":
        if number:
            return "leaky_relu", number
        return ("relu6" if layer.arguments.get("max_value") is not None else "relu"), None
    return spec.activation, number


def size_weights(layer: KerasObject, spec: LayerSpec, inputs: list[Tensor]) -> None:
    """The weights' sizes, from the first input that is known."""
    arguments = dict(layer.arguments)
    if not isinstance(arguments.get("channels"), int) and inputs:
        channels = channels_of(inputs[0], arguments)
        if channels is None:
            return
        arguments["channels"] = channels
        for name, tensor in zip(OTHER_CHANNELS, (inputs[1:] or inputs)[:2] * 2):
            other = channels_of(tensor, arguments)
            if other is not None:
                arguments[name] = other
        if spec.kind == "EinsumDense":
            arguments.update(einsum_sizes(arguments, inputs[0].shape))
        layer.arguments = arguments
        remeasure(layer, spec)


def einsum_sizes(arguments: Mapping[str, Value], shape: tuple[int | None, ...] | None) -> dict[str, Value]:
    """The kernel's shape and units that an equation such as `abc,cde->abde` asks for."""
    equation, target = arguments.get("equation"), shape_from(arguments.get("output_shape"))
    if not isinstance(equation, str) or target is None or "->" not in equation:
        return {}
    left, _, out = equation.replace(" ", "").partition("->")
    data, _, kernel = left.partition(",")
    known: dict[str, int | None] = {}
    for axes, values in ((data, shape or ()), (out, (None, *target))):
        pairs = zip(reversed(axes.replace("...", "")), reversed(values))
        known.update({axis: length for axis, length in pairs if length is not None})
    found = tuple(known.get(axis) for axis in kernel)
    entering = [known.get(axis) for axis in kernel if axis not in out.replace("...", "")]
    leaving = [known.get(axis) for axis in kernel if axis in out.replace("...", "")]
    sizes: dict[str, Value] = {
        "kernel_shape": tuple(Unknown("a size") if size is None else size for size in found),
        "bias_shape": tuple(known.get(axis) for axis in str(arguments.get("bias_axes") or "")),
    }
    for name, parts in (("input_units", entering), ("output_units", leaving)):
        total = 1
        for part in parts:
            total = total * part if part is not None else 0
        if total:
            sizes[name] = total
    return sizes


def weighted(
    machine: Machine,
    layer: KerasObject,
    spec: LayerSpec,
    value: Value,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> Value:
    """A step with weights, and the activation that the layer was given."""
    if spec.role == "attention":
        others = [*args[1:3], *(kwargs[k] for k in ("value", "key") if k in kwargs)]
        inputs = [as_tensor(machine, v) for v in (value, *others) if v is not None]
    else:
        inputs = [as_tensor(machine, value)]
    size_weights(layer, spec, inputs)
    ids = tuple(dict.fromkeys(t.node for t in inputs if t.node >= 0))
    made = machine.emit("layer", ids, spec.kind, node)
    machine.node_layers[made] = layer
    layer.uses += 1
    shape, channels = output_of(spec.output, dict(layer.arguments), inputs)
    output = like(Tensor(made), shape, channels)
    if spec.role == "attention":
        scores = kwargs.get("return_attention_scores") is True
        return (output, Unknown("attention scores")) if scores else output
    if spec.role == "recurrent":
        return recurrent_result(layer, spec, output)
    return keras_activations.apply(machine, layer.arguments.get("activation"), output, node, frame)


def recurrent_result(layer: KerasObject, spec: LayerSpec, output: Tensor) -> Value:
    """The output, with the states where they are asked for."""
    units = output.channels
    state = like(Tensor(output.node), (None, units), units)
    if spec.returns == "state":
        return (output, ListValue((state, state) if spec.kind == "LSTMCell" else (state,)))
    if layer.arguments.get("return_state") is True:
        return ListValue((output, state, state) if spec.kind in ("LSTM", "CuDNNLSTM") else (output, state))
    return output


def merge(
    machine: Machine, spec: LayerSpec, arguments: Mapping[str, Value], values: list[Value], node: ast.AST
) -> Value:
    """Add, Multiply, Maximum, Concatenate, ...: several inputs become one."""
    inputs = list(tensors_in(machine, values))
    data = [t for t in inputs if t.node >= 0]
    unknown = [v for v in values if isinstance(v, Unknown)]
    if unknown and not data:
        return unknown[0]
    shape, channels = output_of(spec.output, arguments, data or inputs)
    if len(data) < 2:
        return like(data[0], shape, channels) if data else Unknown(f"a merge ({spec.kind})")
    op, name = EXTREMES.get(spec.kind, (spec.merge, spec.merge))
    return like(machine.flow(op, data, name, node), shape, channels)


def lambda_(machine: Machine, layer: KerasObject, value: Value, node: ast.AST, frame: Frame) -> Value:
    """A function as a layer."""
    function = layer.arguments.get("function")
    extra = layer.arguments.get("arguments")
    given = {str(k): v for k, v in extra.cell.items()} if isinstance(extra, DictValue) else {}
    return machine.call(function, [value], given, node, frame)


def wrapped(
    machine: Machine, layer: KerasObject, spec: LayerSpec, value: Value, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A layer around another one: what that one does."""
    if spec.kind == "StackedRNNCells":
        for cell in compare.elements(layer.arguments.get("cells")) or ():
            result = machine.call(cell, [value], {}, node, frame)
            value = result[0] if isinstance(result, tuple) and result else result
        return value
    inner = layer.arguments.get("cell" if spec.kind == "RNN" else "layer")
    if isinstance(inner, (tuple, ListValue)):  # several cells
        for cell in compare.elements(inner) or ():
            result = machine.call(cell, [value], {}, node, frame)
            value = result[0] if isinstance(result, tuple) and result else result
        return value
    if not isinstance(inner, Instance):
        return machine.lost(f"a call of {spec.kind}", [value], {})
    if spec.kind == "TimeDistributed" and isinstance(value, Tensor) and value.shape is not None:
        value = like(value, (value.shape[0], *value.shape[2:]))
        result = machine.call(inner, [value], {}, node, frame)
        if isinstance(result, Tensor):
            shape = result.shape
            return like(result, (shape[0], None, *shape[1:]) if shape else None, result.channels)
        return result
    result = machine.call(inner, [value], {}, node, frame)
    if spec.kind == "RNN":
        output = result[0] if isinstance(result, tuple) and result else result
        channels = output.channels if isinstance(output, Tensor) else None
        return like(output, None, channels) if isinstance(output, Tensor) else output
    if spec.kind != "Bidirectional":
        return result
    backward = layer.arguments.get("backward_layer")
    if isinstance(backward, Instance):
        other = machine.call(backward, [value], {}, node, frame)
        return merge(machine, machine.knowledge.layers[CONCATENATE], {"axis": -1}, [result, other], node)
    return both_ways(layer, result)


def both_ways(layer: KerasObject, result: Value) -> Value:
    """The outputs of both directions, side by side unless they are summed."""
    if layer.arguments.get("merge_mode", "concat") != "concat":
        return result
    if isinstance(result, ListValue) and result.items:
        first, *states = result.items
        return ListValue((both_ways(layer, first), *states, *states))
    if isinstance(result, Tensor):
        channels = None if result.channels is None else 2 * result.channels
        return like(result, (*result.shape[:-1], channels) if result.shape else None, channels)
    return result
