"""Witness: every number of rules/activations.toml is computed again from the real functions of torch."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 (as everyone calls it)
from torch import Tensor, nn

from initlint.knowledge import ActivationSpec, knowledge

Pointwise = Callable[..., Tensor]

ACTIVATIONS = knowledge().activations
KINKS = (-12.0, -6.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 12.0)
WIDTH_DEPENDENT = {"softmax", "log_softmax", "softmin"}
ARGUMENT_DEPENDENT = {"threshold"}
SPECIAL: dict[str, Pointwise] = {
    "prelu": lambda x, *weight: F.prelu(x, *(weight or (nn.PReLU().weight.detach().double(),))),
    "linear": lambda x: x,
    "hardmish": lambda x: x * (x + 2).clamp(0, 2) / 2,  # Misra 2019, piecewise; torch has none
}


@cache
def nodes() -> tuple[Tensor, Tensor]:
    """Points and weights of E[f(z)], z ~ N(0, 1): Gauss-Legendre between the points where some f has a kink."""
    x, w = np.polynomial.legendre.leggauss(80)
    points, weights = [], []
    for low, high in pairwise(KINKS):
        z = low + (high - low) * (x + 1) / 2
        points.append(z)
        weights.append(w * (high - low) / 2 * np.exp(-z * z / 2) / math.sqrt(2 * math.pi))
    return torch.from_numpy(np.concatenate(points)), torch.from_numpy(np.concatenate(weights))


def function(name: str) -> Pointwise:
    """The real function, with its default parameters."""
    if name in SPECIAL:
        return SPECIAL[name]
    real: Pointwise = getattr(F, name, None) or getattr(torch, name)
    return real


def moment(f: Pointwise) -> float:
    """E[f(z)^2]."""
    z, w = nodes()
    return float((f(z) ** 2 * w).sum())


def gated() -> float:
    """E[glu(a, b)^2] for independent a and b."""
    z, w = nodes()
    inputs = torch.stack([z.repeat_interleave(len(z)), z.repeat(len(z))], dim=1)
    return float((F.glu(inputs, dim=1)[:, 0] ** 2 * torch.outer(w, w).flatten()).sum())


def random_slope() -> float:
    """E[rrelu(z)^2] while training: the slope is uniform between the module's bounds."""
    module = nn.RReLU()
    x, w = np.polynomial.legendre.leggauss(8)
    slopes = module.lower + (module.upper - module.lower) * (x + 1) / 2
    return sum(moment(lambda z, s=s: F.leaky_relu(z, s)) * p / 2 for s, p in zip(slopes, w))


def test_the_quadrature_knows_a_normal() -> None:
    """Checked against what is known in closed form, before it checks anything."""
    assert moment(torch.ones_like) == pytest.approx(1, rel=1e-13)
    assert moment(lambda z: z) == pytest.approx(1, rel=1e-12)
    assert moment(torch.exp) == pytest.approx(math.exp(2), rel=1e-12)


@pytest.mark.parametrize("spec", ACTIVATIONS.values(), ids=lambda spec: spec.name)
def test_moments(spec: ActivationSpec) -> None:
    """The second moment to eleven digits, and the gain that makes up for it."""
    if spec.name in WIDTH_DEPENDENT | ARGUMENT_DEPENDENT:
        assert spec.second_moment is None
        assert spec.gain is None
        return
    measured = {"glu": gated, "rrelu": random_slope}.get(spec.name, lambda: moment(function(spec.name)))()
    assert spec.second_moment == pytest.approx(measured, rel=1e-11)
    assert spec.gain == pytest.approx(1 / math.sqrt(measured), rel=1e-11)


def test_random_slopes_are_uniform_between_the_bounds() -> None:
    """What the moment of rrelu rests on."""
    slopes = -F.rrelu(torch.full((200_000,), -1.0), training=True)
    assert 1 / 8 <= float(slopes.min()) < 0.1251
    assert 0.3332 < float(slopes.max()) <= 1 / 3 + 1e-6
    assert float(slopes.var()) == pytest.approx((1 / 3 - 1 / 8) ** 2 / 12, rel=0.02)


@pytest.mark.parametrize("spec", ACTIVATIONS.values(), ids=lambda spec: spec.name)
def test_gain_of_torch(spec: ActivationSpec) -> None:
    """calculate_gain's answer, or that it raises."""
    if spec.torch_gain is None:
        with pytest.raises(ValueError, match="Unsupported nonlinearity"):
            nn.init.calculate_gain(typing.cast("typing.Any", spec.name))
    else:
        assert spec.torch_gain == nn.init.calculate_gain(typing.cast("typing.Any", spec.name))


def test_every_nonlinearity_of_torch_has_its_gain() -> None:
    """Exactly the names that calculate_gain declares."""
    declared = typing.get_args(nn.init._NonlinearityType)
    assert set(knowledge().gains) == set(declared)
    for name in declared:
        assert knowledge().gains[name] == nn.init.calculate_gain(name)


