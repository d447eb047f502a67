"""The laws: formulas of the papers, truncation in closed form, and nothing where something is unknown."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from initlint.knowledge import knowledge, law_of
from initlint.laws import LAWS, Law, law, truncated

FANS = (300, 500)


def variance(name: str, **arguments: object) -> float:
    found = law_of(name, arguments)
    assert found is not None
    value = found.variance(*FANS)
    assert value is not None
    return value


@pytest.mark.parametrize(
    "name, arguments, expected",
    [
        ("xavier_normal", {}, 2 / 800),  # Glorot and Bengio 2010, eq. 12
        ("xavier_uniform", {"gain": 5 / 3}, 25 / 9 * 2 / 800),
        ("kaiming_normal", {"nonlinearity": "relu"}, 2 / 300),  # He et al. 2015, eq. 10
        ("kaiming_normal", {"nonlinearity": "relu", "mode": "fan_out"}, 2 / 500),  # eq. 14
        ("kaiming_uniform", {"a": 0.2}, 2 / (1.04 * 300)),  # eq. 15
        ("kaiming_uniform", {"a": math.sqrt(5)}, 1 / (3 * 300)),  # torch's default
        ("kaiming_normal", {"nonlinearity": "linear"}, 1 / 300),
        ("kaiming_normal", {"nonlinearity": "selu"}, 9 / 16 / 300),  # not LeCun's law
        ("kaiming_normal", {"nonlinearity": "relu", "a": 0.5}, 2 / 300),  # the slope is for leaky_relu only
        ("lecun_normal", {}, 1 / 300),  # LeCun et al. 1998, eq. 16
        ("lecun_uniform", {}, 1 / 300),
        ("variance_scaling", {"scale": 2.0, "mode": "fan_in"}, 2 / 300),
        ("variance_scaling", {"mode": "fan_avg", "distribution": "uniform"}, 1 / 400),
        ("variance_scaling", {"mode": "fan_out", "distribution": "truncated_normal"}, 1 / 500),
        ("orthogonal", {"gain": 2.0}, 4 / 500),
        ("identity", {}, 1 / 500),
        ("sparse", {"sparsity": 0.9, "std": 0.1}, 0.001),
        ("normal", {"std": 0.02}, 0.0004),
        ("uniform", {"a": -0.3, "b": 0.3}, 0.03),
        ("zeros", {}, 0.0),
        ("ones", {}, 0.0),
        ("constant", {"val": 0.7}, 0.0),
    ],
)
def test_formulas(name: str, arguments: dict[str, object], expected: float) -> None:
    """The variance at fans 300 and 500, as the papers have it."""
    assert variance(name, **arguments) == pytest.approx(expected, rel=1e-12)


def test_families() -> None:
    """Xavier, He and LeCun are members of variance scaling."""
    for distribution, scale, mode in product(("normal", "uniform"), (1.0, 2.0), ("fan_in", "fan_out", "fan_avg")):
        scaled = law_of("variance_scaling", {"scale": scale, "mode": mode, "distribution": distribution})
        same = {
            (1.0, "fan_avg"): law_of(f"xavier_{distribution}", {}),
            (2.0, "fan_in"): law_of(f"kaiming_{distribution}", {"nonlinearity": "relu"}),
            (2.0, "fan_out"): law_of(f"kaiming_{distribution}", {"nonlinearity": "relu", "mode": "fan_out"}),
        }.get((scale, mode))
        if same is not None:
            assert scaled is not None
            assert scaled.scale == pytest.approx(same.scale)
            assert (scaled.fan, scaled.distribution) == (same.fan, same.distribution)


@pytest.mark.parametrize("alpha, beta", [(-2, 2), (-1, 0.5), (0, 3), (-0.1, 0.1), (-math.inf, 1), (-50, 50), (2, 4)])
def test_truncation(alpha: float, beta: float) -> None:
    """Mean and variance of a cut normal: closed form against quadrature."""
    x, w = np.polynomial.legendre.leggauss(200)
    low, high = max(alpha, -12.0), min(beta, 12.0)
    z = low + (high - low) * (x + 1) / 2
    density = w * np.exp(-z * z / 2)
    mean = float((z * density).sum() / density.sum())
    spread = float(((z - mean) ** 2 * density).sum() / density.sum())
    assert truncated(alpha, beta) == pytest.approx((mean, spread), rel=1e-6, abs=1e-9)


def test_truncation_of_the_frameworks() -> None:
    """Cut at two standard deviations a normal keeps 0.8796 of its std; torch's cut at ±2 does nothing to 0.02."""
    assert math.sqrt(variance("trunc_normal_tf", std=1.0)) == pytest.approx(0.87962566103423978, rel=1e-12)
    assert variance("trunc_normal") == pytest.approx(variance("trunc_normal_tf"))
    assert math.sqrt(variance("trunc_normal", std=0.02)) == pytest.approx(0.02, rel=1e-12)
    assert math.sqrt(variance("trunc_normal_tf", std=0.02)) == pytest.approx(0.02 * 0.87962566103423978, rel=1e-12)
    assert variance("trunc_normal", std=0.02, a=-0.04, b=0.04) == pytest.approx(variance("trunc_normal_tf", std=0.02))
    shifted = law_of("trunc_normal_tf", {"mean": 0.3, "std": 0.1, "a": -1.0, "b": 3.0})
    absolute = law_of("trunc_normal", {"mean": 0.3, "std": 0.1, "a": 0.2, "b": 0.6})
    assert shifted is not None
    assert absolute is not None
    assert (shifted.scale, shifted.mean) == pytest.approx((absolute.scale, absolute.mean))
    assert law_of("trunc_normal", {"mean": 50.0, "std": 0.01}) is None  # nothing is left between the bounds
    assert law_of("trunc_normal", {"std": 0.0}) is None


