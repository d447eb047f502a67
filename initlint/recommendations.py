"""What the documents recommend for an activation, a network type, a use case, a technique, or each layer of a file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from initlint import constructions, lookup, recipes
from initlint.advice import Answer, Recommendation, Technique
from initlint.inspection import PARAMETER, Init, Inspection, Row
from initlint.knowledge import REQUIRED, ActivationSpec, LayerSpec, WeightSpec, knowledge, law_of
from initlint.laws import Law
from initlint.recipes import ATTENTION, LAYER, LSTM, RECURRENT, Names
from initlint.strengths import DESTINATIONS

CLOSE: Final = 0.1  # a variance less than this share off is the one that is recommended
WEIGHTS: Final = {"MultiheadAttention": "out_proj.weight"}  # where it is not called weight
COUNTED: Final = 0.01  # a std this much off is that of other fans
MISCOUNTED: Final = "  # {framework} counts other fans for this kernel"
TITLES: Final = {"torch": "PyTorch", "keras": "Keras"}
TIP: Final = "For custom or exotic activations, analyze gradient/activation statistics layer by layer."
PREFERRED: Final = (LSTM, RECURRENT)  # where networks are meant, orthogonal is for their recurrent matrices
UNNAMED: Final = Names()
OWN_LAW: Final = Answer("variance_scaling", "", "the gain is 1 / sqrt of its second moment", ())


@dataclass(frozen=True, slots=True)
class Code:
    """Code to paste."""

    framework: str
    scope: str  # one of recipes.SCOPES
    text: str


@dataclass(frozen=True, slots=True)
class Option:
    """One technique that is recommended, under its condition."""

    technique: Technique
    condition: str
    reason: str
    formula: str  # with the fans filled in where they are known
    std: float | None  # None where it depends on fans that are not known, or is not what matters
    code: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """A row of the documents with what it comes to. No row: the technique itself is asked for."""

    row: Recommendation | None
    activation: ActivationSpec | None
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class LayerAdvice:
    """The advice for one layer as `inspect` found it."""

    layer: Row
    advice: tuple[Advice, ...]
    fits: bool | None  # whether the layer already is as advised; None where that is unknown
    why: str  # why there is no advice; "" where there is some
    default: str = ""  # the initializer that Keras's default is, where the layer has that


@dataclass(frozen=True, slots=True)
class Fans:
    """The fans of a layer, None where unknown."""

    fan_in: int | None = None
    fan_out: int | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for beside the name: which code, for which fans."""

    frameworks: tuple[str, ...] = recipes.FRAMEWORKS
    fans: Fans = Fans()
    names: Names = UNNAMED
    scopes: tuple[str, ...] = ()  # kinds of layers, the preferred ones first; () for all that the technique has
    counted: Mapping[str, Fans] = field(default_factory=dict)  # what the initializers of a framework count


def activation(query: str) -> ActivationSpec:
    """The activation of that name. Raises lookup.MissError."""
    known = knowledge().activations
    names = {
        name: [*spec.strings, *(qualified.rpartition(".")[2] for qualified in spec.modules)]
        for name, spec in known.items()
    }
    return known[lookup.exact(query, names, "activation")]


def for_activation(spec: ActivationSpec, request: Request) -> list[Advice]:
    """The row that covers an activation; where none does, the tip on exotic ones and the activation's own gain."""
    known = knowledge()
    if spec.document:
        row = known.advised[spec.document]
        return [advised(row, row.answers, spec, request)]
    return [advised(known.tips[TIP], (OWN_LAW,) if spec.gain else (), spec, request)]


def for_rows(section: str, query: str, spec: ActivationSpec | None, request: Request) -> list[Advice]:
    """The rows on a network type (`architectures`) or a use case (`usecases`); raises lookup.MissError.

    With an activation only the answers that it does not speak against, unless it speaks against all.
    """
    rows: Mapping[str, Recommendation] = getattr(knowledge(), section)
    noun = {"architectures": "network type", "usecases": "use case"}[section]
    found = lookup.described(query, {key: row.aliases for key, row in rows.items()}, noun)
    request = replace(request, scopes=request.scopes or PREFERRED)
    calls = {key: request.names._replace(call=rows[key].call or request.names.call) for key in found}
    return [
        advised(rows[key], applicable(rows[key].answers, spec), spec, replace(request, names=calls[key]))
        for key in found
    ]


