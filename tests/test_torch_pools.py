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
from initlint.findings import Severity, Signal
from initlint.graph import Pool
from initlint.moments import highest
from initlint.network import Builder, Dense
from initlint.pipeline import lint_source, study_source
from initlint.propagation import propagate
from initlint.report import renderer
from initlint.sampling import sample, trace
from initlint.signals import exact, measured
from initlint.strands import Pools, averages, network_of, strand_of

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
        ("nn.MaxPool2d(2)", IN_LINE, Pool("max", 4, 4)),
        ("nn.MaxPool2d(3, stride=2)", IN_LINE, Pool("max", 9, 4)),
        ("nn.MaxPool2d(3, (1, 2), 1)", IN_LINE, Pool("max", 9, 2)),
        ("nn.AvgPool1d(3, 1)", IN_LINE, Pool("mean", 3, 1)),
        ("nn.MaxPool2d(kernel_size=(3, 2))", IN_LINE, Pool("max", 6, 6)),
        ("nn.MaxPool1d(5)", IN_LINE, Pool("max", 5, 5)),
        ("nn.MaxPool3d(2)", IN_LINE, Pool("max", 8, 8)),
        ("nn.AvgPool2d(3)", IN_LINE, Pool("mean", 9, 9)),
        ("nn.AdaptiveMaxPool2d(1)", IN_LINE, Pool("max")),
        ("nn.AdaptiveAvgPool2d(1)", IN_LINE, Pool("mean")),
        ("nn.LPPool2d(2, 3)", IN_LINE, Pool("")),
        ("None", "F.max_pool2d(self.first(x).relu(), 3)", Pool("max", 9, 9)),
        ("None", "F.max_pool2d(self.first(x).relu(), kernel_size=[2, 4])", Pool("max", 8, 8)),
        ("None", "F.avg_pool2d(self.first(x).relu(), 2)", Pool("mean", 4, 4)),
        ("None", "F.avg_pool2d(self.first(x).relu(), 3, 2, 1)", Pool("mean", 9, 4)),
        ("None", "F.max_pool2d(self.first(x).relu(), 3, stride=(2, 1))", Pool("max", 9, 2)),
        ("None", "F.max_pool2d_with_indices(self.first(x).relu(), 2)[0]", Pool("max", 4, 4)),
        ("None", "F.adaptive_max_pool2d(self.first(x).relu(), 3)", Pool("max")),
        ("None", "torch.max_pool2d(self.first(x).relu(), 3)", Pool("max", 9, 9)),
        ("None", "self.first(x).relu().mean((2, 3), keepdim=True)", Pool("mean")),
        ("None", "torch.amax(self.first(x).relu(), 2)", Pool("max")),
    ],
)
def test_the_window_of_a_pool_is_read(pool: str, call: str, expected: Pool) -> None:
    assert pools(NET.format(pool=pool, call=call)) == {(expected,)}


@pytest.mark.parametrize(
    "pool, expected",
    [
        ("layers.MaxPooling2D()", Pool("max", 4, 4)),
        ("layers.MaxPooling2D(3, strides=2)", Pool("max", 9, 4)),
        ("layers.MaxPooling2D((3, 2))", Pool("max", 6, 6)),
        ("layers.AveragePooling2D(2)", Pool("mean", 4, 4)),
    ],
)
def test_the_window_of_a_keras_pool_is_read(pool: str, expected: Pool) -> None:
    assert pools(KERAS.format(pool=pool)) == {(expected,)}


def test_pools_in_a_row_look_at_their_windows_together_and_means_at_like_neighbours() -> None:
    text = NET.format(pool="nn.Sequential(nn.MaxPool2d(3), nn.MaxPool2d(2), nn.AvgPool2d(2))", call=IN_LINE)
    _, models = study_source(text, "net.py")
    flow = Flow(models[0].contexts[0])
    assert strand_of(flow, 0).links[0].pools == Pools(36, 36, 4, 4)


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


# --- what weights get of a gradient: a sum over positions -------------------------------------------------------------

DEEP = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.ReLU(), {pool}
            nn.Conv2d(32, 32, 3, padding=1, stride={stride}, bias=False), nn.ReLU(), {pool}
            nn.Conv2d(32, 32, 3, padding=1, stride={stride}, bias=False), nn.ReLU(), {pool}
            nn.Conv2d(32, 32, 3, padding=1, stride={stride}, bias=False), nn.ReLU(), {pool}
            {head}
        )
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(m.weight)

    def forward(self, x):
        return self.layers(x)
