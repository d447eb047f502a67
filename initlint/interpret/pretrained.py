"""Models from outside the project that come with trained weights: what an initialization pass does to them.

Their modules are not visible. One layer of each kind that such models have stands in for them, seen by passes over
modules and parameters alone, so that a pass which overwrites what was loaded is known.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from initlint.graph import InitEvent
from initlint.interpret.machine import Keywords, Machine, function_name
from initlint.interpret.tensors import Param
from initlint.interpret.values import Frame, Instance, Symbol
from initlint.knowledge import LOADING

# Names of what from_pretrained builds that are models, not tokenizers or configurations.
MODELS: Final = re.compile(r"(Model|Net|LM|For[A-Z]\w*|Bert|GPT2?|T5|ViT)(Model)?$|Model|EfficientNet|ResNet")
VISION: Final = ("torchvision.models.", "timm.")
HEAD_ATTRIBUTES: Final = frozenset({"fc", "_fc", "classifier", "head", "heads", "last_linear"})
KINDS: Final = {  # the kinds with weights, and the ranks of those
    True: (("Conv2d", "kernel", 4), ("Linear", "kernel", 2)),
    False: (("Embedding", "embedding", 2), ("Linear", "kernel", 2)),
}


class Pretrained(Instance):
    """A model whose class is outside the project, with weights that were loaded as it was made."""

    __slots__ = ()


def brings_weights(qualified: str, kwargs: Keywords) -> bool:
    """Whether such a call makes a model with trained weights, as far as it says so."""
    owner, _, name = qualified.rpartition(".")
    if name == "from_pretrained":
        return MODELS.search(owner.rpartition(".")[2]) is not None
    if kwargs.get("pretrained") is True:
        return True
    weights = kwargs.get("weights")
    return isinstance(weights, (str, Symbol)) and qualified.startswith(VISION)


def make(machine: Machine, qualified: str, node: ast.AST, frame: Frame) -> Pretrained:
    """The model, with a layer of each kind standing in for its own."""
    layers = machine.knowledge.layers
    model = Pretrained(
        Symbol.of(qualified.removesuffix(".from_pretrained")), machine.next_serial(), layers["torch.nn.Module"]
    )
    model.place = frame.unit.place(node)
    loaded = InitEvent(
        "unknown", (("why", "loaded weights"),), model.place, LOADING, True,
        function=function_name(frame), calls=machine.calls_now(model.place),
    )  # fmt: skip
    for kind, role, rank in KINDS[qualified.startswith(VISION) or not qualified.endswith(".from_pretrained")]:
        spec = layers[f"torch.nn.{kind}"]
        layer = Instance(Symbol.of(spec.qualified), machine.next_serial(), spec)
        layer.place = model.place
        for name, its_role, dimensions in (("weight", role, rank), ("bias", "bias", 1)):
            if kind == "Embedding" and name == "bias":
                continue
            param = Param(name, its_role, (None,) * dimensions, model.place, machine.next_serial())
            param.owner = layer
            param.cell["histories"] = ((loaded,),)
            layer.cell[name] = param
        model.cell[f"*{kind}"] = layer
    machine.pretrained.append(model)
    return model


def replace_part(machine: Machine, model: Pretrained, name: str) -> None:
    """Of a model for images the head may have been the only linear layer: once it is another, none is known."""
    if name in HEAD_ATTRIBUTES and {"*Linear", "*Conv2d"} <= model.cell.keys():
        machine.heap.write(model.cell, "*Linear", None)
