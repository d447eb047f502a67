"""What names a required argument can be, where code looks it up in a table of settings: `WIDTHS[name]`."""

from __future__ import annotations

import ast

from initlint.interpret import names
from initlint.interpret.heap import MISSING
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.trees import walk
from initlint.interpret.values import CONSTANTS, DictValue, Function, Value, flatten


def first_key(machine: Interpreter, function: Function, name: str) -> str | None:
    """The first key of the table of plain data that a parameter selects from, which other tables that it is looked up
    in have too; None where there is no such table. Which class or function a name stands for is not guessed."""
    tables = [keys for part in walk(function.node) if (keys := keys_of(machine, function, part, name)) is not None]
    if not tables:
        return None
    return next((key for key in tables[0] if all(key in other for other in tables[1:])), None)


def keys_of(machine: Interpreter, function: Function, part: ast.AST, name: str) -> tuple[str, ...] | None:
    """The keys of the module's table in `TABLE[name]`."""
    if not (isinstance(part, ast.Subscript) and isinstance(part.slice, ast.Name) and part.slice.id == name):
        return None
    table: Value = MISSING
    if isinstance(part.value, ast.Name):
        table = names.export(machine, function.unit, part.value.id)
    if not isinstance(table, DictValue) or table.open or not table.cell:
        return None
    if not all(isinstance(value, CONSTANTS) for value in flatten(table)):
        return None
    keys = tuple(key for key in table.cell if isinstance(key, str))
    return keys if len(keys) == len(table.cell) else None
