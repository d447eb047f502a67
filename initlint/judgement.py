"""What becomes of the signal along a strand, against the band that a rule has for it, and what a cure would make.

Whether a strand could be out of a band is told from closed forms and from the bounds of rules/activations.toml; NumPy
is loaded only for those that could.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final, NamedTuple, Self

from initlint import strengths
from initlint.findings import Signal
from initlint.network import Dense
from initlint.signals import Range, bounds, exact, measured
from initlint.strands import Link, Strand, averages
from initlint.subject import Subject

DEPTHS: Final = (10, 30, 100)  # at which a loop of unknown length is judged


ALIKE: Final = 0.01  # signals that differ by less are the same


class Band(NamedTuple):
    """Where a signal and a gradient should stay, and from how many layers on it counts."""

    forward: tuple[float, float]
    backward: tuple[float, float]
    depth: int = 1

    def holds(self, signal: Signal) -> bool:
        return not self.left(signal)

    def left(self, signal: Signal) -> frozenset[tuple[str, bool]]:
        """Which of the two leaves it, and whether at the upper end."""
        both = (("signal", signal.forward_std, self.forward), ("gradient", signal.gradient_std, self.backward))
        return frozenset((name, value > limits[1]) for name, value, limits in both if not _within(value, limits))

    def may_break(self, bounds: Range) -> bool:
        ends = zip((*bounds.forward, *bounds.backward), (self.forward, self.forward, self.backward, self.backward))
        return not all(_within(end, limits) for end, limits in ends)


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] * (1 - 1e-9) <= value <= limits[1] * (1 + 1e-9)


# --- what would become of it ------------------------------------------------------------------------------------------


def mended(strand: Strand, concerned: Collection[int], cure: str) -> Strand:
    """The strand with the rule's layers as they should be: variance gain^2 / fan_in (`gain`, each activation's own;
    `torch-gain`, as calculate_gain has it; `unit`, 1: LeCun's, and an orthogonal square's), or Glorot's (`xavier`;
    `suited`, before what saturates, else the gain)."""
    links, turn = (
        tuple(link._replace(dense=_cured(link, cure)) if link.layer in concerned else link for link in part)
        for part in (strand.links, strand.turn)
    )
    if strand.recurrence and cure == "unit":  # which an orthogonal matrix has
        links = tuple(link._replace(dense=link.dense._replace(distribution="orthogonal")) for link in links)
    return strand._replace(links=links, turn=turn)


def _cured(link: Link, cure: str) -> Dense:
    dense = link.dense
    found: float | None = 1.0
    if cure == "suited":
        saturating = link.activation is not None and strengths.kind_of(link.activation) == "saturating"
        cure = "xavier" if saturating else "gain"
    if cure == "gain":
        found = strengths.gain_of(link.activation)
    elif cure == "torch-gain":
        found = strengths.torch_gain_of(link.activation) or strengths.gain_of(link.activation)
    second = (1.0 if found is None else found**2) / dense.fan_in
    if cure == "xavier":
        second = 2 / (dense.fan_in + dense.fan_out)
    return dense._replace(second=second, mean=0.0, distribution="normal", density=1.0)


CURES: Final = {
    "gain": "the gain of each activation",
    "suited": "the gain of each rectifier, and the variance 2/(fan_in + fan_out) before what saturates",
    "torch-gain": "the gain that torch has for each activation",
    "unit": "the variance 1/fan_in",
    "xavier": "the variance 2/(fan_in + fan_out)",
}


class Judgement(NamedTuple):
    """A strand against a band: as it is, as it would be, and whether it leaves the band and the cure brings it back.
    `before` and `after` are None where nothing had to be computed. `deeper` are the judgements at DEPTHS of a strand
    with a loop of unknown length, if it may leave the band there."""

    before: Signal | None
    after: Signal | None
    outside: bool
    mends: bool
    deeper: tuple[Judgement, ...] = ()

    @property
    def harms(self) -> bool:
        return self.outside and self.mends

    @property
    def idle(self) -> bool:
        """Whether the cure is what is there already."""
        before, after = self.before, self.after
        if before is None or after is None or not self.outside:
            return False
        pairs = ((before.forward_std, after.forward_std), (before.backward_std, after.backward_std))
        return all(abs(old - new) <= ALIKE * old for old, new in pairs)

    @property
    def may_harm(self) -> bool:
        """Whether it would with the first of DEPTHS."""
        return bool(self.deeper) and self.deeper[0].harms


@lru_cache(maxsize=1024)
def judged(
    strand: Strand, concerned: frozenset[int], cure: str, band: Band, *, in_full: bool = False
) -> Judgement | None:
    """None for an empty strand, or one that the model has no formula for. Without a cure what is outside stays so. With
    `in_full` both signals are computed even where the band could be decided on without them."""
    if not strand.links:
        return None
    if strand.turn:
        return _with_turns(strand, concerned, cure, band, in_full=in_full)
    better = mended(strand, concerned, cure) if cure else None
    before = exact(strand)
    if before is None and (in_full or (strand.depth >= band.depth and band.may_break(bounds(strand)))):
        before = measured(strand)
        if before is None:
            return None
    if before is None:
        return Judgement(None, None, outside=False, mends=False)
    after = None if better is None else exact(better)
    outside = strand.depth >= band.depth and not band.holds(before)
    both_ends = averages(strand) and (outside or in_full)
    if both_ends:
        noise = measured(strand._replace(noise=True))
        before = replace(before, noise=noise)
        outside = outside and (noise is None or bool(band.left(before) & band.left(noise)))
    if (outside or in_full) and better is not None and after is None:
        after = measured(better)
    if both_ends and better is not None and after is not None:
        after = replace(after, noise=measured(better._replace(noise=True)))
    mends = not cure or (after is not None and band.holds(after))
    return Judgement(before, after, outside, mends and not (strand.recurrence and strand.recurrence.advice))


def _with_turns(strand: Strand, concerned: frozenset[int], cure: str, band: Band, *, in_full: bool) -> Judgement | None:
    """With one turn of its loop, which is all that is certain, and with as many as make DEPTHS."""
    found = judged(strand._replace(turn=(), at=0), concerned, cure, band, in_full=in_full)
    first = judged(strand.deepened(DEPTHS[0]), concerned, cure, band, in_full=in_full)
    if found is None or first is None or first.before is None:
        return found
    deepest = [judged(strand.deepened(depth), concerned, cure, band, in_full=True) for depth in DEPTHS]
    deeper = tuple(one for one in deepest if one is not None and one.before is not None)
    return found._replace(
        before=found.before or exact(strand) or measured(strand), deeper=deeper if len(deeper) == len(DEPTHS) else ()
    )


def evidence(judgement: Judgement | None) -> tuple[Signal | None, Signal | None]:
    """The signal before and after, each with what becomes of it at more depths."""
    if judgement is None:
        return None, None
    before, after = judgement.before, judgement.after
    if before is not None and judgement.deeper:
        before = replace(before, deeper=tuple(one.before for one in judgement.deeper if one.before))
    if after is not None and judgement.deeper:
        after = replace(after, deeper=tuple(one.after for one in judgement.deeper if one.after))
    return before, after


def worst(found: Sequence[Judgement]) -> Judgement | None:
    """The one that speaks for several: outside before inside, then the deepest."""
    return max(found, key=_loudness, default=None)


def _loudness(one: Judgement) -> tuple[bool, bool, bool, int]:
    return one.harms, one.may_harm, one.outside, one.before.depth if one.before else 0


# --- for messages -----------------------------------------------------------------------------------------------------


def _depth(judgement: Judgement | None) -> int | None:
    """Layers of the run; None for one that stands alone."""
    found = None if judgement is None or judgement.before is None else judgement.before.depth
    return found if found is not None and found > 1 else None


def _end(judgement: Judgement | None) -> str | None:
    """None where nothing is left with the cure either: then it is not for the rule to say (INI101 does)."""
    before, after = (None, None) if judgement is None else (judgement.before, judgement.after)
    if before is None or (after is not None and before.forward_std == after.forward_std == 0):
        return None
    return strengths.fraction(before.forward_std)


def _start(judgement: Judgement | None) -> str | None:
    before = None if judgement is None else judgement.before
    return None if before is None else strengths.fraction(before.gradient_std)


def _in_turns(judgement: Judgement | None) -> str | None:
    """`0.71 a layer, 1/32 in 10 layers, 3e-05 in 30 and 9e-16 in 100`; None where it is not a loop of unknown length
    that takes the signal out of the band."""
    if judgement is None or judgement.before is None or not judgement.may_harm:
        return None
    signals = [one.before for one in judgement.deeper if one.before]
    near, far = next(((a, b) for a, b in pairwise((judgement.before, *signals)) if a.depth < b.depth))
    if not near.forward_std:
        return None
    each = (far.forward_std / near.forward_std) ** (1 / (far.depth - near.depth))
    first, *middle, last = [f"{strengths.fraction(one.forward_std)} in {one.depth}" for one in signals]
    return f"{', '.join((f'{each:.2g} a layer', f'{first} layers', *middle))} and {last}"


def _mended(judgement: Judgement | None, *, forward: bool) -> str | None:
    """With a loop of unknown length, at the first of DEPTHS."""
    if judgement is not None and judgement.deeper:
        judgement = judgement.deeper[0]
    after = None if judgement is None else judgement.after
    if after is None:
        return None
    std = after.forward_std if forward else after.gradient_std
    return f"{std:.1f}" if 0.1 <= std < 100 else strengths.fraction(std)


def _worst(judgement: Judgement | None) -> str | None:
    before = None if judgement is None else judgement.before
    if before is None:
        return None
    what, std = ("signal", before.forward_std) if _loses_signal(before) else ("gradient", before.gradient_std)
    return f"the {what} becomes {strengths.fraction(std)}"


def _loses_signal(found: Signal) -> bool:
    """Whether the signal is further from what it was than the gradient is."""
    ends = (found.forward_std, found.gradient_std)
    forward, backward = (abs(math.log(std)) if std > 0 else math.inf for std in ends)
    return forward >= backward


@dataclass(frozen=True, slots=True)
class Judged(Subject):
    """What a rule may look at and the signal model judges, with what it says of it: for conditions and messages."""

    judgement: Judgement | None = field(default=None, kw_only=True)

    def judged(self, judgement: Judgement) -> Self:
        return replace(self, judgement=judgement)

    @property
    @abstractmethod
    def strands(self) -> tuple[tuple[Strand, frozenset[int]], ...]:
        """The runs of layers that it stands in, and which layers of each are to be mended."""

    @property
    def depth(self) -> int | None:
        """How many layers the run has that it stands in; None for one that stands alone, or where it was not judged."""
        return _depth(self.judgement)

    @property
    def falls_to(self) -> str | None:
        """What is left of the signal at the end, for a message: `1/16`, `12`."""
        return _end(self.judgement)

    @property
    def gradient(self) -> str | None:
        """The same for the gradient, back to the first layer's weights."""
        return _start(self.judgement)

    @property
    def mended(self) -> str | None:
        """The signal at the end with the initializer that the rule is for."""
        return _mended(self.judgement, forward=True)

    @property
    def worst(self) -> str | None:
        """Signal or gradient, whichever is further from what it was, and what becomes of it."""
        return _worst(self.judgement)

    @property
    def mended_worst(self) -> str | None:
        """The same one with the initializer that the rule is for."""
        before = None if self.judgement is None else self.judgement.before
        return None if before is None else _mended(self.judgement, forward=_loses_signal(before))

    @property
    def in_turns(self) -> str | None:
        """What a loop of unknown length does to the signal: `0.71 a layer, 1/32 in 10 layers, ...`."""
        return _in_turns(self.judgement)
