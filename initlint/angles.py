"""What finite widths do to two inputs on their way through layers that are linear on both sides of zero.

In the limit of wide layers the angle between two inputs shrinks by a fixed map (Cho and Saul 2009). At width n the
three mean products of the two signals fluctuate by 1/n a layer, the fluctuations add up with depth, and since the map
is curved they change its mean (Yaida 2020; Roberts, Yaida and Hanin 2022, The Principles of Deep Learning Theory,
chapter 4; Jakub and Nica 2023 for the angle). Each layer is taken to the first order in 1/n, and what layers add up
to is not: deep in a network the angle's logarithm is nearly normal, as a product of many factors is (Hanin and Nica
2020 for the norms), so that 1 - cos(angle) is taken as log-normal, but no larger than 2 (_drawn); and the share
e = (p - q) / (p + q) by which squared norms p and q differ as the symmetric beta on (-1, 1), density (1 - e^2)^(b - 1).
Both have their mean and variance, which are propagated. What draws make of the norms that both inputs have in common
leaves the mean of the signal alone (Hanin and Nica 2020): everything is relative to it, and averages are weighted with
it.

With z1, z2 = |z1|, |z2| at the angle theta and f of slopes `below` and `above`, per unit and layer, m = E[f^2], u =
E[(f1^2 - f2^2)^2] / (4 m^2), v = E[(f1 f2 - phi (f1^2 + f2^2) / 2)^2] / m^2, where phi(cos theta) = E[f1 f2] / m, and
E is over angles too: uneven' = uneven + E[(1 - e^2)^2] E[u] / n, apart' = E[1 - phi - phi u / 2n], wavering' =
Var[1 - phi - phi u / 2n] + E[v] / n.

Of any other f the same is taken at the second moment that the signals have in the mean. There a small e becomes g e,
where g = E[f z f'] / m, and moves f1 and f2 apart by E[(z f')^2] e^2 / 2m, of which g^2 e^2 / 2 is between the norms.
What fluctuations of the norm that both have in common make of the angle is left out.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from initlint.formulas import Function
from initlint.moments import difference_of_slopes, elasticity, products

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from initlint.curves import Curve

    Array = NDArray[np.float64]

SMALL: Final = 1e-3  # angles below which what depends on them has its leading power
NODES: Final = 16
ANGLES: Final = 7  # of which a distribution is made
OPPOSITE: Final = 1.999  # the largest mean of 1 - cos(angle)
TURNS: Final = 8  # of Newton's method
EVEN: Final = 1e-3  # variances below which what depends on them has its leading powers
MOST_UNEVEN: Final = 0.999
LEAST: Final = 0.25  # of what a layer leaves in the limit of wide ones: beyond, 1/n is no small number


class Angle(NamedTuple):
    """Of two inputs: the variance over draws of (p - q) / (p + q) for their squared norms p and q, the mean of
    1 - cos(angle), and the variance of the latter."""

    uneven: float
    apart: float
    wavering: float

    @property
    def difference(self) -> float:
        """Half the mean square difference, relative to the second moment."""
        return self.apart + _missing(self.uneven) * (1 - self.apart)

    def biased(self, share: float) -> Angle:
        """With a bias that both have in common; `share` is what of the second moment comes from the inputs."""
        uneven = share**2 * self.uneven
        missing = _missing(uneven)
        apart = max((share * self.difference - missing) / (1 - missing), share * self.apart * LEAST)
        return Angle(uneven, apart, share**2 * self.wavering)

    def through(self, function: Function, variance: float, units: int) -> Angle:
        """After an activation of inputs with this variance, of so many units."""
        new, apart, wavering = _layer(function, variance, self.apart, self.wavering, units)
        growth, change = _scaled(function, variance)
        uneven = growth**2 * self.uneven + _squared_rest(self.uneven) * new
        apart += max(change - growth**2, 0.0) * self.uneven / 2  # what of the norms' difference turns into an angle
        return Angle(min(uneven, MOST_UNEVEN), apart, wavering)


def independent(units: int) -> Angle:
    """Of two independent normal inputs of so many units."""
    return Angle(1 / units, 1.0, 1 / units)


def _missing(uneven: float) -> float:
    """1 - E[sqrt(1 - e^2)] for the symmetric beta e of this variance, 1 / (2b + 1)."""
    if uneven < EVEN:
        return uneven / 2 + 3 / 8 * uneven**2
    b = (1 / uneven - 1) / 2
    return 1 - math.exp(2 * math.lgamma(b + 0.5) - math.lgamma(b) - math.lgamma(b + 1))


def _squared_rest(uneven: float) -> float:
    """E[(1 - e^2)^2] for the same."""
    return 1 - 2 * uneven + 3 * uneven**2 / (1 + 2 * uneven)


@lru_cache(maxsize=4096)
def _layer(
    function: Function, variance: float, apart: float, wavering: float, units: int
) -> tuple[float, float, float]:
    """What a layer adds to what is uneven where norms are equal; and apart and wavering after it."""
    curve = function.curve
    if apart <= 0 or curve is None:
        return 0.0, 0.0, 0.0
    drawn, w = _drawn(apart, wavering)
    left, uneven, noise = _broken(*curve.slopes, drawn) if curve.slopes else _curved(curve, variance, drawn)
    uneven, noise = uneven / units, noise / units
    after = left - (1 - left) * uneven / 2
    mean = float(w @ after)
    wide = float(w @ left)
    return float(w @ uneven), max(mean, LEAST * wide), float(w @ (after - mean) ** 2 + w @ noise)


@lru_cache(maxsize=4096)
def _scaled(function: Function, variance: float) -> tuple[float, float]:
    curve = function.curve
    return (1.0, 1.0) if curve is None or curve.slopes or not variance else elasticity(curve, variance)


def _broken(below: float, above: float, drawn: Array) -> tuple[Array, Array, Array]:
    """1 - phi, u and v for each 1 - cos(angle) that is drawn."""
    import numpy as np

    s, t = (above - below) / 2, (above + below) / 2
    m = s * s + t * t
    left = np.array([difference_of_slopes(below, above, 1.0, float(a)) / m for a in drawn])
    theta = 2 * np.arcsin(np.sqrt(drawn / 2))
    uneven, noise = _noise(s, t, np.maximum(theta, SMALL))
    shrunk = np.minimum(1.0, theta / SMALL) ** 2
    return left, uneven * shrunk, noise * shrunk**2


def _curved(curve: Curve, variance: float, drawn: Array) -> tuple[Array, Array, Array]:
    """The same for another function; what is nearly no angle has the leading powers."""
    import numpy as np

    least = SMALL**2 / 2
    found = np.array([products(curve, variance, max(float(a), least)) for a in drawn])
    shrunk = np.minimum(1.0, drawn / least)
    return found[:, 0] * shrunk, found[:, 1] * shrunk, found[:, 2] * shrunk**2


def _drawn(mean: float, variance: float) -> tuple[Array, Array]:
    """Values from 0 to 2 and their weights, with this mean and about this variance: of 2 / (1 + exp(-g)), for a normal
    g that has the variance of a log-normal's logarithm where values are small."""
    import numpy as np

    x, w = np.polynomial.hermite_e.hermegauss(ANGLES)
    w = w / w.sum()
    mean = min(mean, OPPOSITE)
    spread = math.sqrt(math.log1p(variance * (2 / (mean * (2 - mean))) ** 2))
    centre = math.log(mean / (2 - mean))
    for _ in range(TURNS):
        values = 2 / (1 + np.exp(-centre - spread * x))
        found = float(w @ values)
        centre += max(-1.0, min(1.0, (mean - found) / float(w @ (values * (2 - values) / 2))))
    return values, w


def _noise(s: float, t: float, theta: Array) -> tuple[Array, Array]:
    """The variances for f = s |z| + t z, as integrals over the direction in the plane of both inputs: E[r^4] = 8."""
    import numpy as np

    m = s * s + t * t
    left = np.array([difference_of_slopes(t - s, t + s, 1.0, 1 - math.cos(angle)) / m for angle in theta])
    x, w = np.polynomial.legendre.leggauss(NODES)
    quarter, none = math.pi / 2, np.zeros_like(theta)
    # where either changes sign
    edges = np.stack([none - quarter, theta - quarter, none + quarter, theta + quarter, none + 3 * quarter])
    half = np.diff(edges, axis=0)[..., None] / 2
    at = edges[:-1, :, None] + half * (1 + x)
    weight = 8 * w * half / (2 * math.pi)
    one, two = (s * np.abs(z) + t * z for z in (np.cos(at), np.cos(at - theta[:, None])))
    uneven = (weight * ((one - two) * (one + two)) ** 2).sum(axis=(0, 2))
    common = left[:, None] * (one**2 + two**2) / 2
    wavering = (weight * (common - (one - two) ** 2 / 2) ** 2).sum(axis=(0, 2))
    return uneven / (4 * m * m), wavering / (m * m)
