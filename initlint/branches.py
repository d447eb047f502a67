"""Tests of a module's type or a parameter's name in initialization code, and the layers that they miss."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from initlint import strengths
from initlint.findings import Site
from initlint.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.chains import Flow
    from initlint.graph import Layer, TypeTest
    from initlint.source import Place

FAMILIES = (
    ("Conv", ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "_ConvNd")),
    ("Linear", ("Linear", "Bilinear")),
    ("RNN", ("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell")),
    ("Embedding", ("Embedding", "EmbeddingBag")),
    ("BatchNorm", ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm")),
    ("InstanceNorm", ("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d")),
)


@dataclass(frozen=True, slots=True)
class Branch(Subject):
    """A test of a module's type or of a parameter's name in initialization code, over all models that were seen."""

    test: TypeTest
    flows: tuple[Flow, ...]

    @property
    def place(self) -> Place:
        return self.test.place

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(layer.name, layer.place, "missed") for layer in self.missed_layers)

    @property
    def marks(self) -> frozenset[Hashable]:
        return frozenset({self.place}) | {(one.place, w.name) for one in self.missed_layers for w in one.weights}

    @property
    def kind(self) -> str:
        return self.test.kind

    @property
    def asked(self) -> str:
        return " or ".join(self.test.asked)

    @property
    def writes(self) -> bool:
        """Whether its branch initializes anything."""
        return bool(self.test.body)

    @property
    def never(self) -> bool:
        return self.test.true == self.test.unknown == 0 < self.test.false

    @property
    def always(self) -> bool:
        """Whether the condition holds whatever it is asked of: `"conv" or "fc" in name` is the text "conv"."""
        return _constant_operand(self.test.text) is not None

    @property
    def constant_operand(self) -> str | None:
        return _constant_operand(self.test.text)

    @property
    def missed(self) -> int:
        """Layers of a kind close to the asked ones that it was false for, and that keep their default."""
        return len(self.missed_layers)

    @property
    def missed_kinds(self) -> str:
        return " and ".join(sorted({layer.kind for layer in self.missed_layers}))

    @property
    def dotted_name(self) -> str | None:
        """A name that it was false for, which is a path to the text that it compares with."""
        if "==" not in self.test.text:
            return None
        return next((s for s in self.test.seen for a in self.test.asked if s.endswith(f".{a}")), None)

    @property
    def cased_name(self) -> str | None:
        """A name that it was false for, which differs from what it asks for in upper and lower case only."""
        if "==" in self.test.text or "not in" in self.test.text:
            return None
        whole = _in_list(self.test.text)
        pairs = ((s, a) for s in self.test.seen for a in self.test.asked if not whole or len(s) == len(a))
        return next((s for s, a in pairs if a not in s and a.casefold() in s.casefold()), None)

    @property
    def missed_layers(self) -> list[Layer]:
        """The layers that the branch was meant for, as it seems."""
        siblings = {kind for kind in self.test.seen for asked in self.test.asked if _akin(asked, kind)}
        found: dict[Place, Layer] = {}
        for flow in self._asked_in if siblings else ():
            for layer in flow.context.layers:
                if layer.kind in siblings and self._would_change(layer):
                    found.setdefault(layer.place, layer)
        return list(found.values())

    @property
    def _asked_in(self) -> list[Flow]:
        """The contexts with a pass in which it is asked."""
        passes = frozenset(self.test.passes)
        return [f for f in self.flows if not passes or any(s.place in passes for s in f.context.sweeps)]

    def _would_change(self, layer: Layer) -> bool:
        """Whether nothing initializes the layer and the branch would have written something else than it has."""
        events = [event for w in layer.weights for h in w.histories for event in h]
        if not layer.weights or any(event.explicit or event.name == "unknown" for event in events):
            return False
        defaults = {strengths.plain(w.default) for w in layer.weights}
        return not {strengths.plain(name) for name in self.test.body} <= defaults


def _akin(asked: str, kind: str) -> bool:
    """Whether one may have been written where the other was meant: Conv2d and Conv1d, "conv" and Conv2d."""
    if asked == kind:
        return False
    families = {family for family, kinds in FAMILIES for name in (asked, kind) if name in kinds}
    together = any(asked in kinds and kind in kinds for _, kinds in FAMILIES)
    return together or (len(families) <= 1 and asked != "" and kind.casefold().startswith(asked.casefold()))


def _in_list(text: str) -> bool:
    """Whether a name is looked for in a list, and not a text in a name."""
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    compared = [part for part in ast.walk(tree) if isinstance(part, ast.Compare)]
    return any(isinstance(part.ops[0], ast.In) and not isinstance(part.left, ast.Constant) for part in compared)


def _constant_operand(text: str) -> str | None:
    """The text that stands alone beside an `or`, which makes the whole condition true."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.Or):
        for operand in tree.values:
            if isinstance(operand, ast.Constant) and isinstance(operand.value, str) and operand.value:
                return operand.value
    return None
