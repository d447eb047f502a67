"""What an initializer does to variance: a law (scale, fan, distribution) for every canonical initializer.

Formulas: Glorot and Bengio 2010 (eq. 12), He et al. 2015 (eqs. 10, 14, 15), LeCun et al. 1998 (eq. 16); the moments
of truncated distributions in closed form with the error function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

FAN_MODES: Final = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS: Final[Mapping[str, str]] = {  # of variance scaling, by their names there
    "normal": "normal",
    "uniform": "uniform",
    "truncated_normal": "trunc_normal",
    "untruncated_normal": "normal",
}
TRUNCATION: Final = 2.0  # where frameworks cut a truncated normal, in standard deviations


@dataclass(frozen=True, slots=True)
class Law:
    """The moments of a weight's entries: mean, and variance = scale / fan.

    `fan` is "" where the fans do not matter, fan_in, fan_out, fan_avg (their mean), fan_max (their maximum), or span
    (the longer side of the flattened matrix, for orthogonal rows or columns). For patterns without chance (identity,
    dirac) the variance is the mean square: what a signal of independent inputs is multiplied by, over the fan.
    """

    scale: float
    fan: str
    distribution: str  # constant, normal, uniform, trunc_normal, orthogonal, sparse, identity, dirac, exponential, ...
    mean: float = 0.0

    def variance(self, fan_in: int | None, fan_out: int | None, receptive: int = 1) -> float | None:
        """Variance of an entry; None where a fan that it needs is unknown or zero.

        `receptive` is the number of a kernel's positions, by which both fans were multiplied.
        """
        if not self.fan:
            return self.scale
        fan: float | None
        if self.fan == "fan_in":
            fan = fan_in
        elif self.fan == "fan_out":
            fan = fan_out
        elif fan_in is None or fan_out is None:
            fan = None
        elif self.fan == "fan_avg":
            fan = (fan_in + fan_out) / 2
        else:
            fan = max(fan_in, fan_out // receptive if self.fan == "span" else fan_out)
        return self.scale / fan if fan else None

    def std(self, fan_in: int | None, fan_out: int | None, receptive: int = 1) -> float | None:
        """Standard deviation of an entry; None as for the variance."""
        variance = self.variance(fan_in, fan_out, receptive)
        return None if variance is None else math.sqrt(variance)

    def second_moment(self, fan_in: int | None, fan_out: int | None, receptive: int = 1) -> float | None:
        """Mean square of an entry; None as for the variance."""
        variance = self.variance(fan_in, fan_out, receptive)
        return None if variance is None else variance + self.mean**2


def law(name: str, arguments: Mapping[str, object], gains: Mapping[str, float]) -> Law | None:
    """The law of a canonical initializer with these arguments (absent ones have the framework's default).

    `gains` are the gains by nonlinearity that Kaiming's initializers know. None where there is no law (copied values,
    a Cauchy distribution), or an argument is unknown, or the framework would raise.
    """
    build = LAWS.get(name)
    if build is None:
        return None
    try:
        return build(_Arguments(arguments, gains))
    except (_NoLawError, ArithmeticError, ValueError):
        return None


def truncated(alpha: float, beta: float) -> tuple[float, float]:
    """Mean and variance of a standard normal cut at alpha < beta. Raises ValueError where nothing is left of it."""
    inside = _cumulative(beta) - _cumulative(alpha)
    if not inside > 1e-12:
        raise ValueError("nothing is left between the bounds")
    mean = (_density(alpha) - _density(beta)) / inside
    edge = (_edge(alpha) - _edge(beta)) / inside
    return mean, 1 + edge - mean**2


def _cumulative(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _edge(x: float) -> float:
    """The density times x, 0 at infinity."""
    return x * _density(x) if math.isfinite(x) else 0.0


class _NoLawError(Exception):
    """An argument is unknown, or one that the framework rejects."""


class _Arguments:
    """The arguments of an initializer, as numbers and words."""

    def __init__(self, given: Mapping[str, object], gains: Mapping[str, float]) -> None:
        self.given = given
        self.gains = gains

    def number(self, name: str, default: float | None = None) -> float:
        value = self.given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _NoLawError
        return float(value)

    def positive(self, name: str, default: float | None = None) -> float:
        value = self.number(name, default)
        if value < 0:
            raise _NoLawError
        return value

    def word(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.given.get(name, default)
        word = value.lower() if isinstance(value, str) else ""  # torch takes "FAN_IN" too
        if word not in allowed:
            raise _NoLawError
        return word

    def gain(self) -> float:
        """calculate_gain(nonlinearity, a); for a leaky ReLU He et al. 2015, eq. 15."""
        nonlinearity = self.given.get("nonlinearity", "leaky_relu")
        if nonlinearity == "leaky_relu":
            return math.sqrt(2 / (1 + self.number("a", 0) ** 2))
        if not isinstance(nonlinearity, str) or nonlinearity not in self.gains:
            raise _NoLawError
        return self.gains[nonlinearity]


def _constant(value: float) -> Law:
    return Law(0.0, "", "constant", value)


def _normal(given: _Arguments) -> Law:
    return Law(given.positive("std", 1) ** 2, "", "normal", given.number("mean", 0))


def _uniform(given: _Arguments) -> Law:
    low, high = given.number("a", 0), given.number("b", 1)
    if low > high:
        raise _NoLawError
    return Law((high - low) ** 2 / 12, "", "uniform", (low + high) / 2)


def _trunc_normal(given: _Arguments) -> Law:
    """torch's: cut at the values a and b."""
    mean, std = given.number("mean", 0), given.positive("std", 1)
    shift, share = truncated((given.number("a", -2) - mean) / std, (given.number("b", 2) - mean) / std)
    return Law(share * std**2, "", "trunc_normal", mean + shift * std)


