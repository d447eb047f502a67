"""How strong an initializer is for the weight it writes: its law there, the constant it leaves, its gain and variance.

Where a number depends on something unknown it is None. Sources of the formulas: laws.py; He et al. 2015 (eqs. 9-15)
for the gains.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from initlint.graph import Activation, Edge, InitEvent, Layer, Node, Scalar, Unknown, Weight
from initlint.knowledge import REQUIRED, knowledge, law_of, snake
from initlint.laws import Law

NOT_THROUGH_ZERO: Final = frozenset({"sigmoid", "hardsigmoid", "logsigmoid", "softplus", "exp", "cos", "threshold"})
DESTINATIONS: Final = frozenset({"linear", "output", "attention"})  # consume a signal without being an activation
RECTIFYING: Final = frozenset({"rectifier", "self-normalizing"})
OTHER_FANS: Final = ("Transpose", "DepthwiseConv", "SeparableConv")  # kinds whose true fans are not the computed ones
LARGEST_RATE: Final = 8.0  # of an exponential tail: beyond, it is a step
BROKEN: Final = {"relu": 0.0, "leaky_relu": 0.01, "prelu": 0.25, "linear": 1.0}  # slope below zero; above it is 1
NOTHING: Final = 1e-12
SYNONYMS: Final = {"zeros": "constant", "ones": "constant"}


# --- activations ------------------------------------------------------------------------------------------------------


def second_moment(activation: Activation) -> float | None:
    """E[f(z)^2] of a standard normal z; None where the activation is not known."""
    if activation.composed is not None:
        return activation.composed.second_moment
    spec = knowledge().activations.get(activation.name)
    return None if spec is None else spec.second_moment


def activation_kind(name: str) -> str:
    """Kind of the activation; linear, output and attention stand for themselves."""
    spec = knowledge().activations.get(name)
    return name if name in DESTINATIONS else spec.kind if spec else "other"


def kind_of(activation: Activation) -> str:
    """The same of an activation as it is used, which may be composed by the code."""
    return activation.composed.kind if activation.composed else activation_kind(activation.name)


def rectified(edge: Edge) -> bool:
    """Whether a rectifier (SELU is one of them here) stands on the way."""
    return edge.activation is not None and kind_of(edge.activation) in RECTIFYING


def through_zero(activation: Activation | Node) -> bool:
    """Whether the activation of 0 is 0."""
    if activation.composed is not None:
        return abs(activation.composed.at_zero) < NOTHING
    name = activation.name
    return activation_kind(name) not in {"normalizing", "gated"} and name not in NOT_THROUGH_ZERO


def followed(activation: Activation) -> bool:
    """Whether the signal model has its moments."""
    return bool(activation.composed.steps) if activation.composed else second_moment(activation) is not None


def slopes(activation: Activation | None) -> tuple[float, float] | None:
    """Of one that is linear on both sides of zero: below, above. No activation is linear."""
    if activation is None:
        return 1.0, 1.0
    if activation.composed is not None:
        return activation.composed.slopes
    below = BROKEN.get(activation.name)
    if below is not None and activation.parameter is not None:
        below = activation.parameter
    return None if below is None else (below, 1.0)


def gain_of(activation: Activation | None) -> float | None:
    """The gain of an activation as it is used."""
    if activation is None:
        return 1.0
    return activation.composed.gain if activation.composed else gain(activation.name, activation.parameter)


def shown(activation: Activation) -> str:
    """The activation for a message: `gelu`, `x * sigmoid(1.702 * x)`."""
    return activation.composed.text if activation.composed else activation.name


def advised(gain: float) -> str:
    """What keeps the signal before an activation with this gain: `std = 1.54 / sqrt(fan_in)`."""
    return f"std = {gain:.2f} / sqrt(fan_in)" if gain < 10 else f"std = {gain:.3g} / sqrt(fan_in)"


def torch_gain_of(activation: Activation | None) -> float | None:
    """What torch's calculate_gain returns for it; torch knows none that is composed."""
    if activation is None or activation.composed is not None:
        return None
    return torch_gain(activation.name, activation.parameter)


