"""The gain that a call was told, against the activations that its layers feed."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from initlint import strengths
from initlint.findings import Site
from initlint.formulas import COMPOSED, Composed
from initlint.graph import PASSED, Edge, Unknown
from initlint.judgement import Judged
from initlint.knowledge import knowledge
from initlint.strands import Strand, strand_of
from initlint.strengths import DESTINATIONS
from initlint.subjects import Use

if TYPE_CHECKING:
    from collections.abc import Hashable

    from initlint.source import Place

TOLERANCE: Final = 0.1  # of the variance: below it two gains count as the same
FAIR: Final = 2.0  # times the variance: so far a gain may be off one that torch has no name for
RESTATED: Final = math.sqrt(5)  # torch's own layers pass this slope, for reasons of their history


@dataclass(frozen=True, slots=True)
class Call(Judged):
    """One call of an initializer, with all the weights for which it is the effective write."""

    uses: tuple[Use, ...]

    @property
    def place(self) -> Place:
        """The argument that sets the gain, else the call."""
        return dict(self.uses[0].event.spans).get(self.argument or "", self.uses[0].place)

    @property
    def site(self) -> Hashable:
        return self.uses[0].place

    @property
    def marks(self) -> frozenset[Hashable]:
        return frozenset(use.site for use in self._concerned)

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(site for use in self._concerned for site in use.sites)

    @property
    def technique(self) -> str | None:
        return self.uses[0].technique

    @property
    def spelling(self) -> str:
        return self.uses[0].spelling

    @property
    def framework(self) -> str:
        return "keras" if self.uses[0].layer.qualified.startswith("keras.") else "torch"

    @property
    def argument(self) -> str | None:
        """The argument that sets the gain explicitly: gain, nonlinearity or a."""
        event = self.uses[0].event
        names = {key for key, _ in event.args}
        spec = knowledge().initializers.get(event.spelling)
        if spec is not None and spec.of_layer:
            names &= {key for key, _ in event.spans}  # the others it gives by itself
        if "gain" in names:
            return "gain"
        if "nonlinearity" in names and self.uses[0].nonlinearity != "leaky_relu":
            return "nonlinearity"
        if "a" in names and self.uses[0].nonlinearity == "leaky_relu":
            return "a"
        return "nonlinearity" if "nonlinearity" in names else None

    @property
    def passed(self) -> str | None:
        """The parameter of the function around the call which the argument is, so that callers say it; else None."""
        start = f"{PASSED}{self.argument} "
        return next((key.removeprefix(start) for key, _ in self.uses[0].event.spans if key.startswith(start)), None)

    @property
    def value(self) -> str | None:
        """The argument's value as a message shows it. None where the call is made with several."""
        if self.argument is None:
            return None
        values = {_shown(use.event.argument(self.argument)) for use in self.uses}
        return values.pop() if len(values) == 1 else None

    @property
    def given(self) -> float | None:
        """The gain that results; None where it is unknown or differs between the layers."""
        gains = {strengths.given_gain(use.event) for use in self.uses}
        return gains.pop() if len(gains) == 1 else None

    @property
    def restates_default(self) -> bool:
        """Whether it spells out what torch's layers do anyway."""
        slope = self.uses[0].event.argument("a")
        return self.technique == "kaiming_uniform" and isinstance(slope, int | float) and math.isclose(slope, RESTATED)

    @property
    def activations(self) -> frozenset[str] | None:
        """All that its layers feed; None where that is unknown of one of them."""
        reached = [use.activations for use in self.uses]
        return None if None in reached else frozenset().union(*(r for r in reached if r))

    @property
    def activation(self) -> str | None:
        if self.composed is not None:
            return self.composed.text
        return " and ".join(sorted((self.activations or frozenset()) - DESTINATIONS)) or None

    @property
    def composed(self) -> Composed | None:
        """The one activation that all of its layers feed, where that is one that the code composes itself, the signal
        model follows it, its gain keeps small differences too, and no norm stands before it."""
        edges = self._onward
        found = {None if edge.activation is None or edge.norm else edge.activation.composed for edge in edges}
        only = found.pop() if len(found) == 1 else None
        return only if only is not None and only.steps and only.steady and not only.saturates else None

    @property
    def contradicts(self) -> bool | None:
        """Whether the gain is off the one of every activation reached, and right for no linear layer among them."""
        activations, given = self._slopes, self.given
        if activations is None or given is None:
            return None
        if not activations or "selu" in dict(activations):  # what SELU needs is its own rule's matter
            return False
        if not self._carries:
            return False
        if _same(given, 1.0) and (self.activations or frozenset()) & DESTINATIONS:
            return False
        if self.composed is not None:  # a gain that is near enough is a fair choice
            return not 1 / FAIR <= (given / self.composed.gain) ** 2 <= FAIR
        return not any(_same(given, gain) for name, slope in activations for gain in _accepted(name, slope))

    @property
    def _carries(self) -> bool:
        """Whether a layer reads what one of the activations gives: not where all are saturating and end in gates or
        outputs, whose scale is a matter of choice."""
        edges = [e for use in self.uses for e in use.flow.after(use.layer.index) if e.activation is not None]
        gates = {strengths.kind_of(e.activation) for e in edges if e.activation} <= {"saturating", "normalizing"}
        return not edges or not gates or any(e.target >= 0 for e in edges)

    @property
    def right(self) -> float | None:
        """The gain that calculate_gain has for the activation, or that one has which the code composes itself; None
        where there is none, or several would be needed."""
        if self.composed is not None:
            return self.composed.gain
        found = {strengths.torch_gain(name, slope) for name, slope in self._slopes or ()}
        return found.pop() if len(found) == 1 else None

    @property
    def right_spelling(self) -> str | None:
        """How to ask torch for it, `calculate_gain('leaky_relu', 0.2)`; in Keras in words."""
        slopes = self._slopes or frozenset()
        if self.composed is not None:
            return "its gain"
        if len(slopes) != 1:
            return None
        ((name, slope),) = slopes
        if self.framework == "keras":
            return f"the gain of {name}{'' if slope is None else f' with slope {slope:g}'}"
        return f"calculate_gain('{name}'{'' if slope is None else f', {slope:g}'})"

    @property
    def falls_short(self) -> bool:
        """Whether Xavier, with the right gain too, would leave a rectifier less than it needs, since a layer widens."""
        if self.framework != "torch" or not (self.technique or "").startswith("xavier") or not self.right:
            return False
        kinds = {strengths.activation_kind(name) for name, _ in self._slopes or ()}
        given = self.given
        ratios = [use.variance_ratio for use in self._concerned]
        if kinds != {"rectifier"} or not given or None in ratios:
            return False
        kept = min(ratio for ratio in ratios if ratio is not None) / given**2
        return kept < (1 - TOLERANCE / 2) ** 2

    @property
    def strands(self) -> tuple[tuple[Strand, frozenset[int]], ...]:
        """The runs that its layers stand in, and which layers of them are its own."""
        own: defaultdict[int, set[int]] = defaultdict(set)
        for use in self.uses:
            own[id(use.flow)].add(use.layer.index)
        found = {}
        for use in self.uses:
            strand = strand_of(use.flow, use.layer.index)
            found[id(use.flow), strand.members] = (strand, strand.members & own[id(use.flow)])
        return tuple(found.values())

    @property
    def _concerned(self) -> list[Use]:
        """The weights that feed an activation."""
        return [use for use in self.uses if (use.activations or frozenset()) - DESTINATIONS] or list(self.uses)

    @property
    def _onward(self) -> list[Edge]:
        """The ways on from the layers that feed an activation."""
        return [edge for use in self._concerned for edge in use.flow.after(use.layer.index)]

    @property
    def _slopes(self) -> frozenset[tuple[str, float | None]] | None:
        """Each activation reached with its slope, where the code gives one."""
        activations = self.activations
        if activations is None:
            return None
        reached = [one for edge in self._onward if (one := edge.activation) is not None and one.name in activations]
        named = {one.name for one in reached}
        found = {(one.name if one.composed is None else COMPOSED, one.parameter) for one in reached}
        return frozenset(found | {(name, None) for name in activations - DESTINATIONS - named})


def _accepted(name: str, slope: float | None) -> list[float]:
    """Gains that do no wrong before an activation: torch's, its own, and 1 where the units saturate (Glorot's)."""
    gains = [strengths.torch_gain(name, slope), strengths.gain(name, slope)]
    if strengths.activation_kind(name) == "saturating":
        gains.append(1.0)
    return [gain for gain in gains if gain is not None]


def _same(a: float, b: float) -> bool:
    return abs(a * a / (b * b) - 1) <= TOLERANCE


def _shown(value: object) -> str:
    if isinstance(value, Unknown):
        return "?"
    return f"{value:.3g}" if isinstance(value, float) else repr(value)
