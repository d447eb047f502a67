"""What most rules look at: a weight as one context makes it.

A subject's public properties are the vocabulary of [when] and of messages (see conditions.py); a property that is None
is a fact that is unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from initlint import strengths, symmetry
from initlint.autoencoders import decodes
from initlint.chains import Flow
from initlint.fan_modes import Division, division, peculiarity
from initlint.findings import Site
from initlint.forgetting import forget_biases
from initlint.formulas import Composed
from initlint.graph import UNKNOWN, Activation, Context, InitEvent, Layer, Weight
from initlint.judgement import Judged
from initlint.knowledge import knowledge
from initlint.silence import played, starved
from initlint.strands import PLAIN_RECURRENT, Strand, bounded_head, recurrence, strand_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from initlint.source import Place

DEPTH: Final = 3  # layers after the one in question that the simulation plays
OUTCOMES: Final = {
    symmetry.STANDSTILL: "the gradient stays zero, nothing is learned",
    symmetry.IDENTICAL: "all the units get the same gradient and stay equal",
    symmetry.MOVES: "the units are equal until the layers around them break the tie",
}


@dataclass(frozen=True, slots=True)
class Use(Judged):
    """A weight in one context, with one of the writes that may be its effective initializer."""

    flow: Flow
    layer: Layer
    weight: Weight
    event: InitEvent
    concerned: frozenset[int] = frozenset()  # the layers of the context that the rule holds for

    @property
    def context(self) -> Context:
        return self.flow.context

    @property
    def place(self) -> Place:
        return self.event.place or self.layer.place

    @property
    def site(self) -> Hashable:
        return (self.layer.place, self.weight.name)

    @property
    def sites(self) -> tuple[Site, ...]:
        return (Site(self.name, self.layer.place, "layer"),)

    def among(self, concerned: frozenset[int]) -> Use:
        return replace(self, concerned=concerned)

    @property
    def strands(self) -> tuple[tuple[Strand, frozenset[int]], ...]:
        """The run of layers through it (for the matrix of a recurrent network: its steps), and which of them are to be
        mended."""
        if self.weight.role == "recurrent":
            strand = recurrence(self.layer, self.weight, self.event, self.internal, self._forget)
        else:
            strand = strand_of(self.flow, self.layer.index)
        return ((strand, (self.concerned | {self.layer.index}) & strand.members),)

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self.layer.name

    @property
    def kind(self) -> str:
        return self.layer.kind

    @property
    def role(self) -> str:
        return self.weight.role

    @property
    def product(self) -> bool:
        """Whether data is multiplied with it: a raw parameter that no data flows into is a token or a scale, and one
        beside a layer's kernel is its gain."""
        if self.weight.role != "raw":
            return True
        matrix = self.weight.shape is None or len(self.weight.shape) > 1
        return matrix and self.layer.kernel is self.weight and bool(self.flow.before(self.layer.index))

    @property
    def trainable(self) -> bool | None:
        return self.weight.trainable

    @property
    def several(self) -> bool:
        """False where it is known to have a single unit, so that there is no symmetry between units."""
        shape = self.weight.shape
        units = shape[0 if self.weight.fans is None else -1] if shape else None  # Keras has them last
        return self.layer.fan_out != 1 and units != 1

    @property
    def explicit(self) -> bool:
        return self.event.explicit

    @property
    def technique(self) -> str | None:
        """Canonical name of the initializer; a framework default by what it is."""
        name = self.event.name
        if name == "default":
            name = self.weight.default
        return None if name in {"", "unknown"} else name

    @property
    def spelling(self) -> str:
        """How the code names it, without the module: `xavier_uniform_`."""
        return strengths.spelling(self.event)

    # --- what it feeds ------------------------------------------------------------------------------------------------

    @property
    def activations(self) -> frozenset[str] | None:
        return None if self.layer.activations is None else frozenset(self.layer.activations)

    @property
    def activation_kinds(self) -> frozenset[str] | None:
        if self.layer.activations is None:
            return None
        composed = self._composed
        kinds = {strengths.activation_kind(name) for name in self.layer.activations if name not in composed}
        return frozenset(kinds | {one.kind for ones in composed.values() for one in ones})

    @property
    def activation(self) -> str | None:
        """The activations for a message: `relu`, `relu and gelu`, `x * sigmoid(1.702 * x)`."""
        names = [name for name in self.layer.activations or () if name not in strengths.DESTINATIONS]
        composed = self._composed
        return " and ".join(text for n in names for text in ([c.text for c in composed.get(n, ())] or [n])) or None

    @property
    def advised(self) -> str | None:
        """What keeps the signal before an activation that the code composes itself: `std = 1.54 / sqrt(fan_in)`."""
        gains = self._gains if self._composed and not self.saturates else []
        return strengths.advised(min(gains)) if len(gains) == 1 else None

    @property
    def _composed(self) -> Mapping[str, list[Composed]]:
        """Activations that it feeds and that the code composes itself, by the name that stands for them."""
        found: dict[str, list[Composed]] = {}
        for edge in self.flow.after(self.layer.index):
            if edge.activation is not None and edge.activation.composed is not None:
                found.setdefault(edge.activation.name, []).append(edge.activation.composed)
        return {name: list(dict.fromkeys(ones)) for name, ones in found.items()}

    @property
    def internal(self) -> frozenset[str] | None:
        """Activations inside the layer itself: an LSTM's sigmoid and tanh. None where an argument that is not known
        chooses them."""
        if self.layer.internal != ():
            return None if self.layer.internal is None else frozenset(self.layer.internal)
        spec = knowledge().layers.get(self.layer.qualified)
        if spec is None:
            return frozenset()
        return None if spec.chosen_by else frozenset(spec.internal)

    @property
    def normed(self) -> bool | None:
        return self.layer.norm_between

    @property
    def position(self) -> str | None:
        """alone, head, branch or hidden; `starved`: a head all of whose inputs are zero."""
        found = self.flow.position(self.layer.index)
        return "starved" if found == "head" and starved(self.flow, self.layer.index) else found

    @property
    def saturates(self) -> bool | None:
        """Whether all that it feeds are tanh, sigmoid or the like, one of them with a layer behind it; or whether the
        layer's own units are such. None where that can't be followed."""
        if self.internal is None:
            return None
        if self.internal:
            return any(strengths.activation_kind(name) == "saturating" for name in self.internal)
        edges = self.flow.after(self.layer.index)
        kinds = self.activation_kinds
        if kinds is None or not edges or any(edge.target == UNKNOWN for edge in edges):
            return None
        return kinds == {"saturating"} and any(edge.target >= 0 for edge in edges)

    @property
    def bounded(self) -> bool:
        """Whether it is a head, whose outputs tanh, sigmoid or the like bound."""
        return bounded_head(self.flow, self.layer.index)

    @property
    def saturated(self) -> float | None:
        """Share of its units that start on the flat parts of the one activation that it feeds, where the slope is below
        a twentieth of the largest. For data of second moment 1, or what the activations before make of it."""
        ratio, kinds = self.variance_ratio, self.activations or frozenset()
        spec = knowledge().activations.get(min(kinds)) if len(kinds) == 1 else None
        before = [edge.activation for edge in self.flow.before(self.layer.index)]
        if ratio is None or spec is None or spec.flat is None or not before or self._composed:
            return None
        seconds = [1.0 if one is None else strengths.second_moment(one) for one in before]
        if None in seconds:
            return None
        std = math.sqrt(ratio * min(1.0, *(one for one in seconds if one is not None)))
        return math.erfc(spec.flat / (std * math.sqrt(2))) if std else 0.0

    @property
    def on_flat_parts(self) -> str | None:
        """The same for a message: `79%`. None where it is less than a quarter."""
        return f"{self.saturated:.0%}" if self.saturated is not None and self.saturated > 0.25 else None

    @property
    def reconstructs(self) -> bool | None:
        """Whether it is the last layer of an autoencoder that ends in a sigmoid."""
        return decodes(self.flow, self.layer)

    @property
    def saturation(self) -> str | None:
        """The saturating activations for a message."""
        composed = {} if self.internal else self._composed
        names = (self.internal or self.activations or frozenset()) - composed.keys()
        told = {name for name in names if strengths.activation_kind(name) == "saturating"}
        told |= {one.text for ones in composed.values() for one in ones if one.saturates}
        return " and ".join(sorted(told)) or None

    @property
    def next(self) -> str | None:
        """Name of a layer that reads its output."""
        layers = self.context.layers
        return next((layers[e.target].name for e in self.flow.after(self.layer.index) if e.target >= 0), None)

    @property
    def outcome(self) -> str:
        """What the simulation says, for a message."""
        return OUTCOMES[self.prospect or symmetry.MOVES]

    # --- how strong it is ---------------------------------------------------------------------------------------------

    @property
    def constant(self) -> float | None:
        """The value that all entries have; None where they differ or it is unknown."""
        return strengths.constant(self.weight, self.event)

    @property
    def variance_ratio(self) -> float | None:
        """Variance of an entry times the entries of a sum, the true fan_in: 1 is LeCun's, 2 is He's."""
        return strengths.variance_ratio(self.layer, self.weight, self.event)

    @property
    def excess(self) -> float | None:
        """Variance of an entry times the true fan_in, over what keeps the signal before a rectifier, else over 1."""
        gain = max(self._gains, default=None) if strengths.RECTIFYING & (self.activation_kinds or set()) else 1.0
        return None if self.variance_ratio is None or gain is None else self.variance_ratio / gain**2

    @property
    def scale(self) -> float | None:
        """Numerator of the variance for laws that divide by a fan: 1 for Xavier, 2 for He, 1/3 for torch's default."""
        law = strengths.law(self.weight, self.event)
        return law.scale if law is not None and law.fan else None

    @property
    def nonlinearity(self) -> str:
        """What a Kaiming initializer was told, or assumes."""
        value = self.event.argument("nonlinearity") or "leaky_relu"
        return value if isinstance(value, str) else "unknown"

    @property
    def keep(self) -> float | None:
        """Factor on the signal's standard deviation of this layer with its activation; the largest over several."""
        ratio, gains = self.variance_ratio, self._gains
        return None if ratio is None or not gains else ratio**0.5 / min(gains)

    @property
    def he_keeps(self) -> float | None:
        """The same for He's initializer."""
        return 2**0.5 / min(self._gains) if self._gains else None

    @property
    def _gains(self) -> list[float]:
        """Gain of each activation that it feeds, by its slope where the code gives one; empty if one is unknown."""
        if not self.layer.activations:
            return []
        reached = [edge.activation for edge in self.flow.after(self.layer.index) if edge.activation is not None]
        named = {one.name for one in reached} | strengths.DESTINATIONS
        reached += [Activation(name) for name in self.layer.activations if name not in named]
        gains = {strengths.gain_of(one) for one in reached}
        return [gain for gain in gains if gain is not None] if None not in gains else []

    # --- fans and truncation ------------------------------------------------------------------------------------------

    @property
    def fan_error(self) -> float | None:
        """What the initializer divided by, over the true fan in that direction."""
        return None if self._division is None else self._division.computed / self._division.true

    @property
    def fan_told(self) -> str | None:
        """The same for a message: `fan_out = 288`, with the code's name for it where that is another."""
        found, own = self._division, self.event.fan.text if self.event.fan else ""
        if found is None:
            return None
        return f"{found.name} = {found.computed:g}{f' ({own})' if own not in ('', found.name) else ''}"

    @property
    def fan_true(self) -> str | None:
        """The true fan for a message, with why torch computes another: `9 (a grouped kernel)`."""
        found, why = self._division, peculiarity(self.layer, self.weight)
        return None if found is None else f"{found.true:g} ({why})" if why else f"{found.true:g}"

    @property
    def _division(self) -> Division | None:
        return division(self.layer, self.weight, self.event)

    @property
    def truncated(self) -> float | None:
        """Standard deviation of a truncated normal over the one that was asked for."""
        return strengths.truncated(self.event)

    @property
    def truncation(self) -> str | None:
        """The same for a message: `cut at -0.02 and 0.02, std=0.02 becomes 0.011`."""
        return strengths.truncation(self.event)

    # --- recurrent matrices -------------------------------------------------------------------------------------------

    @property
    def square(self) -> bool:
        """Whether it is a state-to-state matrix: not the projection of an LSTM with proj_size."""
        return "weight_hh" in self.weight.name or "recurrent_kernel" in self.weight.name

    @property
    def radius(self) -> float | None:
        """Expected spectral radius of one gate's square matrix: standard deviation times sqrt(hidden size)."""
        ratio = self.variance_ratio if self.weight.role == "recurrent" else None
        return None if ratio is None else ratio**0.5

    @property
    def hundred_steps(self) -> str | None:
        """What a change of the state is multiplied by over 100 steps, measured: `2e-23`."""
        return self.falls_to if self.weight.role == "recurrent" else None

    @property
    def matrix(self) -> str:
        """What the radius is of, for a message."""
        return "the recurrent matrix" if self.layer.kind in PLAIN_RECURRENT else "each gate's recurrent matrix"

    @property
    def gated(self) -> str | None:
        """Where memory rests; None in a plain network."""
        return None if self.layer.kind in PLAIN_RECURRENT else "the gates alone"

    @property
    def _forget(self) -> float | None:
        """What its biases add to the forget gate of this matrix; None where that is not known."""
        suffix = self.weight.name[len("weight_hh") :] if self.weight.name.startswith("weight_hh") else ""
        ways = {one.expected for one in forget_biases(self.flow, self.layer) if one.suffix == suffix}
        return next(iter(ways), 0.0) if len(ways) < 2 else None

    # --- sparse and constant ones -------------------------------------------------------------------------------------

    @property
    def lost_units(self) -> float | None:
        """Expected number of units that sparse_ leaves without any input."""
        return strengths.lost_units(self.weight, self.event)

    @property
    def lost_count(self) -> str | None:
        """The same for a message; None below one."""
        return f"{self.lost_units:.0f}" if self.lost_units is not None and self.lost_units >= 1 else None

    @property
    def prospect(self) -> str | None:
        """What ten steps of SGD on the layers around do for it."""
        return symmetry.prospects(*self._neighbourhood())

    def _neighbourhood(self) -> tuple[tuple[symmetry.Map, ...], int]:
        layers, flow, index = self.flow.context.layers, self.flow, self.layer.index
        before = next((e for e in flow.before(index) if e.source >= 0 and e.source != index), None)
        after = flow.chain(index, DEPTH)
        maps = [] if before is None else [played(layers[before.source], before)]
        maps.append(played(self.layer, after[0] if after else None))
        maps += [played(layers[e.target], nxt) for e, nxt in zip(after, [*after[1:], None]) if e.target >= 0]
        return tuple(maps), 0 if before is None else 1
