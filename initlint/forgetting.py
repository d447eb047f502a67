"""The bias of an LSTM's forget gate: what an explicit choice leaves of it, summed over both of its vectors.

Gates are stacked as input, forget, cell, output, so that the forget gate's is the second quarter (torch.nn.LSTM and
keras.layers.LSTM, which has one vector).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from initlint.chains import Flow
from initlint.findings import Site
from initlint.graph import History, InitEvent, Layer, Unknown, Weight
from initlint.source import Place
from initlint.strengths import constant
from initlint.subject import Subject

FORGET: Final = (0.25, 0.5)
LSTMS: Final = frozenset({"LSTM", "LSTMCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "CuDNNLSTM"})
MOST_WAYS: Final = 16


@dataclass(frozen=True, slots=True)
class ForgetBias(Subject):
    """The forget gate of one layer and direction, on one way through its construction."""

    flow: Flow
    layer: Layer
    suffix: str  # of its biases: _l0, _l0_reverse; "" for a cell
    biases: tuple[tuple[Weight, History], ...]

    @property
    def place(self) -> Place:
        """The last explicit write to it, or where the layer is made."""
        return max(self._places(), default=self.layer.place)

    @property
    def site(self) -> tuple[Place, str]:
        return self.layer.place, self.suffix

    @property
    def sites(self) -> tuple[Site, ...]:
        return (Site(self.layer.name, self.layer.place),)

    @property
    def explicit(self) -> bool:
        """Whether the code writes it at all: the framework's default is nobody's choice."""
        return bool(self._places())

    @property
    def total(self) -> float | None:
        """What the layer adds to the forget gate at the start, the sum of its biases; None where one is random or
        unknown."""
        return self.sum_from(0)

    def sum_from(self, first: int) -> float | None:
        """The sum of its biases from one of them on; None where one is random or unknown."""
        values = [_value(weight, history) for weight, history in self.biases[first:]]
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    @property
    def expected(self) -> float | None:
        """The same, where the framework draws one by default, whose mean is zero."""
        values = [
            0.0 if value is None and not any(event.explicit and _touches(event) for event in history) else value
            for (_, history), value in zip(self.biases, (_value(*bias) for bias in self.biases))
        ]
        known = [value for value in values if value is not None]
        return sum(known) if len(known) == len(values) else None

    @property
    def kept(self) -> float | None:
        """The part of its memory that a cell keeps in one step with no input: the sigmoid of the sum."""
        import math

        return None if self.total is None else 1 / (1 + math.exp(-self.total))

    def _places(self) -> list[Place]:
        events = [event for _, history in self.biases for event in history if event.explicit and _touches(event)]
        return [event.place for event in events if event.place is not None]


def forget_biases(flow: Flow, layer: Layer) -> Iterator[ForgetBias]:
    """One for each of an LSTM's layers and directions, and each way in which its biases can be made."""
    if layer.kind not in LSTMS:
        return
    found: dict[str, list[Weight]] = {}
    for weight in layer.weights:
        if weight.role == "bias" and (weight.name == "bias" or weight.name.startswith(("bias_ih", "bias_hh"))):
            found.setdefault(weight.name[len("bias_ih") :], []).append(weight)
    for suffix, weights in found.items():
        ways: list[tuple[tuple[Weight, History], ...]] = [()]
        for weight in weights:
            ways = [(*way, (weight, history)) for way in ways for history in weight.histories][:MOST_WAYS]
        for way in ways:
            yield ForgetBias(flow, layer, suffix, way)


def _touches(event: InitEvent) -> bool:
    return event.covers or event.part is None or max(event.part[0], FORGET[0]) < min(event.part[1], FORGET[1])


def _value(weight: Weight, history: History) -> float | None:
    """The value of the forget gate's part after the writes; None where it is not one known number."""
    added = 0.0
    for event in reversed(history):
        if not _touches(event):
            continue
        within = event.covers or (event.part is not None and event.part[0] <= FORGET[0] and event.part[1] >= FORGET[1])
        amount = event.argument("val")
        if event.name == "add" and within and isinstance(amount, int | float):
            added += amount
            continue
        if not within or event.name == "unknown" or isinstance(amount, Unknown):
            return None
        found = constant(weight, event)
        return None if found is None else found + added
    return None