@pytest.mark.parametrize(
    "name", [n for n in LAWS if n not in ("zeros", "ones", "identity", "dirac", "lecun_uniform", "lecun_normal")]
)
def test_unknown_arguments_have_no_law(name: str) -> None:
    """An argument that is not a number is unknown, never a default."""
    every = ("val", "mean", "std", "a", "b", "gain", "nonlinearity", "scale", "sparsity", "lambd", "p", "mode")
    assert law_of(name, dict.fromkeys(every, object())) is None


def test_unknown_fans() -> None:
    """A law without fans has a variance all the same; one with fans needs those that it names."""
    assert Law(0.5, "", "normal").variance(None, None) == 0.5
    assert Law(2, "fan_in", "normal").variance(4, None) == 0.5
    assert Law(2, "fan_out", "normal").variance(4, None) is None
    for fan in ("fan_avg", "fan_max", "span"):
        assert Law(2, fan, "normal").std(4, None) is None
    assert Law(2, "fan_in", "normal").variance(0, 4) is None
    assert Law(2, "fan_in", "normal").second_moment(None, 4) is None


def test_moments_of_constants() -> None:
    """A constant has no variance, but a second moment."""
    found = law_of("constant", {"val": -3})
    assert found is not None
    assert (found.std(1, 1), found.second_moment(1, 1)) == (0.0, 9.0)


def test_what_has_no_law() -> None:
    """Copied values, a Cauchy distribution, and names that nobody knows."""
    assert law_of("copy", {}) is None
    assert law_of("cauchy", {}) is None
    assert law_of("default", {}) is None
    assert law("kaiming_normal", {"nonlinearity": "relu"}, {}) is None  # no gains, no gain


def test_huge_numbers_have_no_law() -> None:
    """The arguments are the user's: no overflow gets out."""
    assert law_of("normal", {"std": 10**400}) is None
    assert law_of("normal", {"std": 1e300}) is None
    assert law_of("log_normal", {"std": 1e9}) is None
    assert law_of("exponential", {"lambd": 0}) is None


def test_every_canonical_initializer_has_a_law_or_a_reason() -> None:
    """Every name of techniques.toml, and every law that a spelling names."""
    names = {name for technique in knowledge().techniques.values() for name in technique.names}
    assert names - LAWS.keys() == {"copy", "cauchy"}
    laws = {spec.law for spec in knowledge().initializers.values()}
    assert laws - LAWS.keys() == {"copy", "cauchy"}
    assert LAWS.keys() - names == {"trunc_normal_tf"}
