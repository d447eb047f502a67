"""The numbers on the rules' pages, measured with NumPy alone. `python benchmarks/measured.py` prints them,
of some rules where it is given their codes; tests/test_rule_numbers.py compares them with what the pages say."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from page_numbers import show, table

Array = NDArray[np.float64]
WIDTH: Final = 128
STEPS: Final = 200


def short(number: float) -> str:
    return f"{number:.2f}" if 0.01 <= abs(number) < 100 else f"{number:.0e}" if number else "0"


# -- training --------------------------------------------------------------------------------------------------------


def trained(first: Array, second: Array, third: Array, rate: float = 0.1) -> tuple[float, int]:
    """The loss of an MLP of two hidden ReLU layers after some steps of gradient descent, and how many units of the
    first differ: 512 points in 16 dimensions with noise, a target of tanh units."""
    generator = np.random.default_rng(1)
    x = generator.standard_normal((512, 16))
    target = np.tanh(x @ generator.standard_normal((16, 8)) / 4) @ generator.standard_normal((8, 1))
    weights = [first, second, third]
    for _ in range(STEPS):
        a = np.maximum(x @ weights[0], 0)
        b = np.maximum(a @ weights[1], 0)
        error = (b @ weights[2] - target) * 2 / len(x)
        down = (error @ weights[2].T) * (b > 0)
        lower = (down @ weights[1].T) * (a > 0)
        gradients = (x.T @ lower, a.T @ down, b.T @ error)
        weights = [weight - rate * gradient for weight, gradient in zip(weights, gradients, strict=True)]
    output = np.maximum(np.maximum(x @ weights[0], 0) @ weights[1], 0) @ weights[2]
    units = len(np.unique(np.round(weights[0].T, 9), axis=0))
    return float(np.mean((output - target) ** 2) / np.mean(target**2)), units


def he(rows: int, columns: int, seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal((rows, columns)) * math.sqrt(2 / rows)


def constants(values: Sequence[float]) -> str:
    """How a network trains whose hidden layers start with a constant."""
    rows = [["hidden weights", "loss, of the target's variance", "units that differ, of 32"]]
    for value in values:
        loss, units = trained(np.full((16, 32), value), np.full((32, 32), value), he(32, 1, 3))
        rows.append([f"all {value:g}", short(loss), str(units)])
    loss, units = trained(he(16, 32, 1), he(32, 32, 2), he(32, 1, 3))
    rows.append(["He", short(loss), str(units)])
    return f"An MLP 16-32-32-1 with ReLU after {STEPS} steps of gradient descent:\n\n{table(rows)}"


# -- signals ---------------------------------------------------------------------------------------------------------


def kept(std: float, depth: int, activation: Callable[[Array], Array]) -> float:
    """What is left of the standard deviation after some layers, the geometric mean of 16 networks."""
    logs = []
    for seed in range(16):
        generator = np.random.default_rng(seed)
        x = generator.standard_normal((64, WIDTH))
        for _ in range(depth):
            x = activation(x @ (generator.standard_normal((WIDTH, WIDTH)) * std))
        logs.append(math.log(max(float(np.sqrt(np.mean(x**2))), 1e-300)))
    return math.exp(sum(logs) / len(logs))


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def scales(stds: Sequence[float]) -> str:
    """The signal through ReLU layers under scales that know nothing of the fans."""
    depths = (2, 4, 8, 16)
    rows = [["std of the weights", *(f"{depth} layers" for depth in depths)]]
    for std in (*stds, math.sqrt(2 / WIDTH)):
        name = f"{std:g}" if std in stds else f"{std:.3g} (He)"
        rows.append([name, *(short(kept(std, depth, relu)) for depth in depths)])
    return f"Signal after ReLU layers of width {WIDTH}, of what went in (sampled, 16 networks):\n\n{table(rows)}"


def large_scales() -> str:
    """The signal through ReLU layers; how many tanh units are flat, and the gradient through them."""
    rows = [["std of the weights", "tanh units above 0.96 in size, layer 2", "gradient through 8 layers of tanh"]]
    for std in (1 / math.sqrt(WIDTH), 0.2, 0.5, 1.0):
        generator = np.random.default_rng(0)
        x, states, weights = generator.standard_normal((256, WIDTH)), [], []
        for _ in range(8):
            weights.append(generator.standard_normal((WIDTH, WIDTH)) * std)
            x = np.tanh(x @ weights[-1])
            states.append(x)
        gradient = generator.standard_normal(x.shape)
        before = float(np.std(gradient))
        for weight, state in zip(reversed(weights), reversed(states), strict=True):
            gradient = (gradient * (1 - state**2)) @ weight.T
        flat = float(np.mean(np.abs(states[1]) > 0.96))
        name = f"{std:.3g} (Xavier)" if std < 0.1 else f"{std:g}"
        rows.append([name, f"{100 * flat:.0f} %", short(float(np.std(gradient)) / before)])
    return (
        f"{scales((0.2, 0.5, 1.0))}\n\nBefore tanh nothing grows, but units sit on their flat parts:\n\n{table(rows)}"
    )


def defaults() -> str:
    """PyTorch's default through ReLU layers, without biases: U(±1 / sqrt(fan_in))."""
    depths = (2, 4, 8, 16, 24)
    laws = (("torch's default", 1 / 3), ("Xavier", 1.0), ("He", 2.0))
    rows = [["ReLU, biases left out", *(f"{depth} layers" for depth in depths)]]
    for name, scale in laws:
        rows.append([name, *(short(kept(math.sqrt(scale / WIDTH), depth, relu)) for depth in depths)])
    return f"Signal after layers of width {WIDTH}, of what went in (sampled, 16 networks):\n\n{table(rows)}"


