"""The steps of recurrent networks, plain and gated: what the sampling says is what PyTorch's and Keras's own do."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from initlint.network import Dense
from initlint.propagation import UnknownStepError
from initlint.unrolling import Change, unrolled, unrolled_gates

UNITS, STEPS = 48, 100

LAWS: dict[
    str, tuple[float, str, Callable[[Tensor], object]]
] = {  # variance times units, distribution, and torch's own
    "default": (1 / 3, "uniform", lambda w: nn.init.uniform_(w, -1 / math.sqrt(UNITS), 1 / math.sqrt(UNITS))),
    "orthogonal": (1.0, "orthogonal", nn.init.orthogonal_),
    "xavier": (1.0, "uniform", nn.init.xavier_uniform_),
    "he": (2.0, "normal", nn.init.kaiming_normal_),
    "large": (9.0, "normal", lambda w: nn.init.normal_(w, std=3 / math.sqrt(UNITS))),
}


def matrix(second: float, distribution: str) -> Dense:
    return Dense(second / UNITS, UNITS, UNITS, 0.0, 0.0, distribution)


def agrees(told: Change, logs: list[float], draws: int) -> bool:
    """Whether the geometric means agree to within three standard errors, of both samples together."""
    error = math.sqrt(math.log(told.spread) ** 2 / draws + np.var(logs, ddof=1) / len(logs))
    return abs(math.log(told.factor) - float(np.mean(logs))) < 3 * error + 0.02


def gradient(start: Tensor, end: Tensor) -> float:
    """Log of the size of the gradient at the start, relative to that of a random function of the end."""
    sent = torch.randn_like(end)
    (back,) = torch.autograd.grad((end * sent).sum(), start)
    return float((back.norm(dim=-1) / sent.norm(dim=-1)).log().mean())


@pytest.mark.parametrize("units", ["tanh", "relu"])
@pytest.mark.parametrize("law", LAWS)
def test_torch_agrees(law: str, units: str) -> None:
    second, distribution, write = LAWS[law]
    torch.manual_seed(1)
    logs = []
    for _ in range(50):
        net = nn.RNN(2, UNITS, nonlinearity=units, bias=False).double()
        write(net.all_weights[0][1])
        start = torch.randn(1, 4, UNITS, dtype=torch.double, requires_grad=True)
        logs.append(gradient(start, net(torch.zeros(STEPS, 4, 2, dtype=torch.double), start)[0][-1]))
    assert agrees(unrolled(matrix(second, distribution), units, None, STEPS, 50), logs, 50)


KERAS = {"orthogonal": (1.0, "orthogonal"), "he_normal": (2.0, "trunc_normal"), "lecun_uniform": (1.0, "uniform")}


@pytest.mark.parametrize("law", KERAS)
def test_keras_agrees(law: str) -> None:
    torch.manual_seed(2)
    keras.utils.set_random_seed(2)
    logs = []
    for _ in range(24):
        net: Any = keras.layers.SimpleRNN(UNITS, recurrent_initializer=law)
        start = torch.randn(4, UNITS, requires_grad=True)
        logs.append(gradient(start, net(torch.zeros(4, STEPS, 2), initial_state=start)))
    assert agrees(unrolled(matrix(*KERAS[law]), "tanh", None, STEPS), logs, 24)


def test_linear_units_take_the_radius_to_the_power_of_the_steps() -> None:
    found = unrolled(Dense(0.81 / UNITS, UNITS, UNITS, 0.0, 0.0, "orthogonal"), "linear", None, STEPS)
    assert found.factor == pytest.approx(0.9**STEPS)
    assert found.spread == pytest.approx(1)


def test_what_is_no_function_of_single_units_is_not_told() -> None:
    with pytest.raises(UnknownStepError):
        unrolled(matrix(1.0, "normal"), "softmax", None, STEPS)


def test_numbers_beyond_all_bounds_stay_numbers() -> None:
    assert math.isfinite(unrolled(matrix(1e8, "normal"), "relu", None, STEPS).factor)
    assert unrolled(matrix(1e-12, "normal"), "tanh", None, STEPS).factor >= 0


# --- gates ------------------------------------------------------------------------------------------------------------


def of_both(start: list[Tensor], end: list[Tensor]) -> float:
    """Log of the size of the gradient at the whole state at the start, relative to that of a random function of the
    end's."""
    sent = [torch.randn_like(part) for part in end]
    back = torch.autograd.grad(torch.stack([(e * s).sum() for e, s in zip(end, sent)]).sum(), start)
    whole, given = torch.cat(back, dim=-1), torch.cat(sent, dim=-1)
    return float((whole.norm(dim=-1) / given.norm(dim=-1)).log().mean())


