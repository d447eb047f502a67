"""Initialization methods of the files, and whether anything visible calls them."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from functools import cache, partial
from typing import Final

from initlint.graph import Method
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.likely_arguments import called_value
from initlint.interpret.outlines import INITIALIZING, outline_of
from initlint.interpret.project import Unit
from initlint.interpret.trees import last_name, walk
from initlint.interpret.upkeep import tidy
from initlint.interpret.values import Class, Function, Symbol
from initlint.source import Place, Point, Span

APPLIED: Final = re.compile(r"\.apply\(\s*(?:\w+\s*\.\s*)*(\w+)")


def methods_of(machine: Interpreter, units: list[Unit], swept: Collection[Place]) -> tuple[Method, ...]:
    """Methods and functions that write initial weights; `swept` is where passes over models were seen."""
    classes = {c.name for unit in units for c in unit.cell.values() if isinstance(c, Class) and c.module}
    applied = cache(partial(applied_in, units))
    found: list[Method] = []
    for unit in units:
        tidy(machine)
        for value in list(unit.cell.values()):
            if isinstance(value, Class) and value.unit is unit:
                for name, function in value.cell.items():
                    if not isinstance(function, Function) or function.owner is not value:
                        continue
                    if looks_like_init(str(name)) and writes(machine, function.node, unit):
                        found.append(method(machine, value, function, units, classes))
                    elif makes_own(value, function) and writes(machine, function.node, unit):
                        found.append(Method(function.name, value.name, name_place(unit, function), None, 0))
            if not isinstance(value, Function) or value.unit is not unit:
                continue
            if looks_like_init(value.name) and (gives(value.node) or writes(machine, value.node, unit)):
                called = True if machine.called.get(value.node) or mentioned(machine, units, value.name) else None
                asks = named(machine, value.node, classes)
                unseen = [place for place in applied().get(value.name, ()) if place not in swept]  # no model there
                fills = filled(value.node) if unseen else ()
                found.append(Method(value.name, "", name_place(unit, value), called, 0, asks, fills))
    return tuple(found)


def looks_like_init(name: str) -> bool:
    return INITIALIZING.match(name) is not None and name not in ("__init__", "init", "__init_subclass__")


def makes_own(cls: Class, function: Function) -> bool:
    """Whether it makes objects of its class, for callers that may be handed it: `{nn.Linear: Own.from_linear}`."""
    return function.kind in ("staticmethod", "classmethod") and any(
        isinstance(part, ast.Call) and last_name(part.func) in ("cls", cls.name) for part in walk(function.node)
    )


def applied_in(units: list[Unit]) -> dict[str, list[Place]]:
    """Where the files pass a function that initializes, or what one returns, to `apply`."""
    own = [value.name for unit in units for value in unit.cell.values() if isinstance(value, Function)]
    names = {name for name in own if looks_like_init(name)}
    found: dict[str, list[Place]] = {}
    for unit in units:
        asked = not names.isdisjoint(APPLIED.findall(unit.source.text))
        for part in walk(unit.tree) if asked else ():
            if isinstance(part, ast.Call) and last_name(part.func) == "apply" and part.args:
                given = part.args[0].func if isinstance(part.args[0], ast.Call) else part.args[0]
                found.setdefault(last_name(given), []).append(unit.place(part))
    return found


def filled(node: ast.AST) -> tuple[str, ...]:
    """The attributes of modules that a body writes to: `init.zeros_(m.bias.data)`, `m.weight.normal_()`."""
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, ast.Call) and last_name(part.func).endswith("_"):
            for one in (part.func.value if isinstance(part.func, ast.Attribute) else part.func, *part.args[:1]):
                written = one.value if isinstance(one, ast.Attribute) and one.attr == "data" else one
                if isinstance(written, ast.Attribute) and isinstance(written.value, ast.Name):
                    found.add(written.attr)
    return tuple(sorted(found))


def gives(node: ast.AST) -> bool:
    """Whether a body gives a module parameters of its own: `module.decay = nn.Parameter(...)`."""
    return any(
        isinstance(part, ast.Assign)
        and isinstance(part.targets[0], ast.Attribute)
        and isinstance(part.value, ast.Call)
        and last_name(part.value.func) == "Parameter"
        for part in walk(node)
    )


def named(machine: Interpreter, node: ast.AST, classes: set[str]) -> tuple[str, ...]:
    """Those of the classes that a body mentions, by name or as text."""
    return tuple(sorted(machine.mentions_of(node).every & classes))


def method(machine: Interpreter, cls: Class, function: Function, units: list[Unit], classes: set[str]) -> Method:
    """A method's facts. Callers may be invisible where it is public, or where a base is."""
    built = machine.built.get(cls.node, 0)
    called: bool | None
    if machine.called.get(function.node):
        called = True
    elif (
        not cls.module
        or cls.open
        or cls.abstract
        or mentioned(machine, units, function.name)
        or is_switched_off(cls.unit, function.name)
    ):
        called = None
    elif function.name.startswith("_") or built:
        called = False
    else:
        called = None
    asks = named(machine, function.node, classes)
    return Method(function.name, cls.name, name_place(cls.unit, function), called, built, asks)


