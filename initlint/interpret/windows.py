"""The windows of pools: how many positions each looks at, and how many there are for each of its outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from initlint import expressions, sizes
from initlint.interpret.values import ListValue

if TYPE_CHECKING:
    import ast

    from initlint.interpret.machine import Machine
    from initlint.interpret.tensors import Tensor
    from initlint.interpret.values import Value
    from initlint.knowledge import FunctionSpec, LayerSpec

WINDOWED: Final = re.compile(r"(?:fractional_)?(?:max|avg|average)_pool(?:([123])d)?")
WINDOW_WORDS: Final = ("kernel_size", "pool_size", "ksize")
STRIDE_WORDS: Final = ("stride", "strides")


def pooled(
    machine: Machine, inputs: list[Tensor], name: str, node: ast.AST, window: int | None, stride: int | None
) -> Tensor:
    """The step of a pool."""
    made = machine.flow("pool", inputs, name, node, window)
    if made.node >= 0 and window is not None:
        machine.nodes[made.node] = replace(machine.nodes[made.node], stride=stride)
    return made


def of_layer(layer: LayerSpec, arguments: Mapping[str, object]) -> tuple[int | None, int | None]:
    """Window and stride of a pool that is a layer; None for what is unknown."""
    known = {key: value for key, value in arguments.items() if isinstance(value, (int, tuple, type(None)))}
    window, stride = (sizes.size(text, known) if text else None for text in (layer.window, layer.dilution))
    return window, stride


def of_call(spec: FunctionSpec, args: Sequence[Value], kwargs: Mapping[str, Value]) -> tuple[int | None, int | None]:
    """The same of one that is a function."""
    found = WINDOWED.fullmatch(spec.qualified.rpartition(".")[2].removesuffix("_with_indices"))
    if found is None:
        return None, None
    given = [
        next((kwargs[word] for word in words if word in kwargs), args[at] if len(args) > at else None)
        for at, words in ((1, WINDOW_WORDS), (2, STRIDE_WORDS))
    ]
    window, stride = (_positions(one, int(found[1] or 0)) for one in given)
    return window, window if given[1] is None and not found[0].startswith("fractional") else stride


def _positions(given: Value, rank: int) -> int | None:
    if isinstance(given, ListValue):
        given = tuple(given.items)
    known = isinstance(given, tuple) or (isinstance(given, int) and rank)
    positions = expressions.prod(given, rank) if known else None
    return positions if isinstance(positions, int) and positions > 0 else None
