"""`try: import ... except ImportError:`: which side of it is executed."""

from __future__ import annotations

import ast
import sys
from typing import Final

from initlint.interpret.machine import Machine
from initlint.interpret.names import FRAMEWORKS, import_path
from initlint.interpret.project import Unit

IMPORT_ERRORS: Final = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
BINDING: Final = (ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Try)


def import_fallback(machine: Machine, node: ast.Try | ast.TryStar, unit: Unit) -> ast.ExceptHandler | None:
    """The handler that stands in for an import which can't be followed: it shows code that can.

    None where all imports can be, or where the handler binds nothing or gives up.
    """
    for statement in node.body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)) and not is_visible(machine, statement, unit):
            break
    else:
        return None
    for handler in node.handlers:
        caught = {part.id for part in ast.walk(handler.type) if isinstance(part, ast.Name)} if handler.type else set()
        if handler.type is None or caught & IMPORT_ERRORS:
            binds = any(isinstance(part, BINDING) for part in handler.body)
            return handler if binds and not any(isinstance(part, ast.Raise) for part in handler.body) else None
    return None


def is_visible(machine: Machine, statement: ast.Import | ast.ImportFrom, unit: Unit) -> bool:
    """Whether an import leads into the project, the standard library, or a package that the tables know."""
    if isinstance(statement, ast.ImportFrom):
        targets = [import_path(machine, statement.module or "", statement.level, unit)]
    else:
        targets = [import_path(machine, alias.name, 0, unit) for alias in statement.names]
    for target in targets:
        if target is None:
            return False
        if isinstance(target, str):
            top = target.partition(".")[0]
            if top not in FRAMEWORKS and top not in sys.stdlib_module_names and not is_known(machine, top):
                return False
    return True


def is_known(machine: Machine, package: str) -> bool:
    known = machine.packages.get(package)
    if known is None:
        tables = machine.knowledge
        names = (name for table in (tables.initializers, tables.functions, tables.layers) for name in table)
        known = machine.packages[package] = any(name.startswith(f"{package}.") for name in names)
    return known
