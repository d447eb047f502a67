"""How a layer of a file is made, for code to paste: its call with the arguments that it has, and its counterpart in the
other framework, from rules/recipes.toml."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from initlint import expressions, schema
from initlint.knowledge import FRAMEWORKS_OF, REQUIRED, LayerSpec, knowledge
from initlint.schema import Where

PREFIXES: Final[Mapping[str, str]] = {"torch": "nn.", "keras": "keras.layers."}
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
OF_THE_FIRST: Final = frozenset({"kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier"})
DEFAULT: Final = "1"  # of strides and dilations, whatever form their default has


@dataclass(frozen=True, slots=True)
class Construction:
    """A constructor call as text: what is called, and its arguments by their parameters, the positional ones first."""

    function: str
    arguments: tuple[tuple[str, str], ...]
    positional: int = 0

    def beginning(self, without: Collection[str] = ()) -> str:
        """The call up to where more keywords follow, without the arguments of these parameters."""
        told, in_place = [], True
        for index, (name, text) in enumerate(self.arguments):
            if name in without:
                in_place = False  # what follows can't be told by its position any more
            elif name.startswith("**") or (in_place and index < self.positional):
                told.append(text)
            else:
                told.append(f"{name}={text}")
        return f"{self.function}({', '.join(told)}"


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A layer of torch and the one of Keras that does the same, with templates for the arguments of each."""

    torch: str
    keras: str
    to_torch: Mapping[str, str]
    to_keras: Mapping[str, str]


def construction(code: str, spec: LayerSpec) -> Construction | None:
    """What a constructor call says; None where which argument is whose is not written there."""
    code = f"({code})"
    try:
        call = ast.parse(code, mode="eval").body
    except SyntaxError:
        return None
    if not isinstance(call, ast.Call) or any(isinstance(arg, ast.Starred) for arg in call.args):
        return None
    ordinary = [parameter.name for parameter in spec.parameters if parameter.kind == "ordinary"]
    if len(call.args) > len(ordinary):
        return None
    found = [(name, text(code, arg)) for name, arg in zip(ordinary, call.args, strict=False)]
    found += [(k.arg or "**", f"{'' if k.arg else '**'}{text(code, k.value)}") for k in call.keywords]
    return Construction(text(code, call.func), tuple(found), len(call.args))


def text(code: str, node: ast.expr) -> str:
    """An expression as it is written, on one line."""
    found = ast.get_source_segment(code, node) or ""
    return found if found and "\n" not in found else ast.unparse(node)


def channels(spec: LayerSpec, shape: Sequence[int | None] | None, made: Construction) -> int | None:
    """How many channels the input of a layer of Keras has, from the shape of its first kernel."""
    kernel = next((one for one in spec.weights if one.role == "kernel"), None)
    if kernel is None or shape is None:
        return None
    for back, size in enumerate(reversed(kernel.shape), start=1):
        names = expressions.names(size.removeprefix("*"))
        if "channels" in names and back <= len(shape):
            groups = literal(dict(made.arguments).get("groups", "1")) if "groups" in names else (1,)
            found = shape[-back]
            return None if found is None or groups is None else found * groups[0]
    return None


def counterpart(made: Construction, spec: LayerSpec, framework: str, inputs: int | None) -> Construction | None:
    """The layer of the other framework that does what this one does; None where the tables have none."""
    to = "keras" if framework == "torch" else "torch"
    for one in counterparts(knowledge().root):
        if getattr(one, framework) == spec.kind:
            other = knowledge().layers[f"{'torch.nn' if to == 'torch' else 'keras.layers'}.{getattr(one, to)}"]
            templates = one.to_keras if to == "keras" else one.to_torch
            return translated(made, spec, other, templates, to, inputs)
    return None


def separated(
    made: Construction, kind: str, inputs: int | None, between: int | None
) -> tuple[Construction, Construction]:
    """The two convolutions of torch that a separable one of Keras is made of."""
    layers, rank, given = knowledge().layers, kind[-2:], dict(made.arguments)
    by_kind = {one.keras: one.to_torch for one in counterparts(knowledge().root)}
    torch = layers[f"torch.nn.Conv{rank.lower()}"]

    def part(name: str, arguments: Mapping[str, str], channels: int | None) -> Construction:
        keras = layers[f"keras.layers.{name}{rank}"]
        one = Construction("", tuple(arguments.items()))
        return translated(one, keras, torch, by_kind[keras.kind], "torch", channels)

    first = {name: text for name, text in given.items() if name in OF_THE_FIRST}
    last = {"filters": given.get("filters", "filters"), "kernel_size": "1"}
    bias = {"use_bias": given["use_bias"]} if "use_bias" in given else {}
    return part("DepthwiseConv", first | {"use_bias": "False"}, inputs), part("Conv", last | bias, between)


