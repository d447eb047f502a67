"""What a fix is to reach: of each weight that it is for, the law that it should end with; and what a reading shows.

An aim comes from what the layers feed and not from the text that a fix writes, so that a proof that compares the two
(see proof.py) notices where something else was written, or to another tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from initlint import strengths
from initlint.branches import Branch
from initlint.findings import Aim, Effect
from initlint.gains import Call
from initlint.incidents import Event
from initlint.passes import Hook, Pass, Write
from initlint.prescriptions import SPREAD, Undecided, need
from initlint.remedies import defaults
from initlint.subjects import Use
from initlint.survey import MATRICES, Written

if TYPE_CHECKING:
    from initlint.graph import Layer, Model, Weight
    from initlint.source import Place
    from initlint.subject import Subject
    from initlint.survey import Survey

CLOSE: Final = 1.05  # to which a gain is written
ROUNDED: Final = 1.02  # what the digits of a written gain are off by at most


def aims_of(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> tuple[Aim, ...]:
    """What the fix with these facts should reach; nothing where there is none, or the end of its finding says all."""
    if "declined" in facts or facts.get("remedy") not in AIMS:
        return ()
    return tuple(dict.fromkeys(AIMS[facts["remedy"]](facts, subjects, survey)))


def _law(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """Of each matrix: the second moment that its own activation needs."""
    if "scheme" not in facts:
        return
    needs = []
    for one in _concerned(subjects, survey):
        if one.weight.role in MATRICES:
            try:
                needs.append((one, need(one)))
            except Undecided:
                return
    gains = [own.gain for _, own in needs if own.scheme != "any"] or [1.0]
    for one, own in needs:
        if facts["scheme"] == "orthogonal":
            yield _aim(one.layer, one.weight, techniques=("orthogonal",))
        elif facts["scheme"] == "xavier" and own.scheme != "rectifier" and "gain" not in facts:
            yield _aim(one.layer, one.weight, techniques=("xavier",), gain=(1 / CLOSE, CLOSE))
        else:
            low, high = (own.gain, own.gain) if own.scheme != "any" else (min(gains), max(gains))
            moment = ((low / SPREAD / ROUNDED) ** 2, (high * SPREAD * ROUNDED) ** 2)
            yield _aim(one.layer, one.weight, moment=moment)


def _concerned(subjects: Sequence[Subject], survey: Survey) -> list[Written]:
    """The weights that the fix is for: all that the call writes, else those that keep a default."""
    first = subjects[0]
    use = first.uses[0] if isinstance(first, Call) else first
    if isinstance(use, Use) and use.event.explicit:
        return survey.written(use.place)
    return defaults(subjects)


def _gain(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The gain of the activation, with the technique that is there."""
    first = subjects[0]
    assert isinstance(first, Call)
    if first.right is not None:
        gain = (first.right / CLOSE, first.right * CLOSE)
        for use in first.uses:
            yield _aim(use.layer, use.weight, techniques=(strengths.technique(use.weight, use.event),), gain=gain)


def _fan(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    if facts["form"] != "mode":
        yield from _law(facts, subjects, survey)
        return
    for one in _concerned(subjects, survey):
        yield _aim(one.layer, one.weight, techniques=(strengths.technique(one.weight, one.event),))


def _orthogonal(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    for use in subjects:
        if isinstance(use, Use):
            yield _aim(use.layer, use.weight, techniques=("orthogonal",), gain=(1 / CLOSE, CLOSE))


def _kept(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """What a guarded call wrote besides, it still writes."""
    for one in survey.written(subjects[0].place):
        if one.weight.shape is not None and len(one.weight.shape) > 1 and one.event.name != "unknown":
            yield _aim(one.layer, one.weight, techniques=(strengths.technique(one.weight, one.event),))


def _touched(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The layers whose tensor it is: one of their weights is written where the fix stands."""
    for one in subjects:
        if isinstance(one, Event):
            yield from (Aim(layer.name, layer.place) for layer in _layers(one))


def _layers(event: Event) -> list[Layer]:
    return [event.flow.context.layers[index] for index in event.incident.layers]


def _called_with(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """What the call writes that has the argument."""
    place = subjects[0].place
    for flow in survey.flows:
        for layer in flow.context.layers:
            for weight in layer.weights:
                if any(event is not None and _within(place, event.place) for event in weight.effective()):
                    yield _aim(layer, weight)


def _within(place: Place, other: Place | None) -> bool:
    if other is None or other.file != place.file:
        return False
    return other.span.start <= place.span.start and place.span.end <= other.span.end


def _replaced(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The same where the parameter itself is made anew, so that a layer may be another one of that name."""
    yield from (replace(aim, place=None) for aim in _touched(facts, subjects, survey))


def _called(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    if any(isinstance(one, Hook) for one in subjects):
        yield Aim()


def _left(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The layers that a pass or a branch misses."""
    for one in subjects:
        if isinstance(one, Pass | Branch):
            places = {site.place for site in one.sites}
            flows = [one.flow] if isinstance(one, Pass) else one.flows
            layers = [layer for flow in flows for layer in flow.context.layers if layer.place in places]
            named = {site.name for site in one.sites}
            elsewhere = isinstance(one, Branch)  # a branch writes below its test
            yield from (
                Aim(layer.name, layer.place, elsewhere=elsewhere)
                for layer in layers
                if layer.name in named and not layer.is_norm
            )


def _last(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The special case is what holds in the end; where it is taken away, what undid it."""
    for one in subjects:
        if isinstance(one, Write) and one.winner is not None:
            laws = tuple(strengths.technique(one.weight, event) for event in (one.event, one.winner))
            yield replace(_aim(one.layer, one.weight, techniques=laws), elsewhere=True)


def _aim(
    layer: Layer,
    weight: Weight,
    techniques: tuple[str, ...] = (),
    moment: tuple[float, float] | None = None,
    gain: tuple[float, float] | None = None,
) -> Aim:
    return Aim(layer.name, layer.place, weight.name, techniques, moment, gain)


AIMS: Final[Mapping[str, Callable[[Mapping[str, str], Sequence[Subject], Survey], Iterator[Aim]]]] = {
    "suit-activation": _law,
    "right-gain": _gain,
    "right-fan": _fan,
    "orthogonal": _orthogonal,
    "guard-rank": _kept,
    "guard-none": _kept,
    "supported-argument": _called_with,
    "rename": _touched,
    "no-grad": _touched,
    "make-parameter": _replaced,
    "pass-weight": _touched,
    "reach-parameter": _touched,
    "add-call": _called,
    "later-pass": _left,
    "widen-test": _left,
    "keep-last": _last,
}


def effects(models: Iterable[Model]) -> tuple[Effect, ...]:
    """All writes that stand in the code, with what they come to."""
    return tuple(
        effect
        for model in models
        for context in model.contexts
        for layer in context.layers
        for weight in layer.weights
        for effect in _effects(layer, weight)
    )


def _effects(layer: Layer, weight: Weight) -> Iterator[Effect]:
    for history, last in zip(weight.histories, weight.effective(), strict=True):
        for event in history:
            if event.place is None:
                continue
            yield Effect(
                layer=layer.name,
                place=layer.place,
                weight=weight.name,
                technique=strengths.technique(weight, event),
                moment=strengths.variance_ratio(layer, weight, event),
                gain=strengths.given_gain(event),
                known=strengths.law(weight, event) is not None,
                lasting=event is last,
                at=(event.place, *event.calls, *(place for _, place in event.spans)),
            )
