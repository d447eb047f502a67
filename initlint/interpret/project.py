"""Which module a name comes from, across the files of the project.

A `Unit` is one file, parsed. Its names are bound when they are first asked for, each
top-level statement at most once, so that importing one class of a large library does not
execute the library.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Container, Iterator
from typing import TypeAlias

from initlint import disk, garbage
from initlint.interpret.outlines import outline
from initlint.interpret.values import Cell, Frame
from initlint.source import Place, Source

ROOT_MARKS = ("pyproject.toml", "ruff.toml", ".ruff.toml", "initlint.toml", "setup.py", "setup.cfg", ".git", ".hg")

Read: TypeAlias = Callable[[str], Source | None]


class Unit:
    """A file of the project: its tree, its namespace and which statements bind which name."""

    __slots__ = (
        "absent",
        "cell",
        "done",
        "frame",
        "index",
        "leads",
        "name",
        "path",
        "places",
        "settled",
        "source",
        "stars",
        "target",
        "tree",
    )

    def __init__(self, path: str, source: Source, tree: ast.Module, *, target: bool) -> None:
        self.path = path
        self.source = source
        self.tree = tree
        self.target = target
        self.cell: Cell = {}
        self.frame = Frame(self, self.cell)
        self.index: dict[str, list[ast.stmt]] = {}
        self.settled: set[str] = set()  # names all of whose statements are done
        self.stars: list[ast.ImportFrom] = []
        self.done: set[ast.stmt] = set()
        self.leads: frozenset[str] | None = None  # of a file around the named ones: its names that lead to those
        self.name = ""  # dotted, once it was asked for
        self.absent: dict[str, object] = {}  # names that nothing in it binds, and what they stand for
        self.places: dict[ast.AST, Place] = {}
        for statement in tree.body:
            for name in bound_names(statement, self.stars):
                self.index.setdefault(name, []).append(statement)
        for statement in tree.body:
            for name in decorating(statement):
                known = self.index.get(name, [])
                if statement not in known and any(isinstance(s, (ast.Assign, ast.AnnAssign)) for s in known):
                    known.append(statement)  # FACTORY = Factory() ... @FACTORY.add("conv")

    @property
    def file(self) -> str:
        return self.source.path

    def place(self, node: ast.AST) -> Place:
        place = self.places.get(node)
        if place is None:
            place = self.places[node] = Place(self.source.path, self.source.span(node))
        return place


def bound_names(statement: ast.stmt, stars: list[ast.ImportFrom]) -> Iterator[str]:
    """Names that a top-level statement binds or changes."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
            for decorator in statement.decorator_list:
                maker = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(maker, ast.Attribute) and maker.attr.startswith("register"):
                    yield from target_names(maker)  # what it is registered with knows it from here on
        case ast.Import():
            for alias in statement.names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.ImportFrom():
            for alias in statement.names:
                if alias.name == "*":
                    stars.append(statement)
                else:
                    yield alias.asname or alias.name
        case ast.Assign():
            for target in statement.targets:
                yield from target_names(target)
        case ast.AnnAssign() | ast.AugAssign():
            yield from target_names(statement.target)
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            yield name  # REGISTRY.update(...)
        case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
            for field in ("target", "body", "orelse", "handlers", "finalbody", "items"):
                value = getattr(statement, field, ())
                if isinstance(value, ast.expr):
                    yield from target_names(value)
                    continue
                for part in value:
                    if isinstance(part, ast.stmt):
                        yield from bound_names(part, stars)
                    elif isinstance(part, ast.ExceptHandler):
                        for inner in part.body:
                            yield from bound_names(inner, stars)
                    elif isinstance(part, ast.withitem) and part.optional_vars is not None:
                        yield from target_names(part.optional_vars)
        case _:
            return


