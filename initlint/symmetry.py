"""Does a weight that starts constant ever learn? Ten steps of SGD in NumPy on the maps around it.

A zero weight gets no gradient when what it is multiplied with on either side is zero; equal units stay equal as long as
what comes in and what comes back is equal for them. Both are properties of the neighbourhood, not of the sizes, so the
maps are played at small widths, convolutions as the matrices that they are at each position. Two layers that start with
the same values are played in the same way (see twins.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from initlint.formulas import Composed, Function

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
    maker: int = 0  # maps with the same one, and as large, draw the same weights; 0 for a draw of its own
    composed: Composed | None = None


def prospects(maps: tuple[Map, ...], index: int) -> str | None:
    """What ten steps do for the weight of `maps[index]`, where data flows through the maps in order and the last one's
    output is fitted to a target: STANDSTILL, IDENTICAL or MOVES; None when an activation is not known here."""
    import numpy as np

    generator = np.random.default_rng(0)
    row = drawn(maps, WIDTH, generator)
    if row is None:
        return None
    data = generator.standard_normal((BATCH, WIDTH))
    target = generator.standard_normal((BATCH, row.width))
    standstill = identical = True
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            passed = row.forward(data)
            gradients, _ = row.backward(passed, (passed.signal - target) / BATCH)
            watched = gradients[index][0]
            if not np.isfinite(watched).all():
                break
            scale = float(np.abs(watched).max())
            standstill &= scale < SILENT
            identical &= float(np.abs(watched - watched[0]).max()) <= 1e-9 * max(scale, SILENT)
            row.step(gradients)
    if standstill:
        return STANDSTILL
    return IDENTICAL if identical and len(row.weights[index]) > 1 else MOVES


class Passed(NamedTuple):
    """What the maps of a row made of data: what came into each, their sums, their norms' deviations, and the end."""

    inputs: list[Any]
    sums: list[Any]
    scales: list[Any]
    signal: Any


class Row(NamedTuple):
    """Maps one after the other, with their weights and biases."""

    maps: Sequence[Map]
    curves: Sequence[Curve]
    weights: list[Any]
    biases: list[Any]

    def forward(self, signal: Any) -> Passed:
        inputs, sums, scales = [], [], []
        for m, activation, weight, bias in zip(self.maps, self.curves, self.weights, self.biases):
            inputs.append(signal)
            total = signal @ weight.T + bias
            scale = None
            if m.norm:
                scale = (total.var(axis=0) + EPSILON) ** 0.5
                total = (total - total.mean(axis=0)) / scale
            sums.append(total)
            scales.append(scale)
            signal = activation(total)
        return Passed(inputs, sums, scales, signal)

    def backward(self, passed: Passed, back: Any) -> tuple[list[tuple[Any, Any]], Any]:
        """The gradients of each map's weight and bias, and of what came in, from that of what came out."""
        found = []
        for position in reversed(range(len(self.maps))):
            total, scale = passed.sums[position], passed.scales[position]
            back = back * self.curves[position].slope(total)
            if scale is not None:  # backward through (x - mean) / std over the batch
                back = (back - back.mean(axis=0) - total * (back * total).mean(axis=0)) / scale
            found.append((back.T @ passed.inputs[position], back.sum(axis=0)))
            back = back @ self.weights[position]
        return found[::-1], back

    def step(self, gradients: Sequence[tuple[Any, Any]]) -> None:
        for position, (slope, shift) in enumerate(gradients):
            self.weights[position] -= RATE * slope
            self.biases[position] -= RATE * shift

    @property
    def width(self) -> int:
        """Of what comes out."""
        return len(self.biases[-1])


def drawn(
    maps: Sequence[Map], inputs: int, generator: Generator, made: dict[tuple[int, tuple[int, ...]], Any] | None = None
) -> Row | None:
    """The maps with weights and biases; None where an activation is not known here. `made` has what makers drew."""
    found = [_curve(m) for m in maps]
    curves = [one for one in found if one is not None]
    if len(curves) < len(maps):
        return None
    made = {} if made is None else made
    widths = [inputs, *(min(m.units or WIDTH, WIDTH) for m in maps)]
    weights = []
    for m, shape in zip(maps, zip(widths[1:], widths)):
        if m.maker and (m.maker, shape) not in made:
            made[m.maker, shape] = _fill(m.constant, shape, generator)
        weights.append(made[m.maker, shape].copy() if m.maker else _fill(m.constant, shape, generator))
    biases = [_fill(m.bias, (after,), generator) for m, after in zip(maps, widths[1:])]
    return Row(maps, curves, weights, biases)


def _curve(m: Map) -> Curve | None:
    """None too where the slope at 0 is a matter of how the code composes the function."""
    found = Function(PLAIN if m.activation in NO_CURVE else m.activation or PLAIN, m.parameter, m.composed).curve
    return None if found is not None and m.composed is not None and 0.0 in found.kinks else found


def _fill(constant: float | None, shape: tuple[int, ...], generator: Generator) -> Any:
    if constant is None:
        return generator.standard_normal(shape) / shape[-1] ** 0.5
    return generator.standard_normal(shape) * 0 + constant
