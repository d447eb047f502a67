"""The weights of Keras's layers: made by their constructors, with shapes once an input is known."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from initlint import expressions
from initlint.graph import History, InitEvent, Unknown
from initlint.interpret import keras_initializers
from initlint.interpret.keras_checks import argument_at, check_ranks
from initlint.interpret.keras_values import KerasObject, shape_from
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor
from initlint.interpret.values import Alternatives, Frame, Instance, Symbol, Value, options
from initlint.knowledge import LayerSpec, WeightSpec
from initlint.sizes import expand_weights, size, sizes
from initlint.source import Place

NEW_ORDER: Final = ("shape", "initializer", "dtype", "trainable")  # of add_weight's arguments
OLD_ORDER: Final = ("name", "shape", "dtype", "initializer", "regularizer", "trainable")  # in Keras 2
FORGET_GATE: tuple[float, float] = (0.25, 0.5)  # where it stands among input, forget, cell and output
FORGET: Final = "keras.layers.LSTM.unit_forget_bias"  # spelling of what an LSTM does to its forget gate's bias
INTEGERS: Final = frozenset({"int32", "int64", "bool", "uint8", "int8", "int16", "string"})


def fans_of(shape: tuple[int | None, ...] | None) -> tuple[int | None, int | None, int]:
    """fan_in, fan_out and the number of a kernel's positions, as Keras computes them from a weight's shape."""
    if not shape:
        return None, None, 1
    if len(shape) == 1:
        return shape[0], shape[0], 1
    positions = 1
    for part in shape[:-2]:
        if part is None:
            return None, None, 1
        positions *= part
    first, last = shape[-2], shape[-1]
    return (
        None if first is None else first * positions,
        None if last is None else last * positions,
        positions,
    )


def make_weights(
    machine: Machine,
    layer: KerasObject,
    spec: LayerSpec,
    given: set[str],
    node: ast.AST,
    frame: Frame,
    order: Sequence[str],
    *,
    loose: bool,
) -> None:
    """The weights of a layer just constructed, its arguments without a name in this order; `loose` where it may have
    been given arguments that are not known."""
    plain = known(layer)
    place = layer.place or frame.unit.place(node)
    for weight in expand_weights(spec, plain):
        param = Param(weight.name.rpartition(".")[2], weight.role, None, place, machine.next_serial())
        param.leaf = False
        param.spec_default = weight.default
        measure(weight, param, plain)
        histories = written(machine, layer, weight, given, param, node, frame, order)
        if loose and weight.initializer not in given:
            more = keras_initializers.unknown_event("arguments that are not known")
            histories = (*histories, (more,))
        if weight.role == "bias" and "unit_forget_bias" in layer.arguments:
            histories = with_forget_bias(layer, histories, given, node, frame)
        param.cell["histories"] = histories
        owner = part_of(machine, layer, weight.name)
        param.owner = owner
        owner.cell[param.name] = param


def written(
    machine: Machine,
    layer: KerasObject,
    weight: WeightSpec,
    given: set[str],
    param: Param,
    node: ast.AST,
    frame: Frame,
    order: Sequence[str],
) -> tuple[tuple[InitEvent, ...], ...]:
    """One history for each initializer that it may have."""
    default = InitEvent("default", defaults(weight, known(layer)), None, "", explicit=False)
    if "weights" in given and layer.arguments.get("weights") is not None:
        return ((default, keras_initializers.unknown_event("given values", param.place)),)
    if weight.initializer not in given:
        return ((default,),)
    value = layer.arguments[weight.initializer]
    where = argument_node(node, weight.initializer, layer.spec.older if layer.spec is not None else {}, order)
    shape = tuple(Unknown("a size") if s is None else s for s in param.shape) if param.shape is not None else ()
    found: list[tuple[InitEvent, ...]] = []
    for option in options(value):
        if option is None:  # add_weight's own default
            found.append((InitEvent("xavier_uniform", (), frame.unit.place(where), "", explicit=True),))
        else:
            events = keras_initializers.events_of(machine, option, shape, where, frame)
            check_ranks(machine, events, param, layer.name, where, frame)
            found += [(default, by_itself(machine, layer, weight, event)) for event in events]
    return tuple(dict.fromkeys(found))


def with_forget_bias(
    layer: KerasObject, histories: tuple[History, ...], given: set[str], node: ast.AST, frame: Frame
) -> tuple[History, ...]:
    """The bias of an LSTM, its forget gate's part written after the whole: to one, unless `unit_forget_bias=False`."""
    chosen = layer.arguments["unit_forget_bias"]
    if not isinstance(chosen, bool):
        return histories
    explicit = "unit_forget_bias" in given
    place = frame.unit.place(argument_node(node, "unit_forget_bias")) if explicit else None
    if not chosen and not explicit:
        return histories
    part = InitEvent("ones", (), place, FORGET, explicit=explicit, covers=False, part=FORGET_GATE)
    if not chosen:
        part = replace(part, name="add", args=(("val", 0),))  # it stays what the whole is, by choice
    return tuple((*history, part) for history in histories)


def by_itself(machine: Machine, layer: KerasObject, weight: WeightSpec, event: InitEvent) -> InitEvent:
    """The write, no longer that of a shared object where Keras clones it: attention for each of its parts, EinsumDense
    to tell it the axes."""
    attention = layer.spec is not None and layer.spec.role == "attention"
    spec = machine.knowledge.initializers.get(event.spelling)
    clones = attention or (weight.true_fans and spec is not None and spec.fan_based)
    return replace(event, maker=0) if clones and event.maker > 0 else event