def decorating(statement: ast.stmt) -> Iterator[str]:
    """Names of objects whose methods decorate a top-level definition."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        for decorator in statement.decorator_list:
            maker = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(maker, ast.Attribute) and isinstance(maker.value, ast.Name):
                yield maker.value.id


def target_names(target: ast.expr) -> Iterator[str]:
    while isinstance(target, (ast.Subscript, ast.Attribute, ast.Starred)):
        target = target.value
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from target_names(element)


class Project:
    """Finds and parses the project's files. Unit paths are absolute and normalised."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.size = 0  # of the texts, in characters
        self.units: dict[str, Unit | None] = {}
        self.targets: dict[str, Unit] = {}  # by what their files are shown as
        self.roots: dict[str, tuple[str, ...]] = {}
        self.found: dict[tuple[str, str], str | None] = {}
        self.listings: dict[str, Container[str]] = {}

    def add(self, path: str, source: Source, tree: ast.Module) -> Unit:
        """A file named on the command line."""
        path = os.path.abspath(path)
        unit = self.units[path] = self.targets[source.path] = self.unit_of(path, source, tree, target=True)
        return unit

    def unit(self, path: str) -> Unit | None:
        """The file at an absolute path, parsed; None where it can't be read or parsed."""
        if path not in self.units:
            source = self.read(path)
            tree = source.tree() if source is not None else None
            if source is not None and isinstance(tree, ast.Module):
                self.size += len(source.text)
                self.units[path] = self.unit_of(path, source, tree, target=False)
            else:
                self.units[path] = None
        return self.units[path]

    def unit_of(self, path: str, source: Source, tree: ast.Module, *, target: bool) -> Unit:
        if garbage.is_large(self.size):
            outline(source)
        return Unit(path, source, tree, target=target)

    def resolve(self, name: str, importer: Unit) -> str | None:
        """The path of the absolute module `name` as `importer` would see it, if it is the project's."""
        folder = os.path.dirname(importer.path)
        key = (name, folder)
        if key not in self.found:
            self.found[key] = None
            for root in self.search_roots(folder):
                path = self.module_path(root, name.split("."))
                if path is not None:
                    self.found[key] = path
                    break
        return self.found[key]

    def relative(self, name: str, level: int, importer: Unit) -> str | None:
        """The path of `from ...name import`, with `level` dots."""
        folder = os.path.dirname(importer.path)
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        return self.module_path(folder, name.split(".") if name else [])

    def submodule(self, package: Unit, name: str) -> str | None:
        if os.path.basename(package.path) not in ("__init__.py", "__init__.pyi"):
            return None
        return self.module_path(os.path.dirname(package.path), [name])

    def module_path(self, folder: str, parts: list[str]) -> str | None:
        for part in parts[:-1]:
            folder = os.path.join(folder, part)
        if parts:
            names = self.names_in(folder)
            if parts[-1] in names:
                package = os.path.join(folder, parts[-1])
                if "__init__.py" in self.names_in(package):
                    return os.path.join(package, "__init__.py")
            if parts[-1] + ".py" in names:
                return os.path.join(folder, parts[-1] + ".py")
            return None
        return os.path.join(folder, "__init__.py") if "__init__.py" in self.names_in(folder) else None

    def names_in(self, folder: str) -> Container[str]:
        names = self.listings.get(folder)
        if names is None:
            names = self.listings[folder] = disk.names(folder)
        return names

    def search_roots(self, folder: str) -> tuple[str, ...]:
        """Where absolute imports of a file in `folder` may start: beside its top package, in
        its own folder (scripts), at the project's root and in its src."""
        if folder not in self.roots:
            top = folder
            while "__init__.py" in self.names_in(top) and os.path.dirname(top) != top:
                top = os.path.dirname(top)
            roots = [top]
            above = top
            while True:
                if any(mark in self.names_in(above) for mark in ROOT_MARKS):
                    roots += [above, os.path.join(above, "src")]
                    break
                if os.path.dirname(above) == above:
                    break
                above = os.path.dirname(above)
            self.roots[folder] = tuple(dict.fromkeys(roots))
        return self.roots[folder]

    def module_name(self, unit: Unit) -> str:
        """The dotted name of a unit, from its top package."""
        if unit.name:
            return unit.name
        folder, base = os.path.split(unit.path)
        parts = [] if base == "__init__.py" else [base.removesuffix(".py")]
        while "__init__.py" in self.names_in(folder) and os.path.dirname(folder) != folder:
            folder, name = os.path.split(folder)
            parts.insert(0, name)
        unit.name = ".".join(parts)
        return unit.name
