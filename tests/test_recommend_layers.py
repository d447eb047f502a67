"""The code that `recommend` gives for each layer of a file is run on the real frameworks: it is made for that layer,
and has the standard deviation that the formula beside it promises."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

from initlint.inspection import Inspection, rows
from initlint.interpret import read
from initlint.interpret.project import Project
from initlint.recipes import imports
from initlint.recommendations import LayerAdvice, for_layers
from initlint.source import Source

KERAS = """
import keras
from keras import layers

inputs = keras.Input((12, 12, 24))
x = layers.Conv2D(64, 3, activation="relu")(inputs)
x = layers.Conv2D(64, 3, groups=4, activation="tanh")(x)
x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(x)
x = layers.SeparableConv2D(96, 3, activation="relu")(x)
x = layers.Conv2DTranspose(32, 4, activation="selu")(x)
x = layers.Reshape((49, 32))(x)
x = layers.EinsumDense("abc,cd->abd", (None, 64), activation="relu")(x)
x = layers.MultiHeadAttention(4, 16)(x, x)
x = layers.Conv1D(64, 3, activation="gelu")(x)
x = layers.Dense(32, activation="leaky_relu")(x)
x = layers.LSTM(32)(x)
model = keras.Model(inputs, layers.Dense(10)(x))
"""
SIZES = {
    "filters": 48, "kernel_size": 3, "units": 64, "num_heads": 4, "key_dim": 16, "equation": "abc,cd->abd",
    "output_shape": (None, 64),
}  # fmt: skip
TORCH = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(24, 64, 3)
        self.grouped = nn.Conv2d(64, 64, 3, groups=8)
        self.up = nn.ConvTranspose2d(64, 16, 5)
        self.attention = nn.MultiheadAttention(64, 4)
        self.wide = nn.Linear(64, 256)
        self.out = nn.Linear(256, 100)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = torch.selu(self.up(torch.tanh(self.grouped(x))))
        x = x.flatten(1).reshape(-1, 8, 64)
        x, _ = self.attention(x, x, x)
        return self.out(nn.functional.gelu(self.wide(x)))
"""


def advised(text: str, framework: str | None = None) -> list[LayerAdvice]:
    model = read([Source("net.py", text)], Project(lambda _: None))
    assert not model.faults
    return for_layers(Inspection(tuple(rows(model, ["net.py"]))), framework)


def made(text: str, names: dict[str, Any]) -> Any:
    *lines, last = text.split("\n")
    space = dict(names)
    exec("\n".join(["import keras", *lines, f"made = {last}"]), space)  # noqa: S102 - our own text
    return space["made"]


@pytest.mark.parametrize("one", advised(KERAS), ids=lambda one: one.layer.layer)
def test_keras_makes_the_layer_as_it_is_said(one: LayerAdvice) -> None:
    keras.utils.set_random_seed(1)
    for option in (option for advice in one.advice for option in advice.options):
        (text,) = [code.text for code in option.code if code.framework == "keras"]
        layer = made(text, SIZES)
        assert type(layer).__name__ == one.layer.layer
        assert (one.layer.layer != "MultiHeadAttention") or layer.num_heads == 4
    if one.layer.layer == "DepthwiseConv2D":
        layer.build((None, 12, 12, 64))
        assert float(keras.ops.stop_gradient(keras.ops.std(layer.kernel))) == pytest.approx(
            one.advice[0].options[0].std, rel=0.05
        )


def test_keras_draws_with_the_promised_spread() -> None:
    """Those layers whose own sizes the code leaves open, with the sizes that the file has."""
    keras.utils.set_random_seed(1)
    inputs = {"Conv2D": (3, 3, 24), "Conv2DTranspose": (4, 4, 96), "Dense": (1, 64), "EinsumDense": (49, 32)}
    sizes = {"Conv2D": {"filters": 64, "kernel_size": 3}, "Conv2DTranspose": {"filters": 32, "kernel_size": 4}}
    found = {one.layer.layer: one for one in reversed(advised(KERAS, "keras"))}
    for kind, shape in inputs.items():
        option = found[kind].advice[0].options[0]
        layer = made(option.code[0].text, {**SIZES, **sizes.get(kind, {}), "units": 32})
        layer.build((None, *shape))
        assert float(keras.ops.stop_gradient(keras.ops.std(layer.kernel))) == pytest.approx(option.std, rel=0.05), kind


def test_torch_writes_with_the_promised_spread() -> None:
    torch.manual_seed(1)
    space: dict[str, Any] = {}
    exec(TORCH, space)  # noqa: S102 - our own text
    net = space["Net"]()
    for one in advised(TORCH, "torch"):
        option = one.advice[0].options[0]
        (code,) = option.code
        exec("\n".join([*imports(code.text), code.text]), {"self": net})  # noqa: S102 - our own text
        weight = net.get_submodule(one.layer.name.partition(".")[2])
        weight = weight.in_proj_weight if one.layer.layer == "MultiheadAttention" else weight.weight
        assert float(np.std(weight.detach().numpy())) == pytest.approx(option.std, rel=0.05), one.layer.name


def test_parts_of_an_attention_layer_are_advised_with_it() -> None:
    assert [one.layer.layer for one in advised(KERAS)].count("EinsumDense") == 1
