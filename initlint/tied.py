"""Embeddings whose matrix is the output layer's too: how large the first loss will be.

The logits are h W^T with the rows of W drawn at random. Their part that depends on chance has the variance |h|^2 s^2,
where s is the standard deviation of an entry: for V of them the mean of logsumexp is ln V + s^2 |h|^2 / 2 while that is
small, and grows like the largest of V normals beyond. Where the token's own embedding reaches the output along the
residual stream, its own logit stands out by its share of |W_t|^2 = d s^2, and the target is another token.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, NamedTuple

from initlint import strengths
from initlint.curves import curve
from initlint.findings import Site
from initlint.graph import Tie
from initlint.moments import moments
from initlint.subject import Subject

if TYPE_CHECKING:
    from initlint.chains import Flow
    from initlint.graph import Layer, Node, Weight
    from initlint.source import Place

EMBEDDINGS: Final = frozenset({"Embedding", "EmbeddingBag"})
SMALLEST: Final = 256  # entries of a vocabulary whose size is not known
PASSING: Final = frozenset({"dropout", "shape"})
ENDS: Final = frozenset({"output", "loss"})
POSITIONS: Final = 32  # that attention averages over, as many as there are up to each
AVERAGED: Final = sum(1 / t for t in range(1, POSITIONS + 1)) / POSITIONS  # what a mean of so many values leaves
DEEPEST: Final = 400  # nodes that are followed back from the logits


class Signal(NamedTuple):
    """What stands at one node: its mean square, and how much of the token's own embedding is in it (as a factor)."""

    power: float
    own: float = 0.0


@dataclass(frozen=True, slots=True)
class Tied(Subject):
    """An output layer that uses the matrix of an embedding."""

    flow: Flow
    tie: Tie
    step: int | None = None  # the node that multiplies with the embedding's matrix itself, where no layer has it too

    @property
    def place(self) -> Place:
        return self.tie.place

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(layer.name, layer.place, "layer") for layer in self.layers)

    @property
    def std(self) -> float | None:
        """Standard deviation of an entry of the matrix; None where it is unknown or differs from way to way."""
        weight = self._weight
        return None if weight is None else spread(weight)

    @property
    def logit_std(self) -> float | None:
        """Of the logits of tokens other than the one that is read."""
        signal, std, width = self._signal, self.std, self._width
        return None if signal is None or std is None or width is None else std * math.sqrt(width * signal.power)

    @property
    def loss(self) -> float | None:
        """The predicted cross-entropy at the first step."""
        return None if self.vocabulary is None else self._loss(self.vocabulary)

    @property
    def floor(self) -> float | None:
        """The loss of one who knows nothing: ln V."""
        return None if self.vocabulary is None else math.log(self.vocabulary)

    @property
    def excess(self) -> float | None:
        """What the loss has above it; the least that it may be where the vocabulary's size is unknown."""
        size = self.vocabulary or SMALLEST
        loss = self._loss(size)
        return None if loss is None else loss - math.log(size)

    def quieter(self) -> float | None:
        """A standard deviation with which the logits are small: those of other tokens vary by 1 at most, and the own
        one stands out by half of ln V at most. None where the signal is not known."""
        signal, std, width, deviation = self._signal, self.std, self._width, self.logit_std
        if signal is None or not std or width is None or not deviation:
            return None
        own = signal.own * std**2 * width
        room = 0.5 * math.log(self.vocabulary or SMALLEST)
        return std * min(1 / deviation, room / own if own > room else 1.0)

    @property
    def vocabulary(self) -> int | None:
        shape = self._weight.shape if self._weight else None
        return shape[0] if shape else None

    @property
    def _width(self) -> int | None:
        shape = self._weight.shape if self._weight else None
        return shape[1] if shape and len(shape) == 2 else None

    def _loss(self, size: int) -> float | None:
        signal, std, width, deviation = self._signal, self.std, self._width, self.logit_std
        if signal is None or std is None or width is None or deviation is None or size < 2:
            return None
        others = log_sum(size - 1, deviation)
        own = signal.own * std**2 * width
        return max(own, others) + math.log1p(math.exp(-abs(own - others)))

    @property
    def _pair(self) -> tuple[Layer, Layer] | None:
        """The embedding and the output layer."""
        layers = self.flow.context.layers
        pair = (layers[self.tie.layer], layers[self.tie.lender])
        if self.step is not None:
            return pair
        found = sorted(pair, key=lambda layer: layer.kind not in EMBEDDINGS)
        return (found[0], found[1]) if found[0].kind in EMBEDDINGS and found[1].kind == "Linear" else None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The embedding and the output layer."""
        return tuple(dict.fromkeys(self._pair or ()))

    @property
    def _weight(self) -> Weight | None:
        """The matrix that both use, with the writes it has seen."""
        layer = self.flow.context.layers[self.tie.lender] if self._pair else None
        return layer.kernel if layer else None

    @property
    def _signal(self) -> Signal | None:
        """What flows into the output layer, times what its logits are scaled by; None where it can't be followed."""
        pair = self._pair
        if pair is None:
            return None
        nodes = self.flow.context.nodes
        steps = [i for i, node in enumerate(nodes) if node.op == "layer" and node.layer == pair[1].index]
        if self.step is not None:
            steps = [self.step]
        if len(steps) != 1 or len(nodes[steps[0]].inputs) != 1:
            return None
        scale = scaling(nodes, steps[0])
        found = Stream(self.flow, pair[0].index, {}).at(nodes[steps[0]].inputs[0])
        return None if found is None or scale is None else Signal(found.power * scale**2, found.own * scale)


