"""What a fix is to reach: of each weight that it is for, the law that it should end with.

An aim comes from what the layers feed and not from the text that a fix writes, so that a proof that compares the two
(see proof.py) notices where something else was written, or to another tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from initlint import strengths
from initlint.branches import Branch
from initlint.findings import Aim, Range, Swap
from initlint.forgetting import FORGET, ForgetBias
from initlint.gains import Call
from initlint.incidents import Event
from initlint.knowledge import canonical, knowledge
from initlint.normalizing import Disturbance
from initlint.parameters import Parameter
from initlint.passes import Hook, Pass, Write
from initlint.prescriptions import SPREAD, Need, Undecided, need
from initlint.products import Product
from initlint.remedies import defaults
from initlint.sharing import Shared
from initlint.subjects import Use
from initlint.survey import MATRICES, Written
from initlint.tied import Tied

if TYPE_CHECKING:
    from initlint.graph import Layer
    from initlint.source import Place
    from initlint.subject import Subject
    from initlint.survey import Survey

CLOSE: Final = 1.05  # to which a gain is written
ROUNDED: Final = 1.02  # what the digits of a written gain are off by at most
LEAST: Final = 2.1  # one digit, rounded down, is more than half of it
LOOPS: Final = frozenset({"default", "chain"})  # forms that write to all layers of a kind, which the remedy looked at
GATE: Final = (1.0, 1.0)
VECTORS: Final = frozenset({"bias", "norm", "norm_bias"})
BEARABLE: Final = ("alphadropout", "featurealphadropout")
LAWLESS: Final = frozenset({"copy", "cauchy"})  # initializers whose canonical name the events do not have


def aims_of(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> tuple[Aim | Swap, ...]:
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
        alike = strengths.constant(one.weight, one.event) is not None
        yield replace(_lawful(one, own, facts, gains), learns=alike, others=facts.get("form") in LOOPS)


def _lawful(one: Written, own: Need, facts: Mapping[str, str], gains: Sequence[float]) -> Aim:
    if facts["scheme"] == "orthogonal":
        return _aim(one.layer, one.weight.name, techniques=("orthogonal",))
    if facts["scheme"] == "xavier" and own.scheme != "rectifier" and "gain" not in facts:
        return _aim(one.layer, one.weight.name, techniques=("xavier",), gain=(1 / CLOSE, CLOSE))
    low, high = (own.gain, own.gain) if own.scheme != "any" else (min(gains), max(gains))
    moment = ((low / SPREAD / ROUNDED) ** 2, (high * SPREAD * ROUNDED) ** 2)
    return _aim(one.layer, one.weight.name, moment=moment)


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
            yield _aim(use.layer, use.weight.name, techniques=(strengths.technique(use.weight, use.event),), gain=gain)


def _fan(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    if facts["form"] != "mode":
        yield from _law(facts, subjects, survey)
        return
    for one in _concerned(subjects, survey):
        yield _aim(one.layer, one.weight.name, techniques=(strengths.technique(one.weight, one.event),))


def _orthogonal(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    for use in subjects:
        if isinstance(use, Use):
            yield _aim(use.layer, use.weight.name, techniques=("orthogonal",), gain=(1 / CLOSE, CLOSE))


def _kept(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """What a guarded call wrote besides, it still writes."""
    for one in survey.written(subjects[0].place):
        if one.weight.shape is not None and len(one.weight.shape) > 1 and one.event.name != "unknown":
            yield _aim(one.layer, one.weight.name, techniques=(strengths.technique(one.weight, one.event),))


def _touched(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The tensors that it is about, or any of their layer: they are written where the fix stands, by the initializer
    whose name the code has."""
    laws = _named(f"Tensor.{facts['method']}" if "method" in facts else f"torch.nn.init.{facts.get('function', '')}")
    for one in subjects:
        if isinstance(one, Event):
            yield from _given(one, laws)
            layers = one.flow.context.layers
            told = {index for index, _ in one.incident.weights}
            for layer in [layers[index] for index in one.incident.layers if index not in told]:  # passed as a module
                own = "weight" if layer.weight("weight") is not None else ""
                yield replace(_aim(layer, own, techniques=laws if own else ()), passing=True)


