"""What the rules call dead, symmetric, shrinking or forgetful is so in the real torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from initlint.symmetry import IDENTICAL, MOVES, STANDSTILL, Map, prospects

STEPS = 10
WIDTH = 8

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "leaky_relu": functional.leaky_relu,
    "prelu": lambda x: functional.prelu(x, torch.tensor(0.25)),
    "elu": functional.elu,
    "celu": functional.celu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "hardswish": functional.hardswish,
    "hardtanh": functional.hardtanh,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hardsigmoid": functional.hardsigmoid,
    "logsigmoid": functional.logsigmoid,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for small matrices more of them only wait for each other
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def layer_of(m: Map) -> nn.Linear:
    made = nn.Linear(WIDTH, WIDTH)
    nn.init.normal_(made.bias)
    if m.constant is not None:
        nn.init.constant_(made.weight, m.constant)
    if m.bias is not None:
        nn.init.constant_(made.bias, m.bias)
    return made


def trained(maps: tuple[Map, ...], index: int) -> str:
    """What ten steps of torch's SGD do for the weight of one of the layers."""
    layers = [layer_of(m) for m in maps]
    norms = [nn.BatchNorm1d(WIDTH) if m.norm else nn.Identity() for m in maps]
    optimizer = torch.optim.SGD([p for layer in layers for p in layer.parameters()], lr=0.01)
    data, target = torch.randn(32, WIDTH), torch.randn(32, WIDTH)
    standstill = identical = True
    for _ in range(STEPS):
        signal = data
        for m, layer, norm in zip(maps, layers, norms, strict=True):
            signal = norm(layer(signal))
            if m.activation is not None:
                signal = ACTIVATIONS[m.activation](signal)
        optimizer.zero_grad()
        torch.autograd.backward(((signal - target) ** 2).sum(1).mean())
        gradient = layers[index].weight.grad
        assert gradient is not None
        scale = gradient.abs().max().item()
        standstill &= scale < 1e-7
        identical &= bool((gradient - gradient[0]).abs().max() <= 1e-4 * max(scale, 1e-7))
        optimizer.step()
    return STANDSTILL if standstill else IDENTICAL if identical else MOVES


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("bias", [0.0, None])
@pytest.mark.parametrize("after", [0.0, None])
def test_the_simulation_is_what_torch_does(activation: str, bias: float | None, after: float | None) -> None:
    for constant in (0.0, 0.3):
        maps = (Map(constant, bias, activation=activation), Map(after, 0.0))
        assert prospects(maps, 0) == trained(maps, 0), constant


@pytest.mark.parametrize("activation", ["relu", "gelu", "tanh"])
def test_the_simulation_of_a_norm_is_what_torch_does(activation: str) -> None:
    maps = (Map(None, None, activation="relu"), Map(0.0, 0.0, activation=activation, norm=True), Map(None, None))
    assert prospects(maps, 1) == trained(maps, 1)


def accuracy(init: Callable[[nn.Module], None], steps: int = 60) -> float:
    """Of a two-layer net on blobs that a line can't separate."""
    generator = torch.Generator().manual_seed(1)
    data = torch.randn(256, 2, generator=generator)
    target = (data[:, 0] * data[:, 1] > 0).long()
    net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
    net.apply(init)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.autograd.backward(functional.cross_entropy(net(data), target))
        optimizer.step()
    return float((net(data).argmax(1) == target).float().mean())


def to_zero(m: nn.Module) -> None:
    if isinstance(m, nn.Linear):
        nn.init.zeros_(m.weight)
        nn.init.zeros_(m.bias)


def to_half(m: nn.Module) -> None:
    if isinstance(m, nn.Linear):
        nn.init.constant_(m.weight, 0.5)
        nn.init.zeros_(m.bias)


def only_head_to_zero(m: nn.Module) -> None:
    if isinstance(m, nn.Linear) and m.out_features == 2:
        nn.init.zeros_(m.weight)


def test_ini101_and_ini102_cost_the_accuracy_that_a_zero_head_keeps() -> None:
    assert accuracy(to_zero) < 0.65
    assert accuracy(to_half) < 0.65
    assert accuracy(only_head_to_zero) > 0.8
    assert accuracy(lambda _: None) > 0.8


@pytest.fixture
def _marked_memory() -> Iterator[None]:
    """In this mode torch marks memory that nothing has written: with NaN."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("_marked_memory")
def test_ini104_memory_is_not_values() -> None:
    with torch.device("meta"):
        hollow = nn.Linear(4, 4)
    made = [
        torch.empty(4, 4),
        torch.Tensor(4, 4),
        torch.empty_like(torch.zeros(4, 4)),
        torch.zeros(1).new_empty(4, 4),
        nn.utils.skip_init(nn.Linear, 4, 4).weight,  # type: ignore[no-untyped-call]
        hollow.to_empty(device="cpu").weight,
    ]
    assert all(bool(tensor.isnan().all()) for tensor in made)
    assert not nn.Linear(4, 4).weight.isnan().any()


@pytest.mark.parametrize("first, moved", [(0.0, False), (0.1, True)])
def test_ini105_two_zero_factors_never_move(first: float, moved: bool) -> None:
    down, up = nn.Linear(16, 4, bias=False), nn.Linear(4, 16, bias=False)
    nn.init.normal_(down.weight, std=first)
    nn.init.zeros_(up.weight)
    optimizer = torch.optim.SGD([*down.parameters(), *up.parameters()], lr=0.1)
    for _ in range(STEPS):
        x = torch.randn(32, 16)
        optimizer.zero_grad()
        torch.autograd.backward(((x + up(down(x)) - torch.randn(32, 16)) ** 2).mean())
        optimizer.step()
    assert bool(up.weight.detach().abs().max() > 0) is moved


@torch.no_grad()
def signal(init: Callable[[Tensor], object], activation: Callable[[Tensor], Tensor], depth: int = 8) -> float:
    """Root mean square after `depth` layers of width 256, relative to the input's."""
    x = torch.randn(256, 256)
    for _ in range(depth):
        w = torch.empty(256, 256)
        init(w)
        x = activation(functional.linear(x, w))
    return x.pow(2).mean().sqrt().item()


