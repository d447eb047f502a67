"""What was understood of each weighted layer: the rows that `initlint inspect` shows.

A row is about one constructor call, with the facts of all contexts that reached it; where
contexts disagree about the initializer there are several rows. A layer that a module makes
through a function of the project has a second row, at the call in that module. The layers that
an attention layer of Keras consists of have rows of their own, behind its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias, TypeVar

from initlint.contexts import Contexts
from initlint.findings import Unreadable
from initlint.formulas import Composed
from initlint.graph import Context, History, InitEvent, Layer, Model, Scalar, Unknown, Weight
from initlint.knowledge import LOADING, knowledge
from initlint.source import Place, Source
from initlint.strengths import fans

PART = "EinsumDense"  # what attention layers of Keras consist of
PARAMETER = "Parameter"  # kind of a layer that stands for a module's own raw parameters
MAX_TOLD = 4  # of the values that differ
LAYER_ROLES = ("kernel", "embedding", "raw")

T = TypeVar("T", bool, int)


@dataclass(frozen=True, slots=True)
class Init:
    """An effective initializer as it is called; `at` is None for the framework's default. `factor` is what its values
    are multiplied by afterwards."""

    name: str
    args: tuple[tuple[str, Scalar], ...]
    explicit: bool
    at: Place | None
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """One weighted layer as it was understood. None is unknown; no activations: no flow reaches it.

    `place` is the constructor call, or with a `site` the call in the owning module and the
    site is the constructor call. `recurrent` has the recurrent weight's initializer, where there is one.
    """

    place: Place
    layer: str
    name: str
    init: Init | None
    activations: tuple[str, ...] | None
    norm_between: bool | None
    fan_in: int | None
    fan_out: int | None
    unknown: tuple[str, ...]
    site: Place | None = None
    is_recurrent: bool = False
    recurrent: Init | None = None
    composed: tuple[Composed, ...] = ()  # what its `custom` activations compute
    framework: str = "torch"  # whose layer it is: torch or keras
    counted: tuple[int | None, int | None] = (None, None)  # the fans that the framework's initializers compute for it
    shapes: tuple[tuple[int | None, ...] | None, ...] = ()  # of its kernels, where all uses agree
    code: str = ""  # the constructor call as it is written; "" where it was not asked for
    inside: bool = False  # whether it is a part of the layer that is constructed there: attention's query, key, value

    def within(self, sources: Mapping[str, Source]) -> Row:
        """The row with its places in the cells of these notebooks, by their paths."""

        def located(place: Place | None) -> Place | None:
            return place if place is None or place.file not in sources else sources[place.file].located(place.span)

        def written(init: Init | None) -> Init | None:
            return None if init is None else replace(init, at=located(init.at))

        if self.place.file not in sources:
            return self
        place = located(self.place) or self.place
        recurrent = written(self.recurrent)
        return replace(self, place=place, site=located(self.site), init=written(self.init), recurrent=recurrent)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `initlint inspect` shows: the rows, and what stood in the way."""

    rows: tuple[Row, ...]
    unreadable: tuple[Unreadable, ...] = ()
    files: int = 0
    faults: tuple[str, ...] = ()


class Fact(NamedTuple):
    """What one context says of one weight of one layer."""

    layer: Layer
    name: str
    init: Init | None
    recurrent: Init | None
    why: tuple[str, ...]


