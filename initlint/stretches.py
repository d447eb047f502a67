"""Whole runs of layers as rules look at them: what becomes of the signal from the first layer to the last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from initlint import strengths
from initlint.chains import Flow
from initlint.findings import Site
from initlint.graph import Layer
from initlint.judgement import Judgement, depth, end, in_turns, mended_end, start
from initlint.strands import Strand, dense_of, strand_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.source import Place


class Stretch(NamedTuple):
    """A strand that is no part of a longer one. `entry` says that it is told at the model's name, rather than at its
    first layer."""

    flow: Flow
    strand: Strand
    entry: bool
    judgement: Judgement | None = None

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
    def related(self) -> tuple[Site, ...]:
        return ()

    @property
    def strands(self) -> tuple[tuple[Strand, frozenset[int]], ...]:
        return ((self.strand, self.strand.members),)

    def judged(self, judgement: Judgement) -> Stretch:
        return self._replace(judgement=judgement)

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
    def length(self) -> int:
        """How many layers it has."""
        return self.strand.depth

    @property
    def activation_kinds(self) -> frozenset[str]:
        return frozenset(strengths.activation_kind(name) for name in self._names)

    @property
    def activation(self) -> str | None:
        """The activations for a message."""
        return " and ".join(sorted(self._names)) or None

    @property
    def _names(self) -> frozenset[str]:
        return frozenset(link.activation.name for link in self.strand.links if link.activation is not None)

    @property
    def depth(self) -> int | None:
        return depth(self.judgement)

    @property
    def falls_to(self) -> str | None:
        """What is left of the signal at the end: `1/16`, `12`."""
        return end(self.judgement)

    @property
    def mended(self) -> str | None:
        """The signal at the end with the gain of each layer's activation."""
        return mended_end(self.judgement)

    @property
    def in_turns(self) -> str | None:
        """What a loop of unknown length does to the signal: `0.71 a layer, 1/32 in 10 layers, ...`."""
        return in_turns(self.judgement)

    @property
    def gradient(self) -> str | None:
        """What is left of the gradient at the first layer."""
        return start(self.judgement)


def stretches(flow: Flow, *, entry: bool) -> Iterator[Stretch]:
    """The strands of a context, each once."""
    seen: set[int] = set()
    for layer in flow.context.layers:
        if layer.index in seen or dense_of(layer) is None:
            continue
        strand = strand_of(flow, layer.index)
        if strand.links and strand.members.isdisjoint(seen):
            yield Stretch(flow, strand, entry)
        seen |= strand.members
