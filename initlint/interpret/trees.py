"""Syntax trees: every node below one, the names that it mentions, the parameters of a definition."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any, Final

# Fields that never hold a node, or one without fields of its own: contexts and operators.
PLAIN: Final = frozenset(
    "arg asname attr conversion ctx id is_async kind kwd_attrs level module name op rest simple type_comment".split()
)

# Looked up once: an attribute of a module is looked up each time.
NAME: Final = ast.Name
LOAD: Final = ast.Load
ATTRIBUTE: Final = ast.Attribute
CONSTANT: Final = ast.Constant
CALL: Final = ast.Call
ASSIGN: Final = ast.Assign
EXPR: Final = ast.Expr
IF: Final = ast.If

# The fields of each kind of node that may hold nodes.
FIELDS: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(field for field in kind._fields if field not in PLAIN) if kind is not ast.Constant else ()
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}


def walk(node: ast.AST) -> list[ast.AST]:
    """The node and all below it, in no order that means anything."""
    found = [node]
    for part in found:  # grows while it is gone through
        for field in FIELDS[type(part)]:
            value: Any = getattr(part, field, None)
            if type(value) is list:
                if value:
                    found += [item for item in value if type(item) in FIELDS]
            elif type(value) in FIELDS:
                found.append(value)
    return found


def last_name(node: ast.expr) -> str:
    """Of a name, or of an attribute of whatever; empty where it is neither."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


class Mentions:
    """The names, the attributes and the strings like names that a tree mentions, read off it once. `bound` are the
    names that it gives a value to, parameters left out."""

    __slots__ = ("attributes", "bound", "every", "names")

    def __init__(self, node: ast.AST) -> None:
        names: set[str] = set()
        bound: set[str] = set()
        attributes: set[str] = set()
        texts: set[str] = set()
        for part in walk(node):
            kind = type(part)
            if kind is NAME:
                names.add(part.id)  # type: ignore[attr-defined]
                if type(part.ctx) is not LOAD:  # type: ignore[attr-defined]
                    bound.add(part.id)  # type: ignore[attr-defined]
            elif kind is ATTRIBUTE:
                attributes.add(part.attr)  # type: ignore[attr-defined]
            elif kind is CONSTANT and isinstance(part.value, str) and part.value.isidentifier():  # type: ignore[attr-defined]
                texts.add(part.value)  # type: ignore[attr-defined]
        self.names = frozenset(names)
        self.bound = frozenset(bound)
        self.attributes = frozenset(attributes)
        self.every = frozenset(names | attributes | texts)


@dataclass(frozen=True, slots=True)
class Signature:
    """The names of a function's parameters, read off its definition once."""

    positional: tuple[str, ...]
    words: frozenset[str]  # that may be given by name
    every: tuple[str, ...]
    vararg: str | None
    kwarg: str | None
    count: int  # of all of them

    @classmethod
    def of(cls, node: ast.arguments) -> Signature:
        positional = tuple(a.arg for a in (*node.posonlyargs, *node.args))
        only = tuple(a.arg for a in node.kwonlyargs)
        return cls(
            positional,
            frozenset((*(a.arg for a in node.args), *only)),
            (*positional, *only),
            node.vararg.arg if node.vararg else None,
            node.kwarg.arg if node.kwarg else None,
            len(positional) + len(only) + (node.vararg is not None) + (node.kwarg is not None),
        )
