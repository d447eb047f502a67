"""The rule tables as frozen, validated values: what layers, functions, initializers and activations are.

`knowledge()` loads `rules/` once. Rows are checked when loaded, built when first asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from initlint import laws, schema, tables
from initlint.schema import Row, Table, Where

if TYPE_CHECKING:  # at run time only when the documents are asked for
    from initlint.advice import Recommendation, Technique


class Required:
    """The type of `REQUIRED`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "REQUIRED"


LOADING: Final = "Module.load_state_dict"  # spelling of the write that a checkpoint makes
REQUIRED: Final = Required()

# Packages -> whose tables.
FRAMEWORKS_OF: Final = dict.fromkeys(
    "keras tensorflow tf_keras keras_core tensorflow_addons tensorflow_model_optimization".split(), "keras"
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a callable. `kind`: ordinary, keyword, positionals (`*args`), keywords (`**kwargs`)."""

    name: str  # as we know it; the framework may spell it otherwise (`from` of Tensor.uniform_ is our `a`)
    default: Any  # REQUIRED where there is none
    kind: str = "ordinary"
    spelled: str = ""  # as the framework spells it


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """A parameter that a layer registers. Shape, fans and `when` are expressions over constructor arguments."""

    name: str  # may hold {layer} and {suffix}: see expand_weights
    role: str  # one of tables.WEIGHT_ROLES
    shape: tuple[str, ...]  # "*kernel_size" splices a tuple
    default: str  # canonical name of the framework's own initializer
    arguments: tuple[tuple[str, float | str], ...]  # of that default; expressions where they depend on sizes
    when: str  # whether it exists; "" always
    fan_in: str = ""  # the true fans; "" where it has none
    fan_out: str = ""
    rank: int = 0  # spatial dimensions: how often a spliced int counts
    count: str = ""  # how many stacked layers have one
    reverse: str = ""  # whether the other direction has one too
    initializer: str = ""  # the constructor's argument that chooses its initializer
    feeds: str = ""  # of the kernel of a layer inside: what its output meets there; "" where it leaves
    true_fans: bool = False  # whether the framework's initializers compute the true fans for it


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """A module class of the framework."""

    qualified: str
    kind: str
    role: str  # one of tables.LAYER_ROLES
    parameters: tuple[Parameter, ...]
    weights: tuple[WeightSpec, ...]
    fan_in: str  # of its first kernel; "" where it has none. Strides are ignored
    fan_out: str
    activation: str  # canonical name, for the role activation
    parameter: str  # the argument with its slope or alpha
    internal: tuple[str, ...]  # activations inside
    returns: str  # tensor, pair (output, more), state (hidden, cell)
    rank: int  # spatial dimensions
    bases: tuple[str, ...] = ()  # qualified classes between this one and Module, nearest first
    chosen_by: str = ""  # the argument that names the activation inside
    dilution: str = ""  # what a stride divides by: fan_in of a transposed convolution, fan_out of a plain one
    lazy: str = ""  # the size that is only known after the first forward
    output: str = ""  # what it does to a shape (Keras)
    merge: str = ""  # how it joins its inputs: one of tables.MERGES
    pool: str = ""  # what a pool takes of its window: one of tables.POOLS
    window: str = ""  # how many positions that has
    older: Mapping[str, str] = field(default_factory=dict)  # arguments by the names of an earlier version


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """A function, a method of tensors (`Tensor.relu`), or an attribute of theirs (`Tensor.shape`)."""

    qualified: str
    role: str  # one of tables.FUNCTION_ROLES
    name: str  # canonical: activation, add, mul, cat; a factory's values; view, copy or either
    weight: int  # position of the weight argument, -1 where there is none
    parameter: str  # the argument with its slope or alpha
    default: float | None  # of that argument
    inplace: bool = False


@dataclass(frozen=True, slots=True)
class InitializerSpec:
    """A callable that fills a tensor. Its parameters are those after the tensor, under canonical names."""

    qualified: str
    technique: str  # canonical initializer
    parameters: tuple[Parameter, ...]
    minimum_rank: int  # outside it raises
    maximum_rank: int
    fan_based: bool
    law: str = ""  # name of its law in laws.py
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()  # what its arguments may say, in lower case
    of_layer: bool = False  # it takes a layer and fills its weight, and its bias with the argument of that name
    gives: tuple[tuple[str, float | str], ...] = ()  # what it passes on by itself


@dataclass(frozen=True, slots=True)
class ActivationSpec:
    """An activation and what it does to the second moment of a standard normal input."""

    name: str
    kind: str  # one of tables.KINDS
    gain: float | None  # 1 / sqrt(second_moment)
    torch_gain: float | None  # what torch's calculate_gain returns; None where it raises
    second_moment: float | None
    recommended: str  # technique; "" where its statistics should be looked at
    document: str  # row of the documents; "" where none covers it
    paper: str
    strings: tuple[str, ...]  # what lookup tables call it
    modules: tuple[str, ...]
    functions: tuple[str, ...]
    extends: str = ""  # why that row covers it, where it does not name it
    slope: tuple[float, float] | None = None  # bounds of E[f'(z)^2] for all variances of z up to 4
    flat: float | None = None  # |z| from which on the slope is below a twentieth of the largest


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All tables. Mappings by qualified name, activations by canonical name."""

    root: str  # the folder they were read from
    layers: Table[LayerSpec]
    functions: Table[FunctionSpec]
    initializers: Mapping[str, InitializerSpec]
    activations: Mapping[str, ActivationSpec]
    techniques: Mapping[str, Technique]
    gains: Mapping[str, float]  # what calculate_gain knows, leaky_relu with its default slope
    init_names: frozenset[str]  # names in the namespace torch.nn.init
    init_words: Mapping[str, str]  # first words of initializers' names elsewhere -> torch's
    aliases: dict[str, str]
    prefixes: dict[str, str]  # modules whose names are known by a shorter path
    strings: Mapping[str, str]  # what lookup tables call an activation -> its canonical name
    roots: dict[str, str]  # packages that are another one by another name
    taken: set[str]  # packages whose tables were read on demand

    def take(self, package: str) -> None:
        """Adds the tables of a package that are read on demand (tables.ON_DEMAND)."""
        if package in self.taken:
            return
        self.taken.add(package)
        rows = tables.gather(self.root, package)
        modules: dict[str, list[str]] = {}
        functions: dict[str, list[str]] = {}
        _check_names(rows, self.activations, modules, functions)
        self.layers.extend(rows.layers, lambda name, row: _layer(name, row, rows.layers))
        self.functions.extend(rows.functions, lambda name, pair: _function(name, pair, rows))
        self.aliases.update(rows.aliases)
        self.prefixes.update(rows.prefixes)
        self.roots.update(rows.roots)

    def has(self, qualified: str) -> bool:
        """Whether a framework is known to have something by this name."""
        return qualified in self.functions or qualified in self.layers or qualified in self.initializers

    @property
    def architectures(self) -> Mapping[str, Recommendation]:
        """The documents' rows on network types."""
        return _advice(self.root, "architectures")

    @property
    def usecases(self) -> Mapping[str, Recommendation]:
        """The documents' rows on use cases."""
        return _advice(self.root, "usecases")

    @property
    def advised(self) -> Mapping[str, Recommendation]:
        """The documents' rows on activations."""
        return _advice(self.root, "activations")

    @property
    def tips(self) -> Mapping[str, Recommendation]:
        """The documents' practical tips."""
        return _advice(self.root, "tips")


def _advice(root: str, section: str) -> Mapping[str, Recommendation]:
    from initlint import advice  # needed by few commands

    return advice.recommendations(root)[section]


def _technique(key: str, row: Row) -> Technique:
    from initlint import advice

    return advice.technique(key, row)


def load(root: str) -> Knowledge:
    """The tables in a folder. Raises KnowledgeError where they are wrong."""
    rows = tables.gather(root)
    shapes = schema.read(root, "activations.toml")
    for name, row in shapes.items():
        _check_activation(row, Where("rules/activations.toml", name))
    file, where = schema.read(root, "techniques.toml"), Where("rules/techniques.toml")
    schema.keys(file, {"techniques": dict, "spellings": list, "init": dict}, {}, where)
    fan_based: dict[str, bool] = {}
    for key, row in file["techniques"].items():
        tables.check_technique(row, where / f"techniques.{key}")
        fan_based.update(dict.fromkeys(row["names"].split(), row.get("fans", False)))
    for name, row in shapes.items():
        if "recommended" in row:
            here = Where("rules/activations.toml", f"{name}.recommended")
            schema.choice(row["recommended"], file["techniques"], here)
    spellings: dict[str, Row] = {}
    for row in schema.rows(file["spellings"], where / "spellings"):
        here = where / f"spellings[{row.get('names', '?')}]"
        schema.keys(row, {"names": str, "technique": str}, tables.SPELLING, here)
        schema.choice(row["technique"], fan_based, here / "technique")
        spellings.update(dict.fromkeys(row["names"].split(), row))
    init = file["init"]
    schema.keys(init, {"names": str, "linear": str, "imported": str, "words": dict}, {}, where / "init")
    gains = {name: float(row["torch_gain"]) for name, row in shapes.items() if "torch_gain" in row}
    torch_names = {name.rpartition(".")[2] for name in spellings if name.startswith("torch.nn.init.")}
    for word, meant in init["words"].items():
        schema.choice(meant, {name.partition("_")[0] for name in torch_names}, where / f"init.words.{word}")
    modules: dict[str, list[str]] = {}
    functions: dict[str, list[str]] = {}
    _check_names(rows, shapes, modules, functions)
    return Knowledge(
        root=root,
        layers=Table(rows.layers, lambda name, row: _layer(name, row, rows.layers)),
        functions=Table(rows.functions, lambda name, pair: _function(name, pair, rows)),
        initializers=Table(spellings, lambda name, row: _initializer(name, row, fan_based)),
        activations=Table(
            shapes, lambda name, row: _activation(name, row, modules.get(name, []), functions.get(name, []))
        ),
        techniques=Table(file["techniques"], _technique),
        gains=gains | dict.fromkeys(init["linear"].split(), 1.0),
        init_names=frozenset({*torch_names, *init["names"].split(), *init["imported"].split()}),
        init_words=init["words"],
        aliases=rows.aliases,
        prefixes=rows.prefixes,
        strings={text: name for name, row in shapes.items() for text in (name, *row["strings"].split())},
        roots=rows.roots,
        taken=set(),
    )


def _check_names(
    rows: tables.Rows, shapes: Mapping[str, object], modules: dict[str, list[str]], functions: dict[str, list[str]]
) -> None:
    """Checks that layers and functions name known activations, and lists them by these."""
    for qualified, layer in rows.layers.items():
        if layer.row["role"] == "activation":
            name = schema.choice(layer.row.get("activation", ""), shapes, layer.where / "activation")
            modules.setdefault(name, []).append(qualified)
    for qualified, (role, name) in rows.functions.items():
        if role == "activation":
            known = schema.choice(name, shapes, Where("rules/layers", qualified))
            functions.setdefault(known, []).append(qualified)


def _check_activation(row: Row, where: Where) -> None:
    required = {"kind": str, "strings": str}
    numbers = {"second_moment": float, "gain": float, "torch_gain": float, "flat": float}
    texts = {"recommended": str, "row": str, "extends": str, "paper": str}
    schema.keys(schema.table(row, where), required, {**numbers, **texts, "slope": list}, where)
    schema.choice(row["kind"], tables.KINDS, where / "kind")
    slope = row.get("slope", [0.0, 1.0])
    if len(slope) != 2 or not all(isinstance(end, float) for end in slope) or not 0 <= slope[0] <= slope[1]:
        (where / "slope").fail("two numbers, the lower one first", repr(slope))


def _parameters(parts: Iterable[tuple[str, str, str, object]]) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(name, REQUIRED if default is ... else default, kind, spelled)
        for kind, name, spelled, default in parts
    )


