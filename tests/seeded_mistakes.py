"""Mistakes that are put into real code, one at a time, for the linter to find and fix."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeAlias

from initlint.edits import splice
from initlint.findings import TextEdit
from initlint.source import Point, Span

Change: TypeAlias = Callable[[str, ast.Call, str], str | None]
"""What to write for a call of torch.nn.init: from its text, its tree, and the text of its first argument."""


class Mistake(NamedTuple):
    """What it is and where, and the text with it."""

    what: str
    text: str


def misspelled(call: str, tree: ast.Call, _: str) -> str | None:
    name = _name(tree)
    return call.replace(name, f"{name[:3]}{name[4]}{name[3]}{name[5:]}", 1) if len(name) > 8 else None


def of_module(call: str, _: ast.Call, target: str) -> str | None:
    return call.replace(target, target.removesuffix(".weight"), 1) if target.endswith(".weight") else None


def of_bias(call: str, tree: ast.Call, target: str) -> str | None:
    fans = _name(tree).startswith(("xavier", "kaiming", "orthogonal"))
    return call.replace(target, f"{target.removesuffix('.weight')}.bias", 1) if fans and "weight" in target else None


def of_copy(call: str, _: ast.Call, target: str) -> str | None:
    return call.replace(target, f"{target}.clone()", 1) if target.endswith(".weight") else None


def rejected(call: str, tree: ast.Call, target: str) -> str | None:
    opening = call[: call.index(_name(tree))]
    return f'{opening}kaiming_normal_({target}, nonlinearity="gelu")' if target.endswith(".weight") else None


def instead(written: str) -> Change:
    """Another initializer of the same weight: `{}` stands for it."""

    def change(call: str, tree: ast.Call, target: str) -> str | None:
        opening = call[: call.index(_name(tree))]
        return f"{opening}{written.format(target)}" if target.endswith(".weight") else None

    return change


def in_place(_: str, __: ast.Call, target: str) -> str | None:
    return f"{target}.normal_(0, 0.02)" if target.endswith(".weight") else None


def removed(call: str, tree: ast.Call, _: str) -> str | None:
    return "pass"


CHANGES: Final[dict[str, Change]] = {
    "a misspelled initializer": misspelled,
    "a module for its weight": of_module,
    "a bias for a weight": of_bias,
    "a copy for a weight": of_copy,
    "a nonlinearity that is not supported": rejected,
    "a write to a leaf": in_place,
    "zeros": instead("zeros_({})"),
    "ones": instead("ones_({})"),
    "Xavier": instead("xavier_uniform_({})"),
    "a small std": instead("normal_({}, std=1e-4)"),
    "a large std": instead("normal_({}, std=1.0)"),
    "close bounds": instead("trunc_normal_({}, std=0.02, a=-0.02, b=0.02)"),
    "fan_out": instead("kaiming_normal_({}, mode='fan_out', nonlinearity='relu')"),
    "a slope for a gain": instead("kaiming_uniform_({}, a=2.0)"),
    "no initialization": removed,
}


def mistakes(text: str) -> Iterator[Mistake]:
    """Each mistake at each place where it fits: calls of torch.nn.init, type tests, passes, parameters."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(text, node)
        if isinstance(node, ast.Expr) and _is_apply(node.value):
            yield _written(text, node, "pass", "no pass")


def _of_call(text: str, node: ast.Call) -> Iterator[Mistake]:
    whole = ast.get_source_segment(text, node) or ""
    function = ast.get_source_segment(text, node.func) or ""
    if "init." in function and _name(node).endswith("_") and node.args:
        target = ast.get_source_segment(text, node.args[0]) or ""
        for what, change in CHANGES.items():
            written = change(whole, node, target)
            if written is not None and written != whole:
                yield _written(text, node, written, what)
    elif function == "isinstance" and len(node.args) == 2 and "nn." in whole:
        test = node.args[1]
        asked = ast.get_source_segment(text, test) or ""
        for kind, other in (("Conv2d", "Conv3d"), ("Linear", "Bilinear")):
            if f"nn.{kind}" in asked:
                yield _written(text, test, asked.replace(f"nn.{kind}", f"nn.{other}"), f"{other} asked for")
    elif function.endswith("Parameter") and node.args and isinstance(node.args[0], ast.Call):
        made = ast.get_source_segment(text, node.args[0]) or ""
        for name in ("torch.zeros(", "torch.ones(", "torch.randn("):
            if made.startswith(name):
                yield _written(text, node.args[0], made.replace(name, "torch.empty(", 1), "no values")


def _is_apply(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "apply"


def _name(tree: ast.Call) -> str:
    return tree.func.attr if isinstance(tree.func, ast.Attribute) else ""


def _written(text: str, node: ast.expr | ast.stmt, new: str, what: str) -> Mistake:
    lines = text.splitlines()

    def point(line: int, column: int) -> Point:
        return Point(line, len(lines[line - 1].encode()[:column].decode()) + 1)

    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    span = Span(point(node.lineno, node.col_offset), point(node.end_lineno, node.end_col_offset))
    return Mistake(f"{what} in line {node.lineno}", splice(text, [TextEdit(span, new)]))
