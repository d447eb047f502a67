"""Arrays that NumPy makes, as code gives them to weights: how their values came to be."""

from __future__ import annotations

import ast
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.keras_values import shape_from
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.torch_init import event_of
from initlint.interpret.values import Frame, Value

Signature = tuple[str, tuple[str, ...], dict[str, str]]  # canonical values; parameters in order; those that a law has

FILLED: Final[dict[str, Signature]] = {
    "zeros": ("zeros", ("shape",), {}),
    "ones": ("ones", ("shape",), {}),
    "full": ("constant", ("shape", "fill_value"), {"fill_value": "val"}),
    "random.normal": ("normal", ("loc", "scale", "size"), {"loc": "mean", "scale": "std"}),
    "random.uniform": ("uniform", ("low", "high", "size"), {"low": "a", "high": "b"}),
    "random.standard_normal": ("normal", ("size",), {}),
}
LIKE: Final[dict[str, Signature]] = {
    "zeros_like": ("zeros", ("a",), {}),
    "ones_like": ("ones", ("a",), {}),
    "full_like": ("constant", ("a", "fill_value"), {"fill_value": "val"}),
}
SIZED: Final = {"random.randn": "normal", "random.rand": "uniform"}  # whose arguments are the sizes
SHAPES: Final = ("shape", "size")


def filled(name: str, signature: Signature) -> Handler:
    """`np.zeros(shape)`, `np.random.normal(0, 0.02, size)`; a number where no size is asked for."""
    technique, parameters, law = signature

    def handle(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        named = dict(zip(parameters, args, strict=False)) | kwargs
        size = next((named[word] for word in SHAPES if word in named), None)
        if size is None:
            return Unknown(f"numpy.{name}")
        given = {ours: named[theirs] for theirs, ours in law.items() if theirs in named}
        return Tensor(-1, shape_from(size), event_of(machine, technique, given, node, frame, f"numpy.{name}"))

    return handle


def alike(name: str, signature: Signature) -> Handler:
    """`np.zeros_like(weight)`: as large as another."""
    technique, parameters, law = signature

    def handle(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        named = dict(zip(parameters, args, strict=False)) | kwargs
        other = named.get("a")
        if not isinstance(other, (Tensor, Param, View)):
            return Unknown(f"numpy.{name}")
        given = {ours: named[theirs] for theirs, ours in law.items() if theirs in named}
        return Tensor(-1, other.shape, event_of(machine, technique, given, node, frame, f"numpy.{name}"))

    return handle


def sized(name: str, technique: str) -> Handler:
    """`np.random.randn(3, 4)`."""

    def handle(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        if not args:
            return Unknown(f"numpy.{name}")
        return Tensor(-1, shape_from(tuple(args)), event_of(machine, technique, {}, node, frame, f"numpy.{name}"))

    return handle


HANDLERS: Final[dict[str, Handler]] = {
    **{f"numpy.{name}": filled(name, signature) for name, signature in FILLED.items()},
    **{f"numpy.{name}": alike(name, signature) for name, signature in LIKE.items()},
    **{f"numpy.{name}": sized(name, technique) for name, technique in SIZED.items()},
}
