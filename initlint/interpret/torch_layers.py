"""The framework's layers: construction with their parameters, and what calling them does."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from initlint import expressions
from initlint.graph import History, InitEvent, Unknown
from initlint.interpret import compare, windows
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.sequences import iterate, unknown_key
from initlint.interpret.tensors import Param, Tensor
from initlint.interpret.torch_tensors import as_tensor, tensors_in
from initlint.interpret.values import (
    Alternatives,
    DictValue,
    Frame,
    Instance,
    ListValue,
    Symbol,
    Value,
    options,
)
from initlint.knowledge import REQUIRED, LayerSpec, WeightSpec
from initlint.sizes import expand_weights, sizes

PLAIN: Final = frozenset({bool, int, float, str, type(None)})
WEIGHTED: Final = frozenset({"weighted", "recurrent", "embedding", "attention", "composite"})
PASSING: Final = frozenset({"shape", "identity", "functional"})
Shapes = list[tuple[WeightSpec, tuple[int | None, ...] | None, tuple[History, ...]]]
INNER_KINDS: Final = {"self_attn": "MultiheadAttention", "multihead_attn": "MultiheadAttention"}


def construct_layer(
    machine: Machine, spec: LayerSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """`nn.Linear(...)`: an object with its parameters."""
    instance = Instance(Symbol.of(spec.qualified), machine.next_serial(), spec)
    machine.heap.made(instance.cell)
    machine.locate(instance, node, frame)
    build(machine, instance, spec, args, kwargs, node, frame)
    machine.register(instance)
    return instance


def bare_module(machine: Machine, spec: LayerSpec, node: ast.AST, frame: Frame) -> Value:
    """A module of no class of its own, which is given its parts as attributes."""
    instance = Instance(Symbol.of(spec.qualified), machine.next_serial(), spec)
    machine.heap.made(instance.cell)
    machine.locate(instance, node, frame)
    return instance


def build(
    machine: Machine,
    instance: Instance,
    spec: LayerSpec,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> None:
    """What the framework's own __init__ does to `instance`."""
    if spec.role == "container":
        fill_container(machine, instance, spec, args, kwargs, node, frame)
        return
    arguments = bind_arguments(spec, args, kwargs)
    instance.arguments = arguments
    for key, value in arguments.items():
        instance.cell[key] = value
    if spec.rank:
        for key in ("kernel_size", "stride", "padding", "dilation"):
            value = arguments.get(key)
            if isinstance(value, int) and spec.kind.startswith("Conv"):
                instance.cell[key] = (value,) * spec.rank
    if not spec.weights:
        return
    place = instance.place or frame.unit.place(node)
    for weight in spec.weights:  # `bias=True` gives way to the parameter, in the framework's order
        if weight.name.isidentifier():
            instance.cell.pop(weight.name, None)
            instance.cell[weight.name] = None
    for weight, shape, histories in weights_of(machine, spec, arguments):
        param = Param(weight.name.rpartition(".")[2], weight.role, shape, place, machine.next_serial())
        param.cell["histories"] = histories
        param.spec_default = weight.default
        owner = instance
        if "." in weight.name:
            owner = inner_module(machine, instance, weight)
        param.owner = owner
        owner.cell[param.name] = param


def bind_arguments(spec: LayerSpec, args: Arguments, kwargs: Keywords) -> dict[str, Value]:
    """The constructor's arguments by name, defaults filled in, lists as tuples."""
    arguments: dict[str, Value] = {}
    for parameter, value in zip(spec.parameters, args):
        arguments[parameter.name] = value
    for parameter in spec.parameters:
        name = parameter.name
        if name in kwargs:
            arguments[name] = kwargs[name]
        elif name not in arguments:
            arguments[name] = Unknown(f"argument {name}") if parameter.default is REQUIRED else parameter.default
    for name, value in arguments.items():
        if isinstance(value, ListValue) and not value.open:
            arguments[name] = value.items
    return arguments