def defaults(weight: WeightSpec, plain: dict[str, object]) -> tuple[tuple[str, float | Unknown], ...]:
    """The arguments of the framework's own initializer."""
    values = [(name, expressions.evaluate(v, plain) if isinstance(v, str) else v) for name, v in weight.arguments]
    return tuple((name, v if isinstance(v, (int, float)) else Unknown("a size")) for name, v in values)


def argument_node(
    node: ast.AST, name: str, older: Mapping[str, str] = MappingProxyType({}), order: Sequence[str] = ()
) -> ast.AST:
    """Where a call gives this argument, perhaps by an older name, else the call."""
    keywords = node.keywords if isinstance(node, ast.Call) else []
    found = next((k.value for k in keywords if k.arg is not None and older.get(k.arg, k.arg) == name), None)
    return found or (argument_at(node, name, order) if name in order else node)


def known(layer: Instance) -> dict[str, object]:
    """The constructor's arguments that expressions can use."""
    return {k: v for k, v in layer.arguments.items() if isinstance(v, (int, float, str, tuple, type(None)))}


def measure(weight: WeightSpec, param: Param, plain: dict[str, object]) -> None:
    """The weight's shape and fans, as far as they are known."""
    param.shape = sizes(weight, plain)
    if weight.true_fans:
        param.fans = (size(weight.fan_in, plain), size(weight.fan_out, plain), 1)
    else:
        param.fans = fans_of(param.shape)


def remeasure(layer: KerasObject, spec: LayerSpec) -> None:
    """The shapes of the weights once the input is known."""
    plain = known(layer)
    for weight in expand_weights(spec, plain):
        owner: Value = layer
        *path, name = weight.name.split(".")
        for part in path:
            owner = owner.cell.get(part) if isinstance(owner, Instance) else None
        param = owner.cell.get(name) if isinstance(owner, Instance) else None
        if isinstance(param, Param):
            measure(weight, param, plain)


def part_of(machine: Machine, layer: KerasObject, name: str) -> Instance:
    """The layer inside that owns the weight `query.kernel`, or the layer itself."""
    owner: Instance = layer
    for part in name.split(".")[:-1]:
        inner = owner.cell.get(part)
        if not isinstance(inner, Instance):
            qualified = "keras.layers.EinsumDense"
            spec = machine.knowledge.layers[qualified]
            inner = KerasObject(Symbol.of(qualified), machine.next_serial(), spec)
            inner.place = layer.place
            owner.cell[part] = inner
        owner = inner
    return owner


# -- weights of the project's own layers --------------------------------------------------


def add_weight(
    machine: Machine, owner: Instance, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Param:
    """`self.add_weight(shape=..., initializer=..., trainable=...)`."""
    order = OLD_ORDER if args and isinstance(args[0], str) else NEW_ORDER
    given = dict(zip(order, args, strict=False)) | {k: v for k, v in kwargs.items() if k != "**"}
    place = frame.unit.place(node)
    name = given.get("name")
    param = Param(name if isinstance(name, str) else "weight", "raw", None, place, machine.next_serial())
    param.leaf = False
    param.shape = shape_from(given.get("shape", ()))
    param.fans = fans_of(param.shape)
    param.owner = owner
    trainable = given.get("trainable", True)
    param.trainable = trainable if isinstance(trainable, bool) else None
    write_initial(machine, param, given, node, frame)
    machine.params.append(param)
    return param


def write_initial(machine: Machine, param: Param, given: dict[str, Value], node: ast.AST, frame: Frame) -> None:
    """What its initializer writes: glorot_uniform for real numbers where none is given."""
    initializer, dtype = given.get("initializer"), given.get("dtype")
    whole = isinstance(dtype, str) and dtype in INTEGERS
    param.spec_default = "zeros" if whole else "xavier_uniform"
    if initializer is None:
        param.cell["histories"] = ((InitEvent("default", (), None, "", explicit=False),),)
        return
    shape = given.get("shape")
    where = argument_node(node, "initializer")
    chosen = initializer.options if isinstance(initializer, Alternatives) else (initializer,)
    events = [
        event
        for option in chosen
        for event in (
            keras_initializers.events_of(machine, option, shape, where, frame)
            if option is not None
            else (InitEvent("default", (), None, "", explicit=False),)
        )
    ]
    owner = param.owner.name if param.owner is not None else "a layer"
    check_ranks(machine, events, param, owner, where, frame)
    param.cell["histories"] = tuple((event,) for event in dict.fromkeys(events))


def variable(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Param:
    """`tf.Variable(values)`, `keras.Variable(initializer, shape)`: a weight once a layer holds it."""
    place: Place = frame.unit.place(node)
    value = args[0] if args else kwargs.get("initial_value", kwargs.get("initializer"))
    shape = kwargs.get("shape", args[1] if len(args) > 1 and isinstance(args[1], tuple) else None)
    param = Param("", "raw", shape_from(shape) if shape is not None else None, place, machine.next_serial())
    param.leaf = False
    trainable = kwargs.get("trainable", True)
    param.trainable = trainable if isinstance(trainable, bool) else None
    if isinstance(value, Tensor):
        param.shape = value.shape if value.shape is not None else param.shape
        event = value.content or keras_initializers.unknown_event("given values", place)
        param.cell["histories"] = ((event,),)
    elif shape is not None:
        events = keras_initializers.events_of(machine, value, shape, argument_node(node, "initializer"), frame)
        param.cell["histories"] = tuple((event,) for event in events)
    else:
        param.cell["histories"] = ((keras_initializers.unknown_event("given values", place),),)
    param.fans = fans_of(param.shape)
    machine.params.append(param)
    return param