def rows(model: Model, files: Iterable[str]) -> list[Row]:
    """The rows of these files, in the order of their places."""
    wanted = frozenset(files)
    contexts = Contexts(model.contexts)
    found: list[Row] = []
    for (place, site, kind), everywhere in by_site(model, wanted).items():
        pairs = speaking(contexts, running(model, place, everywhere))
        pairs = [pair for pair in pairs if pair[0].genuine or pair[0].built] or pairs
        layers = [layer for context, layer in pairs if context.genuine]
        others = [layer for context, layer in pairs if not context.genuine]
        if not layers:
            layers, others = others, []
        if not any(layer.activations for layer in (*layers, *others)):
            others += [layer for index, layer in everywhere if model.contexts[index].built]
        if all(map(is_loaded, layers)):
            layers, others = [unloaded(layer) for layer in layers], []
        composed = formulas(pairs)
        found += [replace(row, composed=composed) for row in told(place, site, kind, layers, others)]
        parts: dict[str, list[Layer]] = {}
        for layer in layers:
            for part in parts_of(layer):
                parts.setdefault(part.name, []).append(part)
        for several in parts.values():
            found += [replace(row, inside=True) for row in told(place, site, PART, several)]
    return sorted(
        found, key=lambda row: (row.place, row.site is not None, row.inside, row.layer, "" if row.inside else row.name)
    )  # parts stay in their order


def is_loaded(layer: Layer) -> bool:
    """Whether a checkpoint is what all ways end with."""
    return all(h and h[-1].spelling == LOADING for weight in layer.weights for h in weight.histories)


def unloaded(layer: Layer) -> Layer:
    """What a layer that is always loaded starts from without the checkpoint, which is no initializer."""
    weights = (
        replace(w, histories=tuple(tuple(e for e in h if e.spelling != LOADING) for h in w.histories))
        for w in layer.weights
    )
    return replace(layer, weights=tuple(weights))


def told(
    place: Place, site: Place | None, kind: str, layers: Sequence[Layer], others: Sequence[Layer] = ()
) -> list[Row]:
    """The rows of the layers of one kind that one call makes. `others` are of models that were given something
    unknown: where one ends as a row says, what it feeds is told there too."""
    is_recurrent = any(weight.role == "recurrent" for layer in layers for weight in layer.weights)
    facts: dict[tuple[str, Init | None, Init | None], list[Fact]] = {}
    for number, layer in enumerate((*layers, *others)):
        for fact in facts_of(layer, place, is_recurrent):
            key = (fact.name if kind == PARAMETER else "", fact.init, fact.recurrent)
            if key in facts or number < len(layers):
                facts.setdefault(key, []).append(fact)
    for key in list(facts):
        fuller = next((other for other in facts if other[0] == key[0] and says_more(other[1:], key[1:])), None)
        if fuller is not None:
            facts[fuller] += facts.pop(key)
    return [merged(place, site, kind, alike, is_recurrent) for alike in facts.values()]


def says_more(one: tuple[Init | None, Init | None], other: tuple[Init | None, Init | None]) -> bool:
    """Whether one has arguments of the same calls which the other does not know."""
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return bool(pairs) and all(
        a is not None and b is not None and a.explicit and set(a.args) > set(b.args) and replace(a, args=b.args) == b
        for a, b in pairs
    )


def parts_of(layer: Layer) -> list[Layer]:
    """The layers that an attention layer of Keras consists of, each with its kernel; none where it is not known which
    kernel is whose."""
    spec = knowledge().layers.get(layer.qualified)
    named = [weight for weight in spec.weights if weight.role == "kernel"] if spec and spec.role == "attention" else []
    kernels = [weight for weight in layer.weights if weight.role == "kernel"]
    if len(named) > len(kernels):
        named = [weight for weight in named if not weight.when]
    if len(named) != len(kernels) or any("." not in weight.name for weight in named):
        return []
    return [
        replace(
            layer,
            kind=PART,
            qualified=f"keras.layers.{PART}",
            name=f"{layer.name}.{own.name.rpartition('.')[0]}",
            weights=(kernel,),
            fan_in=kernel.fans[0] if kernel.fans else None,
            fan_out=kernel.fans[1] if kernel.fans else None,
            activations=(own.feeds,) if own.feeds and layer.activations is not None else layer.activations,
            norm_between=False if own.feeds else layer.norm_between,
        )
        for own, kernel in zip(named, kernels, strict=True)
    ]


def formulas(pairs: Iterable[tuple[Context, Layer]]) -> tuple[Composed, ...]:
    """The activations behind a layer that the code composes itself."""
    activations = (edge.activation for context, layer in pairs for edge in context.outgoing(layer.index))
    return tuple(dict.fromkeys(a.composed for a in activations if a is not None and a.composed is not None))


