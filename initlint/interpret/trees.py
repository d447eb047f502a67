"""Walking syntax trees: every node below one, and the names that it mentions."""

from __future__ import annotations

import ast


def walk(node: ast.AST) -> list[ast.AST]:
    """The node and all below it, in no order that means anything."""
    found = [node]
    for part in found:  # grows while it is gone through
        for field in part._fields:
            value = getattr(part, field, None)
            if type(value) is list:
                found += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:  # contexts and operators have none
                found.append(value)
    return found


class Mentions:
    """The names and attributes that a definition mentions, read off it once."""

    __slots__ = ("attributes", "names")

    def __init__(self, node: ast.AST) -> None:
        parts = walk(node)
        self.names = frozenset(part.id for part in parts if type(part) is ast.Name)
        self.attributes = frozenset(part.attr for part in parts if type(part) is ast.Attribute)
