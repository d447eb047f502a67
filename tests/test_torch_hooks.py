"""What torch does to a module beside filling its weights, as the interpreter takes it to be; torch itself is asked."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import nn

from initlint.interpret import parametrizations

RESET: list[tuple[type[nn.Module], tuple[object, ...]]] = [
    (nn.Linear, (2, 2)),
    (nn.Bilinear, (2, 2, 2)),
    (nn.Conv1d, (2, 2, 1)),
    (nn.Conv2d, (2, 2, 1)),
    (nn.Conv3d, (2, 2, 1)),
    (nn.ConvTranspose2d, (2, 2, 1)),
    (nn.Embedding, (2, 2)),
    (nn.EmbeddingBag, (2, 2)),
    (nn.RNN, (2, 2)),
    (nn.LSTM, (2, 2)),
    (nn.GRUCell, (2, 2)),
    (nn.BatchNorm2d, (2,)),
    (nn.InstanceNorm2d, (2,)),
    (nn.LayerNorm, (2,)),
    (nn.GroupNorm, (1, 2)),
    (nn.RMSNorm, (2,)),
    (nn.PReLU, ()),
]
RESET_PRIVATELY: list[tuple[type[nn.Module], tuple[object, ...]]] = [
    (nn.MultiheadAttention, (2, 1)),
    (nn.Transformer, (4, 2, 1, 1, 4, 0.0, nn.functional.relu, None, None, 1e-5, True)),
]


def counted(cls: type[nn.Module], hook: str) -> tuple[type[nn.Module], list[object]]:
    """A subclass that counts the calls of its hook."""
    calls: list[object] = []

    def method(module: nn.Module) -> None:
        calls.append(module)

    return type("Counted", (cls,), {hook: method}), calls


@pytest.mark.parametrize("cls, args", RESET)
def test_construction_resets_parameters_in_the_subclass_s_way(cls: type[nn.Module], args: tuple[object, ...]) -> None:
    subclass, calls = counted(cls, "reset_parameters")
    module = subclass(*args)
    assert calls[0] is module


@pytest.mark.parametrize("cls, args", RESET_PRIVATELY)
def test_attention_and_transformer_reset_by_another_name(cls: type[nn.Module], args: tuple[object, ...]) -> None:
    subclass, calls = counted(cls, "_reset_parameters")
    module = subclass(*args)
    assert calls == [module]


def wrapped(qualified: str) -> tuple[nn.Linear, torch.Tensor]:
    """A layer whose weight is parametrized, and what the weight was."""
    function: Callable[[nn.Module], nn.Module] = resolve(qualified)
    layer = nn.Linear(3, 3)
    before = layer.weight.detach().clone()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        function(layer)
    return layer, before


def resolve(qualified: str) -> Callable[..., nn.Module]:
    value: object = torch
    for part in qualified.split(".")[1:]:
        value = getattr(value, part)
    assert callable(value)
    return value


@pytest.mark.parametrize("qualified", parametrizations.SPELLINGS)
def test_a_parametrized_weight_has_moved(qualified: str) -> None:
    layer, before = wrapped(qualified)
    gain, base = (name.format("weight") for name in parametrizations.SPELLINGS[qualified])
    parameters = dict(layer.named_parameters())
    assert "weight" not in parameters
    assert {base, *([gain] if gain else [])} == parameters.keys() - {"bias"}
    assert torch.allclose(parameters[base], before)


@pytest.mark.parametrize("qualified", parametrizations.SPELLINGS)
def test_writing_to_a_parametrized_weight_changes_nothing(qualified: str) -> None:
    layer, _ = wrapped(qualified)
    layer.eval()  # spectral_norm iterates while it is trained
    x = torch.ones(1, 3)
    expected = layer(x)
    nn.init.constant_(layer.weight.detach(), 7.0)
    assert torch.allclose(layer(x), expected, atol=1e-6)


REMOVERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "torch.nn.utils.weight_norm": nn.utils.remove_weight_norm,
    "torch.nn.utils.spectral_norm": nn.utils.remove_spectral_norm,
    "torch.nn.utils.parametrizations.weight_norm": partial(
        nn.utils.parametrize.remove_parametrizations, tensor_name="weight"
    ),
    "torch.nn.utils.parametrizations.spectral_norm": partial(
        nn.utils.parametrize.remove_parametrizations, tensor_name="weight"
    ),
}


@pytest.mark.parametrize("qualified", parametrizations.SPELLINGS)
def test_a_weight_comes_back(qualified: str) -> None:
    layer, _ = wrapped(qualified)
    REMOVERS[qualified](layer)
    assert {name for name, _ in layer.named_parameters()} == {"weight", "bias"}
