"""Witness: what INI201, 204, 205, 207 and 209 say of signals does harm under the real torch, and the cure helps."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from initlint.findings import Finding
from initlint.pipeline import lint_source

torch.set_num_threads(1)  # several threads wait for each other on a busy machine

WIDTH, STEPS = 64, 150
CHANCE = math.log(8)

Init = Callable[[Tensor], object]


def he(w: Tensor) -> object:
    return nn.init.kaiming_normal_(w, nonlinearity="relu")


def final_loss(depth: int, init: Init | None, activation: Callable[[], nn.Module]) -> float:
    """Of an MLP on eight classes that a random network of two layers made, after some steps of SGD."""
    torch.manual_seed(3)
    data = torch.randn(512, WIDTH)
    target = torch.tanh(data @ torch.randn(WIDTH, 32) / 4).matmul(torch.randn(32, 8)).argmax(1)
    layers: list[nn.Module] = []
    for _ in range(depth):
        layer = nn.Linear(WIDTH, WIDTH)
        if init is not None:
            init(layer.weight)
        layers += [layer, activation()]
    net = nn.Sequential(*layers, nn.Linear(WIDTH, 8))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for step in range(STEPS):
        rows = torch.arange(64) + 64 * (step % 8)
        loss = functional.cross_entropy(net(data[rows]), target[rows])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimizer.step()
        losses.append(loss.item())
    return sum(losses[-20:]) / 20


def test_ini201_xavier_learns_more_slowly_than_he_from_its_depth_on() -> None:
    assert final_loss(12, nn.init.xavier_uniform_, nn.ReLU) > final_loss(12, he, nn.ReLU) + 0.1


def test_ini204_a_fixed_small_std_does_not_leave_chance() -> None:
    assert final_loss(4, lambda w: nn.init.normal_(w, std=0.01), nn.ReLU) > CHANCE - 0.15
    assert final_loss(4, he, nn.ReLU) < CHANCE - 0.5


def test_ini205_a_fixed_large_std_saturates_and_learns_far_more_slowly() -> None:
    assert final_loss(4, nn.init.normal_, nn.Tanh) > 5 * final_loss(4, nn.init.xavier_uniform_, nn.Tanh)


def test_ini205_a_single_saturated_layer_learns_far_more_slowly() -> None:
    assert final_loss(1, nn.init.normal_, nn.Tanh) > 2 * final_loss(1, nn.init.xavier_uniform_, nn.Tanh)
    assert final_loss(1, nn.init.normal_, nn.Softsign) > 2 * final_loss(1, nn.init.xavier_uniform_, nn.Softsign)


def test_ini205_is_silent_before_sigmoid_since_a_large_scale_helps_where_it_is_deep() -> None:
    assert final_loss(3, nn.init.normal_, nn.Sigmoid) < final_loss(3, nn.init.xavier_uniform_, nn.Sigmoid)


def test_ini205_the_share_of_saturated_units_is_what_torch_shows() -> None:
    torch.manual_seed(0)
    sums = torch.randn(512, 256, dtype=torch.float64) @ torch.randn(256, 256, dtype=torch.float64)
    slope = 1 - torch.tanh(sums).square()
    (found,) = findings("tanh")
    assert f"{(slope < 0.05).double().mean().item():.0%} of the tanh units" in found.message


def findings(activation: str) -> tuple[Finding, ...]:
    text = f"""
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(256, 256)
        self.fc2 = nn.Linear(256, 10)
        nn.init.normal_(self.fc1.weight)

    def forward(self, x):
        return self.fc2(torch.{activation}(self.fc1(x)))
"""
    return lint_source(text, "net.py", debug=True).findings


def test_ini205_the_loss_starts_far_above_chance_before_relu() -> None:
    torch.manual_seed(0)
    first = nn.Linear(784, 256)
    net = nn.Sequential(first, nn.ReLU(), nn.Linear(256, 10))
    nn.init.normal_(first.weight)
    wild = functional.cross_entropy(net(torch.randn(64, 784)), torch.randint(10, (64,))).item()
    he(first.weight)
    tame = functional.cross_entropy(net(torch.randn(64, 784)), torch.randint(10, (64,))).item()
    assert wild > 1.5 * math.log(10) > tame


def test_ini207_the_default_does_not_leave_chance_where_it_fires_and_does_where_it_is_silent() -> None:
    assert final_loss(8, None, nn.ReLU) > CHANCE - 0.15
    assert final_loss(8, he, nn.ReLU) < CHANCE - 0.4
    assert final_loss(3, None, nn.ReLU) < CHANCE - 0.4


def test_ini209_a_deep_sigmoid_chain_does_not_leave_chance() -> None:
    assert final_loss(6, nn.init.xavier_uniform_, nn.Sigmoid) > CHANCE - 0.15
    assert final_loss(6, nn.init.xavier_uniform_, nn.Tanh) < CHANCE - 0.4


@torch.no_grad()
def input_std(init: Init | None, depth: int) -> float:
    """Standard deviation over inputs after `depth` ReLU layers of width 256, relative to the input's."""
    torch.manual_seed(0)
    x = torch.randn(64, 256, dtype=torch.float64)
    start = x.std(0).mean()
    for _ in range(depth):
        layer = nn.Linear(256, 256, dtype=torch.float64)
        if init is not None:
            init(layer.weight)
        x = torch.relu(layer(x))
    return (x.std(0).mean() / start).item()


@pytest.mark.parametrize("init, least, most", [(None, 3e-9, 3e-8), (he, 0.1, 1.0)])
def test_ini207_what_depends_on_the_input_dies_with_the_default(init: Init | None, least: float, most: float) -> None:
    assert least < input_std(init, 20) < most
