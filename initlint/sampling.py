"""The signal model by sampling: the same network with real matrices and real activations, in NumPy, from a seed.

It serves where analysis does not hold (narrow layers, gates, weights with a mean, orthogonal at non-square shapes,
sparse), and is the second engine that checks the first. Widths are capped: a wider layer is drawn at the cap, with its
factor on the second moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial, reduce
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from initlint.curves import Curve, sigmoid
from initlint.network import EPSILON, GATED, Dense, Step, Trace, analysable
from initlint.propagation import UnknownStepError, propagate

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

SEED: Final = 20151
CAP: Final = 128  # units of a layer
DRAWS: Final = 24  # networks
BATCH: Final = 16  # inputs; with the cap, products stay so small that BLAS needs no threads
LARGEST_WINDOW: Final = 128  # positions of a pool; further ones are taken for these again
MOST_KEPT: Final = 24  # matrices, of a few MB each; of a longer network they are drawn again on the way back
MOST_DRAWN: Final = 12  # matrices before they are scaled: networks of one family, and a network mended, have the same
STEP: Final = 1e-4
DIGITS: Final = 14  # in which factors on the signal are the same
SMALL: Final = 1e-3  # a small difference, relative to the input: what the response is measured with


@lru_cache(maxsize=256)
def trace(network: tuple[Step, ...]) -> Trace:
    """What becomes of an input of second moment 1: by analysis where that holds, in the limit of wide layers for two
    inputs, else by sampling."""
    return propagate(network, finite=False) if analysable(network) else _sampled(tuple(map(_capped, network)))


def _capped(step: Step) -> Step:
    """The step as it is sampled: of fans nothing but the factor on the signal is left, so that networks whose layers
    are wider than the cap can be the same."""
    if step.dense is None:
        return step
    inputs, outputs = (min(units, CAP) for units in step.dense.units)
    mean = step.dense.mean * step.dense.fan_in
    variance = max(step.dense.second - step.dense.mean**2, 0.0) * step.dense.fan_in
    second = float(f"{variance + mean**2:.{DIGITS}e}")
    return replace(
        step, dense=step.dense._replace(second=second, fan_in=1, fan_out=1, mean=mean, inputs=inputs, outputs=outputs)
    )


@lru_cache(maxsize=256)
def _sampled(network: tuple[Step, ...]) -> Trace:
    return sample(network)


def sample(
    network: Sequence[Step], *, draws: int = DRAWS, batch: int = BATCH, cap: int = CAP, seed: int = SEED
) -> Trace:
    """The Trace of a network, as the mean over `draws` random ones of it. Raises UnknownStepError as `propagate`."""
    import numpy as np

    generator = np.random.default_rng(seed)
    window = max((round(s.parameter or 1) for s in network if s.op == "pool"), default=1)
    batch = max(batch, min(window, LARGEST_WINDOW))
    width = next((s.dense.units[0] for s in network if s.dense is not None), cap)
    inputs = generator.standard_normal((draws, batch, min(width, cap)))
    last = {i: number for number, step in enumerate(network) for i in step.inputs}  # who reads a step's output last
    many = sum(step.op == "dense" for step in network) > MOST_KEPT
    values: list[Array] = []
    near: dict[int, Array] = {}
    changes: list[float] = []
    kept: list[Callable[[], Array]] = []  # matrices of dense steps, by their turn
    for number, step in enumerate(network):
        given, other = [values[i] for i in step.inputs], [near[i] for i in step.inputs]
        if step.op == "input":
            values.append(inputs)
            near[number] = inputs + SMALL * generator.standard_normal(inputs.shape)
        elif step.op == "dense":
            drawing = partial(matrices, step.dense, given[0].shape[-1], draws, cap)
            kept.append(partial(_again, drawing, generator.bit_generator.state))
            matrix = drawing(generator)
            if not many:
                kept[-1] = partial(_same, matrix)
            bias = biases(step.dense, draws, matrix.shape[-1], generator)
            values.append(given[0] @ matrix + bias)
            near[number] = other[0] @ matrix + bias
        else:
            values.append(_after(step, given))
            near[number] = _after(step, other)
        changes.append(float(((near[number] - values[number]) ** 2).mean()))
        for i in {i for i in step.inputs if last[i] == number}:
            del near[i]
    gradients = _backward(network, values, kept, generator)
    return Trace(
        tuple(float((v**2).mean()) for v in values),
        tuple(float(v.var(axis=1, ddof=1).mean()) for v in values),
        tuple(change / changes[0] for change in changes),
        tuple(gradients),
        tuple(_spread(v) for v in values),
    )


def _same(matrix: Array) -> Array:
    return matrix


def _again(drawing: Callable[[Generator], Array], state: Mapping[str, Any]) -> Array:
    """What was drawn when the generator was in this state."""
    import numpy as np

    generator = np.random.default_rng()
    generator.bit_generator.state = state
    return drawing(generator)


def _spread(values: Array) -> float:
    """Over draws, of the log of the second moment of one input."""
    import numpy as np

    seconds = (values**2).mean(axis=2)
    return float(np.log(np.maximum(seconds, 1e-300)).std(axis=0, ddof=1).mean())


def matrices(dense: Dense | None, inputs: int, draws: int, cap: int, generator: Generator) -> Array:
    """One matrix for each draw, inputs by outputs, whose factor on the second moment is the map's."""
    if dense is None:
        raise UnknownStepError("dense without weights")
    outputs = min(dense.units[1], cap)
    shape = (draws, inputs, outputs)
    spread = math.sqrt(max(dense.second - dense.mean**2, 0.0) * dense.fan_in / inputs)
    mean = dense.mean * dense.fan_in / inputs
    state = generator.bit_generator.state
    numbers = tuple(sorted(state["state"].items())), state["has_uint32"], state["uinteger"]
    drawn, after = _drawn(dense.distribution, dense.density, shape, numbers)
    generator.bit_generator.state = after
    made: Array = spread * drawn
    made += mean
    return made


