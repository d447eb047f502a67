"""What would put a finding right, by what the model knows: the facts from which a fix is planned.

A rule names its remedy. A remedy looks at what the rule found and says what to write, or why nothing can be said; how
it is written into the file is the business of the fixer of the same name (`fixers/`), which this module does not need.
So whether a finding can be fixed is known without parsing anything again.

Facts are texts by name. `declined` is why there is no fix; `safe` is yes or no where the rule leaves that open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from initlint import expressions, mishaps, strengths
from initlint.branches import Branch
from initlint.forgetting import ForgetBias
from initlint.gains import Call
from initlint.keras_remedies import argument, constructors, span_text
from initlint.knowledge import knowledge
from initlint.normalizing import Disturbance
from initlint.parameters import Parameter, is_added, is_vector
from initlint.passes import Hook, Pass, Write
from initlint.prescriptions import Facts, Undecided, in_the_way, prescription, true_fan
from initlint.products import Product
from initlint.stretches import Stretch
from initlint.subjects import Use
from initlint.survey import Written
from initlint.tied import Tied, rounded_down

if TYPE_CHECKING:
    from initlint.graph import Layer
    from initlint.subject import Subject
    from initlint.survey import Survey

Remedy: TypeAlias = Callable[[Sequence["Subject"], "Survey"], Facts]

BIASES: Final = ("bias", "beta", "shift")
SCALES: Final = ("scale", "gamma", "gain")


def facts_of(remedy: str, subjects: Sequence[Subject], survey: Survey) -> tuple[tuple[str, str], ...]:
    """The facts of what the subjects of one finding need."""
    if any(map(fills_a_layer, subjects)):
        return (("declined", "the function that is called fills a whole layer, the bias too"), ("remedy", remedy))
    try:
        facts = REMEDIES[remedy](subjects, survey)
    except Undecided as error:
        facts = {"declined": str(error)}
    return tuple(sorted({"remedy": remedy, **facts}.items()))


def fills_a_layer(subject: Subject) -> bool:
    """Whether this is about a write by a function of another package that takes layers instead of tensors."""
    use = subject.uses[0] if isinstance(subject, Call) else subject
    spec = knowledge().initializers.get(use.event.spelling) if isinstance(use, Use) else None
    return spec is not None and spec.of_layer


def promised(facts: Mapping[str, str], safety: str) -> bool | None:
    """Whether the fix will be safe, as far as that is known without looking at the code; None where there is none."""
    if "remedy" not in facts or "declined" in facts:
        return None
    return safety != "unsafe" and facts.get("safe") != "no"


def suit_activation(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """The initializer that suits all that the call writes; of untouched defaults, all that one constructor makes, or
    all layers of a chain."""
    first = subjects[0]
    if isinstance(first, Use) and first.event.explicit:
        spelling, written = first.event.spelling, survey.written(first.place)
        about = {mark for subject in subjects for mark in subject.marks}
        if any(one.weight.role == "recurrent" and (one.layer.place, one.weight.name) not in about for one in written):
            raise Undecided("the call initializes recurrent matrices too, which need something else")
        facts = prescription(written)
        return {**facts, "form": "write", "spelling": spelling, **_raw(first), **_seed(first)}
    written = defaults(subjects)
    form = "default" if isinstance(first, Use) else "chain"
    facts = prescription(written)
    if facts["framework"] == "keras":
        return {**facts, "form": form, "at": constructors(written, facts, first.place.file)}
    others = in_the_way(written, facts)
    if others and form == "chain":
        raise Undecided(others)
    layers = [one.layer for one in written]
    roots = {layer.name.partition(".")[0] for layer in layers}
    made = {"entry": written[0].flow.context.entry, "root": roots.pop() if len(roots) == 1 else ""}
    return {**facts, "form": form, "others": others, **_owner(layers), **made}


def right_fan(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """The other mode, where torch counts that fan right for all that the call writes; else what suits them."""
    first = subjects[0]
    assert isinstance(first, Use)
    kaiming = (first.technique or "").startswith("kaiming")
    if kaiming and first.event.argument("mode") == "fan_out" and not true_fan(survey.written(first.place)):
        return {"form": "mode", "mode": "fan_in", "framework": "torch"}
    if any(one.weight.role == "recurrent" for one in survey.written(first.place)):
        raise Undecided("the call initializes recurrent matrices too, which need something else")
    return suit_activation(subjects, survey)


def _raw(use: Use) -> Facts:
    return {"raw": use.weight.name} if use.weight.role == "raw" else {}


def _seed(use: Use) -> Facts:
    """Where an initializer of Keras is given its seed."""
    place = dict(use.event.spans).get("seed")
    return {} if place is None or place.file != use.place.file else {"seed": span_text(place.span)}


def defaults(subjects: Sequence[Subject]) -> list[Written]:
    """The untouched weights that the subjects are about."""
    found = []
    for subject in subjects:
        if isinstance(subject, Use):
            found.append(Written(subject.flow, subject.layer, subject.weight, subject.event))
        elif isinstance(subject, Stretch):
            layers = [subject.flow.context.layers[i] for i in sorted(subject.strand.members)]
            kernels = [(layer, layer.kernel) for layer in layers if layer.kernel is not None]
            found += [Written(subject.flow, layer, w, e) for layer, w in kernels for e in w.effective() if e]
    return found


def _layer(subject: Subject) -> Layer:
    assert isinstance(subject, Use)
    return subject.layer


def _owner(layers: Sequence[Layer]) -> Facts:
    """What an init that is added needs to know of the layers that it is for."""
    kinds = sorted({layer.kind for layer in layers})
    return {"kinds": " ".join(kinds), "owner": " ".join(sorted({layer.module for layer in layers}))}


def right_gain(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """The argument that sets the gain, and what it should say; another initializer where that would not do."""
    first = subjects[0]
    assert isinstance(first, Call)
    spelling = first.right_spelling
    if first.argument is None or spelling is None:
        raise Undecided("the layers of this call feed several activations, whose gains differ")
    if first.passed:
        raise Undecided(f"{first.passed} is passed by the callers of {first.uses[0].event.function.rpartition('.')[2]}")
    if first.composed is not None and first.technique == "orthogonal":
        return {"framework": first.framework, "argument": first.argument, "right": f"{first.right:.4g}"}
    if first.falls_short or first.composed is not None:
        found = prescription(survey.written(first.uses[0].place))
        spelling = first.uses[0].event.spelling
        return {**found, "form": "write", "spelling": spelling, "argument": first.argument, "remedy": "suit-activation"}
    if first.framework == "keras":
        return {"framework": "keras", "argument": first.argument, "right": f"{first.right:.4g}"}
    inner = spelling.removeprefix("calculate_gain('").removesuffix(")")
    name, _, slope = inner.partition("'")
    return {
        "framework": "torch",
        "argument": first.argument,
        "technique": first.technique or "",
        "nonlinearity": name,
        "slope": slope.removeprefix(", "),
    }


def orthogonal(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """How the recurrent matrices are reached: the write, or the layer where they keep a default."""
    first = subjects[0]
    assert isinstance(first, Use)
    layers = _owner([_layer(s) for s in subjects])
    names = " ".join(sorted({use.weight.name for use in subjects if isinstance(use, Use)}))
    framework = "keras" if first.layer.qualified.startswith("keras.") else "torch"
    facts = {**layers, "framework": framework, "weights": names, "paths": _paths([_layer(s) for s in subjects])}
    if framework == "torch":
        facts["gates"] = _gates([_layer(s) for s in subjects])
    if not first.event.explicit:
        return {**facts, "form": "default"}
    alone = all(one.weight.role == "recurrent" for one in survey.written(first.place))
    if alone or framework == "torch":
        return {**facts, "form": "write" if alone else "among others"}
    return {**facts, "form": "argument", "at": " ".join(sorted({_given(use) for use in subjects}))}


def _gates(layers: Sequence[Layer]) -> str:
    """How many square matrices are stacked in a recurrent one, for each kind of layer: an orthogonal stack would give
    each a part of a gain."""
    found: set[object] = set()
    for layer in layers:
        spec = knowledge().layers.get(layer.qualified)
        rows = [one.shape[0] for one in spec.weights if one.name.startswith("weight_hh")] if spec is not None else []
        found |= {expressions.evaluate(row, {"hidden_size": 1}) for row in rows} or {None}
    if not found or None in found:
        raise Undecided("how many gates are stacked in the matrix is not known")
    return " ".join(sorted(map(str, found)))


def _given(subject: Subject) -> str:
    """Where Keras's layer is given its initializer."""
    assert isinstance(subject, Use)
    place = dict(subject.event.spans).get("initializer")
    if place is None or place.file != subject.place.file:
        raise Undecided("the initializer is given to the layer in another file")
    return span_text(place.span)


