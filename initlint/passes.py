"""What rules look at besides weights: writes that are lost, passes over modules, methods that initialize."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from initlint import strengths
from initlint.findings import Site
from initlint.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.chains import Flow
    from initlint.graph import InitEvent, Layer, Method, Sweep, Weight
    from initlint.source import Place

SHOWN = 4  # layers that a message names
MAIN = ("kernel", "embedding", "recurrent")


@dataclass(frozen=True, slots=True)
class Write(Subject):
    """An explicit write that covers a weight, and what came after it."""

    flow: Flow
    layer: Layer
    weight: Weight
    event: InitEvent
    later: tuple[InitEvent, ...]

    @property
    def place(self) -> Place:
        assert self.event.place is not None  # explicit writes have one
        return self.event.place

    @property
    def marks(self) -> frozenset[Hashable]:
        return frozenset({self.place, (self.layer.place, self.weight.name)})

    @property
    def name(self) -> str:
        return f"{self.layer.name}.{self.weight.name}"

    @property
    def sites(self) -> tuple[Site, ...]:
        return (Site(self.layer.name, self.layer.place, "layer"),)

    @property
    def related(self) -> tuple[Site, ...]:
        winner = self.winner
        return (Site(_call(winner), winner.place, "overwritten here"),) if winner and winner.place else ()

    @property
    def certain(self) -> bool:
        return self.event.certain

    @property
    def spelling(self) -> str:
        return _call(self.event)

    @property
    def by(self) -> str | None:
        return _call(self.winner) if self.winner else None

    @property
    def by_line(self) -> int | None:
        return self.winner.place.told_line if self.winner and self.winner.place else None

    @property
    def function(self) -> str:
        """Name of the function that it stands in, without the class."""
        return self.event.function.rpartition(".")[2]

    @property
    def raw(self) -> bool:
        """A module's own raw parameter: what its class writes is its default, for others to override."""
        return self.layer.kind == "Parameter"

    @property
    def replaced(self) -> bool:
        """Whether a pass over at least the same layers writes the whole weight later, by another law."""
        return self.winner is not None

    @property
    def winner(self) -> InitEvent | None:
        following = next((e for e in self.later if e.covers), None)
        if following is not None and self._within(following):
            return None  # a special case of the same pass, or of one that this one is a part of
        passes = [e for e in self.later if e.sweep is not None and e.covers and e.certain and e.place != self.place]
        own = strengths.law(self.weight, self.event) if passes else None
        for event in passes:
            other = strengths.law(self.weight, event)
            if None not in {own, other} and other != own and self._reach(self.event) <= self._reach(event):
                return event
        return None

    def _within(self, event: InitEvent) -> bool:
        """Whether the pass that made this write is the one that made the other, or began while that one ran."""
        sweeps = self.flow.context.sweeps
        own, other = self.event.sweep, event.sweep
        if own is None or other is None or max(own, other) >= len(sweeps):
            return own is not None and own == other
        return other <= own

    def _reach(self, event: InitEvent) -> frozenset[int]:
        """Layers that the pass which made the event wrote to."""
        sweeps = self.flow.context.sweeps
        if event.sweep is None or event.sweep >= len(sweeps):
            return frozenset()
        return frozenset(sweeps[event.sweep].wrote)


def _call(event: InitEvent) -> str:
    return event.spelling.rpartition(".")[2] or event.name


@dataclass(frozen=True, slots=True)
class Pass(Subject):
    """A pass over modules or parameters that initializes them."""

    flow: Flow
    sweep: Sweep

    @property
    def place(self) -> Place:
        return self.sweep.place

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(Site(layer.name, layer.place, "made after the pass") for layer in self._left)

    @property
    def marks(self) -> frozenset[Hashable]:
        return frozenset({self.place}) | {(layer.place, w.name) for layer in self._left for w in layer.weights}

    @property
    def related(self) -> tuple[Site, ...]:
        return self.sites

    @property
    def complete(self) -> bool:
        return self.flow.context.complete

    @property
    def root(self) -> str:
        return self.sweep.root

    @property
    def what(self) -> str:
        """How the pass goes over the modules: `apply(_init_weights)`, `the loop over modules()`."""
        if self.sweep.kind == "apply":
            return f"apply({self.sweep.function.rpartition('.')[2]})" if self.sweep.function else "apply"
        return f"the loop over {self.sweep.kind}()"

    @property
    def left(self) -> int:
        """Layers that it selects, made after it, and initialized by nothing else."""
        return len(self._left)

    @property
    def left_out(self) -> str:
        """The same for a message: `Net.fc exists, which keeps its default`."""
        names = list(dict.fromkeys(layer.name for layer in self._left))
        if len(names) < 2:
            return f"{''.join(names)} exists, which keeps its default"
        names = names if len(names) <= SHOWN else [*names[: SHOWN - 1], f"{len(names) - SHOWN + 1} more"]
        return f"{', '.join(names[:-1])} and {names[-1]} exist, which keep their default"

    @property
    def _left(self) -> list[Layer]:
        layers = self.flow.context.layers
        replaced = {layers[i].kind for i in self.sweep.wrote if orphaned(layers[i])}
        return [layers[i] for i in self.sweep.missed if untouched(layers[i]) and layers[i].kind not in replaced]


def orphaned(layer: Layer) -> bool:
    """Whether no module has the layer any more: another one took its place, as when a head is exchanged."""
    return layer.name == layer.kind


def untouched(layer: Layer) -> bool:
    """Whether the layer's main weights keep the framework's default however it was made, and nobody has chosen the
    gain that they are normalized to."""
    main = [w for w in layer.weights if w.role in MAIN]
    gains = [w for w in layer.weights if w.role == "gain"]
    chosen = any(event.explicit for w in gains for h in w.histories for event in h)
    return (
        bool(main)
        and not chosen
        and not any(event.explicit or event.name == "unknown" for w in main for h in w.histories for event in h)
    )


@dataclass(frozen=True, slots=True)
class Hook(Subject):
    """A method that initializes weights."""

    method: Method
    flows: tuple[Flow, ...] = ()  # of the model

    @property
    def place(self) -> Place:
        return self.method.place

    @property
    def marks(self) -> frozenset[Hashable]:
        """The weights that keep a default, of objects of its class, as it would initialize them."""
        return frozenset({self.place}) | {
            (layer.place, weight.name)
            for flow in self.flows
            for layer in flow.context.layers
            if self.owner and self.owner in {layer.module, flow.context.entry}
            for weight in layer.weights
            if not any(event.explicit for history in weight.histories for event in history)
        }

    @property
    def name(self) -> str:
        return self.method.name

    @property
    def owner(self) -> str:
        return self.method.owner

    @property
    def called(self) -> bool | None:
        return self.method.called

    @property
    def built(self) -> int:
        return self.method.built
