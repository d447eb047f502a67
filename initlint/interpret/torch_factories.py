"""Functions of torch that make tensors: how large these are, and how their values came to be."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import torch_init
from initlint.interpret.machine import Arguments, Keywords, Machine
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.torch_tensors import Shape, tensors_in
from initlint.interpret.trees import last_name, walk
from initlint.interpret.values import Frame, ListValue, Value
from initlint.knowledge import FunctionSpec

COUNTING: Final = frozenset({"int", "len", "round", "range", "sqrt"})  # what takes or gives a number
ARITHMETIC: Final = (ast.Mult, ast.Div, ast.FloorDiv, ast.Sub, ast.Pow)  # of numbers, where lists can be added too


def sizes_of(args: Arguments) -> Shape:
    """The shape that a factory's arguments ask for."""
    values: Sequence[Value] = args
    if len(args) == 1 and isinstance(args[0], (tuple, ListValue)):
        values = args[0] if isinstance(args[0], tuple) else args[0].items
        if isinstance(args[0], ListValue) and args[0].open:
            return None
    if any(isinstance(v, Unknown) and v.why == "starred argument" for v in values):
        return None
    if len(values) == 1 and not isinstance(values[0], int):
        return None  # a size of unknown rank, or a list of numbers
    return tuple(v if isinstance(v, int) and not isinstance(v, bool) else None for v in values)


def factory(
    machine: Machine, spec: FunctionSpec, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
) -> Value:
    """A new tensor: its shape, and how its values came to be."""
    last = spec.qualified.rpartition(".")[2]
    name = spec.name
    given: dict[str, Value] = {}
    shape: Shape
    like = last.endswith("_like")
    rest = args[1:] if args and (like or spec.qualified.startswith("Tensor.")) else args
    if like:
        shape = getattr(args[0] if args else None, "shape", None)
    elif "size" in kwargs:
        shape = sizes_of([kwargs["size"]])
    elif name == "identity":
        rows = kwargs.get("n", rest[0] if rest else Unknown("no size"))
        shape = sizes_of([rows, kwargs.get("m", rest[1] if len(rest) > 1 else rows)])
    else:
        shape = sizes_of(rest[:1] if name == "constant" else rest)
    if name == "legacy":
        name = "empty" if rest and are_sizes(machine, rest, node, frame) else "values"
        if name == "values":
            shape = None
    if name == "constant":
        value = kwargs.get("fill_value", rest[-1] if rest else Unknown("no value"))
        given["val"] = value
    if last == "normal":
        given = dict(zip(("mean", "std"), args[:2], strict=False)) | {
            k: v for k, v in kwargs.items() if k in ("mean", "std")
        }
        shape = sizes_of(args[2:3]) if len(args) > 2 else sizes_of([kwargs["size"]]) if "size" in kwargs else None
    if name == "values":
        value = rest[0] if rest else None
        scalar = isinstance(value, (int, float)) and last in ("tensor", "as_tensor", "scalar_tensor")
        shape = () if scalar else None  # a number may also say how many there are, or how large
        if scalar:
            name, given = "constant", {"val": value}
        else:
            name, given = "unknown", {"why": "given values"}
        if isinstance(value, (Tensor, Param, View)):
            return next(tensors_in(machine, [value]))
    event = torch_init.event_of(machine, name, given, node, frame, spec.qualified)
    return Tensor(-1, shape, event)


def are_sizes(machine: Machine, args: Arguments, node: ast.AST, frame: Frame) -> bool:
    """Whether the old constructors are given sizes, for which they allocate memory, and not values. One argument may be
    either: it is a size where its text, or what else the function does with the same name, says that it is a number."""
    if not all(isinstance(a, (int, Unknown)) for a in args):
        return False
    if len(args) > 1 or isinstance(args[0], int):
        return True
    given = node.args[0] if isinstance(node, ast.Call) and node.args else None
    function = None if frame.function is None else frame.function.node
    return given is not None and (is_number(given) or (function is not None and counts_with(machine, function, given)))


def is_number(node: ast.expr) -> bool:
    """Whether the text of an expression is that of a number."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ARITHMETIC) or any(map(is_number, (node.left, node.right)))
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Call) and last_name(node.func) in COUNTING)


def counts_with(machine: Machine, function: ast.AST, given: ast.expr) -> bool:
    """Whether a function takes something for a number: by its annotation, in arithmetic, or as one of several sizes."""
    wanted = ast.dump(given)
    for part in walk(function):
        if isinstance(part, ast.arg) and isinstance(given, ast.Name) and part.arg == given.id:
            if part.annotation is not None and "int" in ast.unparse(part.annotation).split(" | "):
                return True
        elif any(ast.dump(one) == wanted for one in numbers_in(machine, part)):
            return True
    return False


def numbers_in(machine: Machine, node: ast.AST) -> Iterator[ast.expr]:
    """The operands of arithmetic, and what a tensor or a layer is made with as one of several sizes."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
        yield from (node.left, node.right)
    elif isinstance(node, ast.Call) and (name := last_name(node.func)):
        function = machine.knowledge.functions.get(f"torch.{name}")
        makes = f"torch.nn.{name}" in machine.knowledge.layers or (function is not None and function.role == "factory")
        if name in COUNTING or (makes and len(node.args) > 1):
            yield from node.args
