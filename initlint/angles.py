"""What finite widths do to two inputs on their way through layers that are linear on both sides of zero.

In the limit of wide layers the angle between two inputs shrinks by a fixed map (Cho and Saul 2009). At width n the
three mean products of the two signals fluctuate by 1/n a layer, the fluctuations add up with depth, and since the map
is curved they change its mean: perturbation to the first order in 1/n (Yaida 2020; Roberts, Yaida and Hanin 2022, The
Principles of Deep Learning Theory, chapter 4), here for two inputs of like norm. What draws make of the norms that both
have in common leaves the mean of the signal alone (Hanin and Nica 2020), so that everything is relative to it, and
averages are weighted with it.

With z1, z2 = |z1|, |z2| at the angle theta and f of slopes `below` and `above`, per unit and layer, m = E[f^2]:
uneven' = uneven + (1 - uneven)^2 E[(f1^2 - f2^2)^2] / (4 m^2 n), apart' = 1 - phi - phi'' wavering / 2 -
phi E[(f1^2 - f2^2)^2] / (8 m^2 n), wavering' = phi'^2 wavering + E[(f1 f2 - phi (f1^2 + f2^2) / 2)^2] / (m^2 n), where
phi(cos theta) = E[f1 f2] / m.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

from initlint.moments import difference_of_slopes

SMALL: Final = 1e-3  # angles below which what depends on them has its leading power
NODES: Final = 16
LEAST: Final = 0.25  # of what a layer leaves in the limit of wide ones: beyond, the perturbation is no small one


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

    def through(self, below: float, above: float, units: int) -> Angle:
        """After the activation with these slopes, of so many units."""
        found = _layer(below, above, float(f"{self.apart:.6e}"))
        kept = 1 - found.left
        apart = found.left - found.bend * self.wavering / 2 - kept * found.uneven / (2 * units)
        return Angle(
            self.uneven + (1 - self.uneven) ** 2 * found.uneven / units,
            max(apart, LEAST * found.left),
            found.slope**2 * self.wavering + found.wavering / units,
        )


def independent(units: int) -> Angle:
    """Of two independent normal inputs of so many units."""
    return Angle(1 / units, 1.0, 1 / units)


def _missing(uneven: float) -> float:
    """1 - sqrt(1 - uneven), with all digits."""
    return uneven / (1 + math.sqrt(max(0.0, 1 - uneven)))


class Layer(NamedTuple):
    """1 - phi, phi', phi'', and the variances that a single unit adds to what is uneven and what is apart."""

    left: float
    slope: float
    bend: float
    uneven: float
    wavering: float


@lru_cache(maxsize=4096)
def _layer(below: float, above: float, apart: float) -> Layer:
    s, t = (above - below) / 2, (above + below) / 2
    m = s * s + t * t
    theta = 2 * math.asin(math.sqrt(min(1.0, apart / 2)))
    left = difference_of_slopes(below, above, 1.0, apart) / m
    uneven, wavering = _noise(s, t, max(theta, SMALL))
    shrunk = min(1.0, theta / SMALL) ** 2
    return Layer(
        left,
        1 - s * s * 2 / math.pi * theta / m,
        s * s * 2 / math.pi / math.sin(theta) / m if theta else 0.0,
        uneven * shrunk,
        wavering * shrunk**2,
    )


def _noise(s: float, t: float, theta: float) -> tuple[float, float]:
    """The variances for f = s |z| + t z, as integrals over the direction in the plane of both inputs: E[r^4] = 8."""
    import numpy as np

    m = s * s + t * t
    left = difference_of_slopes(t - s, t + s, 1.0, 1 - math.cos(theta)) / m
    x, w = np.polynomial.legendre.leggauss(NODES)
    edges = sorted([-math.pi / 2, math.pi / 2, theta - math.pi / 2, theta + math.pi / 2])  # where either changes sign
    uneven = wavering = 0.0
    for start, end in zip(edges, [*edges[1:], edges[0] + 2 * math.pi]):
        at = (start + end) / 2 + (end - start) / 2 * x
        weight = 8 * w * (end - start) / 2 / (2 * math.pi)
        one, two = (s * np.abs(z) + t * z for z in (np.cos(at), np.cos(at - theta)))
        uneven += float(weight @ ((one - two) * (one + two)) ** 2)
        wavering += float(weight @ (left * (one**2 + two**2) / 2 - (one - two) ** 2 / 2) ** 2)
    return uneven / (4 * m * m), wavering / (m * m)
