"""What Keras's callables do to values: the dispatch over the tables in `rules/`."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import (
    keras_activations,
    keras_initializers,
    keras_layers,
    keras_models,
    keras_names,
    keras_weights,
    selections,
    torch,
    torch_functions,
)
from initlint.interpret.copies import copied
from initlint.interpret.keras_functional import hold, tensors_of
from initlint.interpret.keras_shapes import output_of
from initlint.interpret.keras_values import KerasObject, like, shape_from, shape_value
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.torch_init import event_of
from initlint.interpret.torch_tensors import as_tensor, tensors_in
from initlint.interpret.values import Frame, Instance, ListValue, Symbol, Value
from initlint.knowledge import FunctionSpec

ROOTS: Final = ("keras.", "tensorflow.")
MERGES: Final = {  # functions of keras.layers that are layers by another name
    "add": "Add",
    "subtract": "Subtract",
    "multiply": "Multiply",
    "average": "Average",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "concatenate": "Concatenate",
    "dot": "Dot",
}
KEEPS_SHAPE: Final = frozenset({"activation", "elementwise", "norm", "dropout", "identity"})
DRAWN: Final = {  # arguments after the shape, and what we call them
    "normal": {"mean": "mean", "stddev": "std"},
    "trunc_normal": {"mean": "mean", "stddev": "std"},
    "uniform": {"minval": "a", "maxval": "b"},
}
JUDGES: Final = ("keras.losses.", "keras.metrics.")
TRAINERS: Final = frozenset({"tensorflow.GradientTape"})
LOOKUPS: Final = frozenset({"gather", "take", "embedding_lookup"})


def call_known(
    machine: Machine, callee: Symbol, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A call of something of Keras or TensorFlow that has no handler of its own."""
    tables, qualified = machine.knowledge, callee.qualified
    layer = tables.layers.get(qualified)
    if layer is not None:
        if layer.role in ("module", "container"):
            return keras_models.construct_model(machine, qualified, args, kwargs, node, frame)
        return keras_layers.construct_layer(machine, layer, args, kwargs, node, frame)
    initializer = tables.initializers.get(qualified)
    if initializer is not None:
        return keras_initializers.construct(machine, initializer, args, kwargs, node, frame)
    owner, _, name = qualified.rpartition(".")
    if owner == "keras.layers" and name in MERGES:
        return merge(machine, name, args, kwargs, node)
    function = tables.functions.get(qualified)
    if function is not None:
        return call_function(machine, function, args, kwargs, node, frame)
    if name == "from_config" and (owner in tables.layers or owner in tables.initializers):
        return keras_initializers.from_config(machine, Symbol.of(owner), args, kwargs, node, frame)
    if args and owner in tables.layers and isinstance(args[0], Instance):  # keras.layers.Layer.__init__(self)
        return machine.native_method(args[0], name, args[1:], kwargs, node, frame)
    if owner == "keras.applications":
        return outside_model(machine, qualified, node, frame)
    if qualified.startswith(JUDGES):  # a loss or a metric: made, or told data
        data = [tensor for tensor in tensors_in(machine, [*args, *kwargs.values()]) if tensor.node >= 0]
        return machine.flow("output", data, name, node) if data else callee
    if owner == "keras.optimizers" or qualified in TRAINERS:
        return callee  # stands for the object: its methods train weights, they do not initialize them
    return torch.outside(machine, callee, args, kwargs, node, frame)


