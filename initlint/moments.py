"""What a function does to the moments of a normal input: the numbers that the signal model runs on.

For z ~ N(0, variance): E[f], E[f^2] (He et al. 2015, eq. 9, for any f), E[f'^2], the factor on small differences
forward and on gradients backward (Schoenholz et al. 2017, eq. 5), and for two inputs that are not the same the half
mean square of what is left of their difference (their eq. 4). Gauss-Hermite quadrature where f is smooth,
Gauss-Legendre between its kinks elsewhere, closed forms for functions that are linear on both sides of zero (Cho and
Saul 2009, for ReLU).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from initlint.curves import Curve, erf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

SMOOTH_NODES: Final = 100  # of Gauss-Hermite; exact to ten digits for tanh up to variance 4
WIDE: Final = 4.0  # beyond it saturating functions are too steep for Gauss-Hermite
REACH: Final = 10.0  # standard deviations; what lies beyond weighs 1e-23
PANEL_NODES: Final = 12
STEP: Final = 1e-4  # of differences, relative to inputs up to 1: right to eight digits
LEAST_STEP: Final = 1e-9
GRID: Final = 141  # points a side for two inputs
CLOSE: Final = 1e-8  # relative half mean square below which a difference only feels the slope


class Moments(NamedTuple):
    """Moments of f(z) for z ~ N(0, variance). All are finite: `moments` raises otherwise."""

    variance: float
    mean: float  # E[f(z)]
    second_moment: float  # E[f(z)^2]
    derivative_second_moment: float  # E[f'(z)^2]

    @property
    def gain(self) -> float:
        """What the weights' std is to be multiplied by, over 1 / sqrt(fan_in), to keep the signal's second moment."""
        return math.sqrt(self.variance / self.second_moment) if self.second_moment else math.inf

    @property
    def slope_gain(self) -> float:
        """The same to keep small differences and gradients: 1 / sqrt(E[f'^2])."""
        return 1 / math.sqrt(self.derivative_second_moment) if self.derivative_second_moment else math.inf


def moments(
    function: Callable[[Array], Array] | Curve, variance: float = 1.0, kinks: Sequence[float] | None = None
) -> Moments:
    """The moments of any function of an array of numbers, for inputs from N(0, variance).

    `function` maps a one-dimensional float64 array to one of the same shape; `kinks` are the points where its slope
    jumps, where they are known (a curve knows its own). Raises ValueError where a moment is not finite, or the function
    gives back something else than numbers of that shape.
    """
    if not variance >= 0 or math.isinf(variance):
        raise ValueError(f"a variance is a number from 0 on, not {variance}")
    known = function.kinks if isinstance(function, Curve) else kinks
    slopes = function.slopes if isinstance(function, Curve) else None
    if slopes is not None:
        return broken_moments(*slopes, variance)
    scale = math.sqrt(variance)
    x, w = nodes(known, scale)
    return _integrated(function, variance, known or (), x, w)


def highest(curve: Curve, variance: float, half_square: float, count: float) -> tuple[Moments, float]:
    """The moments of a rising f at the largest of `count` inputs, which differ as two inputs of `difference` do; and
    the variance of what comes out over inputs. For max-pools."""
    import numpy as np

    d = min(half_square, variance)
    common, w = _hermite(64)
    x, v = equidistant(GRID)
    v = v * count * np.power(0.5 * (1 + erf(x / math.sqrt(2))), count - 1)
    v = v / v.sum()
    z = math.sqrt(max(variance - d, 0.0)) * common[:, None] + math.sqrt(d) * x[None, :]
    step = max(STEP * min(1.0, math.sqrt(variance)), LEAST_STEP)
    values = curve(z.ravel()).reshape(z.shape)
    rise = (curve((z + step).ravel()) - curve((z - step).ravel())).reshape(z.shape) / (2 * step)
    found = Moments(variance, float(w @ values @ v), float(w @ values**2 @ v), float(w @ rise**2 @ v))
    return found, float(w @ ((values - (values @ v)[:, None]) ** 2 @ v))


def _integrated(
    function: Callable[[Array], Array], variance: float, kinks: Sequence[float], x: Array, w: Array
) -> Moments:
    import numpy as np

    scale = math.sqrt(variance)
    step = max(STEP * min(1.0, scale), LEAST_STEP)
    with np.errstate(all="ignore"):
        z = scale * x
        values = np.asarray(function(z), dtype=np.float64)
        if values.shape != z.shape:
            raise ValueError(f"the function made {values.shape} of {z.shape}")
        beside = z
        for kink in kinks:  # a difference must not reach over a kink, and a jump is no slope
            near = np.abs(z - kink) <= step
            beside = np.where(near, kink + np.where(z < kink, -2 * step, 2 * step), beside)
        rise = np.asarray(function(beside + step), np.float64) - np.asarray(function(beside - step), np.float64)
        found = [float(w @ values), float(w @ values**2), float(w @ (rise / (2 * step)) ** 2)]
    if not all(map(math.isfinite, found)):
        raise ValueError("a moment of the function is not finite")
    return Moments(variance, *found)


def broken_moments(below: float, above: float, variance: float) -> Moments:
    """In closed form, for a function with these slopes on both sides of zero (He et al. 2015, eq. 15)."""
    share = (below**2 + above**2) / 2
    return Moments(variance, (above - below) * math.sqrt(variance / (2 * math.pi)), share * variance, share)


def fluctuation(curve: Curve, variance: float, held: str = "") -> float:
    """Relative variance of f(z)^2, which over n units makes their mean fluctuate by this over n: 5 for ReLU (Hanin and
    Nica 2020). Where a norm before holds the inputs' second moment (`rms`), or their mean as well (`layer`), what
    goes along with those does not fluctuate."""
    import numpy as np

    x, w = nodes(curve.kinks, math.sqrt(variance))
    with np.errstate(all="ignore"):
        squares = np.asarray(curve(math.sqrt(variance) * x)) ** 2
        mean = float(w @ squares)
        if not mean > 0 or not math.isfinite(mean):
            return 0.0
        squares = squares / mean
        found = float(w @ squares**2) - 1
        if held:
            found -= (float(w @ (squares * x**2)) - 1) ** 2 / 2
        if held == "layer":
            found -= float(w @ (squares * x)) ** 2
    return max(found, 0.0) if math.isfinite(found) else 0.0


def difference(curve: Curve, variance: float, half_square: float) -> float:
    """E[(f(z1) - f(z2))^2] / 2 for a pair from N(0, variance) with E[(z1 - z2)^2] / 2 = half_square.

    It is the variance over different inputs of what comes out. Small differences keep their digits.
    """
    d = min(half_square, variance)
    if d <= 0 or variance <= 0:
        return 0.0
    if curve.slopes is not None:
        return difference_of_slopes(*curve.slopes, variance, d)
    if d < CLOSE * variance:
        return d * moments(curve, variance).derivative_second_moment
    return _sampled_difference(curve, variance, d)


def difference_of_slopes(below: float, above: float, variance: float, d: float) -> float:
    """The same in closed form, for a function with these slopes on both sides of zero. With f = s |z| + t z: E[|z1 z2|]
    from the arc-cosine kernel (Cho and Saul 2009), in a form that keeps small angles."""
    s, t = (above - below) / 2, (above + below) / 2
    theta = 2 * math.asin(math.sqrt(min(1.0, d / (2 * variance))))
    lost = 1 - math.cos(theta) - 2 / math.pi * (math.sin(theta) - theta * math.cos(theta))
    if theta < 1e-4:
        lost = theta**2 / 2 - 2 / math.pi * theta**3 / 3
    return s * s * variance * lost + t * t * d


def _sampled_difference(curve: Curve, variance: float, d: float) -> float:
    """z1 and z2 share sqrt(variance - d) a and differ in sqrt(d) b: the mean over a of the variance over b."""
    import numpy as np

    smooth = not curve.kinks and variance <= WIDE
    x, w = _hermite(64) if smooth else equidistant(GRID)
    z = math.sqrt(max(variance - d, 0.0)) * x[:, None] + math.sqrt(d) * x[None, :]
    values = np.asarray(curve(z.ravel())).reshape(z.shape)
    centred = values - (values @ w)[:, None]
    return float(w @ (centred**2 @ w))


def elasticity(curve: Curve, variance: float) -> tuple[float, float]:
    """E[f z f'] / E[f^2], by how many per cent E[f^2] grows with one per cent of the variance, and E[(z f')^2] /
    E[f^2], what f itself changes by: 1 and 1 for ReLU."""
    x, w = nodes(curve.kinks, math.sqrt(variance))
    z = math.sqrt(variance) * x
    values, rise = curve(z), (curve(z * (1 + STEP)) - curve(z * (1 - STEP))) / (2 * STEP)
    m = float(w @ values**2)
    return (float(w @ (values * rise)) / m, float(w @ rise**2) / m) if m > 0 else (0.0, 0.0)


def products(curve: Curve, variance: float, apart: float) -> tuple[float, float, float]:
    """For a pair from N(0, variance) whose correlation is 1 - apart, relative to m = E[f^2]: half the mean square of
    f1 - f2; and E[(f1^2 - f2^2)^2] / (4 m^2) and E[(f1 f2 - phi (f1^2 + f2^2) / 2)^2] / m^2, where phi = E[f1 f2] / m.
    The means over n units of f1^2, f2^2 and f1 f2 fluctuate by the latter over n."""
    x, w = _hermite(64) if not curve.kinks and variance <= WIDE else equidistant(GRID)
    common = math.sqrt(variance * (1 - apart / 2)) * x[:, None]
    own = math.sqrt(variance * apart / 2) * x[None, :]
    one, two = (curve((common + sign * own).ravel()).reshape(common.size, own.size) for sign in (1, -1))
    squares, difference = (one**2 + two**2) / 2, one - two
    m = float(w @ squares @ w)
    if not m > 0:
        return 0.0, 0.0, 0.0
    left = float(w @ difference**2 @ w) / (2 * m)
    uneven = float(w @ (difference * (one + two)) ** 2 @ w) / (4 * m * m)
    return left, uneven, float(w @ (left * squares - difference**2 / 2) ** 2 @ w) / (m * m)


def nodes(kinks: Sequence[float] | None, scale: float) -> tuple[Array, Array]:
    """Points and weights of E[g(scale x)], x ~ N(0, 1). `kinks` are those of g; () says that it is smooth, None that
    nothing is known."""
    if kinks is not None and not kinks and scale * scale <= WIDE:
        return _hermite(SMOOTH_NODES)
    steep = tuple(k / scale for k in kinks or () if scale and abs(k) < REACH * scale)
    return _panels(tuple(sorted({0.0, *steep})))


@lru_cache(maxsize=8)
def _hermite(count: int) -> tuple[Array, Array]:
    import numpy as np

    x, w = np.polynomial.hermite.hermgauss(count)
    return math.sqrt(2) * x, w / math.sqrt(math.pi)


@lru_cache(maxsize=8)
def equidistant(count: int) -> tuple[Array, Array]:
    """Equidistant points: for a smooth g as good as Gauss's, and even where it has kinks."""
    import numpy as np

    x = np.linspace(-8.0, 8.0, count)
    w = np.exp(-x * x / 2)
    return x, w / w.sum()


@lru_cache(maxsize=256)
def _panels(centres: tuple[float, ...]) -> tuple[Array, Array]:
    """Gauss-Legendre on panels that get narrower towards the centres, where functions have kinks or are steep."""
    import numpy as np

    edges = set(np.arange(-REACH, REACH + 0.25, 0.5).tolist())
    for centre in centres:
        edges.add(centre)
        edges.update(centre + sign * 0.5 * 0.25**k for k in range(12) for sign in (-1, 1))
    bounds = np.array(sorted(edge for edge in edges if -REACH <= edge <= REACH))
    x, w = np.polynomial.legendre.leggauss(PANEL_NODES)
    half = np.diff(bounds) / 2
    points = (bounds[:-1] + half)[:, None] + half[:, None] * x[None, :]
    weights = half[:, None] * w[None, :] * np.exp(-points * points / 2) / math.sqrt(2 * math.pi)
    return points.ravel(), weights.ravel()
