"""functools.singledispatch: functions that are chosen by the type of their first argument."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.instance_checks import is_instance, is_subclass
from initlint.interpret.machine import Arguments, Attribute, Handler, Keywords, Machine
from initlint.interpret.values import Alternatives, Frame, Function, Native, Value


class Dispatch(Native):
    """Such a function: what it does by default, and what for which types."""

    __slots__ = ("choices", "default", "machine")

    def __init__(self, machine: Machine, default: Value, node: ast.AST, frame: Frame) -> None:
        super().__init__(getattr(default, "name", ""), lambda args, kwargs: self.run(args, kwargs, node, frame))
        self.machine = machine
        self.default = default
        self.choices: list[tuple[Value, Value]] = []

    def run(self, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        if args and isinstance(args[0], Alternatives):
            return self.machine.each(args[0], lambda option: self.run([option, *args[1:]], kwargs, node, frame))
        chosen = tuple(self.chosen(args[0])) if args else (self.default,)
        return self.machine.each(
            chosen[0] if len(chosen) == 1 else Alternatives(chosen),
            lambda function: self.machine.call(function, list(args), dict(kwargs), node, frame),
        )

    def chosen(self, value: Value) -> Iterator[Value]:
        """The function of the nearest type; before it, those of types that the value may be of."""
        sure: tuple[Value, Value] = (None, self.default)
        for kind, function in self.choices:
            answer = is_instance(self.machine, value, kind)
            if answer is None:
                yield function
            elif answer and (sure[0] is None or is_subclass(self.machine, kind, sure[0])):
                sure = (kind, function)
        yield sure[1]


def singledispatch(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return Dispatch(machine, args[0], node, frame) if args else Unknown("singledispatch of nothing")


def dispatch_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    """`function.register`, as decorator with or without a type, and as a call with both."""
    assert isinstance(value, Dispatch)
    if name in ("__name__", "__qualname__"):
        return value.name
    if name != "register":
        return Unknown(f"attribute {name} of a dispatching function")

    def register(args: Arguments, kwargs: Keywords) -> Value:
        if len(args) == 1 and isinstance(args[0], Function):
            value.choices += [(kind, args[0]) for kind in annotated_kinds(machine, args[0])]
            return args[0]
        if len(args) == 2:
            value.choices.append((args[0], args[1]))
            return args[1]
        return Native("register", lambda inner, _: register([*args, *inner[:1]], {})) if args else None

    return Native("register", register)


def annotated_kinds(machine: Machine, function: Function) -> Iterator[Value]:
    """The types that the first parameter is annotated with."""
    positional = [*function.node.args.posonlyargs, *function.node.args.args]
    stack = [positional[0].annotation] if positional else []
    while stack:
        node = stack.pop()
        if isinstance(node, ast.BinOp):
            stack += [node.left, node.right]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                stack.append(ast.parse(node.value, mode="eval").body)
            except SyntaxError:
                continue
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Union"):
            stack += node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        elif node is not None:
            yield machine.evaluate(node, function.closure or function.unit.frame)


HANDLERS: Final[dict[str, Handler]] = {"functools.singledispatch": singledispatch}
ATTRIBUTES: Final[dict[type, Attribute]] = {Dispatch: dispatch_attribute}