def applicable(answers: Sequence[Answer], spec: ActivationSpec | None) -> Sequence[Answer]:
    if spec is None:
        return answers
    return [answer for answer in answers if not answer.kinds or spec.kind in answer.kinds] or answers


def for_technique(query: str, request: Request) -> list[Advice]:
    """A technique itself. Raises lookup.MissError."""
    known = knowledge().techniques
    names = {
        key: [*one.aliases, *one.names, one.title, *((one.document.row,) if one.document else ())]
        for key, one in known.items()
    }
    found = lookup.described(query, names, "technique")
    return [Advice(None, None, (option(Answer(key, "", "", ()), None, request),)) for key in found]


def for_names(names: Mapping[str, str], request: Request) -> list[Advice]:
    """The advice on names given as options: `activation`, `architecture`, `use_case`, `technique`. Raises MissError."""
    spec = activation(names["activation"]) if "activation" in names else None
    advice = []
    if "architecture" in names:
        advice += for_rows("architectures", names["architecture"], spec, request)
    if "use_case" in names:
        advice += for_rows("usecases", names["use_case"], spec, request)
    if spec:
        advice += for_activation(spec, request)
    if "technique" in names:
        advice += for_technique(names["technique"], request)
    return advice


def options_for(query: str) -> Iterator[str]:
    """The options that know a name: a network type may be asked for as a use case."""
    for option in ("activation", "architecture", "use_case", "technique"):
        try:
            for_names({option: query}, Request())
        except lookup.MissError:
            continue
        yield f"--{option.replace('_', '-')}"


def advised(row: Recommendation, answers: Iterable[Answer], spec: ActivationSpec | None, request: Request) -> Advice:
    return Advice(row, spec, tuple(option(answer, spec, request) for answer in answers))


def option(answer: Answer, spec: ActivationSpec | None, request: Request) -> Option:
    technique = knowledge().techniques[answer.technique]
    if spec is not None and answer.kinds and spec.kind not in answer.kinds:
        spec = None  # the answer is for another activation than the one asked for
    formula, std = filled(technique, spec, request.fans)
    name = spec.name if spec else ""
    scopes = request.scopes or tuple(reversed(recipes.SCOPES))
    found = [one for scope in scopes if (one := recipes.recipe(technique.key, scope, name))]
    code = tuple(
        Code(framework, one.scope, text)
        for one in found or filter(None, [recipes.recipe(technique.key, LAYER, name)])
        for framework in request.frameworks
        if (
            text := by_numbers(technique.key, spec, std, framework, request)
            or one.written(framework, request.names, spec)
        )
    )
    return Option(technique, answer.condition, answer.reason, formula, std, code)


def by_numbers(technique: str, spec: ActivationSpec | None, std: float | None, framework: str, request: Request) -> str:
    """Code that says the standard deviation in numbers, where the framework's own initializer would compute another one
    because it counts other fans (transposed and depthwise kernels); "" where it is right, or nothing is known."""
    law, plain = aimed(technique, spec), recipes.recipe("random", LAYER, "")
    counted = request.counted.get(framework, Fans())
    own = law.std(counted.fan_in, counted.fan_out) if law else None
    if own is None or std is None or plain is None or abs(own / std - 1) < COUNTED:
        return ""
    return plain.written(framework, request.names, None, std) + MISCOUNTED.format(framework=TITLES[framework])


def aimed(technique: str, spec: ActivationSpec | None) -> Law | None:
    """The law that a technique means before an activation; None where it has no variance to aim at."""
    if technique == "xavier":
        return Law(1.0, "fan_avg", "")
    if technique == "lecun":
        return Law(1.0, "fan_in", "")
    if technique == "he":
        gain = spec.gain if spec and spec.kind == "rectifier" and spec.gain else math.sqrt(2)
        return Law(gain**2, "fan_in", "")
    if technique == "variance_scaling" and spec and spec.gain:
        return Law(spec.gain**2, "fan_in", "")
    return None


def filled(technique: Technique, spec: ActivationSpec | None, fans: Fans) -> tuple[str, float | None]:
    """The formula with numbers for the fans, and the standard deviation of an entry.

    `Var(W) = 2 / fan_in = 2 / 64: N(0, 0.177^2) or U(±0.306)`. The bound of a uniform law is sqrt(3) times the std.
    """
    law = aimed(technique.key, spec)
    if law is None:
        return technique.formula, None
    if law.fan == "fan_avg":
        general = "Var(W) = 2 / (fan_in + fan_out)"
        numbers = f" = 2 / ({fans.fan_in} + {fans.fan_out})"
    else:
        general = f"Var(W) = {law.scale:.4g} / fan_in"
        numbers = f" = {law.scale:.4g} / {fans.fan_in}"
    std = law.std(fans.fan_in, fans.fan_out)
    if std is None:
        return general, None
    return f"{general}{numbers}: N(0, {std:.3g}^2) or U(±{std * math.sqrt(3):.3g})", std


