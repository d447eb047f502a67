"""Models of Keras and layers of the project: Sequential, the functional API, subclasses; their methods and calls."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import (
    keras_attention,
    keras_initializers,
    keras_layers,
    keras_naming,
    keras_transfer,
    keras_weights,
)
from initlint.interpret.heap import MISSING
from initlint.interpret.keras_functional import all_weights, bring, hold, layers_of, replay, taken_out, tensors_of
from initlint.interpret.keras_values import (
    BUILT,
    INPUT_SHAPE,
    INPUTS,
    OUTPUTS,
    Initializer,
    KerasObject,
    KerasValue,
    like,
    shape_from,
    shape_value,
)
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor
from initlint.interpret.values import (
    Bound,
    Cell,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Symbol,
    Value,
    flatten,
    options,
)

QUIET: Final = frozenset(
    "compile fit evaluate fit_generator evaluate_generator train_on_batch test_on_batch summary save save_weights"
    " add_loss add_metric count_params reset_states reset_state to_json reset_metrics export"
    " train_step test_step make_train_function make_test_function load_own_variables save_own_variables"
    " compute_loss compute_metrics get_compile_config stateless_call quantize jit_compile add_update"
    " _set_inputs _init_set_name build_from_config get_build_config _check_super_called".split()
)
MAKERS: Final = frozenset("add_weight add_variable add_parameter track_variable".split())
OTHERS: Final = frozenset(
    "__init__ __call__ call build add pop get_layer predict predict_on_batch predict_step load_weights get_weights"
    " set_weights get_config from_config compute_output_shape compute_mask compute_output_spec".split()
)
METHODS: Final = QUIET | MAKERS | OTHERS
PROPERTIES: Final = frozenset(
    "layers inputs input outputs output input_shape output_shape weights trainable_weights variables"
    " trainable_variables non_trainable_weights name dtype compute_dtype variable_dtype dtype_policy losses metrics"
    " metrics_names optimizer loss built trainable stateful".split()
)


# -- attributes ---------------------------------------------------------------------------


def native_attribute(machine: Machine, value: KerasValue, name: str, node: ast.AST, frame: Frame) -> Value:
    """An attribute that Keras gives to its objects; MISSING when it gives none."""
    if isinstance(value, Initializer):
        return Bound(value, name) if name in keras_initializers.METHODS else MISSING
    if name in METHODS:
        return Bound(value, name)
    if isinstance(value, KerasObject) and name in PROPERTIES:
        return attribute_of(value, name, machine)
    if isinstance(value, KerasObject) and keras_attention.is_attention(value):
        if name in keras_attention.METHODS:
            return Bound(value, name)
        return value.arguments.get(name[1:], MISSING) if name.startswith("_") else MISSING
    return MISSING


def attribute_of(value: KerasObject, name: str, machine: Machine) -> Value:
    """A property of a layer or model."""
    if name == "layers":
        return ListValue(tuple(layers_of(machine, value)), serial=machine.next_serial())
    bring(machine, value)
    if name in ("input", "output"):
        whole = value.cell.get(INPUTS if name == "input" else OUTPUTS, MISSING)
        return Unknown(f"attribute {name}") if whole is MISSING else whole
    if name in ("inputs", "outputs"):
        return Unknown(f"attribute {name}")
    if name in ("input_shape", "output_shape"):
        whole = value.cell.get(INPUTS if name == "input_shape" else OUTPUTS)
        return shape_value(whole)
    if name == "trainable":
        return True
    if name == "built" and isinstance(value.cls, Class):
        return value.cell.get(BUILT) is True
    if name == "optimizer":
        return Symbol.of("keras.optimizers.Optimizer")
    if name in ("weights", "variables", "trainable_weights", "trainable_variables"):
        found, whole = all_weights(machine, value)
        return ListValue(tuple(found), open_=not whole)
    if name == "name":
        return keras_naming.layer_name(value)
    return Unknown(f"attribute {name}")


# -- methods ------------------------------------------------------------------------------


def call_native(
    machine: Machine, receiver: KerasValue, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Call one of the methods that Keras gives."""
    if isinstance(receiver, Initializer):
        return keras_initializers.call_native(machine, receiver, name, args, kwargs, node, frame)
    assert isinstance(receiver, KerasObject)
    if name == "__init__":
        initialise(machine, receiver, args, kwargs, node, frame)
        return None
    if name in keras_attention.METHODS:
        return keras_attention.call(machine, receiver, name, args, kwargs, node, frame)
    if name == "__call__":
        return build_and_run(machine, receiver, args, kwargs, node, frame)
    if name in ("predict", "predict_on_batch"):
        return taken_out(machine, call_object(machine, receiver, args, kwargs, node, frame), node)
    if name == "call":
        return run(machine, receiver, args, kwargs, node, frame, native=True)
    if name in MAKERS:
        return keras_weights.add_weight(machine, receiver, args, kwargs, node, frame)
    if name == "add":
        put(machine, receiver, args[0] if args else kwargs.get("layer"))
        return None
    if name == "pop":
        keys = [key for key in receiver.cell if isinstance(key, str) and key.isdigit()]
        if keys:
            machine.heap.delete(receiver.cell, keys[-1])
        return None
    if name == "build":
        shape = shape_from(args[0] if args else kwargs.get("input_shape"))
        if shape is not None:
            machine.heap.write(receiver.cell, INPUT_SHAPE, shape)
        machine.heap.write(receiver.cell, BUILT, True)
        return None
    if name == "get_layer":
        return find_layer(machine, receiver, args, kwargs)
    if name == "load_weights":
        keras_transfer.load(machine, receiver, node, frame)
        return None
    if name == "set_weights":
        keras_transfer.given(machine, receiver, args[0] if args else kwargs.get("weights"), node, frame)
        return None
    if name == "get_weights":
        return keras_transfer.taken(machine, receiver)
    if name == "get_config":
        entries: Cell = dict(receiver.arguments.items())
        return DictValue(entries, open_=not receiver.arguments, serial=machine.next_serial())
    if name == "from_config":
        return keras_initializers.from_config(machine, receiver.cls, args, kwargs, node, frame)
    if name == "compute_output_shape":
        return Unknown("an output shape")
    return Unknown(name) if name in ("fit", "evaluate") else None


