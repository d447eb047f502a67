"""Does a weight that starts constant ever learn? Ten steps of SGD in NumPy on the maps around it.

A zero weight gets no gradient when what it is multiplied with on either side is zero; equal units stay equal as long as
what comes in and what comes back is equal for them. Both are properties of the neighbourhood, not of the sizes, so the
maps are played at small widths, convolutions as the matrices that they are at each position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from numpy.random import Generator

    from initlint.curves import Curve

WIDTH: Final = 8  # units played of a wide map; symmetry between two is symmetry between all
BATCH: Final = 32
STEPS: Final = 10
RATE: Final = 0.01
EPSILON: Final = 1e-5  # of the norms
PLAIN: Final = "linear"
NO_CURVE: Final = frozenset({"identity", "output"})  # what nothing is done to
SILENT: Final = 1e-12  # a gradient below it is rounding

STANDSTILL = "standstill"  # the weight's gradient stays zero
IDENTICAL = "identical"  # all its units get the same gradient
MOVES = "moves"


class Map(NamedTuple):
    """One layer of the neighbourhood, with what follows it. A `constant` or `bias` of None is drawn at random."""

    constant: float | None
    bias: float | None
    units: int | None = None
    activation: str | None = None
    parameter: float | None = None
    norm: bool = False


def prospects(maps: tuple[Map, ...], index: int) -> str | None:
    """What ten steps do for the weight of `maps[index]`, where data flows through the maps in order and the last one's
    output is fitted to a target: STANDSTILL, IDENTICAL or MOVES; None when an activation is not known here."""
    import numpy as np

    from initlint.curves import curve

    generator = np.random.default_rng(0)
    found = [curve(PLAIN if m.activation in NO_CURVE else m.activation or PLAIN, m.parameter) for m in maps]
    curves = [one for one in found if one is not None]
    if len(curves) < len(maps):
        return None
    widths = [WIDTH, *(min(m.units or WIDTH, WIDTH) for m in maps)]
    weights = [_fill(m.constant, (after, before), generator) for m, before, after in zip(maps, widths, widths[1:])]
    biases = [_fill(m.bias, (after,), generator) for m, after in zip(maps, widths[1:])]
    data = generator.standard_normal((BATCH, WIDTH))
    target = generator.standard_normal((BATCH, widths[-1]))
    standstill = identical = True
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            gradients = _gradients(maps, curves, weights, biases, data, target)
            watched = gradients[index][0]
            if not np.isfinite(watched).all():
                break
            scale = float(np.abs(watched).max())
            standstill &= scale < SILENT
            identical &= float(np.abs(watched - watched[0]).max()) <= 1e-9 * max(scale, SILENT)
            for position, (slope, shift) in enumerate(gradients):
                weights[position] -= RATE * slope
                biases[position] -= RATE * shift
    if standstill:
        return STANDSTILL
    return IDENTICAL if identical and widths[index + 1] > 1 else MOVES


def _fill(constant: float | None, shape: tuple[int, ...], generator: Generator) -> Any:
    if constant is None:
        return generator.standard_normal(shape) / shape[-1] ** 0.5
    return generator.standard_normal(shape) * 0 + constant


def _gradients(
    maps: tuple[Map, ...], curves: list[Curve], weights: list[Any], biases: list[Any], data: Any, target: Any
) -> list[tuple[Any, Any]]:
    """Of each map d loss / d weight and d loss / d bias, for the loss |output - target|^2 / 2 over the batch."""
    inputs, sums, scales = [], [], []
    signal = data
    for m, activation, weight, bias in zip(maps, curves, weights, biases):
        inputs.append(signal)
        total = signal @ weight.T + bias
        scale = None
        if m.norm:
            scale = (total.var(axis=0) + EPSILON) ** 0.5
            total = (total - total.mean(axis=0)) / scale
        sums.append(total)
        scales.append(scale)
        signal = activation(total)
    back = (signal - target) / BATCH
    found = []
    for position in reversed(range(len(maps))):
        total, scale = sums[position], scales[position]
        back = back * curves[position].slope(total)
        if scale is not None:  # backward through (x - mean) / std over the batch
            back = (back - back.mean(axis=0) - total * (back * total).mean(axis=0)) / scale
        found.append((back.T @ inputs[position], back.sum(axis=0)))
        back = back @ weights[position]
    return found[::-1]
