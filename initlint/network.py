"""A network as the signal model sees it: steps in order, each reading earlier ones. No NumPy, no framework.

Weights are what their law makes of them: the mean and the mean square of an entry, over the fans that data and gradient
really go through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from initlint.formulas import Composed, Function

NARROW: Final = 32  # units below which a single layer differs from its expectation too much for analysis
EPSILON: Final = 1e-5  # what torch's norms add to the variance
GATED: Final = frozenset({"glu"})


class Dense(NamedTuple):
    """A linear map: of `fan_in` entries of the input each output is a sum, and each input entry is in `fan_out` sums.

    `second` is the mean square of a weight, `mean` its mean, `bias` the mean square of a bias. `inputs` and `outputs`
    count units (channels): what a sample of it is made of. `density` is the share of weights that are not zero.
    """

    second: float
    fan_in: int
    fan_out: int
    bias: float = 0.0
    mean: float = 0.0
    distribution: str = "normal"
    inputs: int = 0  # 0: fan_in
    outputs: int = 0  # 0: fan_out
    density: float = 1.0

    @property
    def forward(self) -> float:
        """Factor on the second moment of a signal: fan_in Var[w] (He et al. 2015, eq. 7)."""
        return self.fan_in * self.second

    @property
    def backward(self) -> float:
        """Factor on the second moment of a gradient: fan_out Var[w] (He et al. 2015, eq. 13)."""
        return self.fan_out * self.second

    @property
    def units(self) -> tuple[int, int]:
        return self.inputs or self.fan_in, self.outputs or self.fan_out


class Cell(NamedTuple):
    """What is done at each step of a recurrent network: `plain`, `lstm` or `gru`. `forget` is what an LSTM adds to its
    forget gate. What is `advice` is the framework's own choice behind gates."""

    kind: str
    forget: float = 0.0
    advice: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `op` is input, dense, activation, norm, add, cat, pool, scale.

    `name` is the activation, the norm (layer, batch, rms) or the pool (max, mean); `parameter` the slope or alpha, the
    factor of a scale, or how many positions a pool looks at. `stride` is how many there are for each of its outputs;
    `composed` an activation that the code makes itself.
    """

    op: str
    inputs: tuple[int, ...] = ()
    name: str = ""
    parameter: float | None = None
    dense: Dense | None = None
    stride: int = 1
    composed: Composed | None = None

    @property
    def function(self) -> Function:
        """What an activation does to single entries."""
        return Function(self.name, self.parameter, self.composed)


@dataclass(frozen=True, slots=True)
class Trace:
    """What was found for each step: of its output the second moment, the half mean square of the difference between two
    independent inputs (the part of the signal that depends on the input: its variance over inputs), what a small
    difference has become relative to the input's, and of the gradient that comes back to it the second moment relative
    to the last step's. `spread` is the standard deviation over draws of the weights of the logarithm of `second`.
    """

    second: tuple[float, ...]
    difference: tuple[float, ...]
    response: tuple[float, ...]
    gradient: tuple[float, ...]
    spread: tuple[float, ...]


class Builder:
    """Puts a network together; each method gives the number of the step that it added, which reads the last one
    unless told otherwise."""

    def __init__(self) -> None:
        self.steps: list[Step] = [Step("input")]

    @property
    def last(self) -> int:
        return len(self.steps) - 1

    def add(self, step: Step) -> int:
        if any(not 0 <= i < len(self.steps) for i in step.inputs):
            raise ValueError(f"step {len(self.steps)} reads one that is not before it: {step.inputs}")
        self.steps.append(step)
        return self.last

    def dense(self, weights: Dense) -> int:
        return self.add(Step("dense", (self.last,), dense=weights))

    def activation(self, name: str, parameter: float | None = None, composed: Composed | None = None) -> int:
        return self.add(Step("activation", (self.last,), name, parameter, composed=composed))

    def norm(self, kind: str) -> int:
        return self.add(Step("norm", (self.last,), kind))

    def pool(self, kind: str, positions: int, stride: int = 0) -> int:
        """Without a stride the windows do not overlap."""
        return self.add(Step("pool", (self.last,), kind, positions, stride=stride or positions))

    def scale(self, factor: float) -> int:
        return self.add(Step("scale", (self.last,), parameter=factor))

    def join(self, op: str, others: Iterable[int]) -> int:
        """The sum (`add`) of the last step and others, or the concatenation (`cat`)."""
        return self.add(Step(op, (*others, self.last)))

    def network(self) -> tuple[Step, ...]:
        return tuple(self.steps)


def analysable(network: Sequence[Step]) -> bool:
    """Whether the analysis in the limit of wide layers describes it: no gates, no weights with a mean, no sparse ones,
    no orthogonal ones that are not square, no narrow layer but the first (one of many channels that sums over few of
    them is not narrow: it has as many units), no largest of what may fall as its input rises, and no activation of a
    sum in which an output of one is: that is no normal."""
    first = True
    mixed, widths = _mixed(network), _widths(network)
    for step in network:
        if step.op == "activation" and mixed[step.inputs[0]]:
            return False
        if step.op == "activation" and step.name in GATED:
            return False
        if step.op == "pool" and step.name == "max" and network[step.inputs[0]].composed is not None:
            return False
        dense = step.dense
        if dense is None:
            continue
        inputs, outputs = dense.units
        few = not first and max(dense.fan_in, widths[step.inputs[0]]) < NARROW
        if dense.mean or dense.distribution == "sparse" or few:
            return False
        first = False
        if dense.distribution == "orthogonal" and inputs != outputs:
            return False
    return True


def _widths(network: Sequence[Step]) -> list[int]:
    """How many units each step's output has; 0 before the first matrix."""
    found: list[int] = []
    for step in network:
        given = [found[i] for i in step.inputs] or [0]
        of_cat = sum(given) if step.op == "cat" else max(given)
        found.append(of_cat if step.dense is None else step.dense.units[1])
    return found


def _mixed(network: Sequence[Step]) -> list[bool]:
    """Of which steps the output is a sum that is no normal, normed or pooled or not."""
    found: list[bool] = []
    normal: list[bool] = []
    for step in network:
        whole = all(normal[i] for i in step.inputs)
        mixed = any(found[i] for i in step.inputs)
        normal.append(step.op in {"input", "dense"} or (step.op != "activation" and whole))
        found.append(step.op not in {"dense", "activation"} and (mixed or (step.op == "add" and not whole)))
    return found
