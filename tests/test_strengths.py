"""Variances, gains and constants of initializers in place: against sampling in the real torch, and by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from modelling import DEFAULT, layer, weight, write
from torch import nn

from initlint import strengths
from initlint.graph import Activation, InitEvent, Unknown
from initlint.knowledge import knowledge

LAYERS: dict[str, tuple[nn.Module, int]] = {
    "Linear": (nn.Linear(300, 200), 300),
    "Conv2d": (nn.Conv2d(40, 60, 3), 40 * 9),
    "Conv1d": (nn.Conv1d(60, 60, 5, groups=4), 15 * 5),
}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("xavier_uniform", {}),
    ("xavier_normal", {"gain": 2.0}),
    ("kaiming_uniform", {"a": math.sqrt(5)}),
    ("kaiming_normal", {"nonlinearity": "tanh"}),
    ("kaiming_normal", {"mode": "fan_out", "nonlinearity": "relu"}),
    ("orthogonal", {"gain": 3.0}),
    ("normal", {"mean": 0.0, "std": 0.1}),
    ("uniform", {"a": -0.5, "b": 0.5}),
    ("trunc_normal", {"std": 1.5}),
]


@pytest.mark.parametrize("kind", list(LAYERS))
@pytest.mark.parametrize("name, words", CALLS)
def test_the_variance_is_the_sampled_one(kind: str, name: str, words: dict[str, Any]) -> None:
    torch.manual_seed(0)
    module, fan_in = LAYERS[kind]
    tensor = module.get_parameter("weight").detach()
    getattr(nn.init, f"{name}_")(tensor, **words)
    made = weight(write(name, 1, **words), shape=tuple(tensor.shape))
    one = layer(0, made, kind=kind, fans=(fan_in, None))
    ratio = strengths.variance_ratio(one, made, made.histories[0][-1])
    assert ratio == pytest.approx(tensor.var().item() * fan_in, rel=0.06)


def test_laws_over_fan_in_need_no_sizes() -> None:
    unknown = weight(shape=(None, None))
    one = layer(0, unknown, fans=(None, None))
    assert strengths.variance_ratio(one, unknown, DEFAULT) == pytest.approx(1 / 3)
    told = write("kaiming_normal", 1, nonlinearity="selu")
    assert strengths.variance_ratio(one, unknown, told) == pytest.approx(9 / 16)
    for event in (write("xavier_uniform", 1), write("normal", 1, std=0.1), write("kaiming_normal", 1, mode="fan_out")):
        assert strengths.variance_ratio(one, unknown, event) is None


def test_transposed_kernels_do_need_them() -> None:
    unknown = weight(shape=None)
    one = layer(0, unknown, kind="ConvTranspose2d", fans=(None, None))
    assert strengths.variance_ratio(one, unknown, write("kaiming_normal", 1)) is None


@pytest.mark.parametrize(
    "event, value",
    [
        (write("zeros", 1), 0.0),
        (write("ones", 1), 1.0),
        (write("constant", 1, val=0.3), 0.3),
        (write("constant", 1, val=Unknown("config")), None),
        (write("normal", 1, mean=2.0, std=0.0), 2.0),
        (write("normal", 1), None),
        (write("uniform", 1, a=0.5, b=0.5), 0.5),
        (write("xavier_normal", 1, gain=0), 0.0),
        (write("identity", 1, spelling="torch.nn.init.eye_"), None),
        (write("dirac", 1), None),
        (InitEvent("unknown", explicit=True), None),
        (DEFAULT, None),
    ],
)
def test_constants(event: InitEvent, value: float | None) -> None:
    assert strengths.constant(weight(event), event) == value


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.2, 1.0])
def test_the_gain_of_a_slope_is_torch_s(slope: float) -> None:
    expected = nn.init.calculate_gain("leaky_relu", slope)
    assert strengths.gain("leaky_relu", slope) == pytest.approx(expected)
    assert strengths.torch_gain("leaky_relu", slope) == pytest.approx(expected)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_the_gain_of_elu_s_alpha_is_the_sampled_one(alpha: float) -> None:
    torch.manual_seed(0)
    moment = nn.functional.elu(torch.randn(2_000_000), alpha).pow(2).mean().item()
    assert strengths.gain("elu", alpha) == pytest.approx(moment**-0.5, rel=0.005)


def test_what_goes_through_zero() -> None:
    classes = (
        "ReLU Tanh GELU SiLU Softsign Sigmoid Softplus LogSigmoid Hardsigmoid ELU SELU Mish Hardswish Tanhshrink"
        " Hardshrink Softshrink CELU ReLU6 Hardtanh LeakyReLU PReLU RReLU"
    )
    by_module = {module: name for name, spec in knowledge().activations.items() for module in spec.modules}
    modules = {by_module[f"torch.nn.{one}"]: getattr(nn, one)() for one in classes.split()}
    for name, module in modules.items():
        assert strengths.through_zero(Activation(name)) == (module(torch.zeros(1)).item() == 0), name
    outside = {*knowledge().activations} - {*modules}
    assert outside <= {
        "linear",
        "glu",
        "softmax",
        "log_softmax",
        "softmin",
        "exp",
        "sin",
        "cos",
        "threshold",
        "hardmish",
    }


def test_factors_are_short() -> None:
    assert [strengths.fraction(value) for value in (1 / 16, 0.71, 12.3, 1e-24, 0.5)] == [
        "1/16",
        "0.71",
        "12",
        "1e-24",
        "0.5",
    ]
