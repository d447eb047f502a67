"""Networks under the real torch: what a draw of their weights does to signals, layer by layer, and what is predicted.

Each `Spec` is built many times at once (matrices of all draws in one batched product), weights and biases written by
torch's own initializers. Measured at the end of each block: the second moment, its part that depends on the input, and
the gradient that comes back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from initlint.formulas import Composed
from initlint.knowledge import law_of
from initlint.laws import Law
from initlint.network import Builder, Dense, Step, Trace, analysable
from initlint.pipeline import inspect_source
from initlint.propagation import propagate
from initlint.sampling import sample

SAMPLES: Final = 50_000  # units over draws and layers, so that a mean over them is right to half a per cent
LEAST, MOST = 3, 1500  # draws
DRAWS: Final = 200  # of what is predicted by sampling
BATCH, LARGE_BATCH = 8, 192  # inputs; a batch norm needs many

Init = Callable[[Tensor], object]

# What torch is told, and what the law of it is called here.
TECHNIQUES: Final[dict[str, tuple[Init, str, dict[str, object]]]] = {
    "he normal": (
        lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
        "kaiming_normal",
        {"nonlinearity": "relu"},
    ),
    "he uniform": (
        lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
        "kaiming_uniform",
        {"nonlinearity": "relu"},
    ),
    "he fan_out": (
        lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
        "kaiming_normal",
        {"nonlinearity": "relu", "mode": "fan_out"},
    ),
    "xavier normal": (nn.init.xavier_normal_, "xavier_normal", {}),
    "xavier uniform": (nn.init.xavier_uniform_, "xavier_uniform", {}),
    "xavier tanh": (lambda w: nn.init.xavier_uniform_(w, gain=5 / 3), "xavier_uniform", {"gain": 5 / 3}),
    "lecun": (
        lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear"),
        "kaiming_normal",
        {"nonlinearity": "linear"},
    ),
    "default": (lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)), "kaiming_uniform", {"a": math.sqrt(5)}),
    "orthogonal": (lambda w: nn.init.orthogonal_(w, gain=math.sqrt(2)), "orthogonal", {"gain": math.sqrt(2)}),
    "normal 0.02": (lambda w: nn.init.normal_(w, std=0.02), "normal", {"std": 0.02}),
    "normal 0.1": (lambda w: nn.init.normal_(w, std=0.1), "normal", {"std": 0.1}),
    "trunc_normal 0.05": (lambda w: nn.init.trunc_normal_(w, std=0.05), "trunc_normal", {"std": 0.05}),
    "trunc_normal cut": (
        lambda w: nn.init.trunc_normal_(w, std=0.1, a=-0.1, b=0.1),
        "trunc_normal",
        {"std": 0.1, "a": -0.1, "b": 0.1},
    ),
    "sparse": (lambda w: nn.init.sparse_(w, sparsity=0.5, std=0.2), "sparse", {"sparsity": 0.5, "std": 0.2}),
}

ACTIVATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "relu": torch.relu,
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.01),
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "mish": functional.mish,
    "hardswish": functional.hardswish,
    "linear": lambda x: x,
}


@dataclass(frozen=True, slots=True)
class Spec:
    """A network of equal blocks. The activation is a name, or what code does to x. `hidden` is the width inside a
    residual block, or of every second layer of a plain one; `norm` stands before the activation, in a residual block
    before the first matrix; `bias` is torch's default."""

    technique: str
    activation: str
    depth: int
    width: int
    norm: str = ""  # layer, batch
    residual: bool = False
    bias: bool = False
    hidden: int = 0

    def __str__(self) -> str:
        extras = [
            self.norm,
            "residual" * self.residual,
            "bias" * self.bias,
            f"hidden {self.hidden}" * bool(self.hidden),
        ]
        return " ".join([self.technique, self.activation, f"{self.depth}x{self.width}", *filter(None, extras)])

    @property
    def draws(self) -> int:
        return max(LEAST, min(MOST, round(SAMPLES / (self.width * self.depth))))

    def widths(self, block: int) -> tuple[int, int, int]:
        """What a block reads, has inside (residual ones) and gives."""
        if self.residual:
            return self.width, self.hidden or self.width, self.width
        pair = (self.width, self.hidden or self.width)
        return pair[block % 2], 0, pair[(block + 1) % 2]


