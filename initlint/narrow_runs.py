"""Runs of plain layers in a network, and where finite widths move their mean signals and gradients: only there the
densities of fluctuations.py are followed.

Whether they do is told to the second order: by the elasticities of E[f^2] and E[f'^2] in the variance, and by how those
change with it. Of what is linear on both sides of zero nothing moves (He et al. 2015 holds at every width).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from initlint.fluctuations import Layer, integrals, run
from initlint.formulas import Function
from initlint.network import Step
from initlint.pairs import Start, shares

BENT: Final = 0.02  # of a second moment: what fluctuations may do before they are followed
APART: Final = 0.1  # of log variance, between the three points of a second derivative
DIGITS: Final = 6


class Narrow(NamedTuple):
    """What fluctuations make of a run's steps: of their outputs mean second moment, response to a small difference,
    variance of the log, tilt and share along the signal (as in Plain), and where it was asked for the half mean square
    difference of two inputs; and of their inputs the gradient relative to that at the run's end."""

    steps: range
    second: tuple[float, ...]
    response: tuple[float, ...]
    spread: tuple[float, ...]
    tilt: tuple[float, ...]
    along: tuple[float, ...]
    gradient: tuple[float, ...]
    difference: tuple[float, ...] | None


class Bend(NamedTuple):
    """Of an activation at a variance: E[f^2], relative variance of f^2, E[f^2]'s and E[f'^2]'s first and second
    derivative, logs by log variance, and by how much f'^2 raises f^2 of its unit."""

    second: float
    noise: float
    forward: tuple[float, float]
    backward: tuple[float, float]
    raises: float


def runs(network: Sequence[Step]) -> list[range]:
    """Where linear maps and activations follow each other and nothing else reads what is between them: steps from a map
    on, in which at least one activation that bends is followed by another map."""
    readers = Counter(i for step in network for i in step.inputs)
    found: list[range] = []
    start = 0
    for index in range(1, len(network) + 1):
        step = network[index] if index < len(network) else None
        alone = step is not None and step.inputs == (index - 1,) and readers[index - 1] == 1
        if start and alone and _goes_on(network, index):
            continue
        if start and any(_curved(network[i]) for i in range(start, index - 1)):
            found.append(range(start, index))
        start = index if step is not None and _maps(step) else 0
    return found


def _goes_on(network: Sequence[Step], index: int) -> bool:
    return _maps(network[index]) or (network[index - 1].op == "dense" and _applies(network[index]))


def _maps(step: Step) -> bool:
    """Orthogonal matrices keep the norm: what fluctuates is less."""
    return step.op == "dense" and step.dense is not None and step.dense.distribution != "orthogonal"


def _applies(step: Step) -> bool:
    return step.op == "activation" and step.function.curve is not None


def _curved(step: Step) -> bool:
    curve = step.function.curve if step.op == "activation" else None
    return curve is not None and curve.slopes is None


def narrow(
    network: Sequence[Step], steps: range, start: Start, response: float, tilt: float, along: float, *, finite: bool
) -> Narrow | None:
    """A run behind two signals, whose response is tilted and along the signal so far; their difference is followed if
    it is `finite`. None where it is nearly the same as in wide layers."""
    layers = [
        Layer(dense, network[i + 1].function if i + 1 in steps and network[i + 1].op == "activation" else None)
        for i in steps
        if (dense := network[i].dense) is not None
    ]
    spread = start.spread + (2 / start.units if start.units else 0.0)  # over its units an input's second moment varies
    found = run(layers, start.second, spread, tilt, along) if _moved(layers, start.second, spread, tilt) else None
    if found is None:
        return None
    sides = [int(network[i].op == "activation") for i in steps]
    turns = [sides[: i + 1].count(0) - 1 for i in range(len(sides))]
    apart = shares(layers, found, start) if finite else None
    behind = (found.start, *(back for _, back in found.gradient))
    return Narrow(
        steps,
        tuple(found.second[turn][side] for turn, side in zip(turns, sides)),
        tuple(found.response[turn][side] * response for turn, side in zip(turns, sides)),
        tuple(found.spread[turn][side] for turn, side in zip(turns, sides)),
        tuple(found.tilt[turn][side] for turn, side in zip(turns, sides)),
        tuple(found.along[turn][side] for turn, side in zip(turns, sides)),
        tuple(found.gradient[turn][0] if side else behind[turn] for turn, side in zip(turns, sides)),
        None
        if apart is None
        else tuple(found.second[turn][side] * apart[turn][side] for turn, side in zip(turns, sides)),
    )


def tilted(function: Function, variance: float, spread: float, tilt: float, units: int) -> float:
    """The tilt behind an activation of inputs with this variance, whose log varies by `spread` and has this tilt."""
    bend = _bend(function, round(math.log(variance), DIGITS)) if 1e-30 < variance < 1e30 else None
    if bend is None:
        return 0.0
    return bend.forward[0] * (tilt + bend.backward[0] * spread) + bend.raises / units


def _moved(layers: Sequence[Layer], second: float, spread: float, common: float) -> bool:
    """Whether any mean is moved by more than BENT."""
    shift = moved = wander = tilt = 0.0
    for dense, function in layers:
        own = dense.forward * second
        variance = own + dense.bias
        if not 1e-30 < variance < 1e30:
            return False
        share = own / variance
        spread, shift, common, tilt = share**2 * spread, share * shift, share * common, share * tilt
        if function is None:
            second = variance
            spread += 2 / dense.units[1]
            continue
        bend = _bend(function, round(math.log(variance), DIGITS))
        if bend is None:
            return False
        (rise, change), (slope, turn) = bend.forward, bend.backward
        moved += slope * (shift + tilt) + spread * turn / 2
        wander += 2 * slope * common + slope**2 * spread
        common = rise * (common + slope * spread)
        shift = rise * shift + spread * (change + rise**2 - rise) / 2
        tilt = rise * tilt + bend.raises / dense.units[1]
        spread = rise**2 * spread + bend.noise / dense.units[1]
        second = bend.second
        if max(abs(shift), abs(moved + wander / 2)) > BENT:
            return True
    return False


@lru_cache(maxsize=4096)
def _bend(function: Function, log: float) -> Bend | None:
    import numpy as np

    t = integrals(function, np.array([log - APART, log, log + APART]))
    if not (t.second > 0).all() or not (t.across > 0).all() or not math.isfinite(float(t.second.sum())):
        return None
    (forward, backward) = (
        (float(v[2] - v[0]) / (2 * APART), float(v[2] - 2 * v[1] + v[0]) / APART**2)
        for v in map(np.log, (t.second, t.across))
    )
    return Bend(float(t.second[1]), float(t.noise[1]), forward, backward, float(t.across_raises[1]))
