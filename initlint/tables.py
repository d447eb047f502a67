"""rules/layers/*.toml as checked rows, and the rows as the fields of what knowledge.py builds from them.

The folder is the registry: every file in it is read, in the order of their names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from initlint import expressions, schema
from initlint.schema import Row, Where

LAYER_ROLES: Final = frozenset(
    (
        "weighted",
        "recurrent",
        "embedding",
        "attention",
        "composite",
        "norm",
        "activation",
        "dropout",
        "pool",
        "shape",
        "identity",
        "container",
        "module",
        "distance",
        "loss",
        "functional",
    )
)
WEIGHT_ROLES: Final = frozenset(("kernel", "bias", "recurrent", "embedding", "norm", "norm_bias", "gain"))
FUNCTION_ROLES: Final = frozenset(
    (
        "activation",
        "elementwise",
        "weighted",
        "recurrent",
        "matmul",
        "merge",
        "attention",
        "norm",
        "dropout",
        "pool",
        "shape",
        "identity",
        "distance",
        "loss",
        "factory",
        "comparison",
        "predicate",
        "write",
        "recorder",
    )
)
KINDS: Final = frozenset(("rectifier", "saturating", "self-normalizing", "linear", "gated", "normalizing", "other"))
RETURNS: Final = frozenset(("tensor", "pair", "state"))
POOLS: Final = frozenset(("max", "mean"))
MERGES: Final = frozenset(("add", "mul", "max", "cat", "matmul", "attention"))
ON_DEMAND: Final = frozenset(("keras",))  # packages whose tables are read when a name of theirs turns up

FILE: Final[Mapping[str, type]] = {
    "weights": dict,
    "layers": list,
    "functions": dict,
    "slopes": dict,
    "weight_at": dict,
    "aliases": dict,
    "prefixes": dict,
    "roots": dict,
    "older": dict,
}
LAYER: Final[Mapping[str, type]] = {
    "package": str,
    "signature": str,
    "weights": str,
    "constants": dict,
    "activation": str,
    "parameter": str,
    "internal": str,
    "chosen_by": str,
    "returns": str,
    "bases": str,
    "dilution": str,
    "lazy": str,
    "output": str,
    "merge": str,
    "pool": str,
    "window": str,
    "older": dict,
}
WEIGHT: Final[Mapping[str, type]] = {
    "when": str,
    "fan_in": str,
    "fan_out": str,
    "fans": str,
    "count": str,
    "reverse": str,
    "initializer": str,
    "feeds": str,
}
PART: Final[Mapping[str, type]] = {"when": str, "count": str, "matrices": str}
SPELLING: Final[Mapping[str, type]] = {
    "signature": str,
    "rank": list,
    "law": str,
    "choices": dict,
    "layer": bool,
    "gives": dict,
}
TECHNIQUE: Final[Mapping[str, type]] = {"title": str, "family": str, "names": str, "formula": str}
TECHNIQUE_TOO: Final[Mapping[str, type]] = {
    "paper": str,
    "document": dict,
    "summary": dict,
    "analogy": str,
    "story": str,
    "note": str,
    "aliases": str,
    "fans": bool,
}

Fields: TypeAlias = dict[str, Any]


class LayerRow(NamedTuple):
    """One kind of a row of [[layers]]."""

    kind: str
    package: str
    row: Row
    weights: Row  # the [weights] of its file
    where: Where


class Rows(NamedTuple):
    """What all files of rules/layers hold, by qualified name."""

    layers: dict[str, LayerRow]
    functions: dict[str, tuple[str, str]]  # role, canonical name
    slopes: dict[str, tuple[str, str]]  # by activation: argument, default
    weight_at: dict[str, int]
    aliases: dict[str, str]
    prefixes: dict[str, str]
    roots: dict[str, str]


def check_technique(row: Row, where: Where) -> None:
    """Raises KnowledgeError where a row of techniques.toml is malformed."""
    schema.keys(row, TECHNIQUE, TECHNIQUE_TOO, where)
    if "document" in row:
        schema.keys(row["document"], dict.fromkeys(("row", "formula", "when", "why"), str), {}, where / "document")
    if "summary" in row:
        schema.keys(row["summary"], {"row": str, "vibe": str, "used": str}, {}, where / "summary")


def gather(root: str, package: str = "") -> Rows:
    """Reads and checks rules/layers/*.toml: the tables of a package that is read on demand, or all others.

    Raises KnowledgeError where one is malformed.
    """
    found = Rows({}, {}, {}, {}, {}, {}, {})
    try:
        names = sorted(name for name in os.listdir(os.path.join(root, "layers")) if name.endswith(".toml"))
    except OSError as error:
        raise schema.KnowledgeError(f"rules/layers: expected a folder of tables: {error}") from error
    for name in names:
        asked = re.split(r"[_.]", name)[0]
        if asked == package if package else asked not in ON_DEMAND:
            _gather_file(root, name, found)
    return found


def _gather_file(root: str, name: str, found: Rows) -> None:
    file = schema.read(root, f"layers/{name}")
    where = Where(f"rules/layers/{name}")
    schema.keys(file, {"package": str}, FILE, where)
    _gather_layers(file, where, found)
    _gather_functions(schema.table(file.get("functions", {}), where / "functions"), where / "functions", found)
    for activation, slope in file.get("slopes", {}).items():
        argument, _, default = slope.partition("=")
        found.slopes[activation] = (argument, default)
    found.weight_at.update(file.get("weight_at", {}))
    found.aliases.update(file.get("aliases", {}))
    found.prefixes.update(file.get("prefixes", {}))
    found.roots.update(file.get("roots", {}))


def _gather_layers(file: Row, where: Where, found: Rows) -> None:
    weights = file.get("weights", {})
    for name, entries in weights.items():
        here = where / f"weights.{name}"
        for entry in schema.rows(entries, here):
            if "part" in entry:
                schema.keys(entry, {"part": str, "layer": str, "with": str}, PART, here)
            else:
                schema.keys(entry, {"name": str, "role": str, "shape": str, "default": str}, WEIGHT, here)
                schema.choice(entry["role"], WEIGHT_ROLES, here / "role")
    for told in schema.rows(file.get("layers", []), where / "layers"):
        older = _older(file.get("older", {}), told.get("signature", "")) | told.get("older", {})
        row: Row = {**told, "older": older}
        here = where / f"layers[{row.get('kinds', '?')}]"
        schema.keys(row, {"kinds": str, "role": str}, LAYER, here)
        schema.choice(row["role"], LAYER_ROLES, here / "role")
        schema.choice(row.get("returns", "tensor"), RETURNS, here / "returns")
        if "merge" in row:
            schema.choice(row["merge"], MERGES, here / "merge")
        if "pool" in row:
            schema.choice(row["pool"], POOLS, here / "pool")
        for name in row.get("weights", "").split():
            schema.choice(name, weights, here / "weights")
        package = row.get("package", file["package"])
        for kind in row["kinds"].split():
            qualified = f"{package}.{kind}"
            if qualified in found.layers:
                here.fail("each kind once", kind)
            found.layers[qualified] = LayerRow(kind, package, row, weights, here)


def _older(names: Mapping[str, str], signature: str) -> dict[str, str]:
    """Older names of arguments that a layer with this signature has; of several for one name its first."""
    has = set(re.findall(r"\w+(?=[=,]|$)", signature))
    kept = {name: [new for new in several.split() if new in has] for name, several in names.items() if name not in has}
    return {name: several[0] for name, several in kept.items() if several}


def _gather_functions(namespaces: Row, where: Where, found: Rows) -> None:
    for namespace, roles in namespaces.items():
        for role, lists in schema.table(roles, where / namespace).items():
            here = where / f"{namespace}.{role}"
            schema.choice(role, FUNCTION_ROLES, here)
            for key, names in schema.table(lists, here).items():
                for name in names.split():
                    qualified = f"{namespace}.{name}"
                    if qualified in found.functions:
                        here.fail("each function once", name)
                    found.functions[qualified] = (role, name.rstrip("_") or name if key == "names" else key)


def layer_fields(found: LayerRow, layers: Mapping[str, LayerRow]) -> Fields:
    """The fields of a LayerSpec; `weights` as fields of WeightSpecs, `parameters` as arguments of Parameters."""
    row = found.row
    dimensions = re.search(r"([123])(?:d$|D)", found.kind)
    rank = int(dimensions[1]) if dimensions else 0
    constants = {"rank": str(rank)} | {name: f"({value})" for name, value in row.get("constants", {}).items()}
    weights = [
        _with_constants(fields, constants, rank)
        for name in row.get("weights", "").split()
        for entry in found.weights[name]
        for fields in _weight_fields(entry, found, layers)
    ]
    kernel = next((w for w in weights if w["role"] == "kernel"), {"fan_in": "", "fan_out": ""})
    return {
        "kind": found.kind,
        "role": row["role"],
        "parameters": list(schema.signature(row.get("signature", ""), found.where / "signature")),
        "weights": weights,
        "fan_in": kernel["fan_in"],
        "fan_out": kernel["fan_out"],
        "activation": row.get("activation", ""),
        "parameter": row.get("parameter", ""),
        "internal": tuple(row.get("internal", "").split()),
        "returns": row.get("returns", "tensor"),
        "rank": rank,
        "bases": tuple(f"{found.package}.{base}".replace("{rank}", str(rank)) for base in row.get("bases", "").split()),
        "chosen_by": row.get("chosen_by", ""),
        "dilution": expressions.substitute(row.get("dilution", ""), constants),
        "lazy": row.get("lazy", ""),
        "output": row.get("output", ""),
        "merge": row.get("merge", ""),
        "pool": row.get("pool", ""),
        "window": expressions.substitute(row.get("window", ""), constants),
        "older": dict(row.get("older", {})),
    }


def _weight_fields(entry: Row, found: LayerRow, layers: Mapping[str, LayerRow]) -> Iterator[Fields]:
    if "part" in entry:
        yield from _part_fields(entry, found, layers)
        return
    default, arguments = schema.call(entry["default"], found.where / f"weights.{entry['name']}.default")
    yield {
        "name": entry["name"],
        "role": entry["role"],
        "shape": tuple(schema.split(entry["shape"])),
        "default": default,
        "arguments": arguments,
        "when": entry.get("when", ""),
        "fan_in": entry.get("fan_in", ""),
        "fan_out": entry.get("fan_out", ""),
        "rank": 0,
        "count": entry.get("count", ""),
        "reverse": entry.get("reverse", ""),
        "initializer": entry.get("initializer", ""),
        "feeds": entry.get("feeds", ""),
        "true_fans": entry.get("fans", "") == "true",
    }


def _part_fields(entry: Row, found: LayerRow, layers: Mapping[str, LayerRow]) -> Iterator[Fields]:
    """The weights of another kind under a prefix, its arguments replaced by expressions over ours."""
    where = found.where / entry["part"]
    kinds = {row.kind: row for row in layers.values() if row.package == found.package}
    part = layer_fields(kinds[schema.choice(entry["layer"], kinds, where)], layers)
    values = {name: f"({default!r})" for _, name, _, default in part["parameters"] if default is not ...}
    for given in schema.split(entry["with"]):
        name, _, expression = given.partition("=")
        values[schema.choice(name.strip(), [p[1] for p in part["parameters"]], where / "with")] = f"({expression})"
    for fields in part["weights"]:
        yield _override(_substituted(fields, values), entry, where)


def _override(fields: Fields, entry: Row, where: Where) -> Fields:
    fields["name"] = f"{entry['part']}.{fields['name']}"
    fields["count"] = entry.get("count", fields["count"])
    fields["when"] = " and ".join(f"({when})" for when in (entry.get("when", ""), fields["when"]) if when)
    if "matrices" in entry and len(fields["shape"]) > 1:
        fields["default"], fields["arguments"] = schema.call(entry["matrices"], where / "matrices")
    return fields


def _with_constants(fields: Fields, constants: Mapping[str, str], rank: int) -> Fields:
    changed = _substituted(fields, constants)
    changed["rank"] = fields["rank"] or rank
    arguments = []
    for name, expression in changed["arguments"]:
        constant = isinstance(expression, str) and not expressions.names(expression)
        arguments.append((name, expressions.evaluate(expression, {}) if constant else expression))
    changed["arguments"] = tuple(arguments)
    return changed


def _substituted(fields: Fields, values: Mapping[str, str]) -> Fields:
    """The fields with names in their expressions replaced."""

    def substitute(expression: Any) -> Any:
        return expressions.substitute(expression, values) if isinstance(expression, str) else expression

    return fields | {
        "shape": tuple(substitute(s) for s in fields["shape"]),
        "arguments": tuple((name, substitute(value)) for name, value in fields["arguments"]),
        "when": substitute(fields["when"]),
        "fan_in": substitute(fields["fan_in"]),
        "fan_out": substitute(fields["fan_out"]),
    }
