"""Users before what they use."""

from __future__ import annotations

import ast
from typing import TypeVar

from initlint.interpret.interpreter import Interpreter
from initlint.interpret.outlines import outline_of
from initlint.interpret.trees import Mentions
from initlint.interpret.values import Class, Function

Built = TypeVar("Built", Class, Function)


def by_use(machine: Interpreter, things: list[Built], used: set[int] | None = None) -> list[Built]:
    """Those that no other one names come first, the last defined of them first of all."""
    if used is None:
        used = named_by_others(machine, things)
    position = {id(thing): -index for index, thing in enumerate(things)}
    return sorted(things, key=lambda thing: (id(thing) in used, position[id(thing)]))


def named_by_others(machine: Interpreter, things: list[Built]) -> set[int]:
    """Which of them the body of another one names, or a table at the top of their files."""
    by_name: dict[str, list[Built]] = {}
    for thing in things:
        by_name.setdefault(thing.name, []).append(thing)
    used: set[int] = set()
    units = {thing.unit for thing in things}
    mentioned: dict[ast.AST, tuple[str, ...]] = {}
    for unit in units:
        outline = outline_of(unit.source)
        if outline is not None:
            mentioned.update(outline.mentions)
    statements = [statement for unit in units for statement in unit.tree.body]
    tables: list[ast.stmt] = [
        statement for statement in statements if isinstance(statement, (ast.Assign, ast.AnnAssign))
    ]
    for node in (*(thing.node for thing in things), *tables):
        for name in mentioned.get(node) or both(machine.mentions_of(node)):
            used |= {id(other) for other in by_name.get(name, ()) if other.node is not node}
    return used


def mentioned_by(machine: Interpreter, thing: Function) -> frozenset[str] | tuple[str, ...]:
    """The names and attributes in the body of a top-level function."""
    outline = outline_of(thing.unit.source)
    known = None if outline is None else outline.mentions.get(thing.node)
    return both(machine.mentions_of(thing.node)) if known is None else known


def both(mentions: Mentions) -> frozenset[str]:
    return mentions.names | mentions.attributes
