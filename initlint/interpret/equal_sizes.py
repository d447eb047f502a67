"""Sizes that are equal though none of them is known: both sides of Linear(d, d)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

from initlint.graph import Unknown
from initlint.knowledge import LayerSpec
from initlint.sizes import size

STAND_INS: Final = tuple(5040 * prime for prime in (13, 17, 19, 23, 29, 31))  # for unknown sizes; what divides is small


def equal_fans(layer: LayerSpec, arguments: Mapping[str, object]) -> bool:
    """Whether both fans are equal though unknown, since one unknown size is on both sides, as in `Linear(d, d)`."""
    unknown = {name: identity(value) for name, value in arguments.items() if isinstance(value, Unknown)}
    standing = dict(zip(dict.fromkeys(unknown.values()), STAND_INS))
    given = {name: standing.get(unknown.get(name), value) for name, value in arguments.items()}
    fan_in = size(layer.fan_in, given) if layer.fan_in else None
    return fan_in is not None and fan_in == size(layer.fan_out, given)


def identity(value: Unknown) -> Hashable:
    """What is the same for two unknowns only where they have one value: a parameter is named by its reason, wherever
    it is used."""
    return value.why if value.why.startswith("parameter ") else id(value)
