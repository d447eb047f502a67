"""Two inputs in runs of layers that are not wide: what depends on the input, where fluctuations move mean signals.

Given the mean products of the pre-activations of a layer, of either input and of both, its units are independent pairs
of normals, and the next layer's mean products are means over them: they are a Markov chain too, in three dimensions.
Their density would need a million points, so this chain is sampled (from a seed; no matrices are drawn), which holds at
every width and distance. So that the few draws that make the mean are many, draws go on as often as the density says
that their signal will be large (the twisted particle filter of Whiteley and Lee 2014, which is right for any such
guess). Told is the share of the signal, whose mean the density knows better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from initlint.fluctuations import LINEAR, Layer, Plain
from initlint.formulas import Function

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SEED: Final = 20181
LEAST, MOST = 500, 131_072  # draws, and those times units
SMALLEST: Final = 1e-300


class Start(NamedTuple):
    """Two signals at a run's beginning: mean second moment, half mean square difference, variance over draws of the
    second moment's logarithm, and how many normals each is of, 0 where it is of others."""

    second: float
    difference: float
    spread: float
    units: int


class Products(NamedTuple):
    """Of each draw: the second moments of two signals, and half the mean square of their difference."""

    one: Array
    two: Array
    difference: Array


def shares(layers: Sequence[Layer], plain: Plain, start: Start) -> tuple[tuple[float, float], ...]:
    """Of each layer, before and behind its activation: half the mean square difference of two inputs, relative to the
    mean second moment."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    draws = max(LEAST, MOST // min(dense.units[1] for dense, _ in layers))
    p = _begun(start, draws, generator)
    last = np.ones(draws)
    found = []
    for (dense, function), ahead in zip(layers, plain.ahead):
        k = dense.forward
        p = Products(k * p.one + dense.bias, k * p.two + dense.bias, k * p.difference)
        will = _ahead(p.one, plain.points, ahead) + _ahead(p.two, plain.points, ahead)
        kept = _kept(will / last, generator)
        p, last = Products(*(v[kept] for v in p)), will[kept]
        before = _share(p, last)
        p = _activated(p, (function or LINEAR), dense.units[1], generator)
        found.append((before, _share(p, last)))
    return tuple(found)


def _begun(start: Start, draws: int, generator: Generator) -> Products:
    """Normals (of independent ones Bartlett's decomposition has the mean products), or signals whose second moments
    fluctuate together."""
    import numpy as np

    n, apart = start.units, min(start.difference / start.second, 1.0)
    if n:
        one = generator.chisquare(n, draws) / n
        both = np.sqrt(one / n) * generator.standard_normal(draws)
        other = both**2 / one + (generator.chisquare(n - 1, draws) / n if n > 1 else 0.0)
        kept, new = 1 - apart, math.sqrt(apart * (2 - apart))
        two = kept**2 * one + 2 * kept * new * both + new**2 * other
        difference = (apart**2 * one - 2 * apart * new * both + new**2 * other) / 2
        return Products(start.second * one, start.second * two, start.second * difference)
    drawn = np.exp(math.sqrt(start.spread) * generator.standard_normal(draws) - start.spread / 2)
    return Products(start.second * drawn, start.second * drawn, min(start.difference, start.second) * drawn)


def _ahead(second: Array, points: Array, ahead: Array) -> Array:
    import numpy as np

    made: Array = np.exp(np.interp(np.log(np.maximum(second, SMALLEST)), points, ahead))
    return made


def _kept(weights: Array, generator: Generator) -> Array:
    """Each draw as often as its weight says, of as many in all."""
    import numpy as np

    at = (np.arange(weights.size) + generator.random()) / weights.size
    return np.minimum(np.searchsorted(np.cumsum(weights) / weights.sum(), at), weights.size - 1)


def _share(p: Products, ahead: Array) -> float:
    return float((p.difference / ahead).sum() / ((p.one + p.two) / (2 * ahead)).sum())


def _activated(p: Products, function: Function, units: int, generator: Generator) -> Products:
    """The mean products over units, each a pair of normals: what they have in common, and what not."""
    import numpy as np

    curve = function.curve
    assert curve is not None
    common = np.maximum((p.one + p.two) / 2 - p.difference / 2, SMALLEST)  # of the mean of both inputs
    tilt = (p.one - p.two) / (4 * common)  # of the half difference on their mean
    rest = np.maximum(p.difference / 2 - tilt**2 * common, 0.0)
    mean = np.sqrt(common)[:, None] * generator.standard_normal((p.one.size, units))
    half = tilt[:, None] * mean + np.sqrt(rest)[:, None] * generator.standard_normal((p.one.size, units))
    one, two = (curve((mean + sign * half).ravel()).reshape(mean.shape) for sign in (1, -1))
    return Products((one**2).mean(axis=1), (two**2).mean(axis=1), ((one - two) ** 2).mean(axis=1) / 2)