def translated(
    made: Construction, spec: LayerSpec, other: LayerSpec, templates: Mapping[str, str], to: str, inputs: int | None
) -> Construction:
    given = dict(made.arguments)
    values = {p.name: repr(p.default) for p in spec.parameters if p.default is not REQUIRED} | given
    values["channels"] = "channels" if inputs is None else str(inputs)
    required = [p.name for p in other.parameters if p.default is REQUIRED and p.kind == "ordinary"]
    found = {}
    for name, template in templates.items():
        asked = PLACEHOLDER.findall(template)
        if name not in required and not {*given, "channels"} & set(asked):
            continue
        if all(key in values for key in asked):
            found[name] = folded(PLACEHOLDER.sub(lambda match: values[match[1]], template))
    padding = padded(values, "Transpose" in spec.kind, to) if "padding" in given else ""
    if padding:
        found["padding"] = padding
    arguments = [(name, found.pop(name, name)) for name in required]
    return Construction(PREFIXES[to] + other.kind, (*arguments, *found.items()), len(arguments))


def folded(code: str) -> str:
    """Arithmetic on numbers, carried out."""
    try:
        value = expressions.evaluate(code, {}) if set(code) <= set("0123456789 *+-/") else None
    except expressions.ExpressionError:
        value = None
    return str(value) if isinstance(value, int) else code


def padded(values: Mapping[str, str], transposed: bool, to: str) -> str:
    """The padding as the other framework says it: Keras by a word, torch by numbers where it is strided. "" where there
    is none, or no word for it."""
    said = literal(values["padding"])
    kernel = literal(values.get("kernel_size", ""))
    stride = literal(values.get("stride", values.get("strides", DEFAULT))) or (1,)
    dilation = literal(values.get("dilation", values.get("dilation_rate", DEFAULT))) or (1,)
    if values["padding"].strip("'\"") == "same" and (to == "keras" or (not transposed and max(stride) == 1)):
        return '"same"'
    if kernel is None:
        return ""
    rank = max(map(len, (kernel, stride, dilation, said or (0,))))
    sizes = zip(*(spread(one, rank) for one in (kernel, stride, dilation)), strict=True)
    needed = [k - s if transposed else d * (k - 1) for k, s, d in sizes]
    if to == "keras":
        same = said is not None and any(said) and [2 * p for p in spread(said, rank)] == needed
        return '"same"' if same else ""
    if values["padding"].strip("'\"") != "same" or any(size < 0 or size % 2 for size in needed):
        return ""
    halves = [size // 2 for size in needed]
    return str(halves[0]) if len(set(halves)) == 1 else str(tuple(halves))


def literal(code: str) -> tuple[int, ...] | None:
    """The numbers that a size says."""
    try:
        value = ast.literal_eval(code)
    except (ValueError, SyntaxError):
        return None
    several = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(several) if several and all(isinstance(one, int) for one in several) else None


def spread(sizes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return sizes * rank if len(sizes) == 1 else sizes


@cache
def counterparts(root: str) -> tuple[Counterpart, ...]:
    """All pairs of a folder of rules. Raises KnowledgeError where one is malformed."""
    return tuple(_counterparts(root))


def _counterparts(root: str) -> Iterator[Counterpart]:
    top = Where("rules/recipes.toml")
    knowledge().take(FRAMEWORKS_OF["keras"])  # torch's are always there
    known = knowledge().layers
    for number, row in enumerate(schema.rows(schema.read(root, "recipes.toml")["counterparts"], top / "counterparts")):
        where = top / f"counterparts[{number}]"
        schema.keys(row, {"torch": str, "keras": str, "to_torch": dict, "to_keras": dict}, {}, where)
        for torch, keras in zip(row["torch"].split(), row["keras"].split(), strict=True):
            schema.choice(f"torch.nn.{torch}", known, where / "torch")
            schema.choice(f"keras.layers.{keras}", known, where / "keras")
            yield Counterpart(torch, keras, row["to_torch"], row["to_keras"])
