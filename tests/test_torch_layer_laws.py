"""Witness: default initializers and true fans of rules/layers/torch.toml are asked of the real torch."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch_modules import TORCH, Arguments, bound, built, cases

from initlint import expressions
from initlint.knowledge import LayerSpec, WeightSpec, knowledge
from initlint.sizes import expand_weights, size

# Arguments that equal the operation's defaults do not reach the dispatcher.
OMITTED: dict[str, tuple[float, ...]] = {"uniform_": (0, 1), "normal_": (0, 1), "fill_": (0,), "zero_": (0,)}


class Writes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records what was written to which memory last: the operation and its arguments; a clone has its original's."""

    def __init__(self, named: dict[int, str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.named = named
        self.last: dict[int, tuple[str, object]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in OMITTED:
            numbers = (*args[1:], *OMITTED[name][len(args) - 1 :])
            self.last[args[0].data_ptr()] = name.replace("zero_", "fill_"), pytest.approx(numbers)
        out = func(*args, **(kwargs or {}))
        if name == "clone":
            records: tuple[dict[int, Any], ...] = (self.last, self.named)
            for record in records:
                if args[0].data_ptr() in record:
                    record[out.data_ptr()] = record[args[0].data_ptr()]
        return out


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> dict[int, str]:
    """Canonical name of the torch.nn.init function that filled the memory at an address last."""
    last: dict[int, str] = {}

    def watch(function: Callable[..., Any], technique: str) -> Callable[..., Any]:
        def call(tensor: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            out = function(tensor, *args, **kwargs)
            last[tensor.data_ptr()] = technique
            return out

        return call

    users = [m for name, m in sys.modules.items() if name.startswith("torch.nn.") and m is not None]
    for qualified, spec in knowledge().initializers.items():
        function = getattr(nn.init, qualified.rpartition(".")[2], None) if "nn.init" in qualified else None
        if function is not None:
            for module in users:
                for name, value in list(vars(module).items()):
                    if value is function:
                        monkeypatch.setattr(module, name, watch(function, spec.technique))
    return last


def values(weight: WeightSpec, known: Arguments) -> dict[str, float]:
    """The arguments of a default, as numbers."""
    found = {}
    for name, value in weight.arguments:
        number = expressions.evaluate(value, known) if isinstance(value, str) else value
        assert isinstance(number, (int, float)), (weight.name, value)
        found[name] = float(number)
    return found


def expected_write(weight: WeightSpec, known: Arguments, parameter: torch.Tensor) -> tuple[str, tuple[float, ...]]:
    """The operation that a default comes to, by the formulas of Glorot and Bengio and He et al."""
    given = values(weight, known)
    if weight.default in ("zeros", "ones", "constant"):
        return "fill_", ({"zeros": 0.0, "ones": 1.0}.get(weight.default, given.get("val", math.nan)),)
    if weight.default == "normal":
        return "normal_", (given.get("mean", 0.0), given.get("std", 1.0))
    if weight.default == "uniform":
        return "uniform_", (given["a"], given["b"])
    fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(parameter)
    if weight.default == "xavier_normal":
        return "normal_", (0.0, math.sqrt(2 / (fan_in + fan_out)))
    bound = {
        "xavier_uniform": lambda: math.sqrt(6 / (fan_in + fan_out)),
        "kaiming_uniform": lambda: math.sqrt(6 / ((1 + given["a"] ** 2) * fan_in)),
    }[weight.default]()
    return "uniform_", (-bound, bound)


@pytest.mark.parametrize("spec, arguments", [c for c in cases() if c.values[0].weights])
def test_default_initializers(spec: LayerSpec, arguments: Arguments, named: dict[int, str]) -> None:
    """Each weight is filled by the function that its row names, with the numbers that its row gives."""
    known = bound(spec, arguments)
    with Writes(named) as writes:
        module = built(spec, arguments)
    parameters = dict(module.named_parameters())
    for weight in expand_weights(spec, known):
        parameter = parameters[weight.name]
        technique = named[parameter.data_ptr()]
        constant = {"zeros": "constant"}.get(weight.default)  # constant_(bias, 0) is how attention spells zeros
        assert technique in (weight.default, constant), weight.name
        assert writes.last[parameter.data_ptr()] == expected_write(weight, known, parameter), weight.name


def taps(module: nn.Module, *shapes: tuple[int, ...]) -> tuple[float, float]:
    """How many weights reach an output, and an input: all ones in, read at the middle, forward and backward."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0 if parameter.dim() > 1 else 0.0)
    inputs = [torch.ones(shape, requires_grad=True) for shape in shapes]
    out = module(*inputs)
    out.sum().backward()
    gradient = inputs[0].grad
    assert gradient is not None

    def middle(tensor: torch.Tensor) -> float:
        return float(tensor.detach()[0, 0][tuple(s // 2 for s in tensor.shape[2:])])

    return middle(out), middle(gradient)


@pytest.mark.parametrize("spec, arguments", cases("weighted"))
def test_fans(spec: LayerSpec, arguments: Arguments) -> None:
    """The true fans, counted: with all weights 1, an output is its fan_in and a gradient its fan_out."""
    known = bound(spec, arguments | {"stride": 1} if "stride" in arguments else arguments)
    plain = {k: v for k, v in arguments.items() if k != "stride"}
    width = next(known[name] for name in ("in_features", "in_channels", "in1_features") if name in known)
    shapes: list[tuple[int, ...]] = [(1, width, *[13] * spec.rank)]
    if spec.kind == "Bilinear":
        shapes.append((1, known["in2_features"]))
    fans = size(spec.fan_in, known), size(spec.fan_out, known)
    assert fans == taps(built(spec, plain), *shapes)


@pytest.mark.parametrize("spec, arguments", cases("weighted"))
def test_fans_of_torch(spec: LayerSpec, arguments: Arguments) -> None:
    """Where torch computes the same fans, and where it does not: groups and transposed kernels."""
    known = bound(spec, arguments)
    fans = size(spec.fan_in, known), size(spec.fan_out, known)
    theirs = nn.init._calculate_fan_in_and_fan_out(dict(built(spec, arguments).named_parameters())["weight"])
    if "Transpose" in spec.kind:
        swapped = theirs[1] // known["groups"], theirs[0]
        assert fans == swapped
    elif known.get("groups", 1) > 1:
        assert fans == (theirs[0], theirs[1] // known["groups"])
    else:
        assert fans == theirs


@pytest.mark.parametrize("spec, arguments", [c for c in cases("weighted") if c.values[0].rank])
def test_dilution(spec: LayerSpec, arguments: Arguments) -> None:
    """A stride divides what reaches an input of a convolution, and an output of a transposed one, on the average."""
    known = bound(spec, arguments | {"stride": 2, "kernel_size": 4})
    module = built(spec, arguments | {"stride": 2, "kernel_size": 4})
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0 if parameter.dim() > 1 else 0.0)
    x = torch.ones(1, known["in_channels"], *[24] * spec.rank, requires_grad=True)
    out = module(x)
    out.sum().backward()
    transposed = "Transpose" in spec.kind
    measured = out if transposed else x.grad
    assert measured is not None
    middle: tuple[Any, ...] = (0, 0, *[slice(8, 16)] * spec.rank)
    inner = measured[middle].mean()
    fan, stride = size(spec.fan_in if transposed else spec.fan_out, known), size(spec.dilution, known)
    assert fan is not None
    assert stride == 2**spec.rank
    assert inner.item() == pytest.approx(fan / 2**spec.rank)


GATES = {"RNN": 1, "LSTM": 4, "GRU": 3, "RNNCell": 1, "LSTMCell": 4, "GRUCell": 3}


@pytest.mark.parametrize("kind", GATES)
def test_fans_of_gates(kind: str) -> None:
    """A gate's block is what a unit sees: its fans do not grow with the number of gates stacked in one tensor."""
    spec = TORCH[f"torch.nn.{kind}"]
    known = bound(spec, {"input_size": 5, "hidden_size": 7})
    module = built(spec, {"input_size": 5, "hidden_size": 7})
    for weight in expand_weights(spec, known):
        if weight.role in ("kernel", "recurrent"):
            block = dict(module.named_parameters())[weight.name].chunk(GATES[kind])[0]
            fans = size(weight.fan_in, known), size(weight.fan_out, known)
            assert fans == nn.init._calculate_fan_in_and_fan_out(block)


def test_fans_of_packed_projections() -> None:
    """Queries, keys and values are three matrices in one tensor; torch's Xavier takes them for one."""
    spec = TORCH["torch.nn.MultiheadAttention"]
    known = bound(spec, {"embed_dim": 8, "num_heads": 2})
    packed = nn.MultiheadAttention(8, 2).in_proj_weight
    fans = size(spec.fan_in, known), size(spec.fan_out, known)
    assert fans == nn.init._calculate_fan_in_and_fan_out(packed.chunk(3)[0]) == (8, 8)
    assert nn.init._calculate_fan_in_and_fan_out(packed) == (8, 24)
