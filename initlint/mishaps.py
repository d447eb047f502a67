"""What would put right what is wrong by itself: calls that raise, writes that are lost."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from initlint import strengths
from initlint.incidents import Event
from initlint.knowledge import activation_name, knowledge
from initlint.prescriptions import Facts, Undecided

if TYPE_CHECKING:
    from initlint.graph import Weight
    from initlint.subject import Subject
    from initlint.survey import Survey

WRAPPERS: Final = frozenset({"weight_norm", "spectral_norm", "orthogonal"})  # of layers whose weight they compute
COMPUTED: Final = "a weight that is computed anew has to be initialized before it is parametrized"
MODES: Final = ("fan_in", "fan_out")
VECTORS: Final = {"bias": "zeros", "norm_bias": "zeros", "norm": "ones"}  # what frameworks start them with


def as_noted(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """What the interpreter noted of it."""
    first = subjects[0]
    assert isinstance(first, Event)
    return {name: value for name, value in first.incident.facts if name not in {"remedy", "declined", "safe"}}


def reach_parameter(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """What the interpreter noted of a copy, where the parameter can be told from it: it has a name, is a clone, or is
    an attribute of a layer, which is computed anew."""
    facts = as_noted(subjects, survey)
    node = ast.parse(facts["expression"], mode="eval").body
    if facts["what"] == "copy" and not _is_reached(node):
        raise Undecided("the copy is made in a way that this fix does not know")
    if facts["what"] == "copy" and isinstance(node, ast.Attribute) and WRAPPERS.isdisjoint(facts["made"].split()):
        raise Undecided(COMPUTED)
    return facts


def _is_reached(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return True
    while isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Attribute):
            return False
        if node.func.attr == "clone":
            return True
        node = node.func.value
    return isinstance(node, ast.Attribute)


def rename(subjects: Sequence[Subject], survey: Survey) -> Facts:
    facts = as_noted(subjects, survey)
    if "hint" not in facts:
        home = facts.get("home", "torch")
        raise Undecided(f"{home} has no initializer with a name close to {facts.get('name', 'this')}")
    return facts


def pass_weight(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """Modules that have one weight, under that name."""
    events = [event for event in subjects if isinstance(event, Event)]
    own = {event.module or "module": (event.incident.fact("own") or "").split() for event in events}
    without = {module for module, names in own.items() if "weight" not in names}
    layers = [event.flow.context.layers[index] for event in events for index in event.incident.layers]
    without |= {layer.kind for layer in layers if layer.weight("weight") is None}
    if without:
        raise Undecided(f"{' and '.join(sorted(without))} {'have' if len(without) > 1 else 'has'} no weight of its own")
    return as_noted(subjects, survey)


def guard_rank(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """Whether the call writes matrices as well as the vectors that it raises on, and whether those are biases. Where
    each weight has its initializer, as in Keras: what such a vector should hold."""
    facts = as_noted(subjects, survey)
    if facts.get("framework") == "keras":
        if facts.get("role") not in VECTORS:
            raise Undecided("what the vector should hold is not known")
        return {**facts, "right": VECTORS[facts["role"]]}
    events = [subject for subject in subjects if isinstance(subject, Event)]
    shapes = [one.weight.shape for one in survey.written(events[0].place)]
    shapes += [weight.shape for event in events for weight in _written_at(event)]
    vectors = {
        weight.role
        for event in events
        for index in event.incident.layers
        for weight in event.flow.context.layers[index].weights
        if weight.shape is not None and len(weight.shape) < 2
    }
    return {
        **facts,
        "mixed": "yes" if any(shape is not None and len(shape) > 1 for shape in shapes) else "no",
        "roles": " ".join(sorted(vectors)),
    }


def _written_at(event: Event) -> list[Weight]:
    """All weights that the call writes there, those that are overwritten later too."""
    weights = (weight for layer in event.flow.context.layers for weight in layer.weights)
    return [w for w in weights if any(one.place == event.place for history in w.histories for one in history)]


def supported_argument(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """A value that the framework takes in the place of one that it rejects."""
    facts = as_noted(subjects, survey)
    argument, value = facts.get("argument", ""), facts.get("value", "")
    plain = value.casefold().replace("-", "_").replace(" ", "_")
    if facts.get("framework") == "keras":
        from difflib import get_close_matches  # only where something is wrong

        if not facts["choices"]:
            raise Undecided(f"{facts['function']} takes no {argument}")
        close = get_close_matches(plain, facts["choices"].split(), 1, 0.7)
        if not close:
            raise Undecided(f"there is no one meaning of {argument}={value or facts.get('number')!r}")
        return {**facts, "right": close[0], "safe": "yes"}
    if argument == "a" and plain in MODES:
        return {**facts, "keyword": "mode", "right": plain, "safe": "yes"}
    if argument == "mode" and plain in knowledge().gains:
        return {**facts, "keyword": "nonlinearity", "right": plain, "safe": "yes"}
    if argument == "a" and plain in knowledge().gains:
        return {**facts, "keyword": "nonlinearity", "right": plain, "safe": "yes"}
    if argument == "mode":
        meant = next((mode for mode in MODES if mode.replace("_", "") == plain.replace("_", "")), None)
        return {**facts, "right": meant or "fan_in", "safe": "yes" if meant else "no"}
    if argument != "nonlinearity":
        raise Undecided(f"there is no one meaning of {argument}={value!r}")
    if plain in knowledge().gains:
        return {**facts, "right": plain, "safe": "yes"}
    name = activation_name(plain)
    if name is None:
        raise Undecided(f"{value} is no activation that is known")
    if name in knowledge().gains:
        return {**facts, "right": name, "safe": "yes"}
    gain = strengths.gain(name)
    kind = strengths.activation_kind(name)
    near = {"rectifier": "relu", "saturating": "tanh"}.get(kind, "linear")
    return {**facts, "right": near, "gain": f"{gain:.4g}" if gain else "1.0", "safe": "no"}
