"""Activations that code composes itself, as the steps that they are made of: data, which NumPy evaluates.

A step is one of a closed list of operations on single entries; nothing of the project's code runs. From the steps comes
a `Curve`, with the kinks that they put into it, so that the signal model takes a composed activation as any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from initlint.curves import Curve, curve, erf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]
    Run: TypeAlias = Callable[[Sequence[Array]], Array]

COMPOSED: Final = "custom"  # canonical name of what equals no known activation
EXTREMES: Final = frozenset({"maximum", "minimum"})
FAR: Final = 32.0  # standard deviations up to which kinks are looked for
POINTS: Final = 4097  # so that one of them is 0
HALVINGS: Final = 40
MOST_KINKS: Final = 16
STEEPEST: Final = 64.0  # slopes beyond it are those of a jump or a pole
BESIDE: Final = 1e-6  # how close to a kink, or to zero, that is asked
LINEAR: Final = 1e-9  # how far from a line what is linear on a side of zero may be, relative to the largest value
CALM: Final = (0.8, 1.25)  # what a layer may make of the square of a small difference
FASTER: Final = 1.2  # than a line by how much a function may grow from FAR / 4 to FAR


@dataclass(frozen=True, slots=True)
class Choice:
    """How a step selects between two by a third: `then` where the entries of `tested` are above the bound, `other`
    below. All are positions among the step's inputs, or numbers."""

    tested: int
    bound: float
    then: int | None
    other: int | None
    numbers: tuple[float, float] = (0.0, 0.0)


class Operation(NamedTuple):
    """A step on single entries: an activation, a function, or arithmetic with a number or between two inputs. `inputs`
    are positions: 0 is x, n what the n-th operation gave."""

    op: str
    name: str
    inputs: tuple[int, ...]
    number: float | None = None
    choice: Choice | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """An activation that the code computes itself: its formula, E[f(z)^2] for a standard normal z, and its kind
    (rectifier, saturating, other). `steps` are there where the signal model can follow it: where it has no jumps and no
    poles, and does not grow faster than its input, so that the scale of the data does not decide what comes out.
    """

    text: str
    second_moment: float
    kind: str
    steps: tuple[Operation, ...] = ()
    at_zero: float = 0.0
    slope: float | None = None  # E[f'(z)^2], for the same z
    slopes: tuple[float, float] | None = None  # below and above zero, of a function that is linear on both sides

    @property
    def gain(self) -> float:
        """What the std is to be multiplied by, over 1 / sqrt(fan_in), to keep the signal's second moment."""
        return math.sqrt(1 / self.second_moment)

    @property
    def saturates(self) -> bool:
        return self.kind == "saturating"

    @property
    def steady(self) -> bool:
        """Whether with that small differences between inputs are kept as well as the signal."""
        return self.slope is not None and CALM[0] <= self.gain**2 * self.slope <= CALM[1]


class Function(NamedTuple):
    """What is done to single entries, as the signal model knows it: by name, with a slope or alpha, or composed."""

    name: str
    parameter: float | None = None
    composed: Composed | None = None

    @property
    def curve(self) -> Curve | None:
        """None where it is no function of single entries."""
        if self.composed is None:
            return curve(self.name, self.parameter)
        return curve_of(self.composed.steps) if self.composed.steps else None


# --- evaluation -------------------------------------------------------------------------------------------------------


def evaluated(steps: Sequence[Operation], z: Array) -> list[Array]:
    """z, and what each step makes. Raises LookupError for a step that is not on the list. A step may overflow, or have
    no value there: what it makes says so itself."""
    import numpy as np

    values = [z]
    with np.errstate(all="ignore"):
        for step in steps:
            run = operation(step)
            if run is None:
                raise LookupError(step.name or step.op)
            values.append(run([values[i] for i in step.inputs]))
    return values


def operation(step: Operation) -> Run | None:
    """What a step does to the entries of its inputs. None where it is not on the list, or a number is not known."""
    import numpy as np

    p = step.number
    if step.op == "activation":
        known = curve(step.name, p)
        return None if known is None else lambda v: known(v[0])
    if step.choice is not None:
        return _selected(step.choice)
    if step.op == "cat":
        return {"maximum": lambda v: np.maximum(v[0], v[-1]), "minimum": lambda v: np.minimum(v[0], v[-1])}.get(
            step.name
        )
    if step.op in ("mul", "add"):
        pairs: Mapping[str, Callable[[Any, Any], Array]] = {
            "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
        }  # fmt: skip
        pair = pairs.get(step.name or step.op)
        return None if pair is None else lambda v: pair(v[0], v[-1])
    singles: Mapping[str, Callable[[Array], Array]] = {
        "abs": np.abs, "absolute": np.abs, "neg": np.negative, "negative": np.negative, "sqrt": np.sqrt,
        "rsqrt": lambda x: 1 / np.sqrt(x), "square": np.square, "log": np.log, "log1p": np.log1p, "expm1": np.expm1,
        "erf": erf, "reciprocal": np.reciprocal, "sign": np.sign,
    }  # fmt: skip
    single = singles.get(step.name)
    if single is not None:
        return lambda v: single(v[0])
    if p is None:
        return None
    numbers: Mapping[str, Callable[[Array], Array]] = {
        "add": lambda x: x + p, "sub": lambda x: x - p, "rsub": lambda x: p - x, "mul": lambda x: x * p,
        "truediv": lambda x: x * p, "rtruediv": lambda x: p / x, "pow": lambda x: np.power(x, p),
        "rpow": lambda x: np.power(p, x), "clamp_min": lambda x: np.maximum(x, p), "parameter": lambda x: x * p,
        "clamp_max": lambda x: np.minimum(x, p),
    }  # fmt: skip
    number = numbers.get(step.name)
    return None if number is None else lambda v: number(v[0])