def running(model: Model, place: Place, pairs: list[tuple[int, Layer]]) -> list[tuple[int, Layer]]:
    """Without what templates show of other files' layers, where code that runs shows them."""
    if not model.templates:
        return pairs
    idle = model.templates - {place.file}
    return [pair for pair in pairs if model.contexts[pair[0]].file not in idle] or pairs


def speaking(contexts: Contexts, pairs: list[tuple[int, Layer]]) -> list[tuple[Context, Layer]]:
    """Without the contexts in which a class was built by itself of which another context has all, in a model. A class
    that users build themselves speaks beside the models that have it: what it returns is where its data ends. Where
    some contexts know what becomes of a layer, those that ended before that are silent, and have nothing of it. So are
    layers that others have replaced, where the same call makes some that models keep."""
    pairs = [pair for pair in pairs if not pair[1].replaced] or pairs
    known = [(i, layer) for i, layer in pairs if contexts.contexts[i].complete or not is_cut_off(layer)] or pairs
    numbers = dict.fromkeys(index for index, _ in known)
    parts = (i for i in numbers if contexts.contexts[i].built and not contexts.contexts[i].offered)
    alone = {i for i in parts if not contexts.around(i).isdisjoint(numbers)}
    if any(layer.activations for i, layer in known if i not in alone and not contexts.contexts[i].part):
        alone.update(i for i in numbers if contexts.contexts[i].part)
    return [(contexts.contexts[index], layer) for index, layer in known if index not in alone]


def is_cut_off(layer: Layer) -> bool:
    """Whether the run ended before everything was done that may write the layer's weights."""
    ends = [history[-1] for weight in layer.weights for history in weight.histories if history]
    return bool(ends) and all(event.name == "unknown" and event.place is None for event in ends)


SiteKey: TypeAlias = tuple[Place, Place | None, str]


def by_site(model: Model, wanted: frozenset[str]) -> dict[SiteKey, list[tuple[int, Layer]]]:
    """Layers by the call that makes them, and again by the owning module's call where that is another."""
    sites: dict[SiteKey, list[tuple[int, Layer]]] = {}
    for index, context in enumerate(model.contexts):
        for layer in context.layers:
            if layer.is_norm:
                continue
            places = {weight.place for weight in layer.weights} if layer.kind == PARAMETER else {layer.place}
            for place in places:
                if place.file in wanted:
                    sites.setdefault((place, None, layer.kind), []).append((index, layer))
                if layer.owner is not None and layer.owner != place and layer.owner.file in wanted:
                    sites.setdefault((layer.owner, place, layer.kind), []).append((index, layer))
    return sites


def facts_of(layer: Layer, place: Place, is_recurrent: bool) -> list[Fact]:
    """One fact for each way in which the layer's weights can end."""
    weights = [w for w in layer.weights if w.role in LAYER_ROLES]
    if layer.kind == PARAMETER:
        return [
            Fact(layer, parameter_name(layer, weight), init, None, why)
            for weight in weights
            if weight.place == place
            for init, why in endings(weight)
        ]
    if not weights:
        return [Fact(layer, layer.name, None, None, ("its weights are not known",))]
    if not is_recurrent:  # a layer's other kernels are those of a layer that it holds inside
        return [Fact(layer, layer.name, init, None, why) for init, why in endings(weights[0])]
    # Stacked recurrent layers have a kernel each, told together as they are written together.
    kernels = list(dict.fromkeys(ending for weight in weights for ending in endings(weight)))
    recurrent = [weight for weight in layer.weights if weight.role == "recurrent"]
    inner = list(dict.fromkeys(ending for weight in recurrent for ending in endings(weight))) or [(None, ())]
    pairs = zip(kernels, inner, strict=True) if len(kernels) == len(inner) else ((k, i) for k in kernels for i in inner)
    return [Fact(layer, layer.name, init, rec, (*why, *also)) for (init, why), (rec, also) in pairs]


