"""The steps of a recurrent network by sampling, in NumPy, from a seed: one matrix, or one a gate, again and again.

A row of layers with a matrix each (propagation.py) is another thing: the same matrix turns every state towards its own
large directions, so that a change of the state is multiplied by its spectral radius only as long as the units are
linear (Pascanu, Mikolov and Bengio 2013, section 2.1). No input comes in; the state starts with second moment 1.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from initlint.curves import curve, sigmoid
from initlint.propagation import UnknownStepError
from initlint.sampling import CAP, DRAWS, SEED, biases, matrices

if TYPE_CHECKING:
    from initlint.curves import Curve
    from initlint.network import Dense
    from initlint.sampling import Array

STATES: Final = 4  # at the start, for each matrix
GATED_CAP: Final = 64  # units behind gates, which have several matrices
GATED_DRAWS: Final = 12
STEP: Final = 1e-4
SMALLEST: Final = 1e-300
LARGEST: Final = 690.0  # of a logarithm


class Change(NamedTuple):
    """What a small change of the state, and likewise the gradient, is multiplied by (the geometric mean over draws),
    and by what factor a single network is typically off."""

    factor: float
    spread: float


def _slope(unit: Curve, at: Array) -> Array:
    import numpy as np

    if unit.slopes is not None:  # a state may come so near to the kink that no difference tells the sides apart
        return np.where(at > 0, unit.slopes[1], unit.slopes[0])
    step = STEP * np.maximum(1.0, np.abs(at))
    found: Array = (unit(at + step) - unit(at - step)) / (2 * step)
    return found


@lru_cache(maxsize=64)
def unrolled(dense: Dense, activation: str, parameter: float | None, steps: int, draws: int = DRAWS) -> Change:
    """What becomes of a change of the state (units,) after so many steps h <- f(W h). The change that comes forward and
    the gradient that goes back have the same size over random directions: both are that of the Jacobian. Raises
    UnknownStepError for an activation that is no function of single units."""
    import numpy as np

    unit = curve(activation, parameter)
    if unit is None:
        raise UnknownStepError(activation)
    generator = np.random.default_rng(SEED)
    matrix = matrices(dense, min(dense.units[0], CAP), draws, CAP, generator)
    state = generator.standard_normal((draws, STATES, matrix.shape[1]))
    change = generator.standard_normal(state.shape)
    change /= np.sqrt((change**2).mean(axis=2, keepdims=True))
    logs = np.zeros((draws, STATES, 1))
    for _ in range(steps):
        before = np.clip(state @ matrix, -1e150, 1e150)
        state, change = unit(before), (change @ matrix) * _slope(unit, before)
        size = _size(change)
        logs, change = logs + np.log(size), change / size
    return _over_draws(logs)


def _size(change: Array) -> Array:
    import numpy as np

    found: Array = np.maximum(np.sqrt((change**2).mean(axis=2, keepdims=True)), SMALLEST)
    return found


def _over_draws(logs: Array) -> Change:
    mean, spread = float(logs.mean()), float(logs.mean(axis=1).std(ddof=1))
    return Change(math.exp(max(-LARGEST, min(mean, LARGEST))), math.exp(min(spread, LARGEST)))


@lru_cache(maxsize=64)
def unrolled_gates(dense: Dense, kind: str, forget: float, steps: int, draws: int = GATED_DRAWS) -> Change:
    """What becomes of a change of the state of an `lstm` (hidden state and cell, units each) or a `gru` after so many
    steps without input. Each gate has a matrix of its own, and biases of variance `dense.bias`; the forget gate's is
    `forget` where that is not zero (Hochreiter and Schmidhuber 1997; Gers et al. 2000; Cho et al. 2014)."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    units, step, parts = min(dense.units[0], GATED_CAP), *((_lstm, 2) if kind == "lstm" else (_gru, 1))
    gates = 4 if kind == "lstm" else 3
    matrix = np.concatenate([matrices(dense, units, draws, GATED_CAP, generator) for _ in range(gates)], axis=2)
    bias = np.concatenate([biases(dense, draws, units, generator) for _ in range(gates)], axis=2)
    if forget:  # written, no longer drawn
        bias[:, :, units : 2 * units] = forget
    state = generator.standard_normal((draws, STATES, parts * units))
    change = generator.standard_normal(state.shape)
    change /= _size(change)
    logs = np.zeros((draws, STATES, 1))
    for _ in range(steps):
        state, change = step(state, change, matrix, bias)
        size = _size(change)
        logs, change = logs + np.log(size), change / size
    return _over_draws(logs)


def _lstm(state: Array, change: Array, matrix: Array, bias: Array) -> tuple[Array, Array]:
    """One step: the hidden state and the cell, and what becomes of a change of both."""
    import numpy as np

    (hidden, cell), (d_hidden, d_cell) = np.split(state, 2, axis=2), np.split(change, 2, axis=2)
    before, d_before = hidden @ matrix + bias, d_hidden @ matrix
    (i, f, _, o), (d_i, d_f, d_g, d_o) = np.split(sigmoid(before), 4, axis=2), np.split(d_before, 4, axis=2)
    g = np.tanh(np.split(before, 4, axis=2)[2])
    new = f * cell + i * g
    d_new = f * d_cell + f * (1 - f) * d_f * cell + i * (1 - i) * d_i * g + i * (1 - g**2) * d_g
    out = np.tanh(new)
    d_out = o * (1 - o) * d_o * out + o * (1 - out**2) * d_new
    return np.concatenate([o * out, new], axis=2), np.concatenate([d_out, d_new], axis=2)


def _gru(state: Array, change: Array, matrix: Array, bias: Array) -> tuple[Array, Array]:
    """One step, the reset gate behind the product as torch and Keras have it, and what becomes of a change."""
    import numpy as np

    before, d_before = state @ matrix + bias, change @ matrix
    (r, z, _), (d_r, d_z, d_n) = np.split(sigmoid(before), 3, axis=2), np.split(d_before, 3, axis=2)
    inner = np.split(before, 3, axis=2)[2]
    n = np.tanh(r * inner)
    d_new = (1 - n**2) * (r * d_n + r * (1 - r) * d_r * inner)
    made = (1 - z) * n + z * state
    return made, (1 - z) * d_new + z * (1 - z) * d_z * (state - n) + z * change