@lru_cache(maxsize=MOST_DRAWN)
def _drawn(
    distribution: str, density: float, shape: tuple[int, int, int], state: tuple[tuple[tuple[str, int], ...], int, int]
) -> tuple[Array, Mapping[str, Any]]:
    """Matrices of mean 0 and variance 1 that a generator in this state draws, and the state that it is in then."""
    import numpy as np

    generator = np.random.default_rng()
    numbers, has_half, half = state
    began: dict[str, Any] = dict(generator.bit_generator.state)
    began.update(state=dict(numbers), has_uint32=has_half, uinteger=half)
    generator.bit_generator.state = began
    match distribution:
        case "uniform":
            drawn = generator.uniform(-math.sqrt(3), math.sqrt(3), shape)
        case "orthogonal":
            drawn = _orthogonal(shape, generator) * math.sqrt(max(shape[1:]))
        case "sparse":
            drawn = _thinned(shape, density, generator)
        case "trunc_normal":
            drawn = _truncated(shape, generator)
        case "constant":
            drawn = np.zeros(shape)
        case _:
            drawn = generator.standard_normal(shape)
    return drawn, generator.bit_generator.state


def _orthogonal(shape: tuple[int, int, int], generator: Generator) -> Array:
    import numpy as np

    draws, rows, columns = shape
    q, r = np.linalg.qr(generator.standard_normal((draws, max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :]
    made: Array = q if rows >= columns else q.transpose(0, 2, 1)
    return made


def _thinned(shape: tuple[int, int, int], density: float, generator: Generator) -> Array:
    """The same number of zeros in each column of torch's matrix, which is a row here: what one input feeds."""
    import numpy as np

    zeros = min(math.ceil((1 - density) * shape[2]), shape[2])
    left = np.argsort(generator.random(shape), axis=2) >= zeros
    made: Array = generator.standard_normal(shape) * left / math.sqrt(max(density, 1e-12))
    return made


def _truncated(shape: tuple[int, ...], generator: Generator) -> Array:
    """A normal cut at two standard deviations, scaled back to variance 1."""
    import numpy as np

    from initlint.laws import TRUNCATION, truncated

    drawn = generator.standard_normal(shape)
    flat = drawn.reshape(-1)
    out = np.flatnonzero(np.abs(flat) > TRUNCATION)
    while out.size:
        flat[out] = again = generator.standard_normal(out.size)
        out = out[np.abs(again) > TRUNCATION]
    made: Array = drawn / math.sqrt(truncated(-TRUNCATION, TRUNCATION)[1])
    return made


def biases(dense: Dense | None, draws: int, outputs: int, generator: Generator) -> Array:
    """One vector for each draw, uniform, of the map's variance."""
    import numpy as np

    if dense is None or not dense.bias:
        return np.zeros((draws, 1, outputs))
    made: Array = math.sqrt(dense.bias) * generator.uniform(-math.sqrt(3), math.sqrt(3), (draws, 1, outputs))
    return made


def _after(step: Step, given: list[Array]) -> Array:
    import numpy as np

    x = given[0]
    match step.op:
        case "activation" if step.name in GATED:
            left, right = np.split(x[..., : x.shape[-1] // 2 * 2], 2, axis=-1)
            return left * sigmoid(right)
        case "activation":
            return _curve(step)(x)
        case "norm":
            centre, deviation = _normed_by(step, x)
            return (x - centre) / deviation
        case "add":
            return sum(given[1:], start=x)
        case "pool":
            together = np.maximum if step.name == "max" else np.add
            pooled: Array = reduce(together, _positions(step, x))
            return pooled if step.name == "max" else pooled / _width(step)
        case "cat":
            return np.concatenate(given, axis=-1)
        case "scale":
            return (step.parameter or 0.0) * x
    raise UnknownStepError(f"{step.op} {step.name}".strip())


def _width(step: Step) -> int:
    return round(step.parameter or 1)


def _positions(step: Step, x: Array) -> Iterator[Array]:
    """What a pool looks at: independent positions, as other inputs of the batch are. One after the other, for together
    they are as large as the pool is wide."""
    import numpy as np

    if step.name not in {"max", "mean"}:
        raise UnknownStepError(f"pool {step.name}")
    return (np.roll(x, shift, axis=1) for shift in range(_width(step)))


def _through_pool(step: Step, x: Array, pooled: Array, g: Array) -> Array:
    import numpy as np

    shares = (part == pooled if step.name == "max" else 1 / (step.parameter or 1) for part in _positions(step, x))
    made: Array = reduce(np.add, (np.roll(g * share, -shift, axis=1) for shift, share in enumerate(shares)))
    return made / math.sqrt(step.stride)  # here an input is in as many windows as a pool is wide


def _normed_by(step: Step, x: Array) -> tuple[Array, Array]:
    import numpy as np

    axis = 1 if step.name == "batch" else -1
    centre = np.zeros_like(x[:1, :1, :1]) if step.name == "rms" else x.mean(axis=axis, keepdims=True)
    return centre, np.sqrt(((x - centre) ** 2).mean(axis=axis, keepdims=True) + EPSILON)


def _curve(step: Step) -> Curve:
    found = step.function.curve
    if found is None:
        raise UnknownStepError(step.name)
    return found


def _backward(
    network: Sequence[Step], values: list[Array], kept: list[Callable[[], Array]], generator: Generator
) -> list[float]:
    """Second moments of the gradient of a random linear function of the last step, at each step."""
    import numpy as np

    gradients: dict[int, Array] = {len(network) - 1: generator.standard_normal(values[-1].shape)}
    seconds: list[float] = []  # of the gradients from the last step on
    matrices = list(kept)
    for index in range(len(network) - 1, 0, -1):
        step = network[index]
        g = gradients.pop(index) if index in gradients else np.zeros_like(values[index])
        seconds.append(float((g**2).mean()))
        x = values[step.inputs[0]]
        if step.op == "dense":
            parts = [g @ matrices.pop()().transpose(0, 2, 1)]
        elif step.op == "activation" and step.name in GATED:
            left, right = np.split(x[..., : x.shape[-1] // 2 * 2], 2, axis=-1)
            gate = sigmoid(right)
            both = np.concatenate([g * gate, g * left * gate * (1 - gate)], axis=-1)
            parts = [np.pad(both, [(0, 0), (0, 0), (0, x.shape[-1] - both.shape[-1])])]
        elif step.op == "activation":
            f = _curve(step)
            parts = [g * (f(x + STEP) - f(x - STEP)) / (2 * STEP)]
        elif step.op == "norm":
            parts = [_through_norm(step, x, values[index], g)]
        elif step.op == "pool":
            parts = [_through_pool(step, x, values[index], g)]
        elif step.op == "cat":
            ends = np.cumsum([values[i].shape[-1] for i in step.inputs])[:-1]
            parts = np.split(g, ends, axis=-1)
        elif step.op == "scale":
            parts = [(step.parameter or 0.0) * g]
        else:
            parts = [g] * len(step.inputs)
        for source, part in zip(step.inputs, parts):
            gradients[source] = gradients[source] + part if source in gradients else part
    seconds.append(float((gradients.get(0, np.zeros(1)) ** 2).mean()))
    return seconds[::-1]


def _through_norm(step: Step, x: Array, normed: Array, g: Array) -> Array:
    axis = 1 if step.name == "batch" else -1
    _, deviation = _normed_by(step, x)
    along = normed * (g * normed).mean(axis=axis, keepdims=True)
    centre = 0.0 if step.name == "rms" else g.mean(axis=axis, keepdims=True)
    made: Array = (g - centre - along) / deviation
    return made