def used_as_outputs(flow: Flow) -> Iterator[Tied]:
    """Embeddings that are looked up, and by whose matrix logits are made without a layer: `F.linear(h, emb.weight)`."""
    layers, nodes = flow.context.layers, flow.context.nodes
    looked_up = {node.layer for node in nodes if node.op == "layer" and node.name in EMBEDDINGS}
    for position, node in enumerate(nodes):
        made = node.op == "layer" and node.name == "linear" and node.layer in looked_up and node.place is not None
        if made and node.place is not None and layers[node.layer].kind in EMBEDDINGS:
            yield Tied(flow, Tie(node.place, node.layer, node.layer), position)


def spread(weight: Weight) -> float | None:
    """Standard deviation of a weight's entries, whose mean is 0; None where it is unknown or ways differ."""
    found = set()
    for event in weight.effective():
        law = strengths.law(weight, event) if event else None
        if law is None or law.mean:
            return None
        found.add(law.std(*strengths.fans(weight)))
    return found.pop() if len(found) == 1 else None


def ratio_of(layer: Layer, weight: Weight) -> float | None:
    """Variance of its entries times the true fan_in; None where ways differ."""
    ratios = {strengths.variance_ratio(layer, weight, e) if e else None for e in weight.effective()}
    return ratios.pop() if len(ratios) == 1 else None


def scaling(nodes: tuple[Node, ...], start: int) -> float | None:
    """What the logits are multiplied with on the way to the output; None where they pass through something else."""
    users = [i for i, node in enumerate(nodes) if start in node.inputs]
    if not users:
        return None
    factors = set()
    for user in users:
        node = nodes[user]
        if node.op in ENDS or (node.op == "activation" and node.name in ("log_softmax", "softmax")):
            factors.add(1.0)
        elif node.op == "shift" and node.parameter == 0:  # a bias
            factors.add(scaling(nodes, user) or 0.0)
        elif node.op == "scale":
            after = scaling(nodes, user)
            if node.parameter is None or after is None:
                return None
            factors.add(node.parameter * after)
        elif node.op in PASSING:
            factors.add(scaling(nodes, user) or 0.0)
        else:
            return None
    return factors.pop() if len(factors) == 1 and 0.0 not in factors else None


