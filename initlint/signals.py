"""What becomes of the signal and of the gradient along a strand: bounds, a closed form where there is one, the model.

*Signal* is what a small difference between two inputs has become at the end, relative to the input (standard
deviations): the part that depends on the input, under which biases put no floor. The gradient is that of the first
layer's weights relative to the last's: of the outputs, summed over positions. NumPy is loaded only where the model is
asked.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from initlint import strengths
from initlint.findings import Signal
from initlint.graph import Activation
from initlint.knowledge import knowledge
from initlint.network import Cell, analysable
from initlint.strands import Strand, network_of, positions

KNOWN_TO: Final = 4.0  # the variance up to which slopes are bounded


class Range(NamedTuple):
    """What a signal and a gradient are at least and at most."""

    forward: tuple[float, float]
    backward: tuple[float, float]


def bounds(strand: Strand) -> Range:
    """What signal and the first weights' gradient can be, from the slopes' bounds alone."""
    forward, backward = [1.0, 1.0], [1.0, 1.0]
    largest = 1.0  # second moment of what comes in
    for position, link in enumerate(strand.links):
        dense = link.dense
        before = dense.forward * largest + dense.bias
        low, high = _slope(link.activation, before)
        if link.pools.largest:
            high = max(high, 1.0)
        last = position + 1 == strand.depth
        for end, slope in enumerate((low, high)):
            forward[end] *= dense.forward * slope
            if position:
                backward[end] *= dense.backward
            if not last:
                backward[end] *= slope * link.merged
        largest = before * max(1.0, high) + (0.0 if _through_zero(link.activation) else 1.0)
        one = link.activation
        if one is not None and one.composed is None and strengths.activation_kind(one.name) == "saturating":
            largest = min(largest, 1.0)
        largest *= link.pools.largest or 1
    return Range(
        (math.sqrt(forward[0]), math.sqrt(forward[1])),
        (math.sqrt(backward[0]), math.sqrt(backward[1])),
    )


def _slope(activation: Activation | None, variance: float) -> tuple[float, float]:
    """Bounds of E[f'^2] for inputs of at most this variance."""
    slopes = strengths.slopes(activation)
    if slopes is not None:
        share = (slopes[0] ** 2 + slopes[1] ** 2) / 2
        return share, share
    spec = knowledge().activations.get(activation.name) if activation and activation.composed is None else None
    if spec is None or spec.slope is None or activation is None or activation.parameter is not None:
        return 0.0, math.inf
    return spec.slope if variance <= KNOWN_TO else (0.0, math.inf)


def _through_zero(activation: Activation | None) -> bool:
    return activation is None or strengths.through_zero(activation)


def exact(strand: Strand) -> Signal | None:
    """The signal in closed form; None where there is none: other activations, pools, weights with a mean, one matrix at
    all steps."""
    if strand.recurrence:
        return None
    second, spread = 1.0, 0.0
    for link in strand.links:
        slopes = strengths.slopes(link.activation)
        if slopes is None or link.pools.largest or strand.noise:
            return None
        squares = [slope**2 for slope in slopes]
        before = link.dense.forward * second + link.dense.bias
        share = link.dense.forward * second / before if before else 0.0
        fluctuation = 6 * sum(s**2 for s in squares) / sum(squares) ** 2 - 1  # 5 for ReLU (Hanin and Nica 2020)
        spread = share**2 * spread + (0.0 if link.activation is None else fluctuation / link.dense.units[1])
        second = before * sum(squares) / 2
    network = network_of(strand)
    if not strand.links or not analysable(network):
        return None
    found = bounds(strand)
    many = positions(strand)
    spreading = math.exp(math.sqrt(spread) / 2)
    return Signal(found.forward[0], found.backward[0] / math.sqrt(many), strand.depth, spreading, positions=many)


def measured(strand: Strand) -> Signal | None:
    """The signal by the model; None where it has no formula for a step, or nothing is left to compute with."""
    from initlint.propagation import UnknownStepError
    from initlint.sampling import trace

    if strand.recurrence:
        return _unrolled(strand, strand.recurrence)
    network = network_of(strand)
    dense = [index for index, step in enumerate(network) if step.op == "dense"]
    try:
        found = trace(network)
    except (UnknownStepError, ValueError):
        return None
    last = found.gradient[dense[-1]]
    backward = found.gradient[dense[0]] / last if last else 0.0
    return Signal(
        math.sqrt(found.response[-1]),
        math.sqrt(backward),
        strand.depth,
        math.exp(min(found.spread[-1], 100) / 2),
        positions=positions(strand),
    )


def _unrolled(strand: Strand, cell: Cell) -> Signal | None:
    from initlint.propagation import UnknownStepError
    from initlint.unrolling import unrolled, unrolled_gates

    link = strand.links[0]
    if cell.kind != "plain":
        found = unrolled_gates(link.dense, cell.kind, cell.forget, strand.depth)
        return Signal(found.factor, found.factor, strand.depth, found.spread, steps=True)
    name, parameter = ("linear", None) if link.activation is None else (link.activation.name, link.activation.parameter)
    try:
        found = unrolled(link.dense, name, parameter, strand.depth)
    except UnknownStepError:
        return None
    return Signal(found.factor, found.factor, strand.depth, found.spread, steps=True)
