"""Which names of the files around the named ones lead to those: the others' entries are not executed."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from initlint.interpret.project import Project, Unit

ALL = "*"


def mark_leads(project: Project, units: list[Unit], named: Collection[str]) -> None:
    """Sets `leads` of every unit whose file is not a named one."""
    homes = {unit.path: unit for unit in units}
    for unit in units:
        if unit.file not in named:
            taken = {name for part in ast.walk(unit.tree) for name in taken_from(project, part, unit, homes)}
            unit.leads = leading(unit, taken)


def taken_from(project: Project, node: ast.AST, unit: Unit, homes: Mapping[str, Unit]) -> Iterator[str]:
    """The names that an import binds to something in these files."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if project.resolve(alias.name, unit) in homes:
                yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        for alias in node.names:
            inner = f"{module}.{alias.name}" if module else alias.name
            for name in (module, inner):
                path = project.relative(name, node.level, unit) if node.level else project.resolve(name, unit)
                if path is not None and path in homes:
                    yield from homes[path].index if alias.name == ALL else (alias.asname or alias.name,)


def leading(unit: Unit, taken: set[str]) -> frozenset[str]:
    """Those names, and whatever of the file mentions them, by what its top-level statements bind."""
    mentions: dict[str, set[str]] = {}
    for name, statements in unit.index.items():
        for statement in statements:
            for part in ast.walk(statement):
                if isinstance(part, ast.Name):
                    mentions.setdefault(part.id, set()).add(name)
                elif isinstance(part, ast.alias):
                    mentions.setdefault(part.asname or part.name.partition(".")[0], set()).add(name)
    found: set[str] = set()
    waiting = list(taken)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += mentions.get(name, ())
    return frozenset(found)
