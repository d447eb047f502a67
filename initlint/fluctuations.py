"""What the fluctuation of norms makes of mean signals and gradients in plain runs of layers that are not wide.

Given the second moment Q of the pre-activations of a layer, they are independent normals, and so the next one, the mean
of k f^2 over n units plus the bias, is a Markov chain: its mean is k E[f^2] at Q, its variance k^2 Var[f^2] / n. Where
E[f^2] is no power of Q, or a power other than one, the chain's mean is not what wide layers have (Roberts, Yaida and
Hanin 2022, The Principles of Deep Learning Theory, chapter 4, to the first order in 1/n; Hanin and Nica 2020 for ReLU,
where it is). The density of log Q is propagated on equidistant points. Each step is a power of a gamma variable (which
it is in linear layers) with the first three moments that it has: where few of many draws make the mean, as with SiLU at
He's gain, its tail counts, and that of a log-normal is too heavy.

A small difference of mean square R has the share s along the signal, which an activation changes by E[(z f')^2] / Q
and the rest by E[f'^2]; it moves Q with it, for what weighs f'^2 raises the mean of f^2 over the same units. Both are
carried as measures over log Q (Feynman and Kac's formula), and so, on the way back, are gradients: the mean square of
all entries of a Jacobian is the same from either end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from initlint.formulas import Function
from initlint.moments import equidistant
from initlint.network import Dense

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LINEAR: Final = Function("linear")
NODES: Final = 140  # none of them at zero, where kinks are
MANY_NODES: Final = 800  # where kinks are elsewhere
STEP: Final = 1e-4
FEWEST, MOST = 48, 360  # points of the density
FINE: Final = 0.7  # standard deviations of a step between points: a sum over them is then an integral to four digits
REACH: Final = 6.0  # standard deviations that the points reach
FARTHEST: Final = 120.0  # of log Q
LOWEST: Final = 20.0  # below what it is on its way: what is lower weighs nothing in a mean
MOST_NOISE: Final = 1e3  # relative variance of f^2
LEAST_LEAN, MOST_LEAN = 0.02, 1.0  # skewness of a logarithm
MOST_POWER: Final = 50.0
TINY: Final = 1e-300
TURNS: Final = 5
LOWEST_RISE: Final = 0.1  # of what is weighed, where units are so few that the first order in 1/n says less


class Layer(NamedTuple):
    """A linear map and the activation behind it, none for the last that has none."""

    dense: Dense
    function: Function | None


class Plain(NamedTuple):
    """Of each layer, before and behind its activation: mean second moment, response to a small difference at the run's
    beginning, variance of the log of the second moment, by how much (as a logarithm) that moment is more where weighed
    with the response, what of the response is along the signal, gradient relative to the run's end."""

    second: tuple[tuple[float, float], ...]
    response: tuple[tuple[float, float], ...]
    spread: tuple[tuple[float, float], ...]
    tilt: tuple[tuple[float, float], ...]
    along: tuple[tuple[float, float], ...]
    gradient: tuple[tuple[float, float], ...]
    start: float  # the gradient at the run's beginning
    points: Array  # of log Q
    ahead: tuple[Array, ...]  # for each layer, at these the logarithm of what the signal at the run's end will be,
    back: tuple[Array, ...]  # and of what a small difference across it will have become


class Table(NamedTuple):
    """For each point of log Q: E[f^2], relative variance and third cumulant of f^2, E[f'^2] and E[(z f')^2] / Q, by how
    much the latter two raise f^2 of their unit and its variance, what of a difference along the signal stays so, and
    what of another turns to it."""

    second: Array
    noise: Array
    skew: Array
    across: Array
    along: Array
    across_raises: Array
    along_raises: Array
    across_noise: Array
    along_noise: Array
    kept: Array
    kept_noise: Array
    kept_raises: Array
    turned: Array
    turned_raises: Array


class Kernels(NamedTuple):
    """To the next layer's log Q: of the chain, and of what is weighed with a difference across and along the signal."""

    plain: Array
    across: Array
    along: Array
    kept: Array
    turned: Array