def _layer(qualified: str, row: tables.LayerRow, rows: Mapping[str, tables.LayerRow]) -> LayerSpec:
    fields = tables.layer_fields(row, rows)
    fields["parameters"] = _parameters(fields["parameters"])
    fields["weights"] = tuple(WeightSpec(**weight) for weight in fields["weights"])
    return LayerSpec(qualified=qualified, **fields)


def _function(qualified: str, pair: tuple[str, str], rows: tables.Rows) -> FunctionSpec:
    role, name = pair
    weight = rows.weight_at.get(qualified, 1 if role == "weighted" else -1)
    slopes = rows.slopes
    slope = slopes.get(f"{qualified.partition('.')[0]}.{name}") or slopes.get(name, ("", ""))
    parameter, default = slope if role == "activation" else ("", "")
    inplace = qualified.endswith("_") and not qualified.endswith("__")
    return FunctionSpec(qualified, role, name, weight, parameter, float(default) if default else None, inplace)


def _initializer(qualified: str, row: Row, fan_based: Mapping[str, bool]) -> InitializerSpec:
    where = Where("rules/techniques.toml", f"spellings[{row['names']}].signature")
    least, most = row.get("rank", (0, 99))
    technique = row["technique"]
    parameters = _parameters(schema.signature(row.get("signature", ""), where))
    law = row.get("law", technique)
    choices = tuple((name, tuple(words.split())) for name, words in row.get("choices", {}).items())
    extra = row.get("layer", False), tuple(row.get("gives", {}).items())
    return InitializerSpec(qualified, technique, parameters, least, most, fan_based[technique], law, choices, *extra)