"""
LAST = "nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.ReLU()"
FLATTENED = "nn.Flatten(), nn.Linear({inputs}, 128, bias=False), nn.ReLU()"
PER_CHANNEL = "nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 32, bias=False), nn.ReLU()"


def gradients(text: str, size: int, blur: float, draws: int = 8) -> tuple[float, float]:
    """Of the first layer relative to the last, root mean squares over networks: the gradient of an entry of their
    weights, each relative to the layer's input; and the gradient of their outputs at one position."""
    weights = position = 0.0
    for draw in range(draws):
        torch.manual_seed(draw)
        net: nn.Module = vars(executed(text, "net"))["Net"]()
        layers: list[tuple[torch.Tensor, nn.Module, torch.Tensor]] = []
        out = images(size, blur)
        for one in net.get_submodule("layers").children():
            given, out = out, one(out)
            if isinstance(one, nn.Conv2d | nn.Linear):
                layers.append((given, one, out))
        ends = layers[0], layers[-1]
        wanted = [*(one.get_parameter("weight") for _, one, _ in ends), *(made for _, _, made in ends)]
        first, last, at_first, at_last = (
            g.square().mean().item() for g in torch.autograd.grad(out, wanted, torch.randn_like(out))
        )
        first, last = (g / given.square().mean().item() for g, (given, _, _) in zip((first, last), ends))
        weights += first / last / draws
        position += at_first / at_last / draws
    return math.sqrt(weights), math.sqrt(position)


def images(size: int, blur: float) -> torch.Tensor:
    """White noise, or noise whose neighbours within `blur` positions are alike, as those of photographs are."""
    x = torch.randn(2, 3, size, size)
    if blur:
        line, column = torch.fft.fftfreq(size)[:, None], torch.fft.fftfreq(size)[None]
        kept = torch.exp(-2 * math.pi**2 * blur**2 * (line**2 + column**2))
        x = torch.fft.ifft2(torch.fft.fft2(x) * kept).real
    return x / x.std()


def told(text: str) -> Signal:
    _, models = study_source(text, "net.py")
    strand = strand_of(Flow(models[0].contexts[0]), 0)
    found = exact(strand) or measured(strand)
    assert found is not None
    assert found.depth == 5
    return found


def deep(pool: str = "", stride: int = 1, head: str = LAST) -> str:
    return DEEP.format(pool=pool and f"{pool},", stride=stride, head=head)


@pytest.mark.parametrize(
    "text",
    [
        deep(),
        deep("nn.MaxPool2d(2)"),
        deep("nn.MaxPool2d(3, stride=2, padding=1)"),
        deep(stride=2),
        deep(head=FLATTENED.format(inputs=32 * 32 * 32)),
        deep("nn.MaxPool2d(2)", head=FLATTENED.format(inputs=32 * 2 * 2)),
        deep(stride=2, head=FLATTENED.format(inputs=32 * 4 * 4)),
    ],
    ids=["plain", "max", "overlapping max", "stride", "flattened", "max, flattened", "stride, flattened"],
)
@pytest.mark.parametrize("blur", [0.0, 3.0])
def test_the_gradient_of_weights_is_what_torch_shows(text: str, blur: float) -> None:
    """However few of the positions go on: what a position's gradient loses by it, the sum over positions has back.
    Borders make it a little less, neighbours that are alike a little more or less."""
    weights, _ = gradients(text, 32, blur)
    assert weights == pytest.approx(told(text).gradient_std, rel=0.3)


def test_pools_take_a_position_s_gradient_and_leave_the_weights_theirs() -> None:
    """Four maxima over four positions each: a position has a twelfth of the gradient left, the weights have all."""
    (plain, at_plain), (pooled, at_pooled) = (gradients(deep(pool), 32, 0.0) for pool in ("", "nn.MaxPool2d(2)"))
    assert at_pooled / at_plain < 1 / 6
    assert 0.8 < pooled / plain < 2.5


@pytest.mark.parametrize("text", [deep("nn.AvgPool2d(2)"), deep(head=PER_CHANNEL)], ids=["window", "global"])
def test_a_mean_of_like_neighbours_leaves_weights_their_gradient(text: str) -> None:
    """Where a pool's positions are alike the sum over them is as large as without it, which is what is told; where
    they are noise it is smaller, by less than a position's gradient is."""
    found = told(text)
    (alike, at_alike), (noise, _) = (gradients(text, 32, blur) for blur in (8.0, 0.0))
    assert 0.3 * found.gradient_std < alike < 1.2 * found.gradient_std
    assert 4 * at_alike < noise < alike


# --- at one position --------------------------------------------------------------------------------------------------

POSITIONED = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(32, 32, 3, bias=False)
        self.pool = {pool}
        self.second = nn.Conv2d(32, 32, 3, bias=False)
        self.third = nn.Conv2d(32, 32, 3, bias=False)
        for m in (self.first, self.second, self.third):
            nn.init.kaiming_normal_(m.weight)

    def forward(self, x):
        x = self.pool(self.first(x).relu())
        return self.third(self.second(x).relu()).relu()
