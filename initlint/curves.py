"""The activation functions as NumPy knows them: one table, by the canonical names of rules/activations.toml.

A `Curve` is a function of one number applied to every entry. What is no such function has none here: softmax and its
kin depend on the width, glu on two halves, threshold on its arguments. A test asks torch about every row.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]
    Evaluate: TypeAlias = Callable[[Array], Array]

SELU_SCALE: Final = 1.0507009873554804934193349852946
SELU_ALPHA: Final = 1.6732632423543772848170429916717
RRELU: Final = (1 / 8, 1 / 3)  # between which its slope is drawn while training
ERF_STEP: Final = 1 / 512
STEP: Final = 1e-5  # of differences: right to eight digits
FLAT: Final = 1e-6
ERF_END: Final = 6.0  # beyond it erf is 1 to the last bit


@dataclass(frozen=True, slots=True)
class Curve:
    """A function of every entry, the points where its slope jumps, and, for a function that is linear on both sides
    of zero, the two slopes: for those there are closed forms."""

    evaluate: Evaluate
    kinks: tuple[float, ...] = ()
    slopes: tuple[float, float] | None = None  # below zero, above zero

    def __call__(self, z: Array, /) -> Array:
        return self.evaluate(z)

    def slope(self, z: Array) -> Array:
        """The derivative. At a kink it is the one that frameworks take: none where the function is flat on one side,
        else that of the side below (ReLU's at 0 is 0, ELU's its alpha)."""
        import numpy as np

        found = (self.evaluate(z + STEP) - self.evaluate(z - STEP)) / (2 * STEP)
        for kink in self.kinks:
            near = np.abs(z - kink) <= STEP
            below, above = (self._slope_beside(kink, side * STEP) for side in (-1, 1))
            at = 0.0 if abs(above) < FLAT else below
            found = np.where(near, np.where(z == kink, at, np.where(z < kink, below, above)), found)
        return found

    def _slope_beside(self, kink: float, step: float) -> float:
        """From three points on one side."""
        import numpy as np

        near, far, farther = self.evaluate(kink + step * np.array([1.0, 2.0, 3.0]))
        return float(-5 * near + 8 * far - 3 * farther) / (2 * step)


def curve(name: str, parameter: float | None = None) -> Curve | None:
    """The activation with this slope or alpha (the framework's default where it is None); None where it is no function
    of single entries."""
    if name in _BROKEN:
        return broken(*_BROKEN[name](parameter))
    make = _CURVES.get(name)
    return None if make is None else make(parameter)


def names() -> frozenset[str]:
    """The activations that have a curve."""
    return frozenset({*_BROKEN, *_CURVES})


def broken(below: float, above: float) -> Curve:
    """Linear on both sides of zero."""
    import numpy as np

    if below == above:
        return Curve(lambda z: above * z, (), (below, above))
    return Curve(lambda z: np.where(z > 0, above * z, below * z), (0.0,), (below, above))


def erf(x: Array) -> Array:
    """The error function, by cubic interpolation between exact values; right to 13 digits."""
    import numpy as np

    position = np.minimum(np.abs(x), ERF_END - ERF_STEP / 2) / ERF_STEP
    index = position.astype(np.intp)
    rest = position - index
    *lower, highest = _erf_cubics()
    rise = np.take(highest, index)
    for coefficients in reversed(lower):
        rise *= rest
        rise += np.take(coefficients, index)
    return np.copysign(rise, x)


@cache
def _erf_cubics() -> tuple[Array, ...]:
    """The coefficients of each power, lowest first, of the cubics between points, by values and slopes there."""
    import numpy as np

    points = [i * ERF_STEP for i in range(int(ERF_END / ERF_STEP) + 2)]
    values = np.array([math.erf(p) for p in points])
    slopes = np.array([2 / math.sqrt(math.pi) * math.exp(-p * p) for p in points]) * ERF_STEP
    rise, first, last = np.diff(values), slopes[:-1], slopes[1:]
    return values[:-1], first, 3 * rise - 2 * first - last, first + last - 2 * rise


def sigmoid(z: Array) -> Array:
    import numpy as np

    return 0.5 * (1 + np.tanh(0.5 * z))


def softplus(z: Array) -> Array:
    import numpy as np

    return np.logaddexp(0.0, z)


def _or(parameter: float | None, default: float) -> float:
    return default if parameter is None else parameter


_BROKEN: Final[dict[str, Callable[[float | None], tuple[float, float]]]] = {
    "linear": lambda _: (1.0, 1.0),
    "relu": lambda _: (0.0, 1.0),
    "leaky_relu": lambda slope: (_or(slope, 0.01), 1.0),
    "prelu": lambda slope: (_or(slope, 0.25), 1.0),
    # its slope is random: this one has the same second moment
    "rrelu": lambda _: (math.sqrt((RRELU[1] ** 3 - RRELU[0] ** 3) / (3 * (RRELU[1] - RRELU[0]))), 1.0),
}


def _relu6(_: float | None) -> Curve:
    import numpy as np

    return Curve(lambda z: np.clip(z, 0.0, 6.0), (0.0, 6.0))


def _elu(alpha: float | None) -> Curve:
    import numpy as np

    a = _or(alpha, 1.0)
    return Curve(lambda z: np.where(z > 0, z, a * np.expm1(np.minimum(z, 0.0))), (0.0,))


def _celu(alpha: float | None) -> Curve:
    import numpy as np

    a = _or(alpha, 1.0)
    return Curve(lambda z: np.where(z > 0, z, a * np.expm1(np.minimum(z, 0.0) / a)), (0.0,))


def _selu(_: float | None) -> Curve:
    elu = _elu(SELU_ALPHA)
    return Curve(lambda z: SELU_SCALE * elu.evaluate(z), (0.0,))


def _softplus(beta: float | None) -> Curve:
    b = _or(beta, 1.0)
    return Curve(lambda z: softplus(b * z) / b)


def _mish(_: float | None) -> Curve:
    import numpy as np

    return Curve(lambda z: z * np.tanh(softplus(z)))


def _hardswish(_: float | None) -> Curve:
    import numpy as np

    return Curve(lambda z: z * np.clip(z + 3, 0.0, 6.0) / 6, (-3.0, 3.0))


def _hardmish(_: float | None) -> Curve:
    import numpy as np

    return Curve(lambda z: z * np.clip(z + 2, 0.0, 2.0) / 2, (-2.0, 0.0))


def _tanh(_: float | None) -> Curve:
    import numpy as np

    return Curve(np.tanh)


def _softsign(_: float | None) -> Curve:
    import numpy as np

    return Curve(lambda z: z / (1 + np.abs(z)), (0.0,))  # its second derivative jumps


def _hardtanh(_: float | None) -> Curve:
    import numpy as np

    return Curve(lambda z: np.clip(z, -1.0, 1.0), (-1.0, 1.0))


def _hardsigmoid(_: float | None) -> Curve:
    import numpy as np

    return Curve(lambda z: np.clip(z + 3, 0.0, 6.0) / 6, (-3.0, 3.0))


def _tanhshrink(_: float | None) -> Curve:
    import numpy as np

    return Curve(lambda z: z - np.tanh(z))


def _hardshrink(bound: float | None) -> Curve:
    import numpy as np

    b = _or(bound, 0.5)
    return Curve(lambda z: np.where(np.abs(z) > b, z, 0.0), (-b, b))


def _softshrink(bound: float | None) -> Curve:
    import numpy as np

    b = _or(bound, 0.5)
    return Curve(lambda z: np.sign(z) * np.maximum(np.abs(z) - b, 0.0), (-b, b))


def _of_numpy(name: str) -> Callable[[float | None], Curve]:
    def make(_: float | None) -> Curve:
        import numpy as np

        return Curve(getattr(np, name))

    return make


_CURVES: Final[dict[str, Callable[[float | None], Curve]]] = {
    "relu6": _relu6,
    "elu": _elu,
    "celu": _celu,
    "selu": _selu,
    "gelu": lambda _: Curve(lambda z: 0.5 * z * (1 + erf(z / math.sqrt(2)))),
    "silu": lambda _: Curve(lambda z: z * sigmoid(z)),
    "mish": _mish,
    "softplus": _softplus,
    "hardswish": _hardswish,
    "hardmish": _hardmish,
    "tanh": _tanh,
    "sigmoid": lambda _: Curve(sigmoid),
    "softsign": _softsign,
    "hardtanh": _hardtanh,
    "hardsigmoid": _hardsigmoid,
    "logsigmoid": lambda _: Curve(lambda z: -softplus(-z)),
    "tanhshrink": _tanhshrink,
    "hardshrink": _hardshrink,
    "softshrink": _softshrink,
    "exp": _of_numpy("exp"),
    "sin": _of_numpy("sin"),
    "cos": _of_numpy("cos"),
}