def weights_of(machine: Machine, spec: LayerSpec, arguments: Mapping[str, Value]) -> Shapes:
    """(weight, shape, its default) for a layer with these arguments."""
    plain = {k: v for k, v in arguments.items() if type(v) in PLAIN or isinstance(v, tuple)}
    for name, value in arguments.items():
        if name == "bias" and isinstance(value, Alternatives) and name not in plain:
            plain[name] = True
    key = (spec.qualified, tuple(plain.items()))
    try:
        known = machine.shapes.get(key)
    except TypeError:
        key, known = None, None  # type: ignore[assignment]
    if known is None:
        known = []
        for weight in expand_weights(spec, plain):
            values = []
            for name, value in weight.arguments:
                if isinstance(value, str):
                    number = expressions.evaluate(value, plain)
                    values.append((name, number if isinstance(number, (int, float)) else Unknown("a size")))
                else:
                    values.append((name, value))
            event = InitEvent("default", tuple(values), None, "", False)
            known.append((weight, sizes(weight, plain), ((event,),)))
        if key is not None:
            machine.shapes[key] = known
    return known


def inner_module(machine: Machine, instance: Instance, weight: WeightSpec) -> Instance:
    """The module inside a composite layer that owns `a.b.weight`."""
    owner = instance
    parts = weight.name.split(".")[:-1]
    for depth, part in enumerate(parts):
        child = owner.cell.get(part)
        if not isinstance(child, Instance):
            last = depth == len(parts) - 1
            kind = INNER_KINDS.get(part) or ("Linear" if weight.role in ("kernel", "bias") else "LayerNorm")
            qualified = f"torch.nn.{kind}" if last or part in INNER_KINDS else "torch.nn.ModuleList"
            if part == "out_proj":
                qualified = "torch.nn.modules.linear.NonDynamicallyQuantizableLinear"
            spec = machine.knowledge.layers.get(qualified) or machine.knowledge.layers.get("torch.nn.Linear")
            child = Instance(Symbol.of(qualified), machine.next_serial(), spec)
            child.place = instance.place
            owner.cell[part] = child
        owner = child
    return owner


# -- containers ---------------------------------------------------------------------------