def run(
    layers: Sequence[Layer], second: float, spread: float, tilt: float = 0.0, share_along: float = 0.0
) -> Plain | None:
    """A run of layers behind a signal of this mean second moment, whose log has this variance and, weighed with the
    response, is so much more; of the response this share is along the signal, or what is by chance. None where its
    points would be too many, or a moment is not finite."""
    import numpy as np

    found = _points(layers, second, spread)
    if found is None:
        return None
    points = _lattice(found)
    whole = np.exp(points)
    first = layers[0].dense
    mean = first.forward * second + first.bias
    share = first.forward * second / mean
    wide = share**2 * math.expm1(spread)
    starts = mean * np.array([1.0, 1 + share * math.expm1(tilt)])
    density, weighed = _row(starts, np.array([wide, wide]), np.full(2, 2 * wide**2), points)  # gamma variables'
    seconds, responses, spreads, tilts, alongs = [], [], [], [], []
    densities: list[Array] = []
    kernels: list[Kernels] = []
    tables: list[Table] = []
    begun = max(share_along, 1 / first.units[0])
    across = first.forward * weighed * (1 - begun)
    along = first.forward * weighed * begun
    for number, (dense, function) in enumerate(layers):
        t = _table(function or LINEAR, *found)
        n = dense.units[1]
        densities.append(density)
        tables.append(t)
        middle = float(density @ points)
        logs = np.log(t.second)
        typical = float(density @ logs)
        seconds.append((float(density @ whole), float(density @ t.second)))
        responses.append((float((across + along).sum()), float(t.across @ across + t.along @ along)))
        both = t.across * across * (1 + t.across_raises / n) + t.along * along * (1 + t.along_raises / n)
        tilts.append(
            (
                _more(float((across + along) @ whole), seconds[-1][0] * responses[-1][0]),
                _more(float(both @ t.second), seconds[-1][1] * responses[-1][1]),
            )
        )
        held = float((t.kept * (1 + t.kept_noise / n)) @ along + t.turned @ across / n)
        alongs.append((float(along.sum()) / responses[-1][0], min(held / max(responses[-1][1], TINY), 1.0)))
        spreads.append(
            (
                float(density @ (points - middle) ** 2),
                float(density @ (logs - typical) ** 2 + density @ np.log1p(t.noise / n)),
            )
        )
        if number + 1 == len(layers):
            break
        following = layers[number + 1].dense
        kernels.append(k := _kernels(function or LINEAR, n, following.forward, following.bias, found))
        density = density @ k.plain
        kept, turned = _turns(t, following, n)
        staying, leaving = (t.along * along) @ k.along, (t.across * across) @ k.across
        new = (kept * along) @ k.kept + (turned * across) @ k.turned
        whole_response = following.forward * (staying + leaving)
        along = np.minimum(following.forward * new, whole_response)
        across = whole_response - along
    gradients: list[tuple[float, float]] = []
    will = tables[-1].second
    ahead, back = [np.log(will)], [np.log(np.maximum(tables[-1].across, TINY))]
    # what is across and along the signal behind the activation weighs alike at the run's end
    one, other = np.ones_like(points), np.ones_like(points)
    for number in range(len(layers) - 1, -1, -1):
        t, n = tables[number], layers[number].dense.units[1]
        if number + 1 == len(layers):
            behind, one, other = 1.0, t.across, t.along
        else:
            following = layers[number + 1].dense
            behind = following.backward * float(densities[number + 1] @ (one + (other - one) / n))
            k = kernels[number]
            will = k.plain @ will
            ahead.append(np.log(will))
            kept, turned = _turns(t, following, n)
            one, other = (
                following.backward * (t.across * (k.across @ one) + turned * (k.turned @ (other - one))),
                following.backward * (t.along * (k.along @ one) + kept * (k.kept @ (other - one))),
            )
            back.append(np.log(np.maximum(one, TINY)))
        gradients.append((float(densities[number] @ (one + (other - one) / n)), behind))
    start = first.backward * float(weighed @ (one + (other - one) * begun))
    if not all(map(math.isfinite, (start, *seconds[-1], *responses[-1], *spreads[-1]))):
        return None
    return Plain(
        tuple(seconds),
        tuple(responses),
        tuple(spreads),
        tuple(tilts),
        tuple(alongs),
        tuple(gradients[::-1]),
        start,
        points,
        tuple(ahead[::-1]),
        tuple(back[::-1]),
    )