def truncation() -> str:
    """The standard deviation of a normal that is cut, of the one asked for."""
    rows = [["cut at", "std that is left"]]
    for bound in (0.5, 1.0, 1.5, 2.0, 3.0):
        density = math.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi)
        left = math.sqrt(1 - 2 * bound * density / math.erf(bound / math.sqrt(2)))
        rows.append([f"{bound:g} std", f"{left:.3f}"])
    return table(rows)


def tied() -> str:
    """The first loss of a tied output layer: unit scale in the stream, which the embedding of the token is added to."""
    tokens, width = 8192, 512
    rows = [["std of the embedding", "loss at step 0", "ln V"]]
    for std in (0.02, width**-0.5, 0.1, 0.5, 1.0):
        generator = np.random.default_rng(0)
        embedding = generator.standard_normal((tokens, width)).astype(np.float32) * std
        read, wanted = generator.integers(tokens, size=(2, 64))
        stream = embedding[read] + generator.standard_normal((64, width)) * std
        stream /= np.sqrt(np.mean(stream**2, axis=1, keepdims=True))
        logits = (stream @ embedding.T).astype(np.float64)
        top = logits.max(axis=1, keepdims=True)
        loss = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0] - logits[np.arange(64), wanted]
        rows.append([f"{std:.3g}", f"{loss.mean():.1f}", f"{math.log(tokens):.1f}"])
    return f"{tokens} tokens, width {width}, a norm before the output layer (sampled):\n\n{table(rows)}"


def dropouts() -> str:
    """Mean and variance behind SELU layers with each kind of dropout."""
    alpha, scale, rate = 1.6732632423543772, 1.0507009873554805, 0.1
    low = -alpha * scale
    a = (1 - rate + rate * (1 - rate) * low**2) ** -0.5
    b = -a * rate * low
    kinds: dict[str, Callable[[Array, NDArray[np.bool_]], Array]] = {
        "none": lambda x, _: x,
        "AlphaDropout(0.1)": lambda x, keep: a * np.where(keep, x, low) + b,
        "Dropout(0.1)": lambda x, keep: x * keep / (1 - rate),
    }
    rows = [["dropout", "mean after 8 layers", "variance"]]
    for name, drop in kinds.items():
        means, variances = [], []
        for seed in range(16):
            generator = np.random.default_rng(seed)
            x = generator.standard_normal((256, WIDTH))
            for _ in range(8):
                x = x @ (generator.standard_normal((WIDTH, WIDTH)) / math.sqrt(WIDTH))
                x = scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))
                x = drop(x, generator.random(x.shape) > rate)
            means.append(float(x.mean()))
            variances.append(float(x.var()))
        rows.append([name, f"{np.mean(means) + 0.0:.2f}".replace("-0.00", "0.00"), f"{np.mean(variances):.2f}"])
    return f"SELU with LeCun's weights, width {WIDTH} (sampled, 16 networks):\n\n{table(rows)}"


def twins() -> str:
    """Two heads that start equal, and two that do not, on the same input."""
    generator = np.random.default_rng(1)
    x = generator.standard_normal((512, 16))
    target = np.tanh(x @ generator.standard_normal((16, 8)) / 4) @ generator.standard_normal((8, 1))
    rows = [
        [
            "two branches of 8 ReLU units and an output, added",
            "loss, of the target's variance",
            "units that differ, of 16",
        ]
    ]
    for name, seeds in (("one initializer object", (1, 1)), ("one each", (1, 2))):
        first = np.hstack([he(16, 8, seed) for seed in seeds])
        second = np.vstack([he(8, 1, seed + 10) for seed in seeds]) / 2
        for _ in range(STEPS):
            hidden = relu(x @ first)
            error = (hidden @ second - target) * 2 / len(x)
            lower = (error @ second.T) * (hidden > 0)
            second = second - 0.1 * (hidden.T @ error)
            first = first - 0.1 * (x.T @ lower)
        loss = float(np.mean((relu(x @ first) @ second - target) ** 2) / np.mean(target**2))
        rows.append([name, short(loss), str(len(np.unique(np.round(first.T, 9), axis=0)))])
    return f"After {STEPS} steps of gradient descent:\n\n{table(rows)}"


def empty_units() -> str:
    """How many of the inputs of a layer reach no unit under torch's `sparse_`, which empties as many rows in each
    column: of `fan_in` inputs a unit keeps those that the column of it has."""
    rows = [["sparsity", "units without any input, fan_in 8", "fan_in 16", "fan_in 64"]]
    for sparsity in (0.5, 0.9, 0.95, 0.99):
        cells = []
        for fan_in in (8, 16, 64):
            generator = np.random.default_rng(0)
            zeros = math.ceil(sparsity * WIDTH)
            weight = np.ones((WIDTH, fan_in))
            for column in range(fan_in):
                weight[generator.permutation(WIDTH)[:zeros], column] = 0
            cells.append(f"{100 * float(np.mean(weight.sum(axis=1) == 0)):.0f} %")
        rows.append([f"{sparsity:g}", *cells])
    return f"A layer of {WIDTH} units (sampled):\n\n{table(rows)}"


MEASURED: Final[dict[str, Callable[[], str]]] = {
    "INI101": lambda: constants((0.0,)),
    "INI102": lambda: constants((0.01, 0.1)),
    "INI103": twins,
    "INI204": lambda: scales((0.001, 0.01, 0.05)),
    "INI205": large_scales,
    "INI207": defaults,
    "INI210": truncation,
    "INI402": empty_units,
    "INI403": tied,
    "INI404": dropouts,
}


if __name__ == "__main__":
    show(sys.argv[1:], MEASURED)
