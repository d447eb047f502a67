"""Pools: how many positions each looks at, and what a maximum over them does to signal and gradient, as in torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from test_torch_fixes import executed
from torch import nn

from initlint.chains import Flow
from initlint.curves import curve
from initlint.graph import Pool
from initlint.moments import highest
from initlint.network import Builder, Dense
from initlint.pipeline import study_source
from initlint.propagation import propagate
from initlint.sampling import sample, trace
from initlint.strands import network_of, strand_of

NET = """\
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(32, 32, 3, bias=False)
        self.second = nn.Conv2d(32, 32, 3, bias=False)
        self.pool = {pool}
        nn.init.kaiming_normal_(self.first.weight)
        nn.init.kaiming_normal_(self.second.weight)

    def forward(self, x):
        x = {call}
        return self.second(x).relu()
"""
DRAWS = 80  # networks; one of width 32 is a sixth off its expectation
IN_LINE = "self.pool(self.first(x).relu())"
KERAS = """\
import keras
from keras import layers

model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        layers.Conv2D(32, 3, activation="relu"),
        {pool},
        layers.Conv2D(32, 3, activation="relu"),
    ]
)
"""


def pools(text: str) -> set[tuple[Pool, ...]]:
    _, models = study_source(text, "net.py")
    return {edge.pools for model in models for context in model.contexts for edge in context.edges if edge.pools}


@pytest.mark.parametrize(
    "pool, call, expected",
    [
        ("nn.MaxPool2d(2)", IN_LINE, Pool("max", 4)),
        ("nn.MaxPool2d(3, stride=2)", IN_LINE, Pool("max", 9)),
        ("nn.MaxPool2d(kernel_size=(3, 2))", IN_LINE, Pool("max", 6)),
        ("nn.MaxPool1d(5)", IN_LINE, Pool("max", 5)),
        ("nn.MaxPool3d(2)", IN_LINE, Pool("max", 8)),
        ("nn.AvgPool2d(3)", IN_LINE, Pool("mean", 9)),
        ("nn.AdaptiveMaxPool2d(1)", IN_LINE, Pool("max")),
        ("nn.AdaptiveAvgPool2d(1)", IN_LINE, Pool("mean")),
        ("nn.LPPool2d(2, 3)", IN_LINE, Pool("")),
        ("None", "F.max_pool2d(self.first(x).relu(), 3)", Pool("max", 9)),
        ("None", "F.max_pool2d(self.first(x).relu(), kernel_size=[2, 4])", Pool("max", 8)),
        ("None", "F.avg_pool2d(self.first(x).relu(), 2)", Pool("mean", 4)),
        ("None", "F.adaptive_max_pool2d(self.first(x).relu(), 3)", Pool("max")),
        ("None", "torch.max_pool2d(self.first(x).relu(), 3)", Pool("max", 9)),
        ("None", "self.first(x).relu().mean((2, 3), keepdim=True)", Pool("mean")),
        ("None", "torch.amax(self.first(x).relu(), 2)", Pool("max")),
    ],
)
def test_the_window_of_a_pool_is_read(pool: str, call: str, expected: Pool) -> None:
    assert pools(NET.format(pool=pool, call=call)) == {(expected,)}


@pytest.mark.parametrize(
    "pool, expected",
    [
        ("layers.MaxPooling2D()", Pool("max", 4)),
        ("layers.MaxPooling2D(3, strides=2)", Pool("max", 9)),
        ("layers.MaxPooling2D((3, 2))", Pool("max", 6)),
        ("layers.AveragePooling2D(2)", Pool("mean", 4)),
    ],
)
def test_the_window_of_a_keras_pool_is_read(pool: str, expected: Pool) -> None:
    assert pools(KERAS.format(pool=pool)) == {(expected,)}


def test_pools_in_a_row_look_at_their_windows_together_and_means_at_like_neighbours() -> None:
    text = NET.format(pool="nn.Sequential(nn.MaxPool2d(3), nn.MaxPool2d(2), nn.AvgPool2d(2))", call=IN_LINE)
    _, models = study_source(text, "net.py")
    flow = Flow(models[0].contexts[0])
    assert strand_of(flow, 0).links[0].window == 36


@pytest.mark.parametrize("count", [2, 4, 9, 25, 49])
def test_the_moments_of_the_largest_are_those_of_order_statistics(count: int) -> None:
    """Against a sample of the largest of independent normals, before and after a ReLU."""
    drawn = np.random.default_rng(0).standard_normal((200_000, count)).max(axis=1)
    for name, seen in (("linear", drawn), ("relu", np.maximum(drawn, 0))):
        found = curve(name)
        assert found is not None
        moments, variance = highest(found, 1.0, 1.0, count)
        assert moments.mean == pytest.approx(float(seen.mean()), rel=0.01)
        assert moments.second_moment == pytest.approx(float((seen**2).mean()), rel=0.01)
        assert variance == pytest.approx(float(seen.var()), rel=0.02)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_maximum_over_a_window_does_what_torch_shows(size: int) -> None:
    """Of white noise, whose positions are independent behind a convolution too."""
    text = NET.format(pool=f"nn.MaxPool2d({size})", call=IN_LINE)
    _, models = study_source(text, "net.py")
    found = trace(network_of(strand_of(Flow(models[0].contexts[0]), 0)))
    torch.manual_seed(0)
    second, response = [], []
    for _ in range(DRAWS):
        net: nn.Module = vars(executed(text, "net"))["Net"]().double()
        x = torch.randn(1, 32, 6 * size + 2, 6 * size + 2, dtype=torch.float64)
        near = x + 1e-3 * torch.randn_like(x)
        out = net(x)
        second.append(out.square().mean().item())
        response.append((net(near) - out).square().mean().item() / (near - x).square().mean().item())
    assert math.sqrt(found.second[-1]) == pytest.approx(math.sqrt(sum(second) / DRAWS), rel=0.05)
    assert math.sqrt(found.response[-1]) == pytest.approx(math.sqrt(sum(response) / DRAWS), rel=0.05)


@pytest.mark.parametrize("count", [9, 49])
def test_the_gradient_through_a_maximum_is_what_sampling_gives(count: int) -> None:
    build = Builder()
    build.dense(Dense(2 / 96, 96, 96))
    build.activation("relu")
    build.pool("max", count)
    build.dense(Dense(2 / 96, 96, 96))
    told, drawn = propagate(build.network()), sample(build.network(), draws=24)
    assert drawn.second[-1] == pytest.approx(told.second[-1], rel=0.1)
    assert drawn.gradient[0] == pytest.approx(told.gradient[0], rel=0.1)
