"""Writes that don't reach their parameter, and calls that raise: the real torch does what the rules say."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import init

from initlint.knowledge import knowledge


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the old weight_norm
        yield


class Own(nn.Module):
    """Has hooks that other frameworks call."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.called: list[str] = []

    def reset_parameters(self) -> None:
        self.called.append("reset_parameters")

    def init_weights(self) -> None:
        self.called.append("init_weights")

    def _init_weights(self, _: nn.Module) -> None:
        self.called.append("_init_weights")

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.fc(x)
        return result


def test_ini501_torch_calls_no_hook_of_a_module() -> None:
    net = nn.Sequential(Own())
    net(torch.zeros(1, 4))
    own = net[0]
    assert isinstance(own, Own)
    assert own.called == []


def test_ini501_but_a_layer_s_constructor_calls_reset_parameters() -> None:
    class Zero(nn.Linear):
        def reset_parameters(self) -> None:
            init.zeros_(self.weight)
            init.zeros_(self.bias)

    assert not Zero(4, 4).weight.detach().any()


def to_one(m: nn.Module) -> None:
    if isinstance(m, nn.Linear):
        init.ones_(m.weight)


def test_ini502_a_pass_sees_what_is_there() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.apply(to_one)
            self.second = nn.Linear(4, 4)

    net = Net()
    assert bool((net.first.weight == 1).all())
    assert not bool((net.second.weight == 1).any())


def test_ini503_the_last_write_wins() -> None:
    layer = nn.Linear(4, 4)
    init.zeros_(layer.weight)
    nn.Sequential(layer).apply(to_one)
    assert bool((layer.weight == 1).all())


def test_ini505_a_class_of_another_dimension_is_no_base() -> None:
    classes = [nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d]
    for one in classes:
        assert [other for other in classes if issubclass(other, one)] == [one]
    norms = [nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm]
    for one in norms:
        assert [other for other in norms if issubclass(other, one)] == [one]
    assert not issubclass(nn.Bilinear, nn.Linear)
    assert not issubclass(nn.EmbeddingBag, nn.Embedding)
    assert not issubclass(nn.LSTM, (nn.RNN, nn.GRU))


def test_ini505_names_are_paths() -> None:
    block = nn.ModuleDict({"attn": nn.ModuleDict({"c_proj": nn.Linear(2, 2)})})
    assert [name for name, _ in block.named_parameters()] == ["attn.c_proj.weight", "attn.c_proj.bias"]


def test_ini505_a_text_beside_or_is_true() -> None:
    assert [name for name in ("norm.weight", "head.bias") if "conv" or "fc" in name] == ["norm.weight", "head.bias"]  # noqa: SIM222


@pytest.mark.parametrize(
    "reach",
    [
        lambda layer: layer.weight,
        lambda layer: layer.weight.data,
        lambda layer: layer.weight.detach(),
        lambda layer: layer.weight.data.view(-1),
        lambda layer: layer.weight.data.flatten(),
        lambda layer: layer.weight.data.reshape(2, 8),
        lambda layer: layer.weight.data.t(),
    ],
)
def test_ini506_views_share_memory(reach: Callable[[nn.Linear], Tensor]) -> None:
    layer = nn.Linear(4, 4)
    init.constant_(reach(layer), 7.0)
    assert bool((layer.weight == 7).all())


@pytest.mark.parametrize(
    "reach",
    [
        lambda layer: layer.weight.clone(),
        lambda layer: layer.weight.detach().clone(),
        lambda layer: layer.weight * 1.0,
        lambda layer: layer.weight.data.t().contiguous(),
        lambda layer: layer.weight.double(),
    ],
)
def test_ini506_copies_do_not(reach: Callable[[nn.Linear], Tensor]) -> None:
    layer = nn.Linear(4, 4)
    init.constant_(reach(layer), 7.0)
    assert not bool((layer.weight == 7).any())


def test_ini506_weight_norm_computes_the_weight_anew() -> None:
    old = nn.utils.weight_norm(nn.Linear(4, 4))
    old.weight.data.fill_(7.0)
    old(torch.zeros(1, 4))
    assert not bool((old.weight == 7).any())
    new = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
    init.constant_(new.weight, 7.0)
    assert not bool((new.weight == 7).any())