OWN = "own gain"  # the technique of a normal with the gain that a composed activation is said to need
SOURCE = """
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 64)
        self.out = nn.Linear(64, 64)

    def forward(self, x):
        x = self.fc(x)
        return self.out({formula})
"""


@cache
def composed(activation: str) -> Composed | None:
    """What is understood of a formula in code; None of a name."""
    if activation in ACTIVATIONS:
        return None
    rows = inspect_source(SOURCE.format(formula=activation), "net.py", debug=True).rows
    (found,) = next(row.composed for row in rows if row.name == "Net.fc")
    return found


@cache
def function(activation: str) -> Callable[[Tensor], Tensor]:
    """The real thing."""
    if activation in ACTIVATIONS:
        return ACTIVATIONS[activation]
    made: Callable[[Tensor], Tensor] = eval(f"lambda x: {activation}", {"torch": torch})  # noqa: S307 - our own text
    return made


def technique(spec: Spec) -> tuple[Init, Law]:
    """What torch is told, and its law."""
    if spec.technique == OWN:
        own = composed(spec.activation)
        assert own is not None
        gain = own.gain
        return lambda w: nn.init.normal_(w, std=gain / w[0].numel() ** 0.5), Law(gain**2, "fan_in", "normal")
    init, name, arguments = TECHNIQUES[spec.technique]
    law = law_of(name, arguments)
    assert law is not None
    return init, law


@dataclass(frozen=True, slots=True)
class Measured:
    """For each draw (first) and block boundary: second moment, its part that depends on the input, gradient's."""

    second: Tensor
    difference: Tensor
    gradient: Tensor


def predicted(spec: Spec) -> tuple[Trace, list[int]]:
    """The model's trace, and the steps that are block boundaries."""
    steps, ends = network(spec)
    return (propagate(steps) if analysable(steps) else sample(steps, draws=DRAWS)), ends


def network(spec: Spec) -> tuple[tuple[Step, ...], list[int]]:
    build = Builder()
    ends = [0]
    for block in range(spec.depth):
        start, hidden, end = spec.widths(block)
        begin = build.last
        if spec.residual and spec.norm:
            build.norm(spec.norm)
        build.dense(dense(spec, start, hidden or end))
        if spec.norm and not spec.residual:
            build.norm(spec.norm)
        own = composed(spec.activation)
        build.activation(spec.activation if own is None else "custom", composed=own)
        if spec.residual:
            build.dense(dense(spec, hidden, end))
            build.join("add", [begin])
        ends.append(build.last)
    return build.network(), ends


def dense(spec: Spec, fan_in: int, fan_out: int) -> Dense:
    _, law = technique(spec)
    second = law.second_moment(fan_in, fan_out)
    assert second is not None
    bias = 1 / (3 * fan_in) if spec.bias else 0.0
    arguments = {} if spec.technique == OWN else TECHNIQUES[spec.technique][2]
    sparsity = arguments.get("sparsity", 0.0)
    assert isinstance(sparsity, float)
    return Dense(second, fan_in, fan_out, bias, law.mean, law.distribution, density=1 - sparsity)


def measure(spec: Spec, batch: int = 0, draws: int = 0) -> Measured:
    """The real thing, from a seed."""
    torch.manual_seed(sum(map(ord, str(spec))))
    draws = draws or spec.draws
    batch = batch or (LARGE_BATCH if spec.norm == "batch" else BATCH)
    activation = function(spec.activation)
    x = torch.randn(draws, batch, spec.width, dtype=torch.float64, requires_grad=True)
    states = [x]
    for block in range(spec.depth):
        start, hidden, end = spec.widths(block)
        h = states[-1]
        if spec.residual:
            inner = activation(mapped(spec, normed(spec, h), start, hidden))
            states.append(h + mapped(spec, inner, hidden, end))
        else:
            states.append(activation(normed(spec, mapped(spec, h, start, end))))
    out = states[-1]
    found = torch.autograd.grad(out, states, torch.randn_like(out))
    with torch.no_grad():
        return Measured(
            torch.stack([s.square().mean(dim=(1, 2)) for s in states], 1),
            torch.stack([s.var(dim=1, correction=int(batch > 1)).mean(dim=1) for s in states], 1),
            torch.stack([g.square().mean(dim=(1, 2)) for g in found], 1),
        )