def test_ini201_xavier_loses_one_sixteenth_in_eight_layers() -> None:
    kept = signal(nn.init.xavier_uniform_, functional.relu)
    assert kept == pytest.approx(2**-4.5 * math.sqrt(2), rel=0.25)
    assert signal(nn.init.kaiming_uniform_, functional.relu) > 10 * kept


def test_ini202_he_saturates_more_units_than_xavier() -> None:
    x = torch.randn(256, 256)
    flat = {}
    for name, init in (("he", nn.init.kaiming_normal_), ("xavier", nn.init.xavier_normal_)):
        w = torch.empty(256, 256)
        init(w)
        flat[name] = (torch.tanh(functional.linear(x, w)).abs() > 0.95).float().mean().item()
    assert flat["he"] > 2 * flat["xavier"]


def test_ini203_selu_keeps_its_fixed_point_with_lecun_only() -> None:
    def told_selu(w: Tensor) -> Tensor:
        return nn.init.kaiming_normal_(w, nonlinearity="selu")

    def default(w: Tensor) -> Tensor:
        return nn.init.kaiming_uniform_(w, a=math.sqrt(5))

    def lecun(w: Tensor) -> Tensor:
        return nn.init.kaiming_normal_(w, nonlinearity="linear")

    assert signal(lecun, functional.selu, 32) == pytest.approx(1, abs=0.15)
    assert signal(told_selu, functional.selu, 32) < 0.3
    assert signal(default, functional.selu, 32) < 0.05


def test_ini206_a_gain_passed_as_a_slope_loses_the_signal() -> None:
    gain = nn.init.calculate_gain("relu")
    wrong = signal(lambda w: nn.init.kaiming_normal_(w, a=gain), functional.relu)
    assert wrong == pytest.approx(3**-4, rel=0.4)
    assert signal(lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"), functional.relu) > 0.6
    assert nn.init.calculate_gain("selu") == 0.75


def gradient_after(kind: str, steps: int, init: Callable[[Tensor], object] | None) -> float:
    """Length of the gradient of the first state, where the last one's is 1."""
    module = getattr(nn, kind)(16, 64)
    if init is not None:
        init(module.weight_hh_l0)
    h = torch.zeros(1, 8, 64, requires_grad=True)
    state = (h, torch.zeros(1, 8, 64)) if kind == "LSTM" else h
    out, _ = module(torch.zeros(steps, 8, 16), state)
    direction = torch.randn(8, 64)
    (gradient,) = torch.autograd.grad((out[-1] * direction).sum(), h)
    return float(gradient.norm() / direction.norm())


def test_ini301_the_default_forgets_and_he_explodes_where_orthogonal_keeps() -> None:
    assert gradient_after("RNN", 100, None) < 1e-20
    assert gradient_after("RNN", 100, nn.init.kaiming_normal_) > 10
    assert 1e-4 < gradient_after("RNN", 100, nn.init.orthogonal_) < 2
    assert 1e-4 < gradient_after("RNN", 100, nn.init.xavier_uniform_) < 2


def test_ini301_a_rectified_state_is_content_with_he() -> None:
    torch.manual_seed(0)
    rnn = nn.RNN(16, 256, nonlinearity="relu")
    nn.init.kaiming_normal_(rnn.get_parameter("weight_hh_l0"))
    h = torch.randn(1, 8, 256, requires_grad=True)
    out, _ = rnn(torch.zeros(100, 8, 16), h)
    (gradient,) = torch.autograd.grad((out[-1] * torch.randn(8, 256)).sum(), h)
    assert 1e-3 < gradient.norm().item() / (8 * 256) ** 0.5 < 1e3


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_ini301_gates_decide_in_gated_networks(kind: str) -> None:
    """Which is why the default is a hint there and no more."""
    assert gradient_after(kind, 100, None) < 1e-12
    assert gradient_after(kind, 100, nn.init.orthogonal_) < 1e-12


@pytest.mark.parametrize("kind, gates", [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
@pytest.mark.parametrize("hidden", [32, 256])
def test_the_default_recurrent_law_has_the_variance_of_a_third(kind: str, gates: int, hidden: int) -> None:
    matrix = getattr(nn, kind)(8, hidden).weight_hh_l0.detach()
    assert matrix.shape == (gates * hidden, hidden)
    assert (matrix.var() * hidden).item() == pytest.approx(1 / 3, rel=0.1)


def test_ini402_zeros_do_not_stay_and_units_lose_their_inputs() -> None:
    dense = nn.Linear(32, 32)
    nn.init.sparse_(dense.weight, sparsity=0.9)
    assert (dense.weight == 0).float().mean().item() > 0.85
    optimizer = torch.optim.SGD(dense.parameters(), lr=0.1)
    torch.autograd.backward(dense(torch.randn(16, 32)).pow(2).mean())
    optimizer.step()
    assert (dense.weight == 0).float().mean().item() < 0.05
    lost = 0
    for _ in range(50):
        narrow = torch.empty(64, 8)
        nn.init.sparse_(narrow, sparsity=0.9)
        lost += int((narrow == 0).all(dim=1).sum())
    assert lost / 50 == pytest.approx(64 * (58 / 64) ** 8, rel=0.15)
