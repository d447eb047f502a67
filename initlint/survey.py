"""Which contexts speak for a place, and the subjects in them: what the rule engine goes through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from initlint.branches import Branch
from initlint.chains import Flow
from initlint.contexts import Contexts
from initlint.forgetting import ForgetBias, forget_biases
from initlint.gains import Call
from initlint.graph import InitEvent, Layer, Model, Weight
from initlint.incidents import Event
from initlint.loads import Loss
from initlint.normalizing import Disturbance, disturbances
from initlint.parameters import Parameter
from initlint.passes import Hook, Pass, Write
from initlint.products import Product, products
from initlint.sharing import Shared, sharings
from initlint.source import Place
from initlint.strands import strands_of
from initlint.stretches import Stretch
from initlint.subject import Subject
from initlint.subjects import Use
from initlint.tied import Tied, used_as_outputs

EVERYWHERE: Final = -1  # the context of what is said of all of them


class Instance(NamedTuple):
    """The subjects that stand for one thing in one context: all of them must satisfy the condition.

    A weight that can be made in several ways has one subject for each.
    """

    context: int
    layer: int
    subjects: tuple[Subject, ...]

    @property
    def site(self) -> Hashable:
        return self.subjects[0].site


class Written(NamedTuple):
    """A weight and the write that may be its effective one."""

    flow: Flow
    layer: Layer
    weight: Weight
    event: InitEvent


@dataclass(slots=True)
class Survey:
    """A model with what all rules ask of it, computed once."""

    model: Model
    flows: tuple[Flow, ...] = field(init=False)
    contexts: Contexts = field(init=False)
    _instances: dict[str, list[Instance]] = field(default_factory=dict)
    _groups: dict[str, list[list[int]]] = field(default_factory=dict)
    _written: dict[Place, list[Written]] = field(default_factory=dict)
    _spoken: dict[tuple[int, ...], frozenset[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.flows = tuple(Flow(context) for context in self.model.contexts)
        self.contexts = Contexts(self.model.contexts)

    def instances(self, subject: str) -> list[Instance]:
        """All instances of a subject (a key of SUBJECTS)."""
        if subject not in self._instances:
            self._instances[subject] = list(SUBJECTS[subject].gather(self))
        return self._instances[subject]

    def groups(self, subject: str) -> list[list[int]]:
        """The numbers of its instances at each site, of those in contexts that count: what the others show decides on
        nothing."""
        if subject not in self._groups:
            instances = self.instances(subject)
            at: defaultdict[Hashable, list[int]] = defaultdict(list)
            for number, instance in enumerate(instances):
                at[instance.site].append(number)
            self._groups[subject] = found = []
            for numbers in at.values():
                speaking = self.speaking(tuple(dict.fromkeys(instances[number].context for number in numbers)))
                found.append([number for number in numbers if instances[number].context in speaking])
        return self._groups[subject]

    def let_go(self, subject: str) -> None:
        """Forgets the instances of a subject, once all rules about it have asked, in the order of SUBJECTS."""
        for kind in [kind for kind in self._instances if LAST.get(kind, kind) == subject]:
            del self._instances[kind]
            self._groups.pop(kind, None)

    def written(self, place: Place) -> list[Written]:
        """All weights, of whatever role, for which the write at a place may be the effective one, where the contexts
        count."""
        if not self._written:
            found: defaultdict[Place, list[tuple[int, Written]]] = defaultdict(list)
            for index, flow, layer, weight in _weights(self):
                for event in dict.fromkeys(weight.effective()):
                    if event is not None and event.place is not None:
                        found[event.place].append((index, Written(flow, layer, weight, event)))
            for at, group in found.items():
                speaking = self.speaking(tuple(dict.fromkeys(index for index, _ in group)))
                self._written[at] = [one for index, one in group if index in speaking]
        return self._written.get(place, [])

    def speaking(self, contexts: tuple[int, ...]) -> frozenset[int]:
        """Those of the contexts that count. A block built by itself says nothing where a model that has it is
        there, and a class that we built with arguments left unknown says nothing where a real construction is."""
        if contexts == (EVERYWHERE,):
            return frozenset(contexts)
        if contexts not in self._spoken:
            whole = self.contexts.whole(contexts)
            genuine = [i for i in whole if self.model.contexts[i].genuine]
            self._spoken[contexts] = frozenset(genuine or whole)
        return self._spoken[contexts]


def _weights(survey: Survey) -> Iterator[tuple[int, Flow, Layer, Weight]]:
    for index, flow in enumerate(survey.flows):
        for layer in flow.context.layers:
            for weight in layer.weights:
                yield index, flow, layer, weight


def _tensors(survey: Survey) -> Iterator[Instance]:
    """Weights that are no biases and no norms, embeddings and tokens among them, with each write that may be the
    effective one. A weight that may be left unwritten, or written by something not understood, is unknown and has no
    instance."""
    for index, flow, layer, weight in _weights(survey):
        if weight.role in MATRICES or weight.role == "embedding":
            found = uses(flow, layer, weight)
            if found:
                yield Instance(index, layer.index, found)


def _uses(survey: Survey) -> Iterator[Instance]:
    """The same without embeddings, for what holds of matrices alone."""
    for instance in survey.instances("tensor"):
        use = instance.subjects[0]
        assert isinstance(use, Use)
        if use.weight.role in MATRICES:
            yield instance


MATRICES: Final = frozenset({"kernel", "recurrent", "raw"})


def uses(flow: Flow, layer: Layer, weight: Weight) -> tuple[Use, ...]:
    """One for each way of making it; none where a way ends with a write to a part, so that the whole is unknown."""
    last = dict.fromkeys(history[-1] if history else None for history in weight.histories)
    if any(event is None or event.name == "unknown" or not event.covers for event in last):
        return ()
    return tuple(Use(flow, layer, weight, event) for event in last if event)


def _calls(survey: Survey) -> Iterator[Instance]:
    """Explicit calls with all weights for which they are the effective write."""
    at: defaultdict[Place, list[tuple[int, Use]]] = defaultdict(list)
    for instance in survey.instances("weight"):
        for use in instance.subjects:
            assert isinstance(use, Use)
            if use.event.explicit and use.event.place is not None:
                at[use.event.place].append((instance.context, use))
    for found in at.values():
        speaking = survey.speaking(tuple(dict.fromkeys(index for index, _ in found)))
        yield Instance(EVERYWHERE, EVERYWHERE, (Call(tuple(use for index, use in found if index in speaking)),))


def _chains(survey: Survey) -> Iterator[Instance]:
    for index, flow in enumerate(survey.flows):
        for strand in strands_of(flow):
            yield Instance(index, EVERYWHERE, (Stretch(flow, strand, entry=False),))


def _models(survey: Survey) -> Iterator[Instance]:
    for instance in survey.instances("chain"):
        for subject in instance.subjects:
            assert isinstance(subject, Stretch)
            yield Instance(instance.context, EVERYWHERE, (Stretch(subject.flow, subject.strand, entry=True),))


def _parameters(survey: Survey) -> Iterator[Instance]:
    for index, flow, layer, weight in _weights(survey):
        if weight.memory:
            yield Instance(index, layer.index, (Parameter(flow, layer, weight, survey.model.methods),))


def _writes(survey: Survey) -> Iterator[Instance]:
    """Explicit writes, where one is followed by another on some way: there are many of them."""
    followed = {
        event.place
        for _, _, _, weight in _weights(survey)
        for history in weight.histories
        if len(history) > 1
        for event in history[:-1]
        if _is_write(event)
    }
    for index, flow, layer, weight in _weights(survey):
        for history in weight.histories:
            for position, event in enumerate(history):
                if event.place in followed and _is_write(event):
                    yield Instance(index, layer.index, (Write(flow, layer, weight, event, history[position + 1 :]),))


def _is_write(event: InitEvent) -> bool:
    return event.explicit and event.covers and event.place is not None and event.name != "unknown"


def _passes(survey: Survey) -> Iterator[Instance]:
    """Passes, where one misses layers that were made too late for it in some context: most miss none."""
    missing = {sweep.place for flow in survey.flows for sweep in flow.context.sweeps if sweep.missed}
    for index, flow in enumerate(survey.flows):
        for sweep in flow.context.sweeps:
            if sweep.place in missing:
                yield Instance(index, EVERYWHERE, (Pass(flow, sweep),))


def _products(survey: Survey) -> Iterator[Instance]:
    for index, flow in enumerate(survey.flows):
        for product in products(flow):
            yield Instance(index, EVERYWHERE, (product,))


def _forget_gates(survey: Survey) -> Iterator[Instance]:
    for index, flow in enumerate(survey.flows):
        for layer in flow.context.layers:
            by_suffix: defaultdict[str, list[ForgetBias]] = defaultdict(list)
            for one in forget_biases(flow, layer):
                by_suffix[one.suffix].append(one)
            yield from (Instance(index, layer.index, tuple(several)) for several in by_suffix.values())


def _hooks(survey: Survey) -> Iterator[Instance]:
    for method in survey.model.methods:
        yield Instance(EVERYWHERE, EVERYWHERE, (Hook(method, survey.flows),))


def _branches(survey: Survey) -> Iterator[Instance]:
    for test in survey.model.tests:
        yield Instance(EVERYWHERE, EVERYWHERE, (Branch(test, survey.flows),))


def _events(survey: Survey) -> Iterator[Instance]:
    for index, flow in enumerate(survey.flows):
        for incident in flow.context.incidents:
            yield Instance(index, EVERYWHERE, (Event(flow, incident),))


def _ties(survey: Survey) -> Iterator[Instance]:
    for index, flow in enumerate(survey.flows):
        for tie in flow.context.ties:
            yield Instance(index, EVERYWHERE, (Tied(flow, tie),))
        for tied in used_as_outputs(flow):
            yield Instance(index, EVERYWHERE, (tied,))


def _losses(survey: Survey) -> Iterator[Instance]:
    for index, flow in enumerate(survey.flows):
        for reload in flow.context.reloads:
            yield Instance(index, EVERYWHERE, (Loss(flow, reload),))


def _disturbances(survey: Survey) -> Iterator[Instance]:
    for index, flow in enumerate(survey.flows):
        for disturbance in disturbances(flow):
            yield Instance(index, EVERYWHERE, (disturbance,))


def _sharings(survey: Survey) -> Iterator[Instance]:
    for index, flow in enumerate(survey.flows):
        for shared in sharings(flow):
            yield Instance(index, shared.second.index, (shared,))


class Kind(NamedTuple):
    """A kind of subject: its class, and how its instances are found."""

    subject: type
    gather: Callable[[Survey], Iterator[Instance]]


SUBJECTS: Final[dict[str, Kind]] = {
    "weight": Kind(Use, _uses),
    "call": Kind(Call, _calls),
    "tensor": Kind(Use, _tensors),
    "chain": Kind(Stretch, _chains),
    "model": Kind(Stretch, _models),
    "parameter": Kind(Parameter, _parameters),
    "write": Kind(Write, _writes),
    "pass": Kind(Pass, _passes),
    "product": Kind(Product, _products),
    "forget gate": Kind(ForgetBias, _forget_gates),
    "method": Kind(Hook, _hooks),
    "test": Kind(Branch, _branches),
    "incident": Kind(Event, _events),
    "tie": Kind(Tied, _ties),
    "loss": Kind(Loss, _losses),
    "disturbance": Kind(Disturbance, _disturbances),
    "sharing": Kind(Shared, _sharings),
}
# A subject -> the one that is gathered from its instances, and so asks for them last.
LAST: Final = {"weight": "tensor", "call": "tensor", "chain": "model"}