def _trunc_normal_tf(given: _Arguments) -> Law:
    """TensorFlow's: cut at mean + a * std and mean + b * std."""
    mean, std = given.number("mean", 0), given.positive("std", 1)
    shift, share = truncated(given.number("a", -TRUNCATION), given.number("b", TRUNCATION))
    return Law(share * std**2, "", "trunc_normal", mean + shift * std)


def _kaiming(distribution: str) -> Callable[[_Arguments], Law]:
    def build(given: _Arguments) -> Law:
        return Law(given.gain() ** 2, given.word("mode", "fan_in", ("fan_in", "fan_out")), distribution)

    return build


def _variance_scaling(given: _Arguments) -> Law:
    """The truncated form is scaled back to the variance asked for."""
    distribution = given.word("distribution", "normal", tuple(DISTRIBUTIONS))
    shape = DISTRIBUTIONS[distribution]
    return Law(given.positive("scale", 1), given.word("mode", "fan_in", FAN_MODES), shape)


def _sparse(given: _Arguments) -> Law:
    sparsity = given.positive("sparsity")
    if sparsity > 1:
        raise _NoLawError
    return Law((1 - sparsity) * given.positive("std", 0.01) ** 2, "", "sparse")


def _log_normal(given: _Arguments) -> Law:
    mean, variance = given.number("mean", 1), given.positive("std", 2) ** 2
    return Law(math.expm1(variance) * math.exp(2 * mean + variance), "", "log_normal", math.exp(mean + variance / 2))


def _bernoulli(given: _Arguments) -> Law:
    p = given.positive("p", 0.5)
    if p > 1:
        raise _NoLawError
    return Law(p * (1 - p), "", "bernoulli", p)


def _geometric(given: _Arguments) -> Law:
    p = given.positive("p")
    if not 0 < p < 1:
        raise _NoLawError
    return Law((1 - p) / p**2, "", "geometric", 1 / p)


def _random(given: _Arguments) -> Law:
    """Whole numbers from a up to but not including b."""
    low, high = given.number("a", 0), given.number("b")
    if high <= low:
        raise _NoLawError
    return Law(((high - low) ** 2 - 1) / 12, "", "random", (low + high - 1) / 2)


LAWS: Final[Mapping[str, Callable[[_Arguments], Law]]] = {
    "zeros": lambda _: _constant(0),
    "ones": lambda _: _constant(1),
    "constant": lambda given: _constant(given.number("val")),
    "normal": _normal,
    "uniform": _uniform,
    "trunc_normal": _trunc_normal,
    "trunc_normal_tf": _trunc_normal_tf,
    "xavier_uniform": lambda given: Law(given.number("gain", 1) ** 2, "fan_avg", "uniform"),
    "xavier_normal": lambda given: Law(given.number("gain", 1) ** 2, "fan_avg", "normal"),
    "kaiming_uniform": _kaiming("uniform"),
    "kaiming_normal": _kaiming("normal"),
    "lecun_uniform": lambda _: Law(1, "fan_in", "uniform"),
    "lecun_normal": lambda _: Law(1, "fan_in", "trunc_normal"),
    "variance_scaling": _variance_scaling,
    "orthogonal": lambda given: Law(given.number("gain", 1) ** 2, "span", "orthogonal"),
    "sparse": _sparse,
    "identity": lambda _: Law(1, "fan_max", "identity"),
    "dirac": lambda _: Law(1, "fan_max", "dirac"),
    "exponential": lambda given: Law(given.number("lambd", 1) ** -2, "", "exponential", 1 / given.number("lambd", 1)),
    "bernoulli": _bernoulli,
    "log_normal": _log_normal,
    "geometric": _geometric,
    "random": _random,
}
