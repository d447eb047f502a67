"""Which contexts speak where several show one thing: blocks are built by themselves too, and in the models that have
them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from initlint.graph import Context
from initlint.source import Place

Made: TypeAlias = tuple[Place, Place | None]  # where a layer is made, and where its owner calls the helper that does


@dataclass(slots=True)
class Contexts:
    """The contexts of a model, by their numbers, with what is asked of them often."""

    contexts: tuple[Context, ...]
    _places: dict[int, frozenset[Made]] = field(default_factory=dict)
    _at: dict[Made, list[int]] = field(default_factory=dict)  # the contexts that make a layer there
    _around: dict[int, frozenset[int]] = field(default_factory=dict)

    def whole(self, contexts: tuple[int, ...]) -> list[int]:
        """Those of the contexts that are within none of the others."""
        among = frozenset(contexts)
        return [index for index in contexts if self.around(index).isdisjoint(among)]

    def around(self, inner: int) -> frozenset[int]:
        """The contexts that another one is within."""
        known = self._around.get(inner)
        if known is None:
            if not self._at:
                for index in range(len(self.contexts)):
                    for place in self.places(index):
                        self._at.setdefault(place, []).append(index)
            rarest = min((self._at[place] for place in self.places(inner)), key=len, default=None)
            candidates = range(len(self.contexts)) if rarest is None else rarest
            known = self._around[inner] = frozenset(i for i in candidates if i != inner and self.within(inner, i))
        return known

    def within(self, inner: int, outer: int) -> bool:
        """Whether all that one context shows is in the other, which is more, or is code that builds a model where the
        first is a class that we built, if not with arguments that are known there only."""
        a, b = self.places(inner), self.places(outer)
        one, other = self.contexts[inner], self.contexts[outer]
        return a < b or (a == b and one.built and not other.built and other.genuine >= one.genuine)

    def places(self, index: int) -> frozenset[Made]:
        """Where its layers are made; a layer that is itself what we built is made nowhere in the code."""
        if index not in self._places:
            context = self.contexts[index]
            own = _line(context.place) if context.built and context.place is not None else None
            made = ((layer.place, layer.owner) for layer in context.layers if not layer.is_norm)
            self._places[index] = frozenset(one for one in made if _line(one[0]) != own)
        return self._places[index]


def _line(place: Place) -> tuple[str, int]:
    return place.file, place.span.start.line