@pytest.mark.parametrize("spec", ACTIVATIONS.values(), ids=lambda spec: spec.name)
def test_kinds(spec: ActivationSpec) -> None:
    """What a kind says holds of the function."""
    if spec.name in WIDTH_DEPENDENT:
        assert spec.kind == "normalizing"
        return
    if spec.name in ARGUMENT_DEPENDENT | {"glu", "rrelu"}:
        return  # of several arguments, or random
    f = function(spec.name)
    far = torch.tensor([-30.0, 30.0], dtype=torch.float64)
    low, high = f(far).tolist()
    lower, higher = f(2 * far).tolist()
    if spec.kind == "saturating":  # bounded on both sides
        assert (abs(lower - low), abs(higher - high)) == (pytest.approx(0, abs=0.02), pytest.approx(0, abs=0.02))
    elif spec.kind in (
        "rectifier",
        "self-normalizing",
    ):  # (nearly) off on the left; on the right the identity, if not cut
        assert abs(low) <= 0.3 * 30
        assert abs(lower - low) <= 0.3 * 30
        assert high == (6 if spec.name == "relu6" else pytest.approx(30, rel=0.06))
    elif spec.kind == "linear":
        assert (low, high) == (-30, 30)


ARGUMENTS: dict[str, tuple[object, ...]] = {
    "threshold": (0.1, -0.5),
    "prelu": (torch.tensor([0.25], dtype=torch.float64),),
    "softmax": (1,),
    "log_softmax": (1,),
    "softmin": (1,),
    "gumbel_softmax": (1.0,),
}
RANDOM = ("rrelu", "gumbel_softmax")


@pytest.mark.parametrize("spec", ACTIVATIONS.values(), ids=lambda spec: spec.name)
def test_modules(spec: ActivationSpec) -> None:
    """Every module of torch that is listed under an activation computes it."""
    x = torch.linspace(-4, 4, 48, dtype=torch.float64).reshape(2, 6, 2, 2)
    for qualified in spec.modules:
        if not qualified.startswith("torch.nn."):
            continue
        given = {"Threshold": (0.1, -0.5), "Softmax": (1,), "LogSoftmax": (1,), "Softmin": (1,), "GLU": (-1,)}
        kind = qualified.rpartition(".")[2]
        module = getattr(nn, kind)(*given.get(kind, ())).double().eval()
        arguments = (1,) if kind == "Softmax2d" else ARGUMENTS.get(spec.name, ())
        assert torch.equal(module(x), function(spec.name)(x, *arguments)), qualified


@pytest.mark.parametrize("spec", ACTIVATIONS.values(), ids=lambda spec: spec.name)
def test_functions(spec: ActivationSpec) -> None:
    """Every function and method that is listed under an activation computes it; those with _ in place."""
    for qualified in spec.functions:
        namespace, _, name = qualified.rpartition(".")
        owner = {"torch": torch, "torch.nn.functional": F, "Tensor": Tensor, "torch.special": torch.special}.get(
            namespace
        )
        if owner is None:
            assert namespace.startswith("torch.ao.")  # see test_torch_functions
            continue
        x = torch.linspace(-4, 4, 24, dtype=torch.float64).reshape(2, 12)
        kept = x.clone()
        given = ARGUMENTS.get(name.rstrip("_"), ARGUMENTS.get(spec.name, ()))
        out = getattr(owner, name)(x, *given)
        assert (out.data_ptr() == x.data_ptr()) is name.endswith("_"), qualified
        assert knowledge().functions[qualified].inplace is name.endswith("_")
        if name.endswith("_"):
            assert torch.equal(out, x)
        else:
            assert torch.equal(x, kept)
        if name.rstrip("_") in RANDOM:
            slopes = out.sum(1) if name == "gumbel_softmax" else (out / kept)[kept < 0]
            expected = (
                torch.ones(2, dtype=torch.float64) if name == "gumbel_softmax" else torch.full_like(slopes, 11 / 48)
            )
            assert torch.allclose(slopes, expected), qualified
        else:
            assert torch.allclose(out, function(spec.name)(kept, *given)), qualified


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "celu", "softplus", "hardshrink", "softshrink"])
def test_slopes(name: str) -> None:
    """The parameter that bends an activation, by its name, its position, and its default; in functions and modules."""
    spec = knowledge().functions[f"torch.nn.functional.{name}"]
    x = torch.linspace(-4, 4, 24)
    f = function(name)
    assert torch.equal(f(x), f(x, **{spec.parameter: spec.default}))
    assert torch.equal(f(x, 0.1), f(x, **{spec.parameter: 0.1}))
    assert not torch.equal(f(x), f(x, 0.1))
    for qualified in ACTIVATIONS[name].modules:
        layer = knowledge().layers[qualified]
        assert layer.parameter == spec.parameter
        assert {p.name: p.default for p in layer.parameters}[layer.parameter] == spec.default


@pytest.mark.parametrize("spec", [s for s in ACTIVATIONS.values() if s.flat is not None], ids=lambda spec: spec.name)
def test_flat_parts_begin_where_the_slope_is_a_twentieth_of_the_largest(spec: ActivationSpec) -> None:
    assert spec.flat is not None
    z = torch.linspace(-12, 12, 240_001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(function(spec.name)(z).sum(), z)
    flat = z.detach().abs()[slope >= slope.max() / 20]
    assert float(flat.max()) == pytest.approx(spec.flat, abs=2e-4)
