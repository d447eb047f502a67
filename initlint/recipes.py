"""Code to paste for each technique and framework, from rules/recipes.toml."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from initlint import schema
from initlint.constructions import Construction
from initlint.knowledge import ActivationSpec, knowledge
from initlint.schema import Row, Where

FRAMEWORKS: Final = ("torch", "keras")
LAYER: Final = "layer"
RECURRENT: Final = "recurrent"
LSTM: Final = "lstm"
ATTENTION: Final = "attention"
SCOPES: Final = (LAYER, RECURRENT, LSTM)
SPECIAL: Final = (ATTENTION,)  # scopes that only a layer of a file has
CALLS: Final = {
    LAYER: "keras.layers.Dense(units",
    RECURRENT: "keras.layers.GRU(units",
    LSTM: "keras.layers.LSTM(units",
    ATTENTION: "keras.layers.MultiHeadAttention(num_heads, key_dim",
}
ADDED: Final = re.compile(r"\{with (.*?)\}")
PLACE: Final = re.compile(r"\{\w+\}")
SMALL: Final = 0.01  # a standard deviation that ignores the fans
SLOPES: Final[Mapping[str, str]] = {"leaky_relu": "0.01", "prelu": "0.25"}  # at the start, torch's
IMPORTS: Final[Mapping[str, str]] = {
    "keras.": "import keras",
    "torch.": "import torch",
    "nn.": "from torch import nn",
    "prune.": "from torch.nn.utils import prune",
}


class Names(NamedTuple):
    """What the layer is called in the code."""

    layer: str = "layer"
    weight: str = "layer.weight"
    call: str = ""  # "" for the usual layer of the recipe's scope
    kernel: str = "kernel_initializer"  # Keras's argument
    made: Construction | None = None  # the layer of Keras as a file has it, or its counterpart
    setup: str = ""  # a line that makes the layer of torch, where the file has one of Keras


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a technique is written, for some activations and a kind of layer."""

    technique: str
    scope: str
    activations: frozenset[str]  # empty for all
    code: Mapping[str, str]  # by framework

    def written(self, framework: str, names: Names, activation: ActivationSpec | None, std: float = SMALL) -> str:
        """The code, with the names and numbers filled in; "" where the framework has none."""
        gain = activation.gain if activation and activation.gain else 1.0
        text = ADDED.sub("" if names.made else r"\1, ", self.code.get(framework, "").strip("\n"))
        call = (
            names.made.beginning(keywords(text.replace("{kernel}", names.kernel)))
            if names.made
            else names.call or CALLS[self.scope]
        )
        values = {
            "layer": names.layer,
            "weight": names.weight,
            "call": call,
            "kernel": names.kernel,
            "std": f"{std:.3g}",
            "gain": f"{gain:.4g}",
            "scale": f"{gain**2:.4g}",
            "slope": SLOPES.get(activation.name, "0") if activation else "0",
            "activation": activation.name if activation else "relu",
        }
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        text = text.replace("(, ", "(")  # a call without arguments
        return f"{names.setup}\n{text}" if framework == "torch" and names.setup and text else text


def recipe(technique: str, scope: str, activation: str) -> Recipe | None:
    """The first recipe that is for all three."""
    for one in recipes(knowledge().root):
        if one.technique == technique and one.scope == scope and (not one.activations or activation in one.activations):
            return one
    return None


def keywords(template: str) -> frozenset[str]:
    """The arguments that a template gives to its `{call}` itself."""
    line = next((line for line in template.split("\n") if line.startswith("{call}")), "")
    found = ast.parse(PLACE.sub("0", line.replace("{call}", "call(0")), mode="eval").body if line else None
    return frozenset(k.arg for k in found.keywords if k.arg) if isinstance(found, ast.Call) else frozenset()


def imports(code: str) -> list[str]:
    """What has to be imported for the code."""
    words = code.replace("torch.nn.", "").replace("nn.utils.", "")
    found = []
    for start, line in IMPORTS.items():
        at = words.find(start)
        while at > 0 and (words[at - 1].isalnum() or words[at - 1] in "._"):
            at = words.find(start, at + 1)
        if at >= 0:
            found.append(line)
    return found


@cache
def recipes(root: str) -> tuple[Recipe, ...]:
    """All recipes of a folder of rules. Raises KnowledgeError where one is malformed."""
    top = Where("rules/recipes.toml")
    file = schema.read(root, "recipes.toml")
    schema.keys(file, {"recipes": list, "counterparts": list}, {}, top)
    return tuple(_recipe(row, top / f"recipes[{i}]") for i, row in enumerate(schema.rows(file["recipes"], top)))


def _recipe(row: Row, where: Where) -> Recipe:
    known = knowledge()
    schema.keys(row, {"technique": str}, {"scope": str, "activations": str, **dict.fromkeys(FRAMEWORKS, str)}, where)
    names = row.get("activations", "").split()
    for name in names:
        schema.choice(name, known.activations, where / "activations")
    return Recipe(
        schema.choice(row["technique"], known.techniques, where / "technique"),
        schema.choice(row.get("scope", LAYER), (*SCOPES, *SPECIAL), where / "scope"),
        frozenset(names),
        {framework: row[framework] for framework in FRAMEWORKS if framework in row},
    )