class Stream:
    """The signal at each node, backwards from the output layer."""

    def __init__(self, flow: Flow, embedding: int, known: dict[int, Signal | None]) -> None:
        self.flow = flow
        self.embedding = embedding
        self.known = known

    def at(self, index: int) -> Signal | None:
        if index not in self.known:
            if len(self.known) >= DEEPEST:
                return None
            self.known[index] = None  # of a cycle nothing is known
            self.known[index] = self.of(self.flow.context.nodes[index])
        return self.known[index]

    def of(self, node: Node) -> Signal | None:
        if node.op == "layer":
            return self.through_layer(node)
        inputs = [self.at(i) for i in node.inputs]
        known = [signal for signal in inputs if signal is not None]
        if not known or len(known) < len(inputs):
            return None
        first = known[0]
        if node.op == "norm":
            return None if node.name == "normalize" else Signal(1.0, first.own / math.sqrt(first.power))
        if node.op in PASSING:
            return first
        if node.op == "shift":
            return Signal(first.power + (node.parameter or 0.0) ** 2, first.own)
        if node.op == "add":
            return Signal(sum(s.power for s in known), sum(s.own for s in known))
        if node.op == "mul" and len(known) == 2:
            return Signal(first.power * known[1].power)
        if node.op == "attention":  # scores are alike at the start: the mean of the values so far
            return Signal(known[-1].power * AVERAGED)
        if node.op == "scale" and node.parameter is not None and node.name in ("mul", "truediv"):
            return Signal(first.power * node.parameter**2, first.own * node.parameter)
        if node.op == "activation":
            function = curve(node.name, node.parameter)
            return None if function is None else Signal(moments(function, first.power).second_moment)
        if node.op == "either" and all(math.isclose(s.power, first.power, rel_tol=0.01) for s in known):
            return first
        return None

    def through_layer(self, node: Node) -> Signal | None:
        layers = self.flow.context.layers
        layer = layers[node.layer] if 0 <= node.layer < len(layers) else None
        kernel = layer.kernel if layer else None
        if layer is None or kernel is None:
            return None
        if layer.kind in EMBEDDINGS and node.name in EMBEDDINGS:
            std = spread(kernel)
            return None if not std else Signal(std**2, float(layer.index == self.embedding))
        if layer.kind == "MultiheadAttention":
            return self.through_attention(node, layer)
        source = self.at(node.inputs[0]) if layer.kind in ("Linear", "Parameter") and len(node.inputs) == 1 else None
        ratio = ratio_of(layer, kernel)
        bias = next((w for w in layer.weights if w.role == "bias"), None)
        shift = 0.0 if bias is None else spread(bias)
        return None if source is None or ratio is None or shift is None else Signal(source.power * ratio + shift**2)

    def through_attention(self, node: Node, layer: Layer) -> Signal | None:
        """The values, projected, averaged and projected again."""
        signal = self.at(node.inputs[-1]) if node.inputs else None
        for name, kept in (("in_proj_weight", AVERAGED), ("weight", 1.0)):
            weight = layer.weight(name)
            ratio = None if weight is None else ratio_of(layer, weight)
            signal = None if signal is None or ratio is None else Signal(signal.power * ratio * kept)
        return signal


def log_sum(count: int, std: float) -> float:
    """Mean of logsumexp over `count` normals of this standard deviation, by their quantiles."""
    normal = NormalDist()
    top, total = -math.inf, 0.0
    low = 0.0
    while low < count:  # bins that widen from the largest down
        high = min(count, low + max(1.0, low / 8))
        value = -std * normal.inv_cdf((low + high) / 2 / count)
        if value > top:
            total *= math.exp(top - value) if total else 0.0
            top = value
        total += (high - low) * math.exp(value - top)
        low = high
    return top + math.log(total)


def rounded_down(value: float) -> float:
    """To one digit, as people write it: 0.02."""
    digit = 10.0 ** math.floor(math.log10(value))
    return math.floor(value / digit + 1e-9) * digit
