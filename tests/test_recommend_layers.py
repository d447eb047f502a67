"""The code that `recommend` gives for each layer of a file is run on the real frameworks: it makes that layer, with the
arguments that it has, and has the standard deviation that the formula beside it promises."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

from initlint.pipeline import inspect_source
from initlint.recipes import imports
from initlint.recommendations import LayerAdvice, Option, for_layers

KERAS = """
import keras
from keras import layers

inputs = keras.Input((24, 24, 24))
x = layers.Conv2D(64, 3, strides=2, padding="same", activation="relu", use_bias=False)(inputs)
x = layers.Conv2D(
    64,
    (3, 3),
    groups=4,  # of sixteen
    activation="tanh",
    dilation_rate=2,
)(x)
x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(x)
x = layers.DepthwiseConv2D(3, activation="tanh", depthwise_initializer="he_uniform", use_bias=False)(x)
x = layers.SeparableConv2D(96, 3, padding="same", activation="relu")(x)
x = layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="selu")(x)
x = layers.Reshape((64, 32))(x)
x = layers.EinsumDense("abc,cd->abd", (None, 64), activation="relu")(x)
x = layers.MultiHeadAttention(4, 16, dropout=0.1)(x, x)
x = layers.Conv1D(64, 3, 1, "causal", activation="gelu")(x)
x = layers.Dense(32, "leaky_relu", True, "glorot_normal", name="last")(x)
x = layers.LSTM(48, recurrent_dropout=0.1, recurrent_initializer="glorot_uniform")(x)
model = keras.Model(inputs, layers.Dense(10)(x))
"""
TORCH = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(24, 64, 3, stride=2, padding=1, bias=False)
        self.grouped = nn.Conv2d(64, 64, 3, groups=8)
        self.depthwise = nn.Conv2d(64, 64, 5, padding=2, groups=64)
        self.up = nn.ConvTranspose2d(64, 16, 6, 2, 2)
        self.attention = nn.MultiheadAttention(64, 4)
        self.wide = nn.Linear(64, 256)
        self.out = nn.Linear(256, 100, bias=False)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        x = torch.selu(self.up(torch.tanh(self.depthwise(torch.relu(self.grouped(x))))))
        x = x.flatten(1).reshape(-1, 8, 64)
        x, _ = self.attention(x, x, x)
        return self.out(nn.functional.gelu(self.wide(x)))
"""
DEFAULTS = """
import keras
from keras import layers

first = keras.Sequential([keras.Input((32,)), layers.Dense(64, activation="tanh")])
second = keras.Sequential([keras.Input((32,)), layers.Embedding(100, 16), layers.LSTM(64)])
"""
CHOSEN = {f"{of}_initializer" for of in ("kernel", "depthwise", "pointwise", "recurrent")}
KERAS_SPACE: dict[str, Any] = {}
TORCH_SPACE: dict[str, Any] = {}
exec(KERAS, KERAS_SPACE)  # noqa: S102 - our own text
exec(TORCH, TORCH_SPACE)  # noqa: S102
MODEL, NET = KERAS_SPACE["model"], TORCH_SPACE["Net"]()


def advised(text: str, framework: str | None = None) -> list[LayerAdvice]:
    return for_layers(inspect_source(text, "net.py"), framework)


OF_KERAS, OF_TORCH = advised(KERAS), advised(TORCH)
THEIRS = dict(zip([one.layer.place for one in OF_KERAS], [one for one in MODEL.layers if one.weights], strict=True))
KERAS_LAYERS = [pytest.param(one, id=f"{n}-{one.layer.layer}") for n, one in enumerate(OF_KERAS)]
TORCH_LAYERS = [pytest.param(one, id=one.layer.name) for one in OF_TORCH]


def codes(one: LayerAdvice, framework: str) -> list[tuple[Option, str]]:
    options = [option for advice in one.advice for option in advice.options]
    return [(option, code.text) for option in options for code in option.code if code.framework == framework]


def made(text: str, space: dict[str, Any]) -> Any:
    *lines, last = text.split("\n")
    names = {"keras": keras, "layers": keras.layers} | space
    exec("\n".join([*lines, f"made = {last}"]), names)  # noqa: S102 - our own text
    return names["made"]


def spread(values: Any) -> float:
    return float(torch.as_tensor(getattr(values, "value", values)).detach().std())


@pytest.mark.parametrize("one", KERAS_LAYERS)
def test_a_layer_of_keras_keeps_its_arguments_and_gets_the_promised_spread(one: LayerAdvice) -> None:
    keras.utils.set_random_seed(1)
    theirs = THEIRS[one.layer.place]
    for option, text in codes(one, "keras"):
        layer = made(text, {})
        assert type(layer) is type(theirs)
        shape = theirs.input.shape if not isinstance(theirs.input, list) else theirs.input[0].shape
        layer.build(*([shape] * (2 if one.layer.layer == "MultiHeadAttention" else 1)))
        mine, kept = ({k: v for k, v in made.get_config().items() if k not in CHOSEN} for made in (layer, theirs))
        assert {**mine, "name": ""} == {**kept, "name": ""}
        if option.std and one.layer.layer != "MultiHeadAttention":
            kernel = layer.pointwise_kernel if one.layer.layer.startswith("Separable") else layer.kernel
            assert spread(kernel) == pytest.approx(option.std, rel=0.06)
        if one.layer.layer.startswith("Separable"):
            assert spread(layer.depthwise_kernel) == pytest.approx(1 / 3, rel=0.06)
        if one.layer.is_recurrent:
            assert layer.cell.recurrent_initializer.get_config()["gain"] == 1.0