"""


def shown(pool: str, blur: float, draws: int = 24) -> tuple[float, float]:
    """Root mean squares over networks: what a small difference of inputs has become at the end, and the gradient at a
    position of the first layer's outputs relative to the last one's. Both of the input and of what the gradient comes
    from neighbours are independent, or alike within `blur` positions."""
    response, gradient = 0.0, 0.0
    for draw in range(draws):
        torch.manual_seed(draw)
        net: nn.Module = vars(executed(POSITIONED.format(pool=pool), "net"))["Net"]().double()
        x, step = (noise((2, 32, 44, 44), blur) for _ in range(2))
        first = net.get_submodule("first")(x)
        hidden = net.get_submodule("second")(net.get_submodule("pool")(first.relu()))
        last = net.get_submodule("third")(hidden.relu())
        out = last.relu()
        made = torch.autograd.grad(out, (first, last), noise(tuple(out.shape), blur))
        inner = made[0][..., 8:-8, 8:-8], made[1]
        gradient += (inner[0].square().mean() / inner[1].square().mean()).item() / draws
        moved = net(x + 1e-4 * step) - net(x)
        response += (moved.square().mean() / (1e-4 * step).square().mean()).item() / draws
    return math.sqrt(response), math.sqrt(gradient)


def noise(shape: tuple[int, ...], blur: float) -> torch.Tensor:
    x = torch.randn(shape, dtype=torch.float64)
    if blur:
        line, column = torch.fft.fftfreq(shape[-2])[:, None], torch.fft.fftfreq(shape[-1])[None]
        x = torch.fft.ifft2(torch.fft.fft2(x) * torch.exp(-2 * math.pi**2 * blur**2 * (line**2 + column**2))).real
    return x / x.std()


POOLS = {
    "none": "nn.Identity()",
    "max": "nn.MaxPool2d(2)",
    "overlapping max": "nn.MaxPool2d(3, stride=2)",
    "max without stride": "nn.MaxPool2d(3, stride=1)",
    "mean": "nn.AvgPool2d(2)",
    "overlapping mean": "nn.AvgPool2d(3, stride=2)",
    "mean without stride": "nn.AvgPool2d(3, stride=1)",
}


@pytest.mark.parametrize("name", POOLS)
def test_a_position_has_the_signal_and_the_gradient_that_torch_shows(name: str) -> None:
    """Of noise, whose positions are independent."""
    _, models = study_source(POSITIONED.format(pool=POOLS[name]), "net.py")
    strand = strand_of(Flow(models[0].contexts[0]), 0)
    assert averages(strand) == ("mean" in name)
    found = measured(strand._replace(noise=True))
    assert found is not None
    response, gradient = shown(POOLS[name], 0.0)
    assert found.forward_std == pytest.approx(response, rel=0.1)
    assert found.backward_std == pytest.approx(gradient, rel=0.1)


@pytest.mark.parametrize("name", [name for name in POOLS if "mean" in name])
def test_a_mean_of_like_neighbours_has_what_torch_shows(name: str) -> None:
    """Of inputs and gradients that hardly change within a window."""
    _, models = study_source(POSITIONED.format(pool=POOLS[name]), "net.py")
    found = exact(strand_of(Flow(models[0].contexts[0]), 0))
    assert found is not None
    response, gradient = shown(POOLS[name], 6.0)
    assert found.forward_std == pytest.approx(response, rel=0.15)
    assert found.backward_std == pytest.approx(gradient, rel=0.15)


EXPLOSIVE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 32, 5), nn.ReLU(), {pool},
            nn.Conv2d(32, 32, 5), nn.ReLU(), {pool},
            nn.Conv2d(32, 32, 5), nn.ReLU(),
        )
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.normal_(m.weight, std=0.2)

    def forward(self, x):
        return self.layers(x)
"""


def test_what_explodes_only_where_neighbours_are_alike_is_not_told() -> None:
    """Means of noise take away what the weights add; without them, or with maxima, nothing does."""
    for pool, loud in (("nn.AvgPool2d(4)", False), ("nn.Identity()", True), ("nn.MaxPool2d(4)", True)):
        findings = lint_source(EXPLOSIVE.format(pool=pool), "net.py").findings
        assert [(one.code, one.severity) for one in findings] == [("INI205", Severity.WARNING)] * loud, pool


def test_what_falls_is_told_for_like_neighbours_and_for_noise() -> None:
    report = lint_source(EXPLOSIVE.replace("0.2", "0.005").format(pool="nn.AvgPool2d(4)"), "net.py", fixes=True)
    (finding,) = report.findings
    assert finding.code == "INI204"
    assert finding.evidence is not None
    before, after = finding.evidence.before, finding.evidence.after
    for signal in (before, after):
        assert signal is not None
        assert signal.noise is not None
        assert signal.noise.forward_std == pytest.approx(signal.forward_std / 16, rel=0.1)
    assert "forward of noise, which pools average out" in renderer("text")(report)
    assert '"noise": {' in renderer("json")(report)
