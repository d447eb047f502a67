"""The steps of a plain recurrent network by sampling, in NumPy, from a seed: one matrix, again and again.

A row of layers with a matrix each (propagation.py) is another thing: the same matrix turns every state towards its own
large directions, so that a change of the state is multiplied by its spectral radius only as long as the units are
linear (Pascanu, Mikolov and Bengio 2013, section 2.1). No input comes in; the state starts with second moment 1.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from initlint.curves import curve
from initlint.propagation import UnknownStepError
from initlint.sampling import CAP, DRAWS, SEED, matrices

if TYPE_CHECKING:
    from initlint.curves import Curve
    from initlint.network import Dense
    from initlint.sampling import Array

STATES: Final = 4  # at the start, for each matrix
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
        size = np.maximum(np.sqrt((change**2).mean(axis=2, keepdims=True)), SMALLEST)
        logs, change = logs + np.log(size), change / size
    mean, spread = float(logs.mean()), float(logs.mean(axis=1).std(ddof=1))
    return Change(math.exp(max(-LARGEST, min(mean, LARGEST))), math.exp(min(spread, LARGEST)))
