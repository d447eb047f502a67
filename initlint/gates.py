"""The bias of an LSTM's forget gate: what the sum over its biases is, and which choice made it so.

Gers et al. 2000, Jozefowicz et al. 2015: a forget gate that starts half closed forgets within a few steps. The order of
the gates (input, forget, cell, output) is that of torch and of Keras.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from initlint import strengths
from initlint.findings import Site

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.chains import Flow
    from initlint.graph import InitEvent, Layer, Weight
    from initlint.source import Place

KINDS = frozenset({"LSTM", "LSTMCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "CuDNNLSTM"})
FORGET = "unit_forget_bias"
LAYER_OF_BIAS = re.compile(r"bias_[ih]h")


class Gate(NamedTuple):
    """The forget gates of one stacked layer of an LSTM, with the biases that are summed there."""

    flow: Flow
    layer: Layer
    weights: tuple[Weight, ...]
    choice: InitEvent
    value: float | None  # of the sum; None where it is unknown or random

    @property
    def place(self) -> Place:
        return self.choice.place or self.layer.place

    @property
    def site(self) -> Hashable:
        return (self.layer.place, self.weights[0].name)

    @property
    def marks(self) -> frozenset[Hashable]:
        return frozenset({self.site})

    @property
    def sites(self) -> tuple[Site, ...]:
        return (Site(self.layer.name, self.layer.place, "layer"),)

    @property
    def related(self) -> tuple[Site, ...]:
        return ()

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def bias(self) -> float | None:
        """The sum of the forget gate's biases at the start."""
        return self.value

    @property
    def keeps(self) -> float:
        """How much of its state the gate keeps at a step."""
        return strengths.logistic(self.value or 0.0)


def gates(flow: Flow) -> Iterator[Gate]:
    """The forget gates whose biases the code has chosen."""
    for layer in flow.context.layers:
        if layer.kind not in KINDS:
            continue
        groups: defaultdict[str, list[Weight]] = defaultdict(list)
        for weight in layer.weights:
            if weight.role == "bias":
                groups[LAYER_OF_BIAS.sub("", weight.name)].append(weight)
        for group in groups.values():
            found = gate(flow, layer, tuple(group))
            if found is not None:
                yield found


def gate(flow: Flow, layer: Layer, weights: tuple[Weight, ...]) -> Gate | None:
    """One of them; None where nothing was chosen for it, or a part of a bias was written by hand."""
    total: float | None = 0.0
    choice: InitEvent | None = None
    for weight in weights:
        histories = set(weight.histories)
        if len(histories) != 1:
            return None
        (history,) = histories
        last = max((i for i, event in enumerate(history) if event.covers), default=-1)
        parts = history[last + 1 :]
        if last < 0 or any(not event.spelling.endswith(FORGET) for event in parts):
            return None
        whole = history[last]
        value = strengths.constant(weight, whole)
        if any(event.name == "ones" for event in parts):
            value = 1.0
        total = None if total is None or value is None else total + value
        chosen = [event for event in (whole, *parts) if event.explicit]
        if any(event.sweep is not None for event in chosen):
            return None  # a pass over all biases is no choice about this gate
        choice = chosen[-1] if chosen else choice
    return Gate(flow, layer, weights, choice, total) if choice is not None else None
