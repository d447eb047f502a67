"""Syntax trees: every node below one, the names that it mentions, the parameters of a definition."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Final

# Fields that never hold a node, or one without fields of its own: contexts and operators.
PLAIN: Final = frozenset(
    "arg asname attr conversion ctx id is_async kind kwd_attrs level module name op rest simple type_comment".split()
)


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
            value = getattr(part, field, None)
            if type(value) is list:
                found += [item for item in value if isinstance(item, ast.AST)]
            elif value is not None and isinstance(value, ast.AST):
                found.append(value)
    return found


class Mentions:
    """The names, the attributes and the strings like names that a tree mentions, read off it once. `bound` are the
    names that it gives a value to, parameters left out."""

    __slots__ = ("attributes", "bound", "every", "names")

    def __init__(self, node: ast.AST) -> None:
        parts = walk(node)
        self.names = frozenset(part.id for part in parts if type(part) is ast.Name)
        self.bound = frozenset(part.id for part in parts if type(part) is ast.Name and type(part.ctx) is not ast.Load)
        self.attributes = frozenset(part.attr for part in parts if type(part) is ast.Attribute)
        constants = (part.value for part in parts if type(part) is ast.Constant)
        texts = (value for value in constants if isinstance(value, str) and value.isidentifier())
        self.every = frozenset((*self.names, *self.attributes, *texts))


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