@pytest.mark.parametrize("one", KERAS_LAYERS)
def test_a_layer_of_keras_has_a_counterpart_of_torch(one: LayerAdvice) -> None:
    """It has as many weights, makes of the same input what has the same size, and has the promised spread."""
    torch.manual_seed(1)
    theirs, owner = THEIRS[one.layer.place], one.layer.name
    for option, text in codes(one, "torch"):
        if one.layer.layer in {"EinsumDense", "MultiHeadAttention"}:
            assert not text.startswith(f"{owner} = "), "no single layer of torch does that"
            continue
        space: dict[str, Any] = {}
        exec("\n".join([*imports(text), text]), space)  # noqa: S102 - our own text
        layer = space[owner]
        assert sum(p.numel() for n, p in layer.named_parameters() if "bias" not in n) == sum(
            int(np.prod(w.shape)) for w in theirs.weights if "bias" not in w.path
        )
        if one.layer.is_recurrent:
            continue
        weight = (layer[1] if isinstance(layer, torch.nn.Sequential) else layer).weight
        assert option.std is None or spread(weight) == pytest.approx(option.std, rel=0.06)
        sizes = [2, *(size or 7 for size in theirs.input.shape[1:])]
        data = torch.zeros(sizes if isinstance(layer, torch.nn.Linear) else [2, sizes[-1], *sizes[1:-1]])
        if "causal" not in KERAS.split("\n")[one.layer.place.span.start.line - 1]:
            assert layer(data).numel() == keras.ops.size(theirs(np.zeros(sizes)))


@pytest.mark.parametrize("one", TORCH_LAYERS)
def test_a_layer_of_torch_gets_the_promised_spread(one: LayerAdvice) -> None:
    torch.manual_seed(1)
    option, text = codes(one, "torch")[0]
    exec("\n".join([*imports(text), text]), {"self": NET})  # noqa: S102 - our own text
    weight = NET.get_submodule(one.layer.name.partition(".")[2])
    weight = weight.in_proj_weight if one.layer.layer == "MultiheadAttention" else weight.weight
    assert spread(weight) == pytest.approx(option.std, rel=0.05)


@pytest.mark.parametrize("one", TORCH_LAYERS)
def test_a_layer_of_torch_has_a_counterpart_of_keras(one: LayerAdvice) -> None:
    keras.utils.set_random_seed(1)
    theirs = NET.get_submodule(one.layer.name.partition(".")[2])
    option, text = codes(one, "keras")[0]
    if one.layer.layer == "MultiheadAttention":
        assert text.startswith("keras.layers.MultiHeadAttention(")
        return
    layer = made(text, {})
    inputs = getattr(theirs, "in_channels", None) or theirs.in_features
    data = np.zeros((2, *([16] * (theirs.weight.ndim - 2)), inputs), dtype="float32")
    size = keras.ops.size(layer(data))
    assert spread(layer.kernel) == pytest.approx(option.std, rel=0.06)
    assert sum(int(np.prod(w.shape)) for w in layer.weights) == sum(p.numel() for p in theirs.parameters())
    assert int(size) == theirs(torch.from_numpy(np.moveaxis(data, -1, 1).copy())).numel()


def test_whether_a_layer_fits_asks_what_the_framework_counts() -> None:
    """He's law by name is far off on a depthwise kernel, of which Keras counts all channels; so is a default."""
    assert [one.fits for one in OF_KERAS if one.layer.layer == "DepthwiseConv2D"] == [False, False]


@pytest.mark.parametrize("call", ["Dense(*sizes)", "Dense(**sizes)", "make(32)"])
def test_calls_that_are_not_understood_have_code_all_the_same(call: str) -> None:
    text = f"""
import keras
from keras.layers import Dense

sizes = {{"units": 32}} if "**" in {call!r} else [32]
make = lambda units: Dense(units, kernel_initializer="ones")
model = keras.Sequential([keras.Input((8,)), {call}, keras.layers.ReLU()])
"""
    for one in advised(text):
        for _, code in codes(one, "keras"):
            assert isinstance(
                made(code, {"Dense": keras.layers.Dense, "units": 32, "sizes": {"units": 32}}), keras.Layer
            )


def test_parts_of_an_attention_layer_are_advised_with_it() -> None:
    assert [one.layer.layer for one in OF_KERAS].count("EinsumDense") == 1


def test_the_technique_that_keras_has_by_default_is_named() -> None:
    """With Glorot's before a tanh the layer is as it should be, before a relu it is not."""
    assert next((one.default, one.fits) for one in OF_KERAS if one.layer.layer == "Conv2D") == ("xavier_uniform", False)
    tanh, embedding, memory = for_layers(inspect_source(DEFAULTS, "net.py"), "keras")
    assert (tanh.default, tanh.fits) == ("xavier_uniform", True)
    assert (embedding.default, embedding.fits) == ("uniform", None)
    assert (memory.default, memory.fits) == ("orthogonal", True)
    assert isinstance(keras.layers.Dense(4).kernel_initializer, keras.initializers.GlorotUniform)
    assert isinstance(keras.layers.LSTM(4).recurrent_initializer, keras.initializers.Orthogonal)
    assert [one.default for one in OF_TORCH] == [""] * len(OF_TORCH)
