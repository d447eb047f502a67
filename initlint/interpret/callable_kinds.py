"""What a callable is: a class, a function, a method or a partial. `isinstance(layer, functools.partial)`."""

from __future__ import annotations

import ast
import builtins
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.values import Alternatives, Bound, Class, Frame, Function, Partial, Symbol, Value, options
from initlint.knowledge import knowledge

KINDS: Final = {
    "builtins.type": "class",
    "types.FunctionType": "function",
    "types.LambdaType": "function",
    "types.MethodType": "method",
    "functools.partial": "partial",
}
ANY: Final = ("typing.Callable", "collections.abc.Callable", "typing.Hashable", "collections.abc.Hashable")
CALLABLE: Final = (Class, Function, Bound, Partial, Symbol)


def form(value: Value) -> str | None:
    """Which of the kinds a value is, "" for none of them; None where that is not known."""
    if isinstance(value, Class):
        return "class"
    if isinstance(value, Partial):
        return "partial"
    if isinstance(value, Function):
        return None if value.passed_by else "function"
    if isinstance(value, Bound):
        return "method" if isinstance(value.function, Function) else None
    if isinstance(value, Symbol):
        own = value.qualified.removeprefix("builtins.")
        return (
            "class" if value.qualified in knowledge().layers or isinstance(getattr(builtins, own, None), type) else None
        )
    return None if isinstance(value, (Unknown, Alternatives)) else ""


def is_kind(value: Value, kind: str) -> bool | None:
    """Whether a callable is an instance of what stands under this name; None where that is not known."""
    if kind in ANY:
        return True
    wanted, found = KINDS.get(kind), form(value)
    if wanted is None:
        return None
    if found is None and isinstance(value, Symbol):  # of a framework's function it is not told in what it is written
        is_function = value.qualified in knowledge().functions
        return False if wanted in ("partial", "method") or (is_function and wanted == "class") else None
    return None if found is None else found == wanted


def asked(kind: str) -> Handler:
    """`inspect.isclass(value)` and its kin."""

    def ask(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        values = options(args[0]) if len(args) == 1 else ()
        answers = {is_kind(value, kind) if isinstance(value, CALLABLE) else None for value in values}
        answer = answers.pop() if len(answers) == 1 else None
        return Unknown(f"whether a value is of {kind}") if answer is None else answer

    return ask


HANDLERS: Final[dict[str, Handler]] = {
    "inspect.isclass": asked("builtins.type"),
    "inspect.isfunction": asked("types.FunctionType"),
    "inspect.ismethod": asked("types.MethodType"),
}
