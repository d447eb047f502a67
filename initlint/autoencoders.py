"""Models that give back what they were given: an encoder to a narrow middle, and a decoder out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from initlint.graph import OUTPUT

if TYPE_CHECKING:
    from initlint.chains import Flow
    from initlint.graph import Edge, Layer

MATRICES: Final = ("Linear", "Dense")  # kinds, as torch and Keras call them
LAYERS: Final = (*MATRICES, "Conv")
MOST: Final = 200  # nodes that are followed back


def decodes(flow: Flow, layer: Layer) -> bool | None:
    """Whether the layer ends an autoencoder's decoder in a sigmoid. None where widths or the flow are not known.

    That is: its output is as wide as the model's input, all data passes a narrower layer (of convolutions: spatial
    sizes shrink on the way, so that transposed ones are needed), and no skip connection leads around it.
    """
    edges = flow.after(layer.index)
    if not edges or any(edge.target != OUTPUT for edge in edges) or not all(map(_ends_in_sigmoid, edges)):
        return False
    starts = [i for i, node in enumerate(flow.context.nodes) if node.op == "layer" and node.layer == layer.index]
    uses = {_restores(flow, layer, start) for start in starts}  # a decoder is a model of its own, and a part of one
    return True if True in uses else None if None in uses else False


def _restores(flow: Flow, layer: Layer, start: int) -> bool | None:
    """Whether one use of the layer, a step of the data flow, ends an autoencoder."""
    before = _upstream(flow, start)
    if before is None:
        return None
    layers, firsts, joined = before
    if not firsts or len(layers) < 2 or any(not one.kind.startswith(LAYERS) for one in layers):
        return False
    widths = {_width(one, 1) for one in firsts}
    output = _width(layer, 0)
    if None in widths or output is None:
        return None
    if widths != {output}:
        return False
    if any("pool" in edge.path for one in firsts for edge in flow.before(one.index)):
        return False  # a gate over pooled channels
    if all(one.kind in MATRICES for one in layers):
        inner = [_width(one, 0) for one in layers if one is not layer]
        return None if None in inner else min(size for size in inner if size is not None) < output
    transposed = any("Transpose" in one.kind for one in layers)
    return transposed and not joined


def _ends_in_sigmoid(edge: Edge) -> bool:
    return edge.activation is not None and edge.activation.name == "sigmoid"


def _upstream(flow: Flow, start: int) -> tuple[list[Layer], list[Layer], bool] | None:
    """The layers whose outputs reach this step, its own included; those of them that the data enters; whether branches
    are concatenated on the way. None where part of it is not known."""
    nodes, layers = flow.context.nodes, flow.context.layers
    seen: set[int] = set()
    waiting = [(start, -1)]
    found: dict[int, Layer] = {}
    firsts: dict[int, Layer] = {}
    joined = False
    while waiting:
        current, last = waiting.pop()
        node = nodes[current]
        if node.op == "layer":
            if not 0 <= node.layer < len(layers):
                return None
            last = node.layer
            found[last] = layers[last]
        if node.op == "input":
            firsts[last] = layers[last]
        elif node.op == "unknown":
            return None
        joined = joined or node.op == "cat"
        for source in node.inputs:
            if source not in seen or nodes[source].op == "input":
                seen.add(source)
                waiting.append((source, last))
        if len(seen) > MOST:
            return None
    return list(found.values()), list(firsts.values()), joined


def _width(layer: Layer, side: int) -> int | None:
    """Units that go in (1) or come out (0), by the weight's shape."""
    kernel = layer.kernel
    if kernel is None or kernel.shape is None or len(kernel.shape) < 2:
        return None
    inputs_first = "Transpose" in layer.kind
    if kernel.fans is not None:  # Keras has both of them last, in the other order
        return kernel.shape[-2:][side if inputs_first else 1 - side]
    return kernel.shape[1 - side if inputs_first else side]