def parameter_name(layer: Layer, weight: Weight) -> str:
    """The parameter's path, whether the layer stands for it alone or for all of its module's."""
    return layer.name if layer.name.endswith(f".{weight.name}") else f"{layer.name}.{weight.name}"


def endings(weight: Weight) -> list[tuple[Init | None, tuple[str, ...]]]:
    """The effective initializers of a weight, each with what is unknown of it."""
    return list(dict.fromkeys(ending(weight, *written(history)) for history in weight.histories))


def written(history: History) -> tuple[InitEvent | None, float]:
    """The last write that covers the weight by a call of an initializer, and the factors that follow it."""
    factor = 1.0
    for event in reversed(history):
        if event.covers and event.factor is None:
            return event, factor
        if event.covers and event.factor is not None:
            factor *= event.factor
    return None, factor


def ending(weight: Weight, event: InitEvent | None, factor: float) -> tuple[Init | None, tuple[str, ...]]:
    if event is None:
        return None, (f"nothing is known to write {weight.name}",)
    if event.name == "unknown":
        return None, (f"{weight.name} is written{where(event, weight)} by something that is not understood",)
    known = tuple((name, value) for name, value in event.args if not isinstance(value, Unknown))
    why = tuple(f"{name} of {event.name}: {value.why}" for name, value in event.args if isinstance(value, Unknown))
    return Init(event.name, known, event.explicit, event.place if event.explicit else None, factor), why


def where(event: InitEvent, weight: Weight) -> str:
    if event.place is None:
        return ""
    line = event.place.span.start.line
    return f" at line {line}" if event.place.file == weight.place.file else f" at {event.place.file}:{line}"


def merged(place: Place, site: Place | None, kind: str, facts: list[Fact], is_recurrent: bool) -> Row:
    """One row from facts that agree about the initializer."""
    first = facts[0]
    layers = [fact.layer for fact in facts]
    unknown = [why for fact in facts for why in fact.why]
    known = [layer.activations for layer in layers if layer.activations is not None]
    reached = tuple(sorted({name for names in known for name in names}))
    row = Row(
        place=place,
        layer=kind,
        name=first.name,
        init=first.init,
        activations=reached if reached or len(known) == len(layers) else None,
        norm_between=common([layer.norm_between for layer in layers], "norm_between", unknown),
        fan_in=common([layer.fan_in for layer in layers], "fan_in", unknown),
        fan_out=common([layer.fan_out for layer in layers], "fan_out", unknown),
        unknown=(),
        site=site,
        is_recurrent=is_recurrent,
        recurrent=first.recurrent,
        framework="keras" if first.layer.qualified.startswith("keras.") else "torch",
        shapes=alike_in([tuple(w.shape for w in layer.weights if w.role == "kernel") for layer in layers]),
        counted=agreed([fans(layer.kernel)[:2] for layer in layers if layer.kernel is not None]),
    )
    if None in (row.activations, row.norm_between, row.fan_in, row.fan_out):
        unknown += [why for layer in layers for why in layer.unknown]
    return replace(row, unknown=tuple(dict.fromkeys(unknown)))


def agreed(counted: list[tuple[int | None, int | None]]) -> tuple[int | None, int | None]:
    return counted[0] if len(set(counted)) == 1 else (None, None)


def alike_in(several: list[tuple[tuple[int | None, ...] | None, ...]]) -> tuple[tuple[int | None, ...] | None, ...]:
    return several[0] if len(set(several)) == 1 else ()


def common(values: list[T | None], name: str, unknown: list[str]) -> T | None:
    """The value that all contexts which know it agree about."""
    known = list(dict.fromkeys(value for value in values if value is not None))
    if len(known) > 1:
        told = ", ".join(str(value).lower() for value in known[:MAX_TOLD])
        more = f" and {len(known) - MAX_TOLD} more" if len(known) > MAX_TOLD else ""
        unknown.append(f"{name} differs between uses: {told}{more}")
        return None
    return known[0] if known else None
