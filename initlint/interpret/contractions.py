"""The true fans of a parameter that data is multiplied with, from the way in which it is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from initlint.interpret.machine import Fans
from initlint.interpret.tensors import Tensor
from initlint.interpret.values import Value

UNKNOWN: Final[Fans] = (None, None)
Shape = tuple[int | None, ...] | None


def fans_of_use(kind: str, shape: Shape) -> Fans:
    """(fan_in, fan_out) of a weight given to the function `kind` of torch.nn.functional."""
    if shape is None or len(shape) < 2:
        return UNKNOWN
    if kind == "linear":
        return shape[1], shape[0]
    if kind.startswith("conv") and "transpose" not in kind and kind != "conv_tbc":
        return product(shape[1:]), None  # its fan_out depends on the groups
    return UNKNOWN


def contracted(
    args: Sequence[Value], found: Sequence[Tensor], weights: Sequence[Tensor]
) -> Iterator[tuple[Tensor, Fans]]:
    """Each weight of a matrix product with its fans: the sides that it is multiplied along and leads to."""
    equation = args[0] if args and isinstance(args[0], str) else None
    plain = len(weights) == 1 or all(w.shape is not None and len(w.shape) < 2 for w in weights[:-1])
    for weight in weights:
        if equation is not None:
            yield weight, by_equation(equation, found, weight)
        elif plain and weight is weights[-1]:
            yield weight, by_side(weight.shape, right=any(t.node >= 0 for t in found[: found.index(weight)]))
        else:
            yield weight, UNKNOWN


def by_side(shape: Shape, *, right: bool) -> Fans:
    """The product x @ W goes along the last but one dimension of W, W @ x along its last one."""
    if shape is None or len(shape) < 2:
        return UNKNOWN
    return (shape[-2], shape[-1]) if right else (shape[-1], shape[-2])


def by_equation(equation: str, found: Sequence[Tensor], weight: Tensor) -> Fans:
    """The same for einsum: what is summed over is fan_in, what the result has from the weight alone is fan_out."""
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    shape = weight.shape
    if not arrow or shape is None or len(terms) != len(found):
        return UNKNOWN
    own = terms[found.index(weight)]
    others = "".join(term for tensor, term in zip(found, terms, strict=True) if tensor is not weight)
    if len(own) != len(shape) or "." in own:
        return UNKNOWN
    sizes = dict(zip(own, shape, strict=True))
    summed = [sizes[letter] for letter in own if letter in others and letter not in result]
    made = [sizes[letter] for letter in own if letter in result and letter not in others]
    return product(summed), product(made)


def product(sizes: Sequence[int | None]) -> int | None:
    return None if None in sizes or not sizes else math.prod(size for size in sizes if size is not None)
