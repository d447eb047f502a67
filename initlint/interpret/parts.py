"""What the parts of the interpreter offer each other; `interpreter.Interpreter` fills it in."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from initlint.interpret.project import Unit
from initlint.interpret.tensors import Param
from initlint.interpret.values import Class, Frame, Function, Instance, Symbol, Value
from initlint.knowledge import InitializerSpec
from initlint.source import Place

if TYPE_CHECKING:
    from initlint.interpret.machine import Arguments, Keywords


IN_PLACE: Final = "arithmetic in place"  # what `none_attribute` is asked about besides attributes
PART: Final = "assignment to a part of it"


@dataclass(slots=True, eq=False)
class Pass:
    """A sweep while it runs, and what is needed to ask it about modules that came too late."""

    node: ast.AST
    place: Place
    kind: str
    root: Instance | None
    function: str
    serial: int
    visit: Callable[[Value], None] | None
    wrote: dict[int, Param] = field(default_factory=dict)
    root_name: str = ""
    index: int = -1  # among the entry's passes


class Parts:
    """Methods by which expressions reach calls, calls reach statements, and all of them the framework."""

    module_methods: frozenset[str]  # that the framework gives to modules

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Value:
        raise NotImplementedError

    def define_class(self, node: ast.ClassDef, frame: Frame) -> Value:
        raise NotImplementedError

    def run_block(self, statements: list[ast.stmt], frame: Frame) -> str:
        raise NotImplementedError

    def iterate(self, value: Value, node: ast.AST, frame: Frame) -> tuple[tuple[Value, ...], bool]:
        raise NotImplementedError

    def set_attribute(self, owner: Value, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
        raise NotImplementedError

    def set_item(self, target: ast.Subscript, value: Value, frame: Frame) -> None:
        raise NotImplementedError

    def delete_item(self, owner: Instance, key: Value) -> None:
        raise NotImplementedError

    def container(self, original: Instance, children: list[Value]) -> Value:
        raise NotImplementedError

    def is_instance(self, value: Value, kinds: Value) -> bool | None:
        raise NotImplementedError

    def is_kind(self, value: Instance, kind: Symbol) -> bool:
        raise NotImplementedError

    def is_value_kind(self, value: Value, kinds: Value) -> bool | None:
        raise NotImplementedError

    def is_no_grad(self, value: Value) -> bool:
        raise NotImplementedError

    def native_attribute(self, value: Instance, name: str, node: ast.AST, frame: Frame) -> Value:
        raise NotImplementedError

    def native_method(
        self, receiver: Value, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
    ) -> Value:
        raise NotImplementedError

    def none_attribute(self, name: str, node: ast.AST, frame: Frame) -> Value:
        raise NotImplementedError

    def unit_attribute(self, unit: Unit, name: str) -> Value:
        raise NotImplementedError

    def call_known(self, callee: Symbol, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        raise NotImplementedError

    def adopt(self, owner: Instance, name: str, value: Value, node: ast.AST, frame: Frame) -> Value:
        raise NotImplementedError

    def set_tensor_attribute(self, owner: Value, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
        raise NotImplementedError

    def has_tensor_attribute(self, value: Value, name: str) -> bool:
        raise NotImplementedError

    def locate(self, instance: Instance, node: ast.AST, frame: Frame) -> None:
        raise NotImplementedError

    def register(self, instance: Instance) -> None:
        raise NotImplementedError

    def defer(self, cls: Class, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        raise NotImplementedError

    def after_construction(self, instance: Instance, node: ast.AST, frame: Frame) -> None:
        raise NotImplementedError

    def mark_writes(self, function: Function, args: Arguments) -> tuple[Param, int, InitializerSpec] | None:
        raise NotImplementedError

    def name_writes(
        self, before: tuple[Param, int, InitializerSpec], function: Function, inner: Frame, node: ast.AST, frame: Frame
    ) -> None:
        raise NotImplementedError

    def write_summed(
        self, before: tuple[Param, int, InitializerSpec], function: Function, inner: Frame, node: ast.AST, frame: Frame
    ) -> Value:
        raise NotImplementedError

    def loads(self, given: Arguments, node: ast.AST, frame: Frame) -> None:
        raise NotImplementedError

    def note_test(self, node: ast.If, answer: bool | None, frame: Frame) -> None:
        raise NotImplementedError

    def sweep_of(self, node: ast.For | ast.AsyncFor, iterable: Value, frame: Frame) -> Pass | None:
        raise NotImplementedError