def _selected(choice: Choice) -> Run:
    import numpy as np

    def run(v: Sequence[Array]) -> Array:
        then, other = (
            number if position is None else v[position]
            for position, number in zip((choice.then, choice.other), choice.numbers)
        )
        return np.where(v[choice.tested] > choice.bound, then, other)

    return run


# --- what kind of function it is --------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def curve_of(steps: tuple[Operation, ...]) -> Curve | None:
    """The function that the steps make; None where the signal model can't follow it."""
    import numpy as np

    def function(z: Array) -> Array:
        return evaluated(steps, z)[-1]

    with np.errstate(all="ignore"):
        kinks = _kinks(steps)
        if len(kinks) > MOST_KINKS:
            return None
        found = Curve(function, kinks, _slopes(function))
        return found if _followed(found) else None


def _kinks(steps: tuple[Operation, ...]) -> tuple[float, ...]:
    """Where x is such that one of the steps has its input at a place where its own slope jumps."""
    import numpy as np

    x = np.linspace(-FAR, FAR, POINTS)
    values = evaluated(steps, x)
    found: set[float] = set()
    for number, step in enumerate(steps):
        for turn in _turns(step):
            signs = np.sign(turn([values[i] for i in step.inputs]))
            at = np.flatnonzero(signs[:-1] != signs[1:])
            low, high, side = x[at], x[at + 1], signs[at]
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                made = evaluated(steps[:number], middle)
                same = np.sign(turn([made[i] for i in step.inputs])) == side
                low, high = np.where(same, middle, low), np.where(same, high, middle)
            found.update(round(float(place), 9) + 0.0 for place in (low + high) / 2)
    return tuple(sorted(found))


def _turns(step: Operation) -> list[Run]:
    """Functions of the step's inputs whose sign changes where its slope jumps."""
    p = step.number
    if step.op == "activation":
        known = curve(step.name, p)
        return [_minus(kink) for kink in (known.kinks if known else ())]
    if step.choice is not None:
        choice = step.choice
        return [lambda v: v[choice.tested] - choice.bound]
    if step.op == "cat" and step.name in EXTREMES:
        return [lambda v: v[0] - v[-1]]
    if step.name in {"abs", "absolute", "sign"} and step.op not in {"mul", "add"}:
        return [_minus(0.0)]
    return [_minus(p)] if step.name in {"clamp_min", "clamp_max"} and p is not None else []


def _minus(place: float) -> Run:
    return lambda v: v[0] - place


def _slopes(function: Callable[[Array], Array]) -> tuple[float, float] | None:
    """The slopes on both sides of zero where it is linear on each."""
    import numpy as np

    x = np.concatenate([np.linspace(-FAR, FAR, POINTS), [-BESIDE, BESIDE]])
    values = function(x)
    below, above = float(values[0]) / -FAR, float(values[POINTS - 1]) / FAR
    line = np.where(x > 0, above * x, below * x)
    if not np.isfinite(values).all() or np.abs(values - line).max() > LINEAR * np.abs(line).max():
        return None
    return below, above


def _followed(found: Curve) -> bool:
    """Whether it has no jumps and no poles, and in the end grows no faster than a line."""
    import numpy as np

    x = np.linspace(-FAR, FAR, POINTS)
    values = found(x)
    if not np.isfinite(values).all():
        return False
    near = np.abs(values[np.abs(x) <= FAR / 4]).max()
    if np.abs(values).max() > 4 * FASTER * near:
        return False
    steps = np.diff(values) / np.diff(x)
    beside = [k + side * d for k in (0.0, *found.kinks) for side in (-1, 1) for d in (BESIDE, 1e-4, 1e-2)]
    low, high = np.array(beside), np.array(beside) + BESIDE / 10
    rises = (found(high) - found(low)) / (high - low)
    across = [(found(np.array([k + BESIDE])) - found(np.array([k - BESIDE]))) / (2 * BESIDE) for k in found.kinks]
    steepest = max(float(np.abs(part).max()) for part in (steps, rises, *across))
    return math.isfinite(steepest) and steepest < STEEPEST