def name_place(unit: Unit, named: Function | Class) -> Place:
    """The name in `def name` or `class name`."""
    node = named.node
    if isinstance(node, ast.Lambda):
        return unit.place(node)
    start = unit.place(node).span.start
    line = unit.source.lines[node.lineno - 1] if node.lineno <= len(unit.source.lines) else ""
    at = line.find(node.name, start.column - 1)
    column = at + 1 if at >= 0 else start.column
    point = Point(node.lineno, column)
    return Place(unit.file, Span(point, Point(node.lineno, column + len(node.name))))


def mentioned(machine: Interpreter, units: list[Unit], name: str) -> bool:
    """Whether any file uses the name of an initialization, an attribute of that name or a string of it, other than in
    its `def`."""
    return any(
        name in unit.source.text and name in words(machine, unit) and not only_named(unit, name) for unit in units
    )


def is_switched_off(unit: Unit, name: str) -> bool:
    """Whether a call of it is there as a comment: somebody does without it on purpose."""
    return re.search(rf"^[ \t]*#.*\b{name}\(", unit.source.text, re.MULTILINE) is not None


def only_named(unit: Unit, name: str) -> bool:
    """Whether the file does nothing with the name but to state it, as in `self.init_weights` without a call."""
    text = unit.source.text
    if not re.search(rf"^[ \t]*[\w.]*\b{name}[ \t]*(#.*)?$", text, re.MULTILINE):
        return False
    stated = [part.value for part in walk(unit.tree) if isinstance(part, ast.Expr)]
    alone = sum(isinstance(one, ast.Attribute) and one.attr == name for one in stated)
    made = len(re.findall(rf"\bdef[ \t]+{name}\b", text))
    return len(re.findall(rf"\b{name}\b", text)) == made + alone


def words(machine: Interpreter, unit: Unit) -> frozenset[str]:
    """What a file mentions; all of it, or what may be names of initialization."""
    outline = outline_of(unit.source)
    return machine.mentions_of(unit.tree).every if outline is None else outline.words


def writes(machine: Interpreter, node: ast.AST, unit: Unit) -> bool:
    """Whether the body calls an initializer: by its name, unless the file says that it is another one's."""
    initializers = machine.knowledge.initializers
    for part in walk(node):
        if isinstance(part, ast.Call):
            name = last_name(part.func)
            stands_for = called_value(machine, part.func, unit)
            if isinstance(stands_for, Symbol):
                if stands_for.qualified in initializers:
                    return True
            elif any(owner + name in initializers for owner in ("torch.nn.init.", "Tensor.", "timm.layers.")):
                return True
    return False