def for_layers(inspection: Inspection, framework: str | None) -> list[LayerAdvice]:
    """The advice for each row of `inspect`, with code for a framework or, where that is None, for both, the layer's own
    first."""
    return [
        for_layer(row, (framework,) if framework else own_first(row.framework))
        for row in inspection.rows
        if row.site is None and not row.inside
    ]


def own_first(framework: str) -> tuple[str, ...]:
    return framework, *(other for other in recipes.FRAMEWORKS if other != framework)


def for_layer(row: Row, frameworks: tuple[str, ...]) -> LayerAdvice:
    """The row of the documents for a layer, and what initializer it has by default."""
    weight = by_default(row)
    if weight is None:
        return of_layer(row, frameworks)
    init = Init(weight.default, weight.arguments, False, None)
    named = replace(row, recurrent=init) if row.is_recurrent else replace(row, init=init)
    return replace(of_layer(named, frameworks), layer=row, default=weight.default)


def by_default(row: Row) -> WeightSpec | None:
    """The weight whose default a layer of Keras has: that of its state if it has one, else of its last kernel."""
    init = row.recurrent if row.is_recurrent else row.init
    spec = knowledge().layers.get(f"keras.layers.{row.layer}") if row.framework == "keras" else None
    if spec is None or init is None or init.name != "default":
        return None
    roles = {"recurrent"} if row.is_recurrent else {"kernel", "embedding"}
    return next((weight for weight in reversed(spec.weights) if weight.role in roles), None)


def of_layer(row: Row, frameworks: tuple[str, ...]) -> LayerAdvice:
    """The row of the documents for a layer: by its state if it has one, else by the activations that it feeds."""
    known = knowledge()
    request = asked(row, frameworks)
    if row.is_recurrent:
        rnn = known.architectures["RNN"]
        return LayerAdvice(row, (advised(rnn, rnn.answers, None, request),), orthogonal(row.recurrent), "")
    if row.layer.startswith("Embedding"):
        return LayerAdvice(row, (), None, "the documents have no row on embeddings")
    if row.activations is None:
        return LayerAdvice(row, (), None, "what it feeds is not known")
    if not row.activations:
        return LayerAdvice(row, (), None, "no flow reaches it")
    found: dict[tuple[str, float | None], Advice] = {}
    for name in row.activations:
        spec = known.activations.get("linear" if name in DESTINATIONS else name)
        if spec is None:  # one that the code composes itself
            found.setdefault((TIP, None), advised(known.tips[TIP], (), None, request))
            continue
        for one in for_activation(spec, request):
            if spec.name == "linear" and name != "output" and one.row is not None:
                one = Advice(one.row, spec, one.options[:1])  # noqa: PLW2901 - the others are for the last layer
            assert one.row is not None
            found.setdefault((one.row.row, spec.gain), one)
    advice = tuple(found.values())
    return LayerAdvice(row, advice, fitting(row, advice), "")


def asked(row: Row, frameworks: tuple[str, ...]) -> Request:
    """The names that a layer has in its own code, and its fans."""
    owner, *path = row.name.split(".")
    layer = "self" if owner[:1].isupper() else owner
    for part in path:
        layer += f"[{part}]" if part.isdigit() else f".{part}"
    weight = layer if row.layer == PARAMETER else f"{layer}.{WEIGHTS.get(row.layer, 'weight')}"
    keras = row.framework == "keras"
    spec = knowledge().layers.get(f"{'keras.layers' if keras else 'torch.nn'}.{row.layer}")
    kernels = [one for one in spec.weights if one.role == "kernel"] if spec and keras else []
    kernel = kernels[-1].initializer if kernels else ""
    names = made(row, spec, Names(layer, weight, call(row, spec if keras else None), kernel or UNNAMED.kernel))
    if len({one.initializer for one in kernels}) > 1 and not row.is_recurrent:
        return in_two_parts(row, frameworks, names, kernels[0].initializer)
    attention = row.layer in WEIGHTS or (keras and spec is not None and spec.role == "attention")
    scopes = (LSTM if row.layer.startswith("LSTM") else RECURRENT,) if row.is_recurrent else (LAYER,)
    scopes = (ATTENTION,) if attention else scopes
    counted = {} if attention or row.is_recurrent else counts(row)
    return Request(frameworks, Fans(row.fan_in, row.fan_out), names, scopes, counted)


