"""What is zero at the start: constants that weights have however they are made, and where only zeros flow."""

from __future__ import annotations

from typing import Final

from initlint import strengths
from initlint.chains import Flow
from initlint.graph import Edge, Layer, Node, Weight
from initlint.symmetry import Map

CARRIES: Final = frozenset({"pool", "dropout", "shape", "scale", "cat", "either", "add"})  # zero where all inputs are
MULTIPLIES: Final = frozenset({"mul", "matmul"})  # zero where any input is


def effective_constant(weight: Weight) -> float | None:
    """The one value that all entries have however it was made; None where they differ or it is unknown."""
    values = {strengths.constant(weight, h[-1]) if h and h[-1].covers else None for h in weight.histories}
    return values.pop() if len(values) == 1 else None


def zero_kernel(layer: Layer) -> bool:
    """Whether the layer's main weight, or the raw parameter that it is, is all zero."""
    return layer.kernel is not None and effective_constant(layer.kernel) == 0


def zero_output(layer: Layer) -> bool:
    """Whether the layer's output is known to be all zero at the start, whatever comes in."""
    kernel = layer.kernel
    biases = [w for w in layer.weights if w.role == "bias"]
    return (
        kernel is not None
        and kernel.role != "embedding"
        and effective_constant(kernel) == 0
        and all(effective_constant(bias) == 0 for bias in biases)
    )


def starved(flow: Flow, index: int) -> bool:
    """Whether all that flows into the layer is known to be zero."""
    edges = flow.before(index)
    if edges and all(_silent(flow, edge) for edge in edges):
        return True
    silent = silent_nodes(flow)
    steps = [node for node in flow.context.nodes if node.op == "layer" and node.layer == index]
    return bool(steps) and all(node.inputs and all(i in silent for i in node.inputs) for node in steps)


def _silent(flow: Flow, edge: Edge) -> bool:
    """Whether what comes along the edge is all zero: zero weight, zero bias, and an activation through 0."""
    if edge.source < 0 or edge.norm:
        return False
    return zero_output(flow.context.layers[edge.source]) and (
        edge.activation is None or strengths.through_zero(edge.activation)
    )


def silent_nodes(flow: Flow) -> frozenset[int]:
    """Nodes whose values are known to be zero at the start."""
    if flow.silent is None:
        found: set[int] = set()
        for index, node in enumerate(flow.context.nodes):
            if _zero(node, found, flow.context.layers):
                found.add(index)
        flow.silent = frozenset(found)
    return flow.silent


def _zero(node: Node, found: set[int], layers: tuple[Layer, ...]) -> bool:
    silent = [i in found for i in node.inputs]
    if node.op == "layer":
        return node.layer >= 0 and zero_output(layers[node.layer])
    if node.op == "activation":
        return bool(silent) and all(silent) and strengths.through_zero(node)
    if node.op in MULTIPLIES:
        return any(silent)
    if node.op == "attention":  # a weighted mean of the values, which come last
        return bool(silent) and silent[-1]
    if node.op == "shift":  # by a parameter that is zero too
        return bool(silent) and all(silent) and node.layer >= 0 and zero_kernel(layers[node.layer])
    if node.op == "scale" and node.layer >= 0 and zero_kernel(layers[node.layer]):
        return True
    return node.op in CARRIES and bool(silent) and all(silent)


def played(layer: Layer, edge: Edge | None) -> Map:
    """A layer with what follows it, as the simulation of symmetry.py plays it."""
    kernel, bias = layer.kernel, next((w for w in layer.weights if w.role == "bias"), None)
    activation = edge.activation if edge else None
    return Map(
        constant=None if kernel is None else effective_constant(kernel),
        bias=0.0 if bias is None else effective_constant(bias),
        units=layer.fan_out if layer.kind in {"Linear", "Dense"} else None,
        activation=activation.name if activation else None,
        parameter=activation.parameter if activation else None,
        composed=activation.composed if activation else None,
        norm=bool(edge and edge.norm),
    )