def gain(name: str, parameter: float | None = None) -> float | None:
    """1 / sqrt(E[f(z)^2]) for a standard normal z, by the slope or alpha that the code gives."""
    if parameter is not None and name in {"leaky_relu", "prelu"}:
        return math.sqrt(2 / (1 + parameter**2))
    if parameter is not None and name == "elu":
        return 1 / math.sqrt(0.5 + parameter**2 * _exponential_tail(1.0))
    if parameter and name == "celu":
        return 1 / math.sqrt(0.5 + parameter**2 * _exponential_tail(1 / parameter))
    if parameter not in {None, 1.0} and name == "softplus":
        return None  # no closed form for another beta
    spec = knowledge().activations.get(name)
    return spec.gain if spec else None


def torch_gain(name: str, parameter: float | None = None) -> float | None:
    """What torch's calculate_gain returns for the activation; None where it raises."""
    if name == "leaky_relu" and parameter is not None:
        return math.sqrt(2 / (1 + parameter**2))
    spec = knowledge().activations.get(name)
    return spec.torch_gain if spec else None


def _exponential_tail(rate: float) -> float:
    """E[(e^(rate z) - 1)^2; z < 0] of a standard normal z."""
    if abs(rate) > LARGEST_RATE:
        return 0.5
    squared = math.exp(2 * rate**2) * _cumulative(-2 * rate)
    return squared - 2 * math.exp(rate**2 / 2) * _cumulative(-rate) + 0.5


