"""The signal model: second moments forward, gradients backward, step by step.

He et al. 2015 (eqs. 7-14) for the moments, Schoenholz et al. 2017 (eqs. 3-5, 11) for two different inputs and for
gradients, Yang et al. 2019 for batch normalization, Klambauer et al. 2017 for SELU, Hanin and Nica 2020 for the spread
over draws. A pre-activation is a normal with mean 0 over the draws of its weights; what else is summed or concatenated
counts with its moments. Finite widths are corrected for where that is known: of plain runs the means (narrow_runs.py),
and the part that depends on the input (angles.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from initlint.angles import Angle, independent
from initlint.curves import Curve
from initlint.formulas import Function
from initlint.moments import Moments, difference, fluctuation, highest, moments
from initlint.narrow_runs import Narrow, narrow, runs, tilted
from initlint.network import EPSILON, Dense, Step, Trace
from initlint.pairs import Start

LARGEST: Final = 1e60  # what grows beyond is told as this: its square's square is still a number
DIGITS: Final = 6  # to which moments are remembered
WIDE: Final = Angle(0.0, 1.0, 0.0)  # of two independent inputs of unknown width


class State(NamedTuple):
    """Of a step's output: mean over units, second moment, half mean square difference of two inputs, response to a
    small difference, variance over draws of the log of the second moment, units. `before` is the variance of the
    normal that `after` was applied to, where it is one."""

    mean: float
    second: float
    difference: float
    response: float
    spread: float
    units: int
    before: float | None = None
    after: Curve | None = None
    apart: float = 0.0  # half mean square difference of that normal
    held: str = ""  # the norm just before, which holds the second moment
    fresh: bool = False  # whether a matrix just made it
    tilt: float = 0.0  # logarithm of how much more the second moment is where draws are weighed with the response
    along: float = 0.0  # what of the response goes along with the signal, where it is more than chance
    angle: Angle | None = None  # of the two inputs at finite widths, where no more than plain layers came before


class UnknownStepError(ValueError):
    """A step that the analysis has no formula for."""


def propagate(
    network: Sequence[Step], *, second: float = 1.0, difference: float | None = None, finite: bool = True
) -> Trace:
    """What becomes of an input with this second moment (of mean 0), and of two inputs with this half mean square
    difference (independent ones, where it is None). Raises UnknownStepError for a step without a formula. Unless it is
    `finite`, the difference is the one in the limit of wide layers, which takes a part of the time."""
    states: list[State] = []
    corrected: dict[int, Narrow] = {}  # by the last step of each run
    starts = {steps[0]: steps for steps in runs(network)}
    run: Narrow | None = None
    for index, step in enumerate(network):
        if step.op == "input":
            alone = WIDE if difference is None and finite else None
            states.append(
                State(0.0, second, second if difference is None else difference, 1.0, 0.0, 0, second, angle=alone)
            )
            continue
        if index in starts:
            run = _narrow(network, starts[index], states[step.inputs[0]], finite=finite)
            if run is not None:
                corrected[starts[index][-1]] = run
        after = _after(step, [states[i] for i in step.inputs])
        states.append(after if run is None or index > run.steps[-1] else _corrected(after, run, index))
    gradients = _backward(network, states, corrected)
    return Trace(
        tuple(s.second for s in states),
        tuple(s.difference for s in states),
        tuple(s.response for s in states),
        tuple(gradients),
        tuple(math.sqrt(s.spread) for s in states),
    )


def _narrow(network: Sequence[Step], steps: range, s: State, *, finite: bool) -> Narrow | None:
    dense = network[steps[0]].dense
    if not s.second or dense is None:
        return None
    given = 0 if s.units else dense.units[0]  # of an input, whose units are as many as what reads it says
    start = Start(s.second, s.difference, s.spread, given)
    return narrow(network, steps, start, s.response, s.tilt, s.along, finite=finite)


def _corrected(s: State, run: Narrow, index: int) -> State:
    """The state with what the fluctuations make of it; of two inputs the difference goes along with the signal, where
    it was not followed itself."""
    i = index - run.steps[0]
    second = _bounded(run.second[i])
    ratio = second / s.second if s.second else 1.0
    return s._replace(
        mean=s.mean * math.sqrt(ratio),
        second=second,
        difference=_bounded(s.difference * ratio if run.difference is None else run.difference[i]),
        response=_bounded(run.response[i]),
        spread=run.spread[i],
        tilt=run.tilt[i],
        along=run.along[i],
        before=None if s.before is None else s.before if s.after else second,
        apart=s.apart if s.after else _bounded(s.apart * ratio),
        angle=None if run.difference is not None else s.angle,
    )


def _after(step: Step, given: list[State]) -> State:
    match step.op:
        case "dense":
            return _dense(step, given[0])
        case "activation":
            return _activated(step, given[0])
        case "norm":
            return _normed(step, given[0])
        case "add":
            return _sum(given)
        case "cat":
            return _concatenated(given)
        case "pool":
            return _pooled(step, given[0])
        case "scale":
            a = step.parameter or 0.0
            s = given[0]
            return State(
                a * s.mean,
                a * a * s.second,
                a * a * s.difference,
                a * a * s.response,
                s.spread,
                s.units,
                tilt=s.tilt,
                along=s.along,
            )
    raise UnknownStepError(step.op)


def _dense(step: Step, s: State) -> State:
    dense = step.dense
    if dense is None:
        raise UnknownStepError("dense without weights")
    k = dense.forward
    second = _bounded(k * s.second + dense.bias)
    share = k * s.second / second if second else 0.0  # what of it comes from the input rather than the bias
    return State(
        0.0,
        second,
        _bounded(k * s.difference),
        _bounded(k * s.response),
        share**2 * s.spread,
        dense.units[1],
        second,
        apart=_bounded(k * s.difference),
        fresh=True,
        tilt=share * s.tilt,
        angle=None if s.angle is None or dense.distribution == "orthogonal" else _mapped(s, dense, share),
    )


def _mapped(s: State, dense: Dense, share: float) -> Angle:
    angle = s.angle if s.angle is not None and s.units else independent(dense.units[0])
    return angle.biased(share) if dense.bias else angle


def _activated(step: Step, s: State) -> State:
    f = _curve(step)
    if s.before is None:  # a sum that is no normal: as if it were one with its second moment
        s = s._replace(before=s.second)
    m = _moments(step.function, _rounded(s.second))
    spread = s.spread * _elasticity(step, s.second) ** 2
    if s.units:
        spread += _fluctuation(step.function, _rounded(s.second), s.held) / s.units
    angle = None if s.angle is None or not s.units else s.angle.through(step.function, _rounded(s.second), s.units)
    return State(
        m.mean,
        m.second_moment,
        difference(f, s.second, s.difference) if angle is None else angle.difference * m.second_moment,
        s.response * m.derivative_second_moment,
        spread,
        s.units,
        s.second,
        f,
        s.difference,
        tilt=s.tilt if f.slopes or not s.units else tilted(step.function, s.second, s.spread, s.tilt, s.units),
        angle=angle,
    )


def _normed(step: Step, s: State) -> State:
    variance = _normed_by(step, s)
    centre = s.mean if step.name == "rms" else 0.0
    whole = s.difference if step.name == "batch" else s.second if step.name == "rms" else s.second - s.mean**2
    return State(
        centre / math.sqrt(variance),
        whole / variance,
        s.difference / variance,
        s.response / variance,
        0.0,
        s.units,
        whole / variance,
        held=step.name,
    )


def _normed_by(step: Step, s: State) -> float:
    """What a norm divides the second moment by: the variance over inputs (batch), over units (layer), or the second
    moment (rms)."""
    match step.name:
        case "batch":
            return s.difference + EPSILON
        case "layer":
            return s.second - s.mean**2 + EPSILON
        case "rms":
            return s.second + EPSILON
    raise UnknownStepError(f"norm {step.name}")


def _sum(given: list[State]) -> State:
    """Summands of independent weights: what they have in common are their means."""
    mean = math.fsum(s.mean for s in given)
    second = _bounded(math.fsum(s.second - s.mean**2 for s in given) + mean**2)
    shares = [s.second / second if second else 0.0 for s in given]
    units = max(s.units for s in given)
    common = min(s.spread for s in given)  # what summands have from the input that they share
    own = math.fsum(share**2 * (s.spread - common) for share, s in zip(shares, given))
    if units:  # chance of the units of each summand, and of how summands point to each other
        own += math.fsum(2 * share**2 for share, s in zip(shares, given) if s.fresh) / units
        own += 2 * (1 - math.fsum(share**2 for share in shares)) / units
    normal = all(s.before is not None and s.after is None for s in given)
    return State(
        mean,
        second,
        math.fsum(s.difference for s in given),
        math.fsum(s.response for s in given),
        common + own,
        units,
        second if normal else None,
        tilt=_mixed(given, [s.tilt for s in given]),
        along=_mixed(given, [s.along for s in given]),
    )


def _mixed(given: list[State], values: list[float]) -> float:
    """Of parts whose second moments fluctuate together."""
    whole = math.fsum(s.response for s in given)
    return math.fsum(s.response * value for s, value in zip(given, values)) / whole if whole else 0.0


def _concatenated(given: list[State]) -> State:
    """The mean over units; parts whose width is unknown count as one."""
    counts = [s.units for s in given] if all(s.units for s in given) else [1] * len(given)
    whole = sum(counts)

    def mixed(values: list[float]) -> float:
        return math.fsum(n * v for n, v in zip(counts, values)) / whole

    return State(
        mixed([s.mean for s in given]),
        mixed([s.second for s in given]),
        mixed([s.difference for s in given]),
        mixed([s.response for s in given]),
        max(s.spread for s in given),
        sum(s.units for s in given),
        tilt=_mixed(given, [s.tilt for s in given]),
        along=_mixed(given, [s.along for s in given]),
    )


def _pooled(step: Step, s: State) -> State:
    """Over positions that differ as independent inputs do; what does not depend on the input they have in common."""
    n = step.parameter or 1.0
    if step.name == "mean":
        return State(
            s.mean,
            s.second - s.difference * (1 - 1 / n),
            s.difference / n,
            s.response / n,
            s.spread,
            s.units,
            tilt=s.tilt,
            along=s.along,
        )
    if step.name != "max":
        raise UnknownStepError(f"pool {step.name}")
    if s.before is None:
        return s
    found, left, kept = _largest(s, n)
    return State(
        found.mean, found.second_moment, left, s.response * kept, s.spread, s.units, tilt=s.tilt, along=s.along
    )


def _largest(s: State, count: float) -> tuple[Moments, float, float]:
    """Moments of the largest, its variance over inputs, and the factor on E[f'^2]: it is taken where f is steeper."""
    f = s.after or Curve(lambda z: z, (), (1.0, 1.0))
    before = s.second if s.before is None else s.before
    found, left = highest(f, before, s.apart or s.difference, count)
    plain = moments(f, before).derivative_second_moment
    return found, left, found.derivative_second_moment / plain if plain else 0.0


def _backward(network: Sequence[Step], states: list[State], corrected: dict[int, Narrow]) -> list[float]:
    found = [0.0] * len(network)
    found[-1] = 1.0
    inside: tuple[Narrow, float] | None = None  # a run, and the gradient at its end
    for index in range(len(network) - 1, -1, -1):
        step, g = network[index], found[index]
        if index in corrected:
            inside = corrected[index], g
        if inside is not None and index >= inside[0].steps[0]:
            run, end = inside
            source = step.inputs[0]
            found[source] = _bounded(found[source] + end * run.gradient[index - run.steps[0]])
            continue
        for source in step.inputs:
            found[source] = _bounded(found[source] + g * _slope(step, states[source]))
    return found


def _slope(step: Step, s: State) -> float:
    """The factor on the gradient's second moment, back through a step that read a state."""
    if step.op == "dense" and step.dense is not None:
        return step.dense.backward
    if step.op == "activation":
        return _moments(step.function, _rounded(s.second)).derivative_second_moment
    if step.op == "norm":
        return 1 / _normed_by(step, s)
    if step.op == "scale":
        return (step.parameter or 0.0) ** 2
    if step.op == "pool":
        n = step.parameter or 1.0
        if step.name == "mean":  # each position is in n / stride windows
            return 1 / (n * step.stride)
        return (1.0 if s.before is None else _largest(s, n)[2]) / step.stride
    return 1.0


def _bounded(value: float) -> float:
    return min(value, LARGEST)


def _curve(step: Step) -> Curve:
    found = step.function.curve
    if found is None:
        raise UnknownStepError(step.name)
    return found


def _rounded(variance: float) -> float:
    """To a few digits, so that the layers of a deep network share what is computed for one."""
    return float(f"{variance:.{DIGITS}e}")


@lru_cache(maxsize=4096)
def _moments(function: Function, variance: float) -> Moments:
    found = function.curve
    if found is None:
        raise UnknownStepError(function.name)
    return moments(found, variance)


@lru_cache(maxsize=4096)
def _fluctuation(function: Function, variance: float, held: str) -> float:
    found = function.curve
    return fluctuation(found, variance, held) if found is not None and variance else 0.0


def _elasticity(step: Step, variance: float) -> float:
    """By how many per cent E[f^2] grows with one per cent of the variance: 1 for ReLU, less where f saturates."""
    if not variance:
        return 0.0
    low = _moments(step.function, _rounded(variance * 0.99)).second_moment
    high = _moments(step.function, _rounded(variance * 1.01)).second_moment
    return math.log(high / low) / math.log(1.01 / 0.99) if low > 0 and high > 0 else 0.0