def made(row: Row, spec: LayerSpec | None, names: Names) -> Names:
    """The names with the layer's own construction for its framework, and that of its counterpart for the other."""
    own = constructions.construction(row.code, spec) if row.code and spec else None
    if own is None or spec is None:
        return names
    if row.framework == "torch":
        return names._replace(made=constructions.counterpart(own, spec, "torch", None))
    inputs = constructions.channels(spec, row.shapes[0] if row.shapes else None, own)
    other = constructions.counterpart(own, spec, "keras", inputs)
    hidden = row.init is not None and row.init.explicit and any(name.startswith("**") for name, _ in own.arguments)
    setup = f"{names.layer} = {other.beginning()})" if other else ""
    return names._replace(made=None if hidden else own, setup=setup)


def in_two_parts(row: Row, frameworks: tuple[str, ...], names: Names, first: str) -> Request:
    """Of a separable convolution: the law is that of its last kernel, the first passes on what it gets."""
    depthwise, pointwise = row.shapes if len(row.shapes) == 2 else (None, None)
    fans = Fans(*pointwise[-2:]) if pointwise else Fans()
    own = names.made
    if own is not None and row.fan_in is not None and depthwise is not None:
        std = f"{row.fan_in**-0.5:.3g}"
        kept = tuple((name, text) for name, text in own.arguments if name != first)
        in_numbers = f"keras.initializers.RandomNormal(stddev={std})"  # Keras counts all channels
        parts = constructions.separated(own, row.layer, depthwise[-2], fans.fan_in)
        setup = f"{names.layer} = nn.Sequential({', '.join(f'{part.beginning()})' for part in parts)})"
        names = names._replace(
            made=replace(own, arguments=(*kept, (first, in_numbers))),
            weight=f"{names.layer}[1].weight",
            setup=f"{setup}\nnn.init.normal_({names.layer}[0].weight, std={std})",
        )
    return Request(frameworks, fans, names, (LAYER,))


def counts(row: Row) -> dict[str, Fans]:
    """What the initializers of each framework count for a layer and its counterpart."""
    counted = {row.framework: Fans(*row.counted)}
    if row.layer.startswith("Conv"):  # both frameworks count alike, whatever the order of a kernel's axes
        return dict.fromkeys(recipes.FRAMEWORKS, counted[row.framework])
    shape = row.shapes[0] if row.shapes else None
    if row.layer.startswith("Depthwise") and shape is not None and None not in shape:
        counted["torch"] = Fans(row.fan_in, math.prod(size or 0 for size in shape))
    return counted


def call(row: Row, spec: LayerSpec | None) -> str:
    """The beginning of the Keras layer that this one is, or that does what it does."""
    if spec is not None:
        required = [p.name for p in spec.parameters if p.default is REQUIRED and p.kind in ("ordinary", "keyword")]
        return f"keras.layers.{row.layer}({', '.join(required)}"
    if row.layer in WEIGHTS:
        return recipes.CALLS[ATTENTION]
    if row.layer.startswith("Conv") and row.layer[-1:] == "d":
        transposed = "Transpose" if "Transpose" in row.layer else ""
        return f"keras.layers.Conv{row.layer[-2]}D{transposed}(filters, kernel_size"
    return "keras.layers.SimpleRNN(units" if row.layer.startswith("RNN") else UNNAMED.call


def orthogonal(init: Init | None) -> bool | None:
    return None if init is None else init.name in {"orthogonal", "identity"}


def fitting(row: Row, advice: Sequence[Advice]) -> bool | None:
    """Whether the variance that the layer starts with is that of an option of each advice."""
    if row.init is None or (row.framework == "keras" and len(row.shapes) > 1):
        return None
    arguments = dict(row.init.args)
    name = "kaiming_uniform" if row.init.name == "default" and "a" in arguments else row.init.name
    law = law_of(name, arguments)
    std = law.std(*row.counted) if law else None
    aims = [[option.std for option in one.options if option.std] for one in advice]
    if not std or not all(aims):
        return None
    return all(any(abs((std / aim) ** 2 - 1) <= CLOSE for aim in several) for several in aims)