def _more(weighed: float, plain: float) -> float:
    return math.log(weighed / plain) if weighed > TINY and plain > TINY else 0.0


def _turns(t: Table, following: Dense, n: int) -> tuple[Array, Array]:
    """What of a difference along the signal is so before the next activation, and what of another is."""
    share = following.forward * t.second / (following.forward * t.second + following.bias)
    return share * t.kept * (1 + t.kept_noise / n), share * t.turned / n


def _points(layers: Sequence[Layer], second: float, spread: float) -> tuple[int, int, float] | None:
    """The first point's number, how many there are, and how far apart they are: what the signal passes on its way, and
    as far beyond as it may fluctuate."""
    import numpy as np

    first = layers[0].dense
    mean = first.forward * second + first.bias
    if not math.exp(-FARTHEST) < mean < math.exp(FARTHEST):
        return None
    centre = math.log(mean)
    steps: list[float] = []
    path = np.array([0.0, -1.0, 1.0])
    ends: list[Array] = []
    for turn in range(2):  # first for how much it fluctuates, then for where that leads
        reach = REACH * math.sqrt(spread + sum(steps)) if turn else 0.5
        logs = centre + reach * path
        ends = [logs]
        for number, (dense, function) in enumerate(layers[:-1]):
            m, noise = _coarse(function or LINEAR, tuple(np.round(logs, 6).tolist()))
            if not turn:
                steps.append(max(noise[0], noise[2]) / dense.units[1])
            following = layers[number + 1].dense
            logs = np.log(np.maximum(following.forward * np.array(m) + following.bias, TINY))
            ends.append(logs)
    lowest = min(float(e.min()) for e in ends) - reach / 2
    lowest = max(lowest, min(float(e[0]) for e in ends) - LOWEST)
    highest = max(float(e.max()) for e in ends) + reach / 2
    if highest - lowest > FARTHEST:
        return None
    fine = FINE * math.sqrt(min(steps)) if steps and min(steps) > 0 else 1.0
    count = min(max(math.ceil((highest - lowest) / fine), FEWEST), MOST)
    apart = float(f"{(highest - lowest) / count:.2g}")
    start = math.floor(lowest / apart)
    return start, math.ceil(highest / apart) - start + 1, apart