def initialise(
    machine: Machine, receiver: KerasObject, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> None:
    """Keras's own __init__: a functional model, a Sequential, a built-in layer, or nothing to speak of."""
    spec = receiver.spec
    if spec is not None and spec.role == "container":
        fill(machine, receiver, args, kwargs, node, frame)
        return
    if spec is not None and spec.role != "module":
        keras_layers.build(machine, receiver, spec, args, kwargs, node, frame)
        return
    inputs = kwargs.get("inputs", kwargs.get("input", args[0] if args else None))
    outputs = kwargs.get("outputs", kwargs.get("output", args[1] if len(args) > 1 else None))
    if outputs is not None and any(isinstance(t, Tensor) for t in flatten(outputs)):
        hold(machine, receiver, inputs, outputs)
    if isinstance(kwargs.get("name"), str):
        machine.heap.write(receiver.cell, "name", kwargs["name"])
    shape = keras_layers.input_shape(kwargs)
    if shape is not None:
        machine.heap.write(receiver.cell, INPUT_SHAPE, shape)


def construct_model(
    machine: Machine, qualified: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> KerasObject:
    """`keras.Model(inputs, outputs)`, `keras.Sequential([...])`."""
    model = KerasObject(Symbol.of(qualified), machine.next_serial(), machine.knowledge.layers[qualified])
    machine.locate(model, node, frame)
    initialise(machine, model, args, kwargs, node, frame)
    return model


def fill(machine: Machine, model: KerasObject, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> None:
    layers = args[0] if args else kwargs.get("layers")
    if layers is None:
        return
    items, _ = machine.iterate(layers, node, frame)
    for item in items:
        put(machine, model, item)


def put(machine: Machine, model: KerasObject, layer: Value) -> None:
    """One more layer of a Sequential; an Input says what shape comes in."""
    if isinstance(layer, Tensor):
        if layer.shape is not None:
            machine.heap.write(model.cell, INPUT_SHAPE, layer.shape)
        return
    count = sum(1 for key in model.cell if isinstance(key, str) and key.isdigit())
    for option in options(layer):
        shape = option.cell.get(INPUT_SHAPE) if isinstance(option, KerasObject) else None
        if count == 0 and shape is not None:
            machine.heap.write(model.cell, INPUT_SHAPE, shape)
    machine.heap.write(model.cell, str(count), layer)


def elements(model: Instance) -> list[Value]:
    """The layers of a Sequential."""
    return [value for key, value in model.cell.items() if isinstance(key, str) and key.isdigit()]


def find_layer(machine: Machine, model: KerasObject, args: Arguments, kwargs: Keywords) -> Value:
    """`get_layer(name)`, `get_layer(index=...)`."""
    name, index = kwargs.get("name", args[0] if args else None), kwargs.get("index")
    found = layers_of(machine, model)
    if isinstance(index, int) and -len(found) <= index < len(found):
        return found[index]
    named = [layer for layer in found if layer.cell.get("name") == name or layer.arguments.get("name") == name]
    return named[0] if named and isinstance(name, str) else Unknown("a layer of the model")


def adopt(machine: Machine, owner: KerasObject, name: str, value: Value) -> Value:
    """A value becomes an attribute of a layer: weights learn whose they are."""
    for option in options(value):
        if isinstance(option, Param) and (option.owner is None or (option.owner is owner and name not in owner.cell)):
            option.owner = owner
            option.name = name
    if name == "trainable" and value is False:
        for layer in (owner, *layers_of(machine, owner)):
            keras_layers.freeze(layer)
    return value


def is_kind(value: KerasValue, kind: Symbol) -> bool:
    """Whether an object is of one of Keras's classes."""
    qualified = kind.qualified
    if isinstance(value, Initializer):
        return qualified in ("keras.initializers.Initializer", getattr(value.cls, "qualified", ""))
    if qualified in ("keras.layers.Layer", "torch.nn.Module"):
        return qualified == "keras.layers.Layer"
    spec = value.spec
    if spec is not None and (spec.qualified == qualified or qualified in spec.bases):
        return True
    return qualified == "keras.Model" and spec is not None and spec.role in ("container", "module")


# -- calls --------------------------------------------------------------------------------


def call_object(
    machine: Machine, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """Calling a layer or a model: built on the first call, then run."""
    assert isinstance(callee, KerasObject)
    callee.uses += 1
    if is_model(callee) and not inside_another(machine, callee):
        given = [as_input(machine, callee, args[0]), *args[1:]] if args else args
        result = called(machine, callee, given, kwargs, node, frame)
        machine.outcomes.append(result)
        return result
    return called(machine, callee, args, kwargs, node, frame)


def called(
    machine: Machine, callee: KerasObject, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """What the project's own `__call__` does, which may go on to Keras's."""
    own = callee.cls.find("__call__") if isinstance(callee.cls, Class) else None
    if isinstance(own, Function):
        return machine.call(Bound(callee, own), args, kwargs, node, frame)
    return build_and_run(machine, callee, args, kwargs, node, frame)


def inside_another(machine: Machine, callee: KerasObject) -> bool:
    """Whether the call stands in the code of another layer or model."""
    return any(isinstance(f.receiver, KerasObject) and f.receiver is not callee for f in machine.frames)


def as_input(machine: Machine, model: KerasObject, value: Value) -> Value:
    """What a whole model is given: anything that is no tensor stands for its data."""
    if isinstance(value, tuple) and any(isinstance(part, Tensor) for part in value):
        return tuple(as_input(machine, model, part) for part in value)
    if not isinstance(value, Unknown) and not (isinstance(value, Tensor) and value.node < 0):
        return value
    if isinstance(value, Tensor) and value.shape is not None:
        return like(Tensor(machine.emit("input", ())), (None, *value.shape[1:]))
    inputs = tensors_of(model.cell.get(INPUTS))
    shape = inputs[0].shape if len(inputs) == 1 else model.cell.get(INPUT_SHAPE)
    return like(Tensor(machine.emit("input", ())), shape if isinstance(shape, tuple) else None)


def is_model(value: KerasObject) -> bool:
    """Whether it is a model as such: functional, a Sequential, or of a class that derives from keras.Model."""
    if OUTPUTS in value.cell or (value.spec is not None and value.spec.role == "container"):
        return True
    return isinstance(value.cls, Class) and "keras.Model" in value.cls.symbols()


def build_and_run(
    machine: Machine, callee: KerasObject, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    if isinstance(callee.cls, Class) and BUILT not in callee.cell and callee.cell.get("built") is not True:
        machine.heap.write(callee.cell, BUILT, False)  # while it runs
        own = callee.cls.find("build")
        if isinstance(own, Function) and (args or kwargs):
            machine.call(Bound(callee, own), *shapes_for(callee.cls, own, args, kwargs), node, frame)
        machine.heap.write(callee.cell, BUILT, True)
    return run(machine, callee, args, kwargs, node, frame, native=False)


def shapes_for(cls: Class, build: Function, args: Arguments, kwargs: Keywords) -> tuple[list[Value], dict[str, Value]]:
    """The shapes that `build` is given: one for each input that it asks for, in order; by its name where it asks for
    several, as in `build(self, query_shape, value_shape)` of a `call(self, query, value)`."""
    own = cls.find("call")
    names = [argument.arg for argument in build.node.args.args][1:]
    if len(names) > 1 and isinstance(own, Function):
        parameters = [argument.arg for argument in own.node.args.args][1:]
        given = dict(zip(parameters, args, strict=False)) | kwargs
        shapes = {f"{name}_shape": shape_value(value) for name, value in given.items() if holds_data(value)}
        if any(name in shapes for name in names):
            return [], {name: shape for name, shape in shapes.items() if name in names}
    values = [*args, *kwargs.values()][: max(len(names), 1)]
    return [shape_value(value) for value in values] if names else [], {}


def holds_data(value: Value) -> bool:
    return any(isinstance(part, Tensor) for part in flatten(value))


def run(
    machine: Machine,
    callee: KerasObject,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
    *,
    native: bool,
) -> Value:
    """What a call does: the project's own `call`, a functional model's steps, a Sequential's layers, or a layer's."""
    if isinstance(callee.cls, Class) and not native:
        own = callee.cls.find("call")
        if isinstance(own, Function):
            return machine.call(Bound(callee, own), args, kwargs, node, frame)
    if OUTPUTS in callee.cell:
        return replay(machine, callee, args, kwargs)
    spec = callee.spec
    if spec is not None and spec.role == "container":
        value = args[0] if args else next(iter(kwargs.values()), None)
        shape = callee.cell.get(INPUT_SHAPE)
        if isinstance(value, Tensor) and value.shape is None and isinstance(shape, tuple):
            value = like(value, shape)  # it takes no other
        for layer in elements(callee):
            value = machine.call(layer, [value], {}, node, frame)
        return value
    if spec is not None and spec.role != "module":
        return keras_layers.forward(machine, callee, args, kwargs, node, frame)
    return machine.lost(f"a call of {callee.name}", args, kwargs)
