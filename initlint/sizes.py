"""The weights of a layer with given arguments: which there are, and their shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeGuard

from initlint import expressions
from initlint.knowledge import LayerSpec, WeightSpec

MOST_LAYERS: Final = 64  # weights of stacked layers beyond this many are not listed


def size(expression: str, arguments: Mapping[str, object]) -> int | None:
    """An expression's value; None where it is unknown or no size: -1 stands for what others have to give."""
    value = expressions.evaluate(expression, arguments)
    return value if is_size(value) else None


def is_size(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def holds(condition: str, arguments: Mapping[str, object]) -> bool | None:
    """Whether a `when` holds; None where that is unknown."""
    value = expressions.evaluate(condition or "True", arguments)
    return None if value is expressions.UNDETERMINED else bool(value)


def sizes(spec: WeightSpec, arguments: Mapping[str, object]) -> tuple[int | None, ...] | None:
    """A weight's shape; None where even its rank is unknown, an entry is None where that size is."""
    shape: list[int | None] = []
    for expression in spec.shape:
        if not expression.startswith("*"):
            shape.append(size(expression, arguments))
            continue
        value = expressions.evaluate(expression[1:], arguments)
        if isinstance(value, (tuple, list)):
            shape += [v if is_size(v) else None for v in value]
        elif is_size(value):
            shape += [value] * (spec.rank or 1)
        elif spec.rank:
            shape += [None] * spec.rank
        else:
            return None
    return tuple(shape)


def expand_weights(layer: LayerSpec, arguments: Mapping[str, object]) -> tuple[WeightSpec, ...]:
    """The weights that a layer has for these arguments (defaults filled in), `{layer}` and `{suffix}` resolved.

    Weights whose `when` is unknown are kept. Where the number of stacked layers is unknown the first is listed,
    where the direction is unknown only the forward one; at most MOST_LAYERS layers are listed.
    """
    found: list[WeightSpec] = []
    for spec in layer.weights:
        if holds(spec.when, arguments) is False:
            continue
        if not spec.count:
            found.append(spec)
            continue
        count = size(spec.count, arguments)
        for index in range(1 if count is None else min(count, MOST_LAYERS)):
            found.append(_place(spec, index, ""))
            if spec.reverse and holds(spec.reverse, arguments):
                found.append(_place(spec, index, "_reverse"))
    return tuple(found)


def _place(spec: WeightSpec, index: int, suffix: str) -> WeightSpec:
    """The weight of one of the stacked layers."""
    known = {"layer": str(index)}
    return replace(
        spec,
        name=spec.name.replace("{layer}", str(index)).replace("{suffix}", suffix),
        shape=tuple(expressions.substitute(s, known) for s in spec.shape),
        fan_in=expressions.substitute(spec.fan_in, known),
        fan_out=expressions.substitute(spec.fan_out, known),
        count="",
        reverse="",
    )