@pytest.mark.parametrize("forget", [None, 0.0, 1.0, 3.0])
@pytest.mark.parametrize("law", LAWS)
def test_torchs_lstm_agrees(law: str, forget: float | None) -> None:
    """`forget`: None for torch's own biases, drawn; else all biases zero but the forget gate's."""
    second, distribution, write = LAWS[law]
    torch.manual_seed(3)
    logs = []
    for _ in range(24):
        net = nn.LSTM(2, UNITS).double()
        for gate in net.get_parameter("weight_hh_l0").chunk(4):
            write(gate)
        if forget is not None:
            for name in ("bias_ih_l0", "bias_hh_l0"):
                nn.init.zeros_(net.get_parameter(name))
            net.get_parameter("bias_ih_l0").data[UNITS : 2 * UNITS] = forget
        start = [torch.randn(1, 4, UNITS, dtype=torch.double, requires_grad=True) for _ in range(2)]
        _, end = net(torch.zeros(STEPS, 4, 2, dtype=torch.double), tuple(start))
        logs.append(of_both(start, list(end)))
    bias = 2 / (3 * UNITS) if forget is None else 0.0
    found = unrolled_gates(matrix(second, distribution)._replace(bias=bias), "lstm", forget or 0.0, STEPS, 24)
    assert agrees(found, logs, 24)


@pytest.mark.parametrize("law", LAWS)
def test_torchs_gru_agrees(law: str) -> None:
    second, distribution, write = LAWS[law]
    torch.manual_seed(4)
    logs = []
    for _ in range(24):
        net = nn.GRU(2, UNITS, bias=False).double()
        for gate in net.get_parameter("weight_hh_l0").chunk(3):
            write(gate)
        start = torch.randn(1, 4, UNITS, dtype=torch.double, requires_grad=True)
        logs.append(of_both([start], [net(torch.zeros(STEPS, 4, 2, dtype=torch.double), start)[1]]))
    assert agrees(unrolled_gates(matrix(second, distribution), "gru", 0.0, STEPS, 24), logs, 24)


@pytest.mark.parametrize("kind, forget", [("LSTM", 1.0), ("LSTM", 0.0), ("GRU", 0.0)])
def test_kerass_own_gates_agree(kind: str, forget: float) -> None:
    """One matrix for all gates, drawn as a whole, as `glorot_uniform` does."""
    torch.manual_seed(5)
    keras.utils.set_random_seed(5)
    gates = 4 if kind == "LSTM" else 3
    options = {"unit_forget_bias": bool(forget)} if kind == "LSTM" else {}
    logs = []
    for _ in range(16):
        net: Any = getattr(keras.layers, kind)(
            UNITS, recurrent_initializer="glorot_uniform", return_state=True, **options
        )
        start = [torch.randn(4, UNITS, requires_grad=True) for _ in range(2 if kind == "LSTM" else 1)]
        _, *end = net(torch.zeros(4, STEPS, 2), initial_state=start)
        logs.append(of_both(start, end))
    dense = matrix(2 / (1 + gates), "uniform")
    assert agrees(unrolled_gates(dense, kind.lower(), forget, STEPS, 24), logs, 24)
