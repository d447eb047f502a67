"""A parameter over all ways of making it, for what may be left without values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from initlint.findings import Site
from initlint.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.chains import Flow
    from initlint.graph import Context, History, Layer, Method, Weight
    from initlint.source import Place


@dataclass(frozen=True, slots=True)
class Parameter(Subject):
    """A parameter with all the ways in which one context may make it."""

    flow: Flow
    layer: Layer
    weight: Weight
    methods: tuple[Method, ...]  # of the model

    @property
    def context(self) -> Context:
        return self.flow.context

    @property
    def place(self) -> Place:
        return self.weight.place

    @property
    def site(self) -> Hashable:
        return (self.weight.place, self.weight.name)

    @property
    def sites(self) -> tuple[Site, ...]:
        return (Site(self.name, self.layer.place, "layer"),)

    @property
    def name(self) -> str:
        tail = f".{self.weight.name}"
        return self.layer.name if self.layer.name.endswith(tail) else f"{self.layer.name}{tail}"

    @property
    def memory(self) -> bool:
        return self.weight.memory

    @property
    def trainable(self) -> bool | None:
        return self.weight.trainable

    @property
    def complete(self) -> bool:
        return self.context.complete

    @property
    def unwritten(self) -> bool:
        """Whether all ways leave it as it was allocated. Any write counts, to a part or not understood. Where one way
        writes and another does not, the same unknown condition may have made it and write it."""
        return all(_left_empty(history) for history in self.weight.histories)

    @property
    def others_may_write(self) -> bool:
        """Whether its class has a method that initializes and that a caller outside may call, or one of a model
        selects its class: what the class leaves empty when it is built alone, a pass over the model fills. So may
        the project's code that makes it on a way which no entry took, a pass over a model that is not known there, and
        a loader that it was given to."""
        own = self.layer.module
        return self.context.unsettled or any(
            m.called is not True if m.owner == own else own in m.asks or self.weight.name in m.fills
            for m in self.methods
        )


def _left_empty(history: History) -> bool:
    """Whether nothing has written to it since it was allocated; the framework's own default is a write too."""
    return not history or history[-1].name == "empty"


def is_vector(weight: Weight) -> bool:
    """Whether it has one row at most: a bias, a scale, a gate."""
    return weight.shape is not None and (len(weight.shape) < 2 or all(size == 1 for size in weight.shape))


def is_added(parameter: Parameter) -> bool:
    """Whether all that is done with a parameter is to add it to data."""
    nodes = [node for node in parameter.flow.context.nodes if node.layer == parameter.layer.index]
    return bool(nodes) and all(node.op == "shift" for node in nodes)