def _cumulative(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


# --- what an event does -----------------------------------------------------------------------------------------------


def technique(weight: Weight, event: InitEvent) -> str:
    """Canonical initializer; a framework default by what it is."""
    return weight.default if event.name == "default" else event.name


def arguments(event: InitEvent) -> Mapping[str, object] | None:
    """Arguments with the spelling's defaults filled in; None where one is unknown or missing."""
    found: dict[str, object] = {}
    spec = knowledge().initializers.get(event.spelling)
    if spec is not None and spec.technique != event.name:
        spec = None  # copy_ and its kin, which take another tensor's law
    required = set()
    for parameter in spec.parameters if spec else ():
        if parameter.default is REQUIRED:
            required.add(parameter.name)
        elif parameter.default is not None:
            found[parameter.name] = parameter.default
    for key, value in event.args:
        if isinstance(value, Unknown):
            return None
        found[key] = value
    return found if required <= found.keys() else None


def law(weight: Weight, event: InitEvent) -> Law | None:
    """The event's law. Two writes with equal laws do the same."""
    return _law(technique(weight, event), event.name, event.spelling, event.args)


@lru_cache(maxsize=4096)
def _law(technique: str, name: str, spelling: str, args: tuple[tuple[str, Scalar | Unknown], ...]) -> Law | None:
    given = arguments(InitEvent(name, args, spelling=spelling))
    if given is None:
        return None
    spec = knowledge().initializers.get(spelling)
    return law_of(spec.law if spec is not None and spec.law and spec.technique == technique else technique, given)


def spelling(event: InitEvent) -> str:
    """How the code names the initializer, without the module: `xavier_uniform_`."""
    if not event.explicit:
        return "the default init"
    name = event.spelling.rpartition(".")[2]
    if name == "data":
        return "the assigned data"
    return snake(name) if name[:1].isupper() else name or event.name


def plain(name: str) -> str:
    """The initializer without its constant's value: zeros, ones and constant are one."""
    return SYNONYMS.get(name, name)


def constant(weight: Weight, event: InitEvent) -> float | None:
    """The value that every entry has after the write; None where entries differ or it is unknown."""
    found = law(weight, event)
    if found is None or found.scale or found.distribution in {"identity", "dirac"}:
        return None
    return found.mean


def given_gain(event: InitEvent) -> float | None:
    """The gain that a Xavier, Kaiming or orthogonal call comes to."""
    if not event.name.startswith(("kaiming", "xavier", "orthogonal")):
        return None
    given = arguments(event)
    found = None if given is None else law_of(event.name, given)
    return None if found is None else math.sqrt(found.scale)


def fans(weight: Weight, event: InitEvent | None = None) -> tuple[int | None, int | None, int]:
    """fan_in and fan_out as the framework's initializers compute them, and the number of a kernel's positions.

    Where an event wrote block by block, as one does the gates of a recurrent layer, those are a block's.
    """
    fan_in, fan_out, receptive = _fans(weight)
    if event is not None and event.blocks > 1 and fan_out is not None:
        fan_out //= event.blocks
    return fan_in, fan_out, receptive


def _fans(weight: Weight) -> tuple[int | None, int | None, int]:
    if weight.fans is not None:
        return weight.fans
    shape = weight.shape
    if shape is None or len(shape) < 2:
        return None, None, 1
    receptive = 1
    for size in shape[2:]:
        if size is None:
            return None, None, 1
        receptive *= size
    fan_in, fan_out = shape[1], shape[0]
    return (
        None if fan_in is None else fan_in * receptive,
        None if fan_out is None else fan_out * receptive,
        receptive,
    )


def variance_ratio(layer: Layer, weight: Weight, event: InitEvent) -> float | None:
    """Variance of an entry times how many entries a sum has: the weight's true fan_in, of a transposed convolution over
    its stride. For laws over fan_in that needs no sizes."""
    if event.name == "default" and weight.default == "uniform" and weight.role == "recurrent":
        return 1 / 3  # torch's recurrent layers: uniform within 1 / sqrt(hidden_size)
    found = law(weight, event)
    if found is None:
        return None
    fan_in, fan_out, receptive = fans(weight, event)
    true = layer.fan_in if layer.kernel is weight else fan_in
    if layer.kind == "Parameter" and true is None and fan_in == fan_out:
        true = fan_in  # whichever side its input is on
    variance = found.variance(fan_in, fan_out, receptive)
    thinned = thinning(layer) if layer.kernel is weight else 1
    if variance is not None and true is not None:
        return variance * true / thinned
    if layer.square and layer.kernel is weight and found.fan and found.fan != "span":
        return found.scale / thinned
    # The computed fan_in is the true one except for transposed kernels, Keras's depthwise ones, and raw parameters of
    # unknown use
    plain_fans = layer.kind != "Parameter" and not any(word in layer.kind for word in OTHER_FANS)
    return found.scale if found.fan == "fan_in" and plain_fans else None


def thinning(layer: Layer) -> int:
    """By what the stride of a transposed convolution divides the entries of a sum: of its kernel's positions an output
    meets only those that the stride leaves."""
    return layer.dilution if "Transpose" in layer.kind else 1


def truncated(event: InitEvent) -> float | None:
    """Standard deviation of a truncated normal over the one that was asked for. None for other initializers, and
    where the cut is at two standard deviations on purpose, as TensorFlow and JAX have it."""
    given = _cut(event)
    if given is None or (isinstance(event.argument("a"), int | float) and _at_two(given)):
        return None
    found = law_of(event.name, given)
    std = given["std"]
    return None if found is None or not std else math.sqrt(found.scale) / std


def truncation(event: InitEvent) -> str | None:
    """The same for a message."""
    given, ratio = _cut(event), truncated(event)
    if given is None or ratio is None:
        return None
    return f"cut at {given['a']:g} and {given['b']:g}, std={given['std']:g} becomes {ratio * given['std']:.2g}"


def _at_two(given: Mapping[str, float]) -> bool:
    """Whether both bounds stand two standard deviations from the mean."""
    far = 2 * given["std"]
    return math.isclose(given["mean"] - given["a"], far, rel_tol=0.01) and math.isclose(
        given["b"] - given["mean"], far, rel_tol=0.01
    )


def _cut(event: InitEvent) -> Mapping[str, float] | None:
    """Mean, std and the bounds of torch's truncated normal."""
    spec = knowledge().initializers.get(event.spelling)
    given = arguments(event) if event.name == "trunc_normal" else None
    if given is None or (spec is not None and spec.law != "trunc_normal"):
        return None
    numbers = {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0}
    for name, default in numbers.items():
        value = given.get(name, default)
        if not isinstance(value, int | float):
            return None
        numbers[name] = float(value)
    return numbers


def lost_units(weight: Weight, event: InitEvent) -> float | None:
    """Rows that sparse_ is expected to leave empty: each column has ceil(sparsity * rows) zeros at random rows."""
    given, shape = arguments(event), weight.shape
    if event.name != "sparse" or given is None or shape is None or len(shape) != 2:
        return None
    sparsity, (rows, columns) = given.get("sparsity"), shape
    if not isinstance(sparsity, int | float) or not rows or columns is None:
        return None
    zeros = min(rows, math.ceil(sparsity * rows))
    return float(rows * (zeros / rows) ** columns)


def fraction(value: float) -> str:
    """A factor for a message: 1/16 below one half, else 0.71, 12 or 6340."""
    if 0 < value < 0.5:
        return f"1/{1 / value:.0f}" if value > 1e-4 else f"{value:.0e}"
    if 100 <= value < 10_000:
        return f"{value:.0f}"
    return f"{value:.2g}"