@lru_cache(maxsize=1024)
def _coarse(function: Function, logs: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    import numpy as np

    t = integrals(function, np.array(logs, np.float64))
    return tuple(t.second.tolist()), tuple(t.noise.tolist())


@lru_cache(maxsize=16)
def _table(function: Function, start: int, count: int, apart: float) -> Table:

    return integrals(function, _lattice((start, count, apart)))


def integrals(function: Function, logs: Array) -> Table:
    """The table at these logs of the variance."""
    import numpy as np

    with np.errstate(all="ignore"):  # a composed activation may overflow in a branch that is not taken
        return _integrated(function, logs)


def _integrated(function: Function, logs: Array) -> Table:
    import numpy as np

    curve = function.curve
    assert curve is not None
    x, w = equidistant(MANY_NODES if any(curve.kinks) else NODES)
    z = np.exp(logs / 2)[:, None] * x
    f, above, below = (curve((z * scale).ravel()).reshape(z.shape) for scale in (1.0, 1 + STEP, 1 - STEP))
    rise = (above - below) / (2 * STEP)  # z f'
    squares, along = f**2, rise**2
    across = along / z**2
    m, e, a = squares @ w, across @ w, along @ w
    product = (f * rise) @ w
    both = (squares * across) @ w
    across_raises, along_raises = both / np.maximum(e * m, TINY), ((squares * along) @ w) / np.maximum(a * m, TINY)
    q = np.exp(logs)
    turning = np.divide(f * rise, product[:, None], out=np.zeros_like(f), where=np.abs(product[:, None]) > TINY)
    relative = squares / np.maximum(m, TINY)[:, None]
    noise = np.clip((relative**2) @ w - 1, 0.0, MOST_NOISE)
    return Table(
        np.maximum(m, TINY),
        noise,
        np.clip(((relative - 1) ** 3) @ w, -1.0, MOST_NOISE**2),
        e,
        a / q,
        across_raises - 1,
        along_raises - 1,
        np.clip(((relative**2 * across) @ w) / np.maximum(e, TINY) - across_raises**2, 0.0, MOST_NOISE) - noise,
        np.clip(((relative**2 * along) @ w) / np.maximum(a, TINY) - along_raises**2, 0.0, MOST_NOISE) - noise,
        product**2 / np.maximum(q * m, TINY),
        ((turning - relative) ** 2) @ w,
        2 * (turning * relative) @ w - (relative**2) @ w - 1,
        both / np.maximum(m, TINY),
        np.divide((squares**2 * across) @ w, both * m, out=np.ones_like(m), where=both * m > TINY) - (relative**2) @ w,
    )


def _lattice(points: tuple[int, int, float]) -> Array:
    import numpy as np

    start, count, apart = points
    made: Array = apart * np.arange(start, start + count, dtype=np.float64)
    return made


@lru_cache(maxsize=16)
def _kernels(function: Function, units: int, forward: float, bias: float, grid: tuple[int, int, float]) -> Kernels:
    import numpy as np

    t = _table(function, *grid)
    points = _lattice(grid)
    own = forward * t.second
    share = own / (own + bias)
    variance, skew = share**2 * t.noise / units, share**3 * t.skew / units**2

    def weighed(raises: Array, noise: Array | float = 0.0) -> Array:
        rise = np.maximum(1 + share * raises / units, LOWEST_RISE)
        whole = np.maximum(variance + (share / units) ** 2 * noise, LOWEST_RISE * variance)
        return _row((own + bias) * rise, whole / rise**2, skew, points)

    return Kernels(
        _row(own + bias, variance, skew, points),
        weighed(t.across_raises, t.across_noise),
        weighed(t.along_raises, t.along_noise),
        weighed(t.kept_raises),
        weighed(t.turned_raises),
    )


def _row(mean: Array, variance: Array, skew: Array, points: Array) -> Array:
    """Of variables with these means, relative variances and third cumulants the density of the logarithm, on the
    points. With K(t) = log E[(x / mean)^t] taken as a cubic, its second and third cumulant b and c follow from K(2) and
    K(3); x is a power of a gamma variable that has them (Stacy 1962)."""
    import numpy as np

    two, three = np.log1p(variance), np.log(np.maximum(1 + 3 * variance + skew, 1.0))
    narrowest = (FINE * (points[1] - points[0])) ** 2
    # over their factorials the cumulants of such a variable: 2 b^2 / k and -6 b^2.5 / k^1.5
    fourth = fifth = np.zeros_like(two)
    for _ in range(TURNS):
        c = three - 3 * two - 36 * fourth - 150 * fifth
        b = np.maximum(two - c - 14 * fourth - 30 * fifth, narrowest)
        lean = np.clip(c / b**1.5, -MOST_LEAN, MOST_LEAN)
        fourth, fifth = (b * lean) ** 2 / 12, b**2.5 * lean**3 / 20
    lean = np.where(np.abs(lean) < LEAST_LEAN, -LEAST_LEAN, lean)
    k = 1 / lean**2 + 0.5  # to the second order in 1 / k
    scale = -np.sign(lean) * np.sqrt(b / (1 / k + 1 / (2 * k**2) + 1 / (6 * k**3)))  # of a log-gamma: trigamma(k)
    centre = np.log(mean) - b / 2 - lean * b**1.5 / 6 - fourth - fifth
    centre = np.clip(centre, points[0], points[-1])
    u = (points[None, :] - centre[:, None]) / scale[:, None] - (1 / (2 * k) + 1 / (12 * k**2))[:, None]
    made: Array = np.exp(k[:, None] * (u - np.expm1(np.minimum(u, MOST_POWER))))
    made /= made.sum(axis=1, keepdims=True)
    return made
