"""What names a required argument can be, where code looks it up in a table of settings: `WIDTHS[name]`."""

from __future__ import annotations

import ast

from initlint.interpret import names
from initlint.interpret.heap import MISSING
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.likeness import kind
from initlint.interpret.trees import walk
from initlint.interpret.values import CONSTANTS, Cell, DictValue, Function, Value, flatten


def first_key(machine: Interpreter, function: Function, name: str) -> str | None:
    """The first key of the tables of plain data that a parameter selects from, where what they hold differs in numbers
    only (or is text, as the address of a checkpoint); None otherwise. What a name decides is not guessed."""
    tables = [table for part in walk(function.node) if (table := table_of(machine, function, part, name)) is not None]
    settings = [table for table in tables if not all(isinstance(value, str) for value in table.values())]
    if not settings or any(len({kind(value) for value in table.values()}) > 1 for table in settings):
        return None
    return next((key for key in settings[0] if isinstance(key, str) and all(key in other for other in tables)), None)


def table_of(machine: Interpreter, function: Function, part: ast.AST, name: str) -> Cell | None:
    """The module's table of plain data in `TABLE[name]`."""
    if not (isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Name) and part.slice.id == name):
        return None
    table: Value = MISSING
    if isinstance(part.value, ast.Name):
        table = names.export(machine, function.unit, part.value.id)
    if not isinstance(table, DictValue) or table.open:
        return None
    return table.cell if all(isinstance(value, CONSTANTS) for value in flatten(table)) else None
