"""Numbers of torch.nn.init: fans and gains."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.torch_init import (
    NAMESPACE,
    target_node,
)
from initlint.interpret.values import Alternatives, Frame, Value


def fans_of(shape: Sequence[int | None] | None) -> tuple[int | None, int | None]:
    """fan_in and fan_out as torch computes them from a weight's shape."""
    if shape is None or len(shape) < 2:
        return None, None
    field = 1
    for size in shape[2:]:
        if size is None:
            return None, None
        field *= size
    return (
        shape[1] * field if shape[1] is not None else None,
        shape[0] * field if shape[0] is not None else None,
    )


def calculate_fans(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    target = args[0] if args else kwargs.get("tensor")
    shape = target.shape if isinstance(target, (Param, View, Tensor)) else None
    return tuple(Unknown("a fan") if fan is None else fan for fan in fans_of(shape))


def calculate_fan(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    fans = calculate_fans(machine, args[:1], kwargs, node, frame)
    mode = args[1] if len(args) > 1 else kwargs.get("mode")
    if isinstance(fans, tuple) and mode in ("fan_in", "fan_out"):
        return fans[mode == "fan_out"]
    return Unknown("a fan")


def calculate_gain(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """torch.nn.init.calculate_gain, from the table; an unknown name raises there."""
    name = args[0] if args else kwargs.get("nonlinearity")
    slope = args[1] if len(args) > 1 else kwargs.get("param")
    if isinstance(name, Alternatives):
        return machine.each(name, lambda option: calculate_gain(machine, [option, slope], {}, node, frame))
    if not isinstance(name, str):
        return Unknown("a gain")
    gain = machine.knowledge.gains.get(name)
    if gain is None:
        machine.incident(
            "unsupported-nonlinearity", target_node(node), frame,
            {"argument": "nonlinearity", "value": name, "function": "calculate_gain"},
        )  # fmt: skip
        return Unknown("a gain that torch does not know")
    if name == "leaky_relu" and slope is not None:
        if isinstance(slope, (int, float)) and not isinstance(slope, bool):
            return float((2.0 / (1 + slope**2)) ** 0.5)
        return Unknown("a gain")
    return gain


HANDLERS: Final[dict[str, Handler]] = {
    f"{NAMESPACE}._calculate_fan_in_and_fan_out": calculate_fans,
    f"{NAMESPACE}._calculate_correct_fan": calculate_fan,
    f"{NAMESPACE}.calculate_gain": calculate_gain,
}