def carried(spec: Spec, draws: int = 3000) -> float:
    """What of the second moment at the end depends on the input, each as a mean over networks without biases. After
    each layer the networks go on as often as their signal is large, so that the few with the largest are many
    (sequential importance resampling)."""
    torch.manual_seed(0)
    activation = function(spec.activation)
    pair = torch.randn(draws, 2, spec.width, dtype=torch.float64)
    for _ in range(spec.depth):
        pair = activation(mapped(spec, pair, spec.width, spec.width))
        second = pair.square().mean(dim=(1, 2))
        share = second.cumsum(0) / second.sum()
        kept = torch.searchsorted(share, (torch.arange(draws) + torch.rand(1)) / draws).clamp(max=draws - 1)
        pair = pair[kept] / second[kept, None, None].sqrt()
    return (pair[:, 0] - pair[:, 1]).square().mean().item() / 2


def mapped(spec: Spec, h: Tensor, fan_in: int, fan_out: int) -> Tensor:
    init, _ = technique(spec)
    draws = len(h)
    weights = torch.empty(draws, fan_out, fan_in)
    biases = torch.zeros(draws, 1, fan_out)
    bound = 1 / math.sqrt(fan_in)
    for draw in range(draws):
        init(weights[draw])
        if spec.bias:
            nn.init.uniform_(biases[draw], -bound, bound)
    return torch.baddbmm(biases.double(), h, weights.double().transpose(1, 2))


def normed(spec: Spec, h: Tensor) -> Tensor:
    if spec.norm == "layer":
        return functional.layer_norm(h, h.shape[-1:])
    if spec.norm == "batch":  # each draw is a network: its units are channels of their own
        flat = h.transpose(0, 1).reshape(h.shape[1], -1)
        normed = functional.batch_norm(flat, None, None, training=True)
        return normed.reshape(h.shape[1], h.shape[0], h.shape[2]).transpose(0, 1)
    return h


@dataclass(frozen=True, slots=True)
class Comparison:
    """One quantity of one network: the mean growth of its std per layer, and at the end the root mean square over
    draws; each as measured over predicted, with the standard error of that ratio."""

    name: str
    growth: float
    growth_error: float
    end: float
    end_error: float
    predicted: float  # std at the end


def compare(spec: Spec) -> list[Comparison]:
    """Signal, input-dependent part and gradient of a network. Gradients are read from the output on."""
    found, (told, ends) = measure(spec), predicted(spec)
    expected = {
        "signal": [told.second[i] for i in ends],
        "input": [told.difference[i] for i in ends],
        "gradient": [told.gradient[i] for i in reversed(ends)],
    }
    measured = {"signal": found.second, "input": found.difference, "gradient": found.gradient.flip(1)}
    return [compared(name, measured[name], torch.tensor(expected[name])) for name in expected]


def compared(name: str, measured: Tensor, expected: Tensor) -> Comparison:
    steps = (measured[:, 1:] / measured[:, :-1]) / (expected[1:] / expected[:-1])
    over_layers = steps.mean(dim=1)
    whole = (measured[:, -1] / measured[:, 0]) / (expected[-1] / expected[0])
    return Comparison(
        name,
        math.sqrt(over_layers.mean().item()),
        over_layers.std().item() / math.sqrt(len(measured)) / 2,
        math.sqrt(whole.mean().item()),
        whole.std().item() / math.sqrt(len(measured)) / 2 / math.sqrt(whole.mean().item()),
        math.sqrt((expected[-1] / expected[0]).item()),
    )