def test_ini506_assigning_the_method_writes_nothing() -> None:
    layer = nn.Linear(4, 4)
    before = layer.weight.detach().clone()
    layer.weight.data.copy_ = torch.eye(4)  # type: ignore[method-assign,assignment]
    assert torch.equal(layer.weight, before)


@pytest.mark.parametrize(
    "name", ["xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_"]
)
def test_ini601_vectors_have_no_fans(name: str) -> None:
    with pytest.raises(ValueError, match="dimensions"):
        getattr(init, name)(nn.Linear(4, 4).bias)


@pytest.mark.parametrize("name", sorted({*knowledge().activations} - {"linear"}))
def test_ini602_calculate_gain_knows_a_few(name: str) -> None:
    if name in knowledge().gains:
        assert init.calculate_gain(name) > 0  # type: ignore[arg-type]
    else:
        with pytest.raises(ValueError, match="Unsupported nonlinearity"):
            init.calculate_gain(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("words", [{"mode": "fan_avg"}, {"nonlinearity": "gelu"}, {"a": "fan_out"}])
def test_ini602_kaiming_rejects(words: dict[str, str]) -> None:
    with pytest.raises((ValueError, TypeError)):
        init.kaiming_normal_(torch.empty(4, 4), **words)  # type: ignore[arg-type]


def test_ini603_none_is_no_tensor() -> None:
    bias = getattr(nn.Linear(4, 4, bias=False), "bias", "absent")
    assert bias is None
    for name in ("zeros_", "ones_", "normal_", "uniform_"):
        with pytest.raises((AttributeError, TypeError)):
            getattr(init, name)(bias)
    with pytest.raises((AttributeError, TypeError)):
        getattr(init, "constant_")(bias, 0.0)  # noqa: B009 - the type checker knows that it raises


def test_ini604_names_of_other_frameworks_are_not_there() -> None:
    for name in ("he_normal_", "glorot_uniform_", "lecun_normal_", "truncated_normal_", "variance_scaling_"):
        assert not hasattr(init, name)


@pytest.mark.parametrize("name, ranks", [("dirac_", (3, 4, 5)), ("eye_", (2,)), ("sparse_", (2,))])
def test_ini605_ranks(name: str, ranks: tuple[int, ...]) -> None:
    words = {"sparsity": 0.5} if name == "sparse_" else {}
    for rank in range(1, 7):
        tensor = torch.empty((2,) * rank)
        if rank in ranks:
            getattr(init, name)(tensor, **words)
        else:
            with pytest.raises(ValueError, match="dimensions"):
                getattr(init, name)(tensor, **words)


def test_ini606_a_leaf_that_requires_grad_is_not_written_in_place() -> None:
    layer = nn.Linear(4, 4)
    writes: list[Callable[[], object]] = [
        layer.weight.normal_,
        lambda: layer.weight[0].fill_(1.0),
        lambda: layer.weight.t().zero_(),
        lambda: layer.weight.mul_(2),
    ]
    for write in writes:
        with pytest.raises(RuntimeError, match="leaf"):
            write()
    with torch.no_grad():
        layer.weight.normal_()
    layer.weight.data.normal_()
    layer.weight.detach().normal_()


def test_ini607_only_a_parameter_takes_a_parameter_s_place() -> None:
    layer = nn.Linear(4, 4)
    with pytest.raises(TypeError, match="cannot assign"):
        setattr(layer, "weight", torch.zeros(4, 4))  # noqa: B010 - the type checker knows that it raises
    layer.weight = nn.Parameter(torch.zeros(4, 4))
    layer.register_parameter("bias", None)


@pytest.mark.parametrize("name", ["xavier_uniform_", "kaiming_normal_", "orthogonal_", "normal_", "zeros_"])
def test_ini608_a_module_is_no_tensor(name: str) -> None:
    with pytest.raises((AttributeError, TypeError)):
        getattr(init, name)(nn.Linear(4, 4))