def call_function(
    machine: Machine, spec: FunctionSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """An operation: what torch_functions does by its role, and the shape of the result where it is kept."""
    first = torch_functions.subject(args, kwargs)
    name = spec.qualified.rpartition(".")[2]
    if name in LOOKUPS and not isinstance(first, (Param, View)) and getattr(first, "param", None) is None:
        return without_shape(as_tensor(machine, first)) if isinstance(first, Tensor) else Unknown(name)
    if spec.role == "activation" and spec.name == "relu":
        slope, most = kwargs.get("negative_slope", kwargs.get("alpha")), kwargs.get("max_value")
        if isinstance(first, Tensor) and isinstance(slope, (int, float)) and slope:
            return kept(first, machine.flow("activation", [first], "leaky_relu", node, slope))
        if isinstance(first, Tensor) and most is not None:
            return kept(first, machine.flow("activation", [first], "relu6", node))
    if spec.role == "factory" and spec.name in DRAWN:
        return drawn(machine, spec, args, kwargs, node, frame)
    if spec.role == "merge" and spec.name == "max":
        chosen = selections.called(machine, name, args, kwargs, node)
        tensor = next((t for t in args if isinstance(t, Tensor)), None)
        if isinstance(chosen, Tensor) and tensor is not None:
            return kept(tensor, chosen)
    if spec.role == "merge" and spec.name in ("add", "mul", "cat", "max"):
        inputs = list(tensors_in(machine, [*args, *kwargs.values()]))
        data = [t for t in inputs if t.node >= 0]
        if len(data) > 1 and len(data) == len(inputs):
            output = "concatenate" if name in ("concat", "concatenate") else "same"
            axis = kwargs.get("axis", args[1] if len(args) > 1 else -1)
            output = "unknown" if name in ("stack", "vstack", "hstack") else output
            shape, channels = output_of(output, {"axis": axis}, data)
            return like(machine.flow(spec.name, data, name, node), shape, channels)
    result = torch_functions.call_function(machine, spec, args, kwargs, node, frame)
    if isinstance(result, Tensor) and isinstance(first, Tensor) and result.node >= 0:
        if name == "reshape":
            return reshaped(result, args[1] if len(args) > 1 else kwargs.get("newshape", kwargs.get("shape")))
        return kept(first, result) if spec.role in KEEPS_SHAPE else without_shape(result)
    return result


def drawn(
    machine: Machine, spec: FunctionSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Tensor:
    """`keras.random.normal(shape, mean, stddev)` and its kin: new values, and their law."""
    words = {"shape": args[0]} if args else {}
    words |= dict(zip(DRAWN[spec.name], args[1:], strict=False)) | kwargs
    given = {name: words[spelled] for spelled, name in DRAWN[spec.name].items() if spelled in words}
    spelling = spec.qualified
    if spec.name == "trunc_normal":  # its law goes by the initializer's name, whose std is another one
        given, spelling = {"mean": 0.0, "std": 1.0, **given}, "keras.initializers.TruncatedNormal"
    return Tensor(-1, shape_from(words.get("shape")), event_of(machine, spec.name, given, node, frame, spelling))


def kept(first: Tensor, result: Tensor) -> Tensor:
    return like(result, first.shape, first.channels)


def without_shape(tensor: Tensor) -> Tensor:
    return like(tensor, None)


def reshaped(tensor: Tensor, shape: Value) -> Tensor:
    sizes = shape_from(shape)
    return like(tensor, tuple(None if s == -1 else s for s in sizes) if sizes is not None else None)


def merge(machine: Machine, name: str, args: Arguments, kwargs: Keywords, node: ast.AST) -> Value:
    """`layers.add([a, b])`."""
    spec = machine.knowledge.layers[f"keras.layers.{MERGES[name]}"]
    values = args[:1] or [kwargs.get("inputs")]
    arguments = {"axis": kwargs.get("axis", -1)}
    return keras_layers.merge(machine, spec, arguments, values, node)


def outside_model(machine: Machine, qualified: str, node: ast.AST, frame: Frame) -> Value:
    """`keras.applications.ResNet50(...)`: a model that is not ours to judge, with an input and an output."""
    model = KerasObject(Symbol.of(qualified), machine.next_serial(), machine.knowledge.layers["keras.Model"])
    machine.locate(model, node, frame)
    source = Tensor(machine.emit("input", ()))
    hold(machine, model, source, Tensor(machine.emit("unknown", (source.node,), qualified, node)))
    model.uses = 1
    return model


# -- functions with a handler of their own ------------------------------------------------


def input_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`keras.Input(shape=...)`: data of this shape, the batch's axis added."""
    given = kwargs.get("tensor", kwargs.get("input_tensor"))
    if isinstance(given, Tensor):
        return given
    if "batch_shape" in kwargs or "batch_input_shape" in kwargs:
        sizes = shape_from(kwargs.get("batch_shape", kwargs.get("batch_input_shape")))
    else:
        shape = shape_from(kwargs.get("shape", args[0] if args else None))
        sizes = (None, *shape) if shape is not None else None
    name = kwargs.get("name")
    return like(Tensor(machine.emit("input", (), name if isinstance(name, str) else "", node)), sizes)


def data_format(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return "channels_last"  # unless keras.json says otherwise


def int_shape(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return shape_value(args[0] if args else None)


def is_keras_tensor(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    value = args[0] if args else None
    return True if isinstance(value, Tensor) else Unknown("a type test")


def deserialize(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`layers.deserialize(config)` and its kin, of a configuration that names a class of Keras."""
    config = args[0] if args else kwargs.get("config")
    cell = getattr(config, "cell", {})
    name, inner = cell.get("class_name"), cell.get("config")
    for namespace in ("keras.layers", "keras.initializers"):
        known = f"{namespace}.{name}"
        if known in machine.knowledge.layers or known in machine.knowledge.initializers:
            given = {str(k): v for k, v in getattr(inner, "cell", {}).items()}
            return machine.call(Symbol.of(known), [], given, node, frame)
    return Unknown("an object made from a configuration")


def clone_model(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    model = args[0] if args else kwargs.get("model")
    return copied(machine, model, {}) if isinstance(model, KerasObject) and "outputs" not in model.cell else model


def flattened(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`tree.flatten(structure)`."""
    return ListValue(tuple(tensors_of(args[0]))) if args else Unknown("a structure")


SYMBOLS: Final[dict[str, Handler]] = {
    **keras_initializers.HANDLERS,
    **keras_activations.HANDLERS,
    **keras_names.HANDLERS,
    "keras.Input": input_,
    "keras.Variable": keras_weights.variable,
    "keras.backend.Variable": keras_weights.variable,
    "keras.backend.variable": keras_weights.variable,
    "tensorflow.Variable": keras_weights.variable,
    "keras.backend.image_data_format": data_format,
    "keras.config.image_data_format": data_format,
    "keras.backend.int_shape": int_shape,
    "keras.backend.is_keras_tensor": is_keras_tensor,
    "keras.utils.is_keras_tensor": is_keras_tensor,
    "keras.layers.deserialize": deserialize,
    "keras.saving.deserialize_keras_object": deserialize,
    "keras.utils.deserialize_keras_object": deserialize,
    "keras.clone_model": clone_model,
    "tensorflow.nest.flatten": flattened,
    "keras.tree.flatten": flattened,
}
