"""Layers that one initializer object of Keras has made equal.

Such an object is seeded once, by itself where the code gives no seed: it writes the same values wherever it is used, so
two weights of one shape start equal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from initlint.findings import Site
from initlint.knowledge import snake
from initlint.subject import Subject
from initlint.twins import inputs_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.chains import Flow
    from initlint.graph import InitEvent, Layer, Weight
    from initlint.source import Place


@dataclass(frozen=True, slots=True)
class Shared(Subject):
    """Two weights of one shape that the same initializer object wrote; `second` is the layer made later."""

    flow: Flow
    first: Layer
    second: Layer
    weight: Weight  # of the second
    event: InitEvent

    @property
    def place(self) -> Place:
        return dict(self.event.spans).get("initializer", self.second.place)

    @property
    def site(self) -> Hashable:
        return (self.second.place, self.weight.name)

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(layer.name, layer.place, "layer") for layer in (self.first, self.second))

    @property
    def related(self) -> tuple[Site, ...]:
        return (Site(self.spelling, self.event.place, "the shared initializer"),) if self.event.place else ()

    @property
    def other(self) -> str:
        """The layer that had the object first, told by its line where both have one name."""
        return self._told(self.first)

    @property
    def name(self) -> str:
        if self.first.name == self.second.name and _line(self.first) == _line(self.second):
            return f"the next {self.second.name}"  # of a loop
        return self._told(self.second)

    def _told(self, layer: Layer) -> str:
        alike = self.first.name == self.second.name and _line(self.first) != _line(self.second)
        return f"{layer.name} (line {_line(layer)})" if alike else layer.name

    @property
    def spelling(self) -> str:
        return snake(self.event.spelling.rpartition(".")[2]) or self.event.name

    @property
    def seeded(self) -> bool:
        """Whether the object was given a seed, which its clones have too."""
        return self.event.maker < 0

    @property
    def size(self) -> str:
        """The common shape: `64x64`."""
        return "x".join("?" if size is None else str(size) for size in self.weight.shape or ())

    @property
    def parallel(self) -> bool:
        """Whether both layers are fed by the same tensor, so that they compute the same. Of layers that a loop of
        unknown length makes it is not known which of its turns feeds which."""
        if self.first.repeated or self.second.repeated:
            return False
        return bool(inputs_of(self.flow, self.first) & inputs_of(self.flow, self.second))

    @property
    def measured_alike(self) -> bool:
        """Whether the number of inputs, which alone is not known, is the same: one tensor tells both layers."""
        shape = self.weight.shape or ()
        known = len(shape) > 1 and shape[-2] is None and shape.count(None) == 1
        return known and self.parallel and self.first.kind == self.second.kind and "Transpose" not in self.first.kind

    @property
    def together(self) -> bool:
        """Whether one construction of the other surely makes both."""
        return self.flow.context.complete


def _line(layer: Layer) -> int:
    return layer.place.span.start.line


def sharings(flow: Flow) -> Iterator[Shared]:
    """Each layer that has an initializer object and a shape in common with one made before it."""
    groups: defaultdict[tuple[int, tuple[int | None, ...]], list[tuple[Layer, Weight, InitEvent]]] = defaultdict(list)
    for layer in flow.context.layers:
        for weight in layer.weights:
            ends = set(weight.effective())
            event = ends.pop() if len(ends) == 1 else None
            if event is None or not event.maker or weight.shape is None:
                continue
            groups[event.maker, weight.shape].append((layer, weight, event))
    for members in groups.values():
        first, *others = sorted(members, key=lambda member: member[0].serial)
        for layer, weight, event in others:
            shared = Shared(flow, first[0], layer, weight, event)
            if layer is not first[0] and (None not in (weight.shape or ()) or shared.measured_alike):
                yield shared