def _activation(name: str, row: Row, modules: list[str], functions: list[str]) -> ActivationSpec:
    return ActivationSpec(
        name=name,
        kind=row["kind"],
        gain=row.get("gain"),
        torch_gain=row.get("torch_gain"),
        second_moment=row.get("second_moment"),
        recommended=row.get("recommended", ""),
        document=row.get("row", ""),
        paper=row.get("paper", ""),
        strings=tuple(row["strings"].split()),
        modules=tuple(modules),
        functions=tuple(functions),
        extends=row.get("extends", ""),
        slope=tuple(row["slope"]) if "slope" in row else None,
        flat=row.get("flat"),
    )


@cache
def knowledge() -> Knowledge:
    """The tables that come with initlint. Raises KnowledgeError where they are wrong."""
    return load(schema.folder())


@lru_cache(maxsize=1 << 14)
def canonical(qualified: str) -> str:
    """The name that the tables know a qualified name by: `torch.nn.modules.linear.Linear` is `torch.nn.Linear`."""
    known = knowledge()
    package = qualified.partition(".")[0]
    if package in FRAMEWORKS_OF:
        known.take(FRAMEWORKS_OF[package])
        qualified = _rooted(qualified, known.roots)
    if qualified in known.aliases:
        return known.aliases[qualified]
    prefix, dot, _ = qualified.rpartition(".")
    while dot:
        short = known.prefixes.get(prefix)
        if short is not None:
            parts = qualified[len(prefix) + 1 :].split(".")
            # Module names are lower case; a class, a constant or the last name is what is meant.
            while len(parts) > 1 and parts[0][:1].islower():
                del parts[0]
            shorter = f"{short}.{'.'.join(parts)}"
            return shorter if short == prefix else canonical(shorter)
        prefix, dot, _ = prefix.rpartition(".")
    return qualified


def _rooted(qualified: str, roots: Mapping[str, str]) -> str:
    """A name under the package that its own is another name of: `tensorflow.keras.layers` is `keras.layers`."""
    prefix = qualified
    while prefix:
        root = roots.get(prefix)
        if root is not None:
            return root + qualified[len(prefix) :]
        prefix = prefix.rpartition(".")[0]
    return qualified


def snake(name: str) -> str:
    """`HeNormal` as `he_normal`, as Keras makes names of classes."""
    parted = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", parted).lower()


def activation_name(text: str) -> str | None:
    """The canonical activation that a lookup table means by a string such as `swish`; None where it is not one."""
    return knowledge().strings.get(text.strip().lower())


def law_of(technique: str, arguments: Mapping[str, object]) -> laws.Law | None:
    """What an initializer does to variance: `laws.law` with the gains that the framework knows."""
    return laws.law(technique, arguments, knowledge().gains)