def open_gate(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """Which of their biases is to hold a one: the first of each layer and direction."""
    gates = [one for one in subjects if isinstance(one, ForgetBias)]
    rest = [one.sum_from(1) for one in gates]
    if any(one is None or one <= -1 for one in rest):
        raise Undecided("a one in one bias would not open the gate, since the other takes it away")
    layers = list({id(one.layer): one.layer for one in gates}.values())
    biases = {one.layer.name: " ".join(g.biases[0][0].name for g in _ways(gates, one.layer)) for one in gates}
    if len(set(biases.values())) > 1:
        raise Undecided("the layers have different biases to write")
    framework = "keras" if layers[0].qualified.startswith("keras.") else "torch"
    return {**_owner(layers), "framework": framework, "paths": _paths(layers), "biases": next(iter(biases.values()))}


def _ways(gates: Sequence[ForgetBias], layer: Layer) -> list[ForgetBias]:
    """One for each of the layer's biases, in whatever number of ways they are made."""
    return list({one.suffix: one for one in gates if one.layer.name == layer.name}.values())


def _paths(layers: Sequence[Layer]) -> str:
    """The layers' attribute paths in their modules: rnn, encoder.rnn."""
    return " ".join(dict.fromkeys(layer.name.partition(".")[2] for layer in layers))


def fill(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """Values for a parameter that is only allocated: zeros for a bias, ones for a scale, else an initializer."""
    first = subjects[0]
    assert isinstance(first, Parameter)
    weight = first.weight
    facts = {"name": weight.name, "role": weight.role, "owner": first.layer.module, "kind": first.layer.kind}
    vector = is_vector(weight)
    multiplied = first.layer.kernel is weight and bool(first.flow.before(first.layer.index))
    name = weight.name.casefold()
    if any(word in name for word in BIASES) or (vector and len(weight.shape or ()) < 2 and is_added(first)):
        return {**facts, "values": "zeros"}
    if vector and (any(word in name for word in SCALES) or name == "weight"):
        return {**facts, "values": "ones"}
    return {**facts, "values": "normal" if vector or not multiplied else "xavier_uniform"}


def one_factor(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """Which of the two factors is to start away from zero: a gate, else the first map of the branch."""
    first = subjects[0]
    assert isinstance(first, Product)
    layer, weight, event = first.chosen
    gate = layer.kind == "Parameter" and is_vector(weight)
    place = event.place or layer.place
    if place.file != first.place.file:
        raise Undecided(f"{layer.name} is zeroed in another file")
    shared = first.earlier[2].place == first.later[2].place
    return {
        "at": span_text(place.span),
        "values": "ones" if gate else "random",
        "path": layer.name.partition(".")[2],
        "name": weight.name,
        "kind": layer.kind,
        "owner": layer.module,
        "shared": "yes" if shared else "no",
    }


def add_call(subjects: Sequence[Subject], survey: Survey) -> Facts:
    first = subjects[0]
    assert isinstance(first, Hook)
    if not first.owner:
        raise Undecided("it is a function, and which model it is for is not known")
    return {"name": first.name, "owner": first.owner}


def later_pass(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """Where the layers are made that the pass comes too early for."""
    first = subjects[0]
    assert isinstance(first, Pass)
    layers = [site for subject in subjects for site in subject.sites]
    lines = sorted({site.place.span.start.line for site in layers})
    owners = sorted({layer.module for layer in first.flow.context.layers if layer.place in {s.place for s in layers}})
    if any(site.place.file != first.place.file for site in layers):
        raise Undecided("the layers are made in another file")
    function = first.sweep.function.rpartition(".")[2]
    return {"lines": " ".join(map(str, lines)), "owners": " ".join(owners), "function": function, "root": first.root}


def keep_last(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """Where the pass stands that undoes the write, in each of its contexts."""
    first = subjects[0]
    assert isinstance(first, Write)
    sweeps = first.flow.context.sweeps
    winner = first.winner
    assert winner is not None
    index = winner.sweep
    place = sweeps[index].place if index is not None and index < len(sweeps) else None
    if place is None or place.file != first.place.file:
        return {}
    return {"pass": f"{place.span.start.line}:{place.span.start.column}"}


def widen_test(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """What the condition should ask for as well, or instead."""
    first = subjects[0]
    assert isinstance(first, Branch)
    if first.constant_operand is not None:
        return {"form": "operand", "text": first.constant_operand}
    asked = " ".join(first.test.asked)
    if first.kind == "name" and first.dotted_name is not None:
        return {"form": "ending", "asked": asked}
    if first.kind == "name" and first.cased_name is not None:
        return {"form": "case", "asked": asked, "seen": first.cased_name}
    kinds = sorted({layer.kind for layer in first.missed_layers})
    if first.kind == "name" and kinds:
        return {"form": "texts", "asked": asked, "kinds": " ".join(kinds)}
    if first.kind != "type" or not kinds:
        raise Undecided("what the condition should ask for is not known")
    qualified = sorted({layer.qualified for layer in first.missed_layers})
    return {"form": "type", "asked": asked, "kinds": " ".join(kinds), "qualified": " ".join(qualified)}


def wider_bounds(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """Bounds of a truncated normal three standard deviations away, where those that are there cut both sides."""
    first = subjects[0]
    assert isinstance(first, Use)
    given = strengths.arguments(first.event) or {}
    low, high, mean = (given.get(name) for name in ("a", "b", "mean"))
    if not all(isinstance(value, int | float) for value in (low, high, mean)):
        raise Undecided("the bounds are not known")
    if not low < mean < high or low in {mean, 0} or high in {mean, 0}:  # type: ignore[operator]
        raise Undecided("the bounds cut one side, which seems to be meant")
    return {"mean": f"{mean:g}"}


def output_spread(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """The spread with which logits of a tied embedding have about the variance of their input."""
    first = subjects[0]
    assert isinstance(first, Tied)
    std = first.quieter()
    if not std:
        raise Undecided("the spread that would do is not known")
    facts = {"std": f"{rounded_down(std):g}"}
    if first.step is None:
        return facts
    embedding = first.layers[0]
    if embedding.place.file != first.place.file:
        raise Undecided("the embedding is made in another file")
    return {**facts, "at": span_text(embedding.place.span)}


def keep_moments(subjects: Sequence[Subject], survey: Survey) -> Facts:
    """What SELU bears in the place of a plain dropout or a norm."""
    first = subjects[0]
    assert isinstance(first, Disturbance)
    keras = any(layer.qualified.startswith("keras.") for layer in first.flow.context.layers)
    return {"op": first.op, "name": first.name, "framework": "keras" if keras else "torch"}


REMEDIES: Final[Mapping[str, Remedy]] = {
    "guard-rank": mishaps.guard_rank,
    "guard-none": mishaps.as_noted,
    "supported-argument": mishaps.supported_argument,
    "rename": mishaps.rename,
    "no-grad": mishaps.as_noted,
    "make-parameter": mishaps.as_noted,
    "pass-weight": mishaps.pass_weight,
    "reach-parameter": mishaps.reach_parameter,
    "suit-activation": suit_activation,
    "right-fan": right_fan,
    "right-gain": right_gain,
    "orthogonal": orthogonal,
    "open-gate": open_gate,
    "fill": fill,
    "one-factor": one_factor,
    "add-call": add_call,
    "later-pass": later_pass,
    "keep-last": keep_last,
    "widen-test": widen_test,
    "keras-argument": argument,
    "wider-bounds": wider_bounds,
    "output-spread": output_spread,
    "keep-moments": keep_moments,
}
