"""Models of the functional API: the steps from their inputs to their outputs, and those again on other data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from initlint.graph import Node, Unknown
from initlint.interpret import compare
from initlint.interpret.keras_values import BUILT, GRAPH, INPUTS, OUTPUTS, KerasObject, Steps, like, plain
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor
from initlint.interpret.values import MOST_NESTED, Class, DictValue, Instance, ListValue, Value, flatten, options

MOST_REPLAYED: Final = 6_000  # steps of a model that is called on other data


def own_weights(layer: Instance) -> list[Param]:
    return [o for v in layer.cell.values() for o in options(v) if isinstance(o, Param)]


def layers_of(machine: Machine, model: Instance) -> list[Instance]:
    """The layers of a model, in order: those on the way from its inputs to its outputs, or what it holds."""
    if OUTPUTS in model.cell:
        bring(machine, model)
        needed = ancestors(machine, model.cell[OUTPUTS])
        found = [machine.node_layers[n] for n in needed if n in machine.node_layers]
        return list({id(layer): layer for layer in found if isinstance(layer, Instance)}.values())
    values = list(flatten(tuple(value for key, value in model.cell.items() if key not in (INPUTS, OUTPUTS))))
    return list({id(v): v for v in values if isinstance(v, KerasObject)}.values())


def all_weights(machine: Machine, model: KerasObject) -> tuple[list[Param], bool]:
    """The weights of a model and of all that it holds; whether there can be no others, since all is built."""
    found: dict[int, Param] = {}
    whole = True
    seen: set[int] = set()
    stack: list[Instance] = [model]
    while stack:
        layer = stack.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        whole = whole and not (isinstance(layer.cls, Class) and layer.cell.get(BUILT) is not True)
        found |= {id(param): param for param in own_weights(layer)}
        stack += reversed(layers_of(machine, layer))
    return list(found.values()), whole


def ancestors(machine: Machine, outputs: Value, nodes: list[Node] | None = None) -> list[int]:
    """The nodes that lead to these tensors, in order."""
    steps = machine.nodes if nodes is None else nodes
    stack = [t.node for t in flatten(outputs) if isinstance(t, Tensor) and t.node >= 0]
    seen: set[int] = set()
    while stack and len(seen) < MOST_REPLAYED:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(steps[node].inputs)
    machine.fuel -= len(seen) // 8
    return sorted(seen)


def hold(machine: Machine, model: Instance, inputs: Value, outputs: Value) -> None:
    """Note between which tensors a functional model is, and in which graph."""
    machine.heap.write(model.cell, INPUTS, inputs)
    machine.heap.write(model.cell, OUTPUTS, outputs)
    machine.heap.write(model.cell, GRAPH, Steps(machine.nodes, machine.node_layers))


def bring(machine: Machine, model: Instance) -> None:
    """The steps of a model that another entry left in a variable, into the graph of the one under way."""
    left = model.cell.get(GRAPH)
    if not isinstance(left, Steps) or left.layers is machine.node_layers:
        return
    places: dict[int, int] = {}
    for index in ancestors(machine, model.cell[OUTPUTS], left.nodes):
        step = left.nodes[index]
        for part in step.inputs:
            if part not in places:  # of a model too long to be followed
                places[part] = machine.emit("unknown", (), "a step of another entry")
        machine.nodes.append(replace(step, inputs=tuple(places[part] for part in step.inputs)))
        places[index] = len(machine.nodes) - 1
        if index in left.layers:
            machine.node_layers[places[index]] = left.layers[index]
    for tensor in tensors_of(model.cell.get(INPUTS)):  # one that no output depends on
        if tensor.node not in places:
            places[tensor.node] = machine.emit("input", ())
    model.cell[INPUTS] = moved_to(model.cell.get(INPUTS), places)  # past the heap: so it is on every way of a fork
    model.cell[OUTPUTS] = moved_to(model.cell[OUTPUTS], places)
    model.cell[GRAPH] = Steps(machine.nodes, machine.node_layers)


def replay(machine: Machine, model: KerasObject, args: Arguments, kwargs: Keywords) -> Value:
    """A functional model on other data: its steps again, from the new inputs."""
    bring(machine, model)
    given = args[0] if args else kwargs.get("inputs")
    inputs, outputs = model.cell.get(INPUTS), model.cell[OUTPUTS]
    old = tensors_of(inputs)
    new = tensors_of(given, keys=list(inputs.cell) if isinstance(inputs, DictValue) else None)
    places: dict[int, int] = {}
    for before, now in zip(old, new, strict=False):
        places[before.node] = now.node
    if isinstance(given, Unknown) or not new:
        source = machine.emit("unknown", (), getattr(given, "why", "not a tensor"))
        places = dict.fromkeys((t.node for t in old), source)
    for index in ancestors(machine, outputs):
        if index in places:
            continue
        step = machine.nodes[index]
        moved = tuple(places.get(part, part) for part in step.inputs)
        if moved == step.inputs:
            places[index] = index
            continue
        machine.nodes.append(replace(step, inputs=moved))
        places[index] = len(machine.nodes) - 1
        if index in machine.node_layers:
            machine.node_layers[places[index]] = machine.node_layers[index]
    return moved_to(outputs, places)


def tensors_of(value: Value, keys: list[object] | None = None, depth: int = 0) -> list[Tensor]:
    """The tensors in an argument, in order; those of a dictionary in the order of `keys`."""
    if depth > MOST_NESTED:
        return []
    if isinstance(value, DictValue):
        values: Iterator[Value] = (value.cell.get(key) for key in (keys or list(value.cell)))
        return [tensor for part in values for tensor in tensors_of(part, None, depth + 1)]
    if isinstance(value, (tuple, ListValue)):
        return [tensor for part in (compare.elements(value) or ()) for tensor in tensors_of(part, None, depth + 1)]
    return [value] if isinstance(value, Tensor) else []


def moved_to(value: Value, places: dict[int, int], depth: int = 0) -> Value:
    """The same structure, its tensors where the replayed steps have them."""
    if isinstance(value, Tensor):
        return like(Tensor(places.get(value.node, value.node)), value.shape, value.channels)
    if depth > MOST_NESTED:
        return Unknown("nested too deeply")
    if isinstance(value, DictValue):
        return DictValue({key: moved_to(part, places, depth + 1) for key, part in value.cell.items()})
    if isinstance(value, ListValue):
        return ListValue(tuple(moved_to(part, places, depth + 1) for part in value.items), open_=value.open)
    return tuple(moved_to(part, places, depth + 1) for part in value) if isinstance(value, tuple) else plain(value)


def taken_out(machine: Machine, value: Value, node: ast.AST, depth: int = 0) -> Value:
    """What `predict` gives: arrays, which no gradient goes back through, and which are data wherever they go."""
    if isinstance(value, Tensor):
        if value.node >= 0:
            machine.emit("output", (value.node,), "predict", node)
        return like(Tensor(-1), value.shape, value.channels)
    if depth > MOST_NESTED:
        return Unknown("nested too deeply")
    if isinstance(value, DictValue):
        return DictValue({key: taken_out(machine, part, node, depth + 1) for key, part in value.cell.items()})
    if isinstance(value, ListValue):
        return ListValue(tuple(taken_out(machine, part, node, depth + 1) for part in value.items), open_=value.open)
    return tuple(taken_out(machine, part, node, depth + 1) for part in value) if isinstance(value, tuple) else value