def _renamed(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """What the call was to write, or the layer whose argument it is, gets the initializer that is meant."""
    home = facts.get("home", "torch.nn.init")
    laws = _named(canonical(f"{home}.{facts['hint']}"))
    for one in subjects:
        if isinstance(one, Event):
            yield from _given(one, laws)
            for layer in one.flow.context.layers:
                for own in layer.weights:
                    events = [event for history in own.histories for event in history if event.name == "unknown"]
                    if any(_within(one.place, event.place) for event in events):
                        yield _aim(layer, own.name, techniques=laws)


def _named(spelling: str) -> tuple[str, ...]:
    """The technique of the initializer that is spelled so, where events have it by that name."""
    spec = knowledge().initializers.get(spelling)
    return () if spec is None or spec.technique in LAWLESS else (spec.technique,)


def _given(event: Event, techniques: tuple[str, ...]) -> Iterator[Aim]:
    """What the call was given: it gets one of these."""
    for index, weight in event.incident.weights:
        yield replace(_aim(event.flow.context.layers[index], weight, techniques=techniques), passing=True)


def _called_with(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """What the call writes that has the argument."""
    place = subjects[0].place
    for flow in survey.flows:
        for layer in flow.context.layers:
            for weight in layer.weights:
                if any(event is not None and _within(place, event.place) for event in weight.effective()):
                    yield _aim(layer, weight.name)


def _within(place: Place, other: Place | None) -> bool:
    if other is None or other.file != place.file:
        return False
    return other.span.start <= place.span.start and place.span.end <= other.span.end


def _replaced(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The same where the parameter itself is made anew, so that a layer may be another one of that name."""
    for one in subjects:
        if isinstance(one, Event):
            yield from (Aim(one.flow.context.layers[index].name) for index in one.incident.layers)


def _called(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    if any(isinstance(one, Hook) for one in subjects):
        yield Aim()


def _left(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The layers that a pass misses."""
    for one in subjects:
        if isinstance(one, Pass):
            places, named = {site.place for site in one.sites}, {site.name for site in one.sites}
            for layer in one.flow.context.layers:
                if layer.place in places and layer.name in named and not layer.is_norm:
                    yield Aim(layer.name, layer.place)


def _asked(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The layers or the names that a test misses get what its branch writes, below it; what a text that is always true
    lets in rightly keeps what it gets."""
    for one in subjects:
        if not isinstance(one, Branch):
            continue
        body = tuple(name for name in one.test.body if name not in LAWLESS)
        random = tuple(name for name in body if strengths.plain(name) != "constant")
        missed = [layer.place for layer in one.missed_layers]
        layers = [layer for flow in one.flows for layer in flow.context.layers if layer.place in missed]
        norms = any(layer.is_norm for layer in layers)
        for layer in layers:
            if not layer.is_norm:
                kernel = layer.kernel
                if kernel is not None and random and len(body) == len(one.test.body):
                    yield replace(_aim(layer, kernel.name, techniques=random), elsewhere=True, others=norms)
                yield Aim(layer.name, layer.place, techniques=body, elsewhere=True, others=norms)
        meant = {seen for seen in one.test.seen for asked in one.test.asked if _meant(seen, asked, facts["form"])}
        for flow in one.flows if meant else ():
            for layer in flow.context.layers:
                matrices = [own for own in layer.weights if own.role not in VECTORS]  # vectors may be left to others
                for weight in matrices or layer.weights:
                    path = f"{layer.name.partition('.')[2]}.{weight.name}"
                    if path in meant and body:
                        yield replace(_aim(layer, weight.name, techniques=body), elsewhere=True)


def _meant(seen: str, asked: str, form: str) -> bool:
    """Whether a name for which a test was false is one that it was to be true for."""
    if form == "ending":
        return seen.endswith(f".{asked}")
    return form == "case" and asked not in seen and asked.casefold() in seen.casefold()


def _last(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The special case is what holds in the end; where it is taken away, what undid it."""
    for one in subjects:
        if isinstance(one, Write) and one.winner is not None:
            laws = tuple(strengths.technique(one.weight, event) for event in (one.event, one.winner))
            yield replace(_aim(one.layer, one.weight.name, techniques=laws), elsewhere=True)


def _filled(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """A parameter gets values of its own kind, and a layer that was given memory only what such layers start with."""
    for one in subjects:
        if isinstance(one, Parameter):
            laws = (facts["values"],) if one.layer.kind == "Parameter" else ()
            default = one.layer.kind != "Parameter"
            yield replace(_aim(one.layer, one.weight.name, techniques=laws), default=default, elsewhere=default)


def _factor(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """One of two factors is not zero, and after ten steps of training neither is."""
    for one in subjects:
        if isinstance(one, Product):
            chosen = one.chosen
            for layer, weight, _ in (one.earlier, one.later):
                own = weight is chosen[1]
                values = GATE if own and facts["values"] == "ones" else None
                laws = ("normal", "kaiming") if own and values is None else ()
                learns = weight.role == "kernel"
                if own or learns:
                    aim = _aim(layer, weight.name, techniques=laws)
                    yield replace(aim, value=values, learns=learns, elsewhere=not own)


def _own_values(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """A layer keeps its initializer, and no longer has its values from the object that another has them from."""
    for one in subjects:
        if isinstance(one, Shared):
            first = next(
                (w.name for w in one.first.weights for e in w.effective() if e and e.maker == one.event.maker), ""
            )
            laws = (strengths.technique(one.weight, one.event),)
            aim = _aim(one.second, one.weight.name, techniques=laws, gain=_near(strengths.given_gain(one.event)))
            yield replace(aim, apart=(one.first.name, one.first.place, first))


def _near(value: float | None) -> Range | None:
    return None if value is None else (value / ROUNDED, value * ROUNDED)


def _uncut(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """A truncated normal has the standard deviation that was asked for."""
    for one in subjects:
        asked = one.event.argument("std") if isinstance(one, Use) else None
        if isinstance(one, Use) and isinstance(asked, int | float | None):
            std = 1.0 if asked is None else asked
            yield _aim(one.layer, one.weight.name, techniques=("trunc_normal",), gain=(std / CLOSE, std * CLOSE))


def _opened(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The rows of the forget gate, and no others, end at one in the first of its biases."""
    for one in subjects:
        if isinstance(one, ForgetBias):
            yield replace(_aim(one.layer, one.biases[0][0].name), value=(1.0, 1.0), part=FORGET)


def _quieter(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Aim]:
    """The matrix is random, its spread at most what its logits bear, and hardly less."""
    for one in subjects:
        std = one.quieter() if isinstance(one, Tied) else None
        for layer in one.layers if isinstance(one, Tied) and std else ():
            if std and layer.kernel is not None:
                spread = (std / LEAST, std * ROUNDED)
                yield _aim(layer, layer.kernel.name, techniques=("normal", "trunc_normal"), gain=spread)


def _bearable(facts: Mapping[str, str], subjects: Sequence[Subject], survey: Survey) -> Iterator[Swap]:
    """The dropout becomes the one that SELU bears, with its rate; a norm is no more."""
    for one in subjects:
        if isinstance(one, Disturbance):
            yield Swap(one.place, () if one.op == "norm" else BEARABLE)


def _aim(
    layer: Layer,
    weight: str,
    techniques: tuple[str, ...] = (),
    moment: Range | None = None,
    gain: Range | None = None,
) -> Aim:
    return Aim(layer.name, layer.place, weight, techniques, moment, gain)


AIMS: Final[Mapping[str, Callable[[Mapping[str, str], Sequence[Subject], Survey], Iterator[Aim | Swap]]]] = {
    "suit-activation": _law,
    "right-gain": _gain,
    "right-fan": _fan,
    "orthogonal": _orthogonal,
    "guard-rank": _kept,
    "guard-none": _kept,
    "supported-argument": _called_with,
    "rename": _renamed,
    "no-grad": _touched,
    "make-parameter": _replaced,
    "pass-weight": _touched,
    "reach-parameter": _touched,
    "add-call": _called,
    "later-pass": _left,
    "widen-test": _asked,
    "keep-last": _last,
    "fill": _filled,
    "one-factor": _factor,
    "keras-argument": _own_values,
    "wider-bounds": _uncut,
    "open-gate": _opened,
    "output-spread": _quieter,
    "keep-moments": _bearable,
}
