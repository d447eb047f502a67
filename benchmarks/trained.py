"""The numbers on the pages of INI201 and INI202: how networks train whose hidden layers start with Xavier's variance or
with He's, with PyTorch. `python benchmarks/trained.py` prints them, of some rules where it is given their codes;
tests/test_rule_numbers.py compares them with what the pages say."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import torch
from page_numbers import show, table
from torch import Tensor
from torch.nn import functional

WIDTH: Final = 64
INPUTS: Final = 32
CLASSES: Final = 10
POINTS: Final = 2048
BATCH: Final = 64
STEPS: Final = 200
LAST: Final = 50  # steps whose losses are averaged
SEEDS: Final = 3
DEPTHS: Final = (2, 4, 8, 12)

Activation = Callable[[Tensor], Tensor]
Law = Callable[[int, int], float]  # variance from fan_in and fan_out
Optimizer = tuple[type[torch.optim.Optimizer], float]

SGD: Final[Optimizer] = (torch.optim.SGD, 0.1)
ADAM: Final[Optimizer] = (torch.optim.Adam, 0.001)
LAWS: Final[Mapping[str, Law]] = {
    "Xavier": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "He": lambda fan_in, _: 2 / fan_in,
    "torch's default": lambda fan_in, _: 1 / (3 * fan_in),
    "Xavier with gain 5/3": lambda fan_in, fan_out: 25 / 9 * 2 / (fan_in + fan_out),
}


def normal(generator: torch.Generator, *size: int) -> Tensor:
    return torch.randn(*size, generator=generator, dtype=torch.float64)


def task() -> tuple[Tensor, Tensor]:
    """Points, and which of ten classes a random network of tanh units puts each in."""
    generator = torch.Generator().manual_seed(0)
    points = normal(generator, POINTS, INPUTS)
    hidden = torch.tanh(points @ normal(generator, INPUTS, WIDTH) * 2 / math.sqrt(INPUTS))
    return points, (hidden @ normal(generator, WIDTH, CLASSES)).argmax(1)


def normed(x: Tensor) -> Tensor:
    """What BatchNorm makes of each network's batch."""
    centred = x - x.mean(1, keepdim=True)
    return centred / torch.sqrt(centred.square().mean(1, keepdim=True) + 1e-5)


def losses(
    laws: Sequence[str], depth: int, activation: Activation, optimizer: Optimizer, *, norm: bool = False
) -> Sequence[float]:
    """The mean loss at the end for each law. All networks, SEEDS for each law, are trained side by side: weights have
    the shape (networks, fan_in, fan_out), and those of one seed differ in their scale alone."""
    points, classes = task()
    generators = [torch.Generator().manual_seed(seed) for seed in range(SEEDS)]
    sizes = [INPUTS, *[WIDTH] * depth, CLASSES]
    weights, biases = [], []
    for fan_in, fan_out in pairwise(sizes):
        drawn = torch.stack([normal(generator, fan_in, fan_out) for generator in generators])
        stds = [math.sqrt(LAWS["Xavier" if fan_out == CLASSES else law](fan_in, fan_out)) for law in laws]
        weights.append(torch.cat([drawn * std for std in stds]).requires_grad_())
        biases.append(torch.zeros(len(weights[-1]), 1, fan_out, dtype=torch.float64, requires_grad=True))
    steps = optimizer[0]([*weights, *biases], lr=optimizer[1])  # type: ignore[call-arg]
    picked = torch.stack([torch.randint(POINTS, (STEPS, BATCH), generator=g) for g in generators], 1)
    last: list[Tensor] = []
    for rows in picked.repeat(1, len(laws), 1):
        x = points[rows]
        for weight, bias in zip(weights[:-1], biases, strict=False):
            x = torch.baddbmm(bias, x, weight)
            x = activation(normed(x) if norm else x)
        logits = torch.baddbmm(biases[-1], x, weights[-1])
        loss = functional.cross_entropy(logits.transpose(1, 2), classes[rows], reduction="none").mean(1)
        steps.zero_grad()
        torch.autograd.backward(loss.sum())
        steps.step()
        last = [*last[1 - LAST :], loss.detach()]
    return [float(mean) for mean in torch.stack(last).mean(0).view(len(laws), SEEDS).mean(1)]


def rows_of(laws: Sequence[str], activation: Activation, runs: Mapping[str, tuple[Optimizer, bool]]) -> str:
    rows = [[" / ".join(laws), *(f"{depth} layers" for depth in DEPTHS)]]
    for name, (optimizer, norm) in runs.items():
        found = [losses(laws, depth, activation, optimizer, norm=norm) for depth in DEPTHS]
        rows.append([name, *(" / ".join(f"{loss:.2f}" for loss in one) for one in found)])
    sampled = f"sampled, {SEEDS} networks each, chance {math.log(CLASSES):.2f}"
    return f"Loss after {STEPS} steps, hidden layers of width {WIDTH} ({sampled}):\n\n{table(rows)}"


def on_one_thread(measure: Callable[[], str]) -> str:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the products are small, and threads that wait cost more than they do
    try:
        return measure()
    finally:
        torch.set_num_threads(threads)


def before_relu() -> str:
    runs = {
        "SGD, rate 0.1": (SGD, False),
        "Adam, rate 0.001": (ADAM, False),
        "SGD, rate 0.1, BatchNorm": (SGD, True),
    }
    return rows_of(("Xavier", "He", "torch's default"), torch.relu, runs)


def before_tanh() -> str:
    runs = {
        "SGD, rate 0.1": (SGD, False),
        "Adam, rate 0.001": (ADAM, False),
        "Adam, rate 0.003": ((torch.optim.Adam, 0.003), False),
    }
    return rows_of(("Xavier", "He", "Xavier with gain 5/3"), torch.tanh, runs)


MEASURED: Final[Mapping[str, Callable[[], str]]] = {
    "INI201": lambda: on_one_thread(before_relu),
    "INI202": lambda: on_one_thread(before_tanh),
}


if __name__ == "__main__":
    show(sys.argv[1:], MEASURED)