def fill_container(
    machine: Machine,
    instance: Instance,
    spec: LayerSpec,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> None:
    """Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""
    first = args[0] if args else next(iter(kwargs.values()), None)
    if spec.kind == "Sequential" and not (len(args) == 1 and isinstance(first, DictValue)):
        for index, value in enumerate(args):
            put_child(machine, instance, str(index), value, node, frame)
        return
    if isinstance(first, DictValue):
        for key, value in first.cell.items():
            put_child(machine, instance, str(key), value, node, frame)
        return
    if first is None:
        return
    items, loose = iterate(machine, first, node, frame)
    if loose and all(isinstance(value, Unknown) for value in items):
        leave_open(machine, instance)
        return
    for index, value in enumerate(items):
        if spec.kind in ("ModuleDict", "ParameterDict"):
            pair = compare.elements(value)
            if pair is not None and len(pair) == 2 and isinstance(pair[0], str):
                put_child(machine, instance, pair[0], pair[1], node, frame)
        else:
            put_child(machine, instance, str(index), value, node, frame)


def leave_open(machine: Machine, instance: Instance) -> None:
    """Note that a container in which nothing is seen may not be empty."""
    machine.heap.write(instance.cell, "?", Unknown("elements that are not known"))


def put_child(machine: Machine, instance: Instance, key: str, value: Value, node: ast.AST, frame: Frame) -> None:
    machine.heap.write(instance.cell, key, machine.adopt(instance, key, value, node, frame))


def set_child(machine: Machine, container: Instance, key: Value, value: Value, node: ast.AST, frame: Frame) -> None:
    """`container[key] = value`, under a key that may not be known where keys are names."""
    if isinstance(key, (int, str)):
        put_child(machine, container, str(key), value, node, frame)
    elif compare.is_named(container):
        put_child(machine, container, unknown_key(container), value, node, frame)


def children_of(instance: Instance) -> list[tuple[str, Instance]]:
    """Modules directly inside, in order of registration; all of them where it may be one of several."""
    found: list[tuple[str, Instance]] = []
    for key, value in instance.cell.items():
        if isinstance(value, Instance):
            if value.module:
                found.append((str(key), value))
        elif isinstance(value, Alternatives):
            found += [(str(key), o) for o in options(value) if isinstance(o, Instance) and o.module]
    return found


def container(machine: Machine, original: Instance, children: list[Value]) -> Value:
    """A slice of a Sequential or ModuleList."""
    made = Instance(original.cls, machine.next_serial(), original.spec)
    made.place = original.place
    for index, child in enumerate(children):
        made.cell[str(index)] = child
    return made


# -- forward ------------------------------------------------------------------------------


def forward_layer(
    machine: Machine, instance: Instance, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """What calling a framework's layer does to the data."""
    spec = instance.spec
    assert spec is not None
    role = spec.role
    value = args[0] if args else next(iter(kwargs.values()), None)
    if role == "container":
        if spec.kind != "Sequential":
            return machine.lost(f"a call of {spec.kind}", args, kwargs)
        for child in compare.contents(instance):
            value = machine.call(child, [value], {}, node, frame)
        return value
    if role in WEIGHTED:
        return weighted(machine, instance, spec, args, kwargs, node, frame)
    if role in PASSING:
        return value
    if isinstance(value, Unknown):
        return value
    inputs = list(tensors_in(machine, [value]))
    if role == "activation":
        slope = instance.cell.get(spec.parameter) if spec.parameter else None
        return machine.flow(
            "activation", inputs, spec.activation, node, slope if isinstance(slope, (int, float)) else None
        )
    if role == "pool":
        return windows.pooled(
            machine, inputs, spec.pool or spec.kind, node, *windows.of_layer(spec, instance.arguments)
        )
    if role in ("norm", "dropout"):
        rate = instance.cell.get("p") if role == "dropout" else None
        made = machine.flow(role, inputs, spec.kind, node, rate if isinstance(rate, (int, float)) else None)
        if made.node >= 0 and instance.place is not None:  # told where it is constructed
            machine.nodes[made.node] = machine.nodes[made.node].at(instance.place)
        return made
    if role in ("loss", "distance"):
        every = list(tensors_in(machine, [*args, *kwargs.values()]))
        return machine.flow("output" if role == "loss" else "scale", every, spec.kind, node)
    return machine.lost(f"a call of {spec.kind}", args, kwargs)


def weighted(
    machine: Machine,
    instance: Instance,
    spec: LayerSpec,
    args: Arguments,
    kwargs: Keywords,
    node: ast.AST,
    frame: Frame,
) -> Value:
    """A step with weights; recurrent and attention layers return more than the tensor."""
    if spec.role in ("attention", "composite") or spec.kind == "Bilinear":
        words = ("query", "key", "value", "src", "tgt", "memory", "input1", "input2")
        inputs = list(tensors_in(machine, [*args[:3], *(v for k, v in kwargs.items() if k in words)]))
    else:
        inputs = [as_tensor(machine, args[0] if args else kwargs.get("input", next(iter(kwargs.values()), None)))]
    ids = tuple(dict.fromkeys(t.node for t in inputs if t.node >= 0))
    made = machine.emit("layer", ids, spec.kind, node)
    machine.node_layers[made] = instance
    instance.uses += 1
    output = Tensor(made)
    if spec.returns == "tensor":
        return output
    if spec.returns == "state":  # (hidden, cell)
        return (output, output)
    if spec.role == "recurrent":
        return (output, (output, output) if spec.kind == "LSTM" else output)
    return (output, Unknown("attention weights"))
