"""Whole runs of layers as rules look at them: what becomes of the signal from the first layer to the last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from initlint import strengths
from initlint.chains import Flow
from initlint.findings import Site
from initlint.graph import Activation, Layer
from initlint.judgement import Judged
from initlint.strands import Strand

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.source import Place

DEEP: Final = 7  # layers from which on the default counts before rectifiers, as INI207's band has it


@dataclass(frozen=True, slots=True)
class Stretch(Judged):
    """A strand that is no part of a longer one. `entry` says that it is told at the model's name, rather than at its
    first layer."""

    flow: Flow
    strand: Strand
    entry: bool

    @property
    def place(self) -> Place:
        at = self.flow.context.place if self.entry else None
        return at or self._first.place

    @property
    def site(self) -> Hashable:
        return (self._first.place, self.entry)

    @property
    def marks(self) -> frozenset[Hashable]:
        layers = self.flow.context.layers
        return frozenset((layers[i].place, w.name) for i in self.strand.members for w in layers[i].weights)

    @property
    def sites(self) -> tuple[Site, ...]:
        layers = self.flow.context.layers
        members = dict.fromkeys(link.layer for link in (*self.strand.links, *self.strand.turn))
        return tuple(dict.fromkeys(Site(layers[i].name, layers[i].place, "layer") for i in members))

    @property
    def strands(self) -> tuple[tuple[Strand, frozenset[int]], ...]:
        return ((self.strand, self.strand.members),)

    @property
    def _first(self) -> Layer:
        return self.flow.context.layers[self.strand.links[0].layer]

    # --- for conditions and messages ----------------------------------------------------------------------------------

    @property
    def untouched(self) -> bool:
        """Whether all its weights have the framework's default."""
        layers = self.flow.context.layers
        kernels = [kernel for i in self.strand.members if (kernel := layers[i].kernel) is not None]
        return all(event is not None and not event.explicit for kernel in kernels for event in kernel.effective())

    @property
    def usual(self) -> bool:
        """Whether it is the framework's default before a few rectifiers, which is in nearly all code. One layer may end
        in something else, as a generator's last before its discriminator, and what the last one of all feeds is its
        loss."""
        between = [
            link.activation for link in (*self.strand.links[:-1], *self.strand.turn) if link.activation is not None
        ]
        others = [one for one in between if strengths.kind_of(one) != "rectifier"]
        return self.untouched and self.length < DEEP and len(others) <= 1

    @property
    def length(self) -> int:
        """How many layers it has."""
        return self.strand.depth

    @property
    def activation_kinds(self) -> frozenset[str]:
        return frozenset(map(strengths.kind_of, self._activations))

    @property
    def activation(self) -> str | None:
        """The activations for a message."""
        return " and ".join(sorted(set(map(strengths.shown, self._activations)))) or None

    @property
    def advised(self) -> str | None:
        """What keeps the signal before an activation that the code composes itself: `std = 1.54 / sqrt(fan_in)`."""
        composed = [one.composed for one in self._activations]
        gains = {one.gain if one is not None and one.steady else None for one in composed}
        gain = gains.pop() if len(gains) == 1 else None
        return None if gain is None else strengths.advised(gain)

    @property
    def _activations(self) -> frozenset[Activation]:
        return frozenset(link.activation for link in self.strand.links if link.activation is not None)
