"""INI401, INI404 and INI504: what they say happens does so in the real torch."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from lintable import text_of
from torch import Tensor, nn
from torch.nn import functional

from initlint.findings import Severity
from initlint.pipeline import lint_source


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def lecun(m: nn.Module) -> None:
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="linear")
        nn.init.zeros_(m.bias)


def after(make: Callable[[], nn.Module], depth: int = 8) -> tuple[float, float]:
    """Mean and variance of what such layers after SELU lead to, behind several of them."""
    signal = torch.randn(512, 256)
    for _ in range(depth):
        layer = nn.Linear(256, 256)
        lecun(layer)
        with torch.no_grad():
            signal = make()(torch.selu(layer(signal)))
    return float(signal.mean()), float(signal.var())


def test_dropout_moves_the_moments_that_alpha_dropout_keeps() -> None:
    mean, variance = after(lambda: nn.AlphaDropout(0.2))
    assert abs(mean) < 0.1
    assert variance == pytest.approx(1, abs=0.15)
    _, moved = after(lambda: nn.Dropout(0.2))
    assert moved > 1.3


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5])
def test_one_dropout_multiplies_the_variance_as_the_message_says(rate: float) -> None:
    text = f"""import torch.nn as nn

net = nn.Sequential(nn.Linear(64, 64), nn.SELU(), nn.Dropout({rate}), nn.Linear(64, 64), nn.SELU(), nn.Linear(64, 2))
for m in net:
    if isinstance(m, nn.Linear):
        nn.init.kaiming_normal_(m.weight, nonlinearity="linear")
"""
    (finding,) = (one for one in lint_source(text, "net.py").findings if one.code == "INI404")
    (told,) = re.findall(r"keeps at 1 by ([0-9.]+)", finding.message)
    _, variance = after(lambda: nn.Dropout(rate), depth=1)
    _, kept = after(nn.Identity, depth=1)
    assert variance / kept == pytest.approx(float(told), rel=0.05)


def test_selu_keeps_what_a_norm_would_compute() -> None:
    """Without it the moments are what it makes them anyway."""
    mean, variance = after(nn.Identity)
    assert abs(mean) < 0.1
    assert variance == pytest.approx(1, abs=0.15)


def saturated(init: Callable[[Tensor], Tensor]) -> float:
    """Share of the outputs of a sigmoid decoder that start beyond 0.9 or below 0.1, where its slope is below 0.09."""
    encoder, decoder = nn.Linear(784, 64), nn.Linear(64, 784)
    nn.init.kaiming_normal_(encoder.weight)
    init(decoder.weight)
    with torch.no_grad():
        out = torch.sigmoid(decoder(functional.relu(encoder(torch.randn(256, 784)))))
    return float(((out < 0.1) | (out > 0.9)).float().mean())


def test_a_decoder_under_he_starts_on_the_flat_parts_of_its_sigmoid() -> None:
    assert saturated(nn.init.xavier_normal_) < 0.01
    assert saturated(nn.init.kaiming_normal_) > 0.1
    assert saturated(lambda w: nn.init.normal_(w, std=1.0)) > 0.6


def reconstruction(init: Callable[[Tensor], Tensor]) -> float:
    """The squared error of a sigmoid decoder after some training."""
    torch.manual_seed(1)
    data = torch.sigmoid(torch.randn(512, 8) @ torch.randn(8, 64) / 2**0.5)
    net = nn.Sequential(
        nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 64)
    )
    for m in net:
        if isinstance(m, nn.Linear):
            nn.init.kaiming_normal_(m.weight)
            nn.init.zeros_(m.bias)
    init(net.get_submodule("6").get_parameter("weight"))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for step in range(200):
        rows = torch.arange(64) + 64 * (step % 8)
        loss = functional.mse_loss(torch.sigmoid(net(data[rows])), data[rows])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
    return loss.item()


def test_a_decoder_that_starts_saturated_learns_little_and_is_a_warning() -> None:
    (finding,) = lint_source(text_of("INI401/fires_saturated"), "net.py").findings
    assert finding.severity == Severity.WARNING
    (told,) = re.findall(r"starts (\d+)% of the units", finding.message)
    z = torch.randn(10_000, 32).relu() @ torch.randn(32, 64)  # units of second moment 1 before their ReLU
    assert ((torch.sigmoid(z) * (1 - torch.sigmoid(z)) < 0.25 / 20).float().mean().item()) == pytest.approx(
        float(told) / 100, abs=0.04
    )
    assert reconstruction(nn.init.normal_) > 1.5 * reconstruction(nn.init.xavier_normal_)


def test_a_pass_after_loading_trains_from_scratch() -> None:
    """The loss of the loaded model, and of the same one after a pass over all of its modules."""
    data = torch.randn(256, 8)
    target = data[:, :1] * data[:, 1:2]

    def make() -> nn.Sequential:
        return nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 1))

    def loss(model: nn.Module) -> Tensor:
        return functional.mse_loss(model(data), target)

    trained = make()
    optimizer = torch.optim.Adam(trained.parameters(), lr=0.01)
    for _ in range(300):
        optimizer.zero_grad()
        torch.autograd.backward(loss(trained))
        optimizer.step()
    loaded = make()
    loaded.load_state_dict(trained.state_dict())
    assert loss(loaded).item() < 0.05
    loaded.apply(lecun)
    assert loss(loaded).item() > 0.5
