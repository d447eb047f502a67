"""Variables and imports: which value a name stands for, through functions, modules and files."""

from __future__ import annotations

import ast
import builtins
from functools import partial
from typing import Final

from initlint.graph import Unknown
from initlint.interpret.heap import MISSING, Raised
from initlint.interpret.initializer_names import INITIALIZERS, KERAS, check_initializer, check_keras
from initlint.interpret.machine import Machine, OutOfFuel
from initlint.interpret.postponed import Imported, Read
from initlint.interpret.project import Unit
from initlint.interpret.values import Alternatives, Cell, Frame, Package, Symbol, Value
from initlint.knowledge import canonical, knowledge

FRAMEWORKS: Final = (
    "torch",
    "keras",
    "tf_keras",
    "keras_core",
    "tensorflow",
    "numpy",
    "jax",
    "math",
    "typing",
    "collections",
    "functools",
)
UNTOLD: Final = ("keras.src.applications", "keras.src.utils")  # parts of a framework that the tables do not describe
STARRED: Final = frozenset(  # what `from keras import *` and `from keras.layers import *` bring beside what tables have
    f"keras.{name}"
    for name in "Input activations applications backend constraints datasets initializers layers losses models ops"
    " optimizers random regularizers utils".split()
)
PERHAPS_IMPORTED: Final = frozenset({Imported, Alternatives})
STATEMENT_FUEL: Final = 40_000  # steps of one top-level statement that is run because its name is asked for
BUILTINS: Final = frozenset(dir(builtins))  # names only; none is called


def symbol(qualified: str) -> Value:
    return Symbol.of(shortened(qualified))


def shortened(qualified: str) -> str:
    """The name that the tables know; one of a module in full, for what it has is known by the name of both."""
    short = canonical(qualified)
    is_module = short != qualified and qualified.rpartition(".")[2][:1].islower() and not knowledge().has(short)
    return qualified if is_module and qualified.startswith("torch.") else short


def lookup(machine: Machine, name: str, frame: Frame) -> Value:
    """The variable's value; Unknown when nothing visible binds it."""
    scope: Frame | None = frame
    while scope is not None:
        value = scope.cell.get(name, MISSING)
        if value is not MISSING:
            return value if type(value) not in PERHAPS_IMPORTED else found(machine, scope.cell, name, value)
        scope = scope.parent
    unit = frame.unit
    value = unit.cell.get(name, MISSING) if name in unit.settled else MISSING
    if value is MISSING or type(value) in PERHAPS_IMPORTED:
        if name in unit.absent and name not in unit.cell:
            return unit.absent[name]
        value = export(machine, unit, name)
    if value is not MISSING:
        if machine.reads is not None:
            machine.reads.append(Read(unit.cell, name, value))
        return value
    if name == "__name__":
        return "__main__" if unit.target else machine.project.module_name(unit)
    if name in BUILTINS:
        value = Symbol.of("builtins." + name)
        if name not in unit.index:
            unit.absent[name] = value
        return value
    return Unknown(f"name {name} is not bound")


def found(machine: Machine, cell: Cell, name: str, value: Value) -> Value:
    """The value of a name that may be an import not yet looked up."""
    if isinstance(value, Imported):
        value = cell[name] = value.force()
    elif isinstance(value, Alternatives) and any(isinstance(option, Imported) for option in value.options):
        forced = [option.force() if isinstance(option, Imported) else option for option in value.options]
        value = forced[0]
        for option in forced[1:]:
            value = machine.heap.join(value, option)
        cell[name] = value
    return value


def bound(machine: Machine, unit: Unit, name: str) -> Value:
    """What a module's own statements bind to `name`, executing those that do; MISSING when none does."""
    if name not in unit.settled:
        pending = [s for s in unit.index.get(name, ()) if s not in unit.done]
        if pending:
            run_statements(machine, unit, pending)
        unit.settled.add(name)
    value = unit.cell.get(name, MISSING)
    return value if type(value) not in PERHAPS_IMPORTED else found(machine, unit.cell, name, value)


def export(machine: Machine, unit: Unit, name: str) -> Value:
    """`bound`, or what a star import brings."""
    value = bound(machine, unit, name)
    if value is not MISSING:
        return value
    for star in unit.stars:
        target = import_path(machine, star.module or "", star.level, unit)
        if isinstance(target, Unit):
            if target is not unit:
                value = export(machine, target, name)
        elif isinstance(target, str):
            qualified = canonical(f"{target}.{name}")
            if machine.knowledge.has(qualified) or qualified in STARRED:
                value = Symbol.of(qualified)
        if value is not MISSING:
            unit.cell[name] = value
            return value
    return MISSING


def run_statements(
    machine: Machine, unit: Unit, statements: list[ast.stmt], fuel: int = STATEMENT_FUEL
) -> tuple[int, bool]:
    """Execute top-level statements once, outside whatever branch or sweep asked for them; how many steps that took, and
    whether they sufficed.

    Each has its own budget of steps: a name must not be lost because an entry asked for it late.
    """
    steps, ended = 0, True
    saved = (machine.heap.log, machine.heap.depth, machine.sweeping, machine.repeating, machine.no_grad, machine.frames)
    guards, machine.guards = machine.guards, []
    reads, machine.reads = machine.reads, None
    left = machine.fuel
    machine.heap.log, machine.heap.depth, machine.sweeping, machine.repeating, machine.no_grad = None, 0, [], 0, 0
    machine.frames = [unit.frame]
    try:
        for statement in statements:
            if statement in unit.done:
                continue
            unit.done.add(statement)
            machine.fuel = fuel
            try:
                machine.statements[type(statement)](machine, statement, unit.frame)
            except Raised:
                pass
            except OutOfFuel:
                ended = False
            finally:
                steps += fuel - machine.fuel
    finally:
        machine.fuel = left
        machine.guards, machine.reads = guards, reads
        (machine.heap.log, machine.heap.depth, machine.sweeping, machine.repeating, machine.no_grad, machine.frames) = (
            saved
        )
    return steps, ended


def import_path(machine: Machine, module: str, level: int, unit: Unit) -> Unit | str | None:
    """The unit that an import names, or the qualified name of a module outside the project."""
    project = machine.project
    if level:
        own = project.module_name(unit).split(".")
        if own[0] in FRAMEWORKS:
            is_package = unit.path.endswith("__init__.py")
            parts = own[: len(own) - level + (1 if is_package else 0)]
            return ".".join([*parts, module] if module else parts)
        path = project.relative(module, level, unit)
        return project.unit(path) if path else None
    if module.partition(".")[0] in FRAMEWORKS:
        path = project.resolve(module, unit) if module.startswith(UNTOLD) else None
        return project.unit(path) if path is not None else module
    path = project.resolve(module, unit)
    if path is not None:
        return project.unit(path)
    return module


def import_module(machine: Machine, name: str, unit: Unit) -> Value:
    """The value of `import name`."""
    target = import_path(machine, name, 0, unit)
    if isinstance(target, Unit):
        return Package(target)
    return symbol(name) if isinstance(target, str) else Unknown(f"module {name} can't be read")


def import_name(machine: Machine, statement: ast.ImportFrom, name: str, unit: Unit) -> Value:
    """The value of `from module import name`."""
    target = import_path(machine, statement.module or "", statement.level, unit)
    if isinstance(target, str):
        return symbol(f"{target}.{name}")
    dots = "." * statement.level
    if target is None:
        folder_path = None
        if statement.level and not statement.module:
            folder_path = machine.project.relative(name, statement.level, unit)
        inner = machine.project.unit(folder_path) if folder_path else None
        return Package(inner) if inner else Unknown(f"module {dots}{statement.module or ''} can't be read")
    return member(machine, target, name)


def member(machine: Machine, unit: Unit, name: str) -> Value:
    """`package.name`: a name of the module, or a module of the package."""
    value = bound(machine, unit, name)
    if value is MISSING or (isinstance(value, (Unknown, Alternatives)) and unit.path.endswith("__init__.py")):
        path = machine.project.submodule(unit, name)
        inner = machine.project.unit(path) if path else None
        if inner is not None:
            return Package(inner)
    if value is MISSING:
        value = export(machine, unit, name)
    if value is not MISSING:
        return value
    return Unknown(f"{name} is not in {machine.project.module_name(unit)}")


def run_import(machine: Machine, statement: ast.Import | ast.ImportFrom, frame: Frame) -> None:
    """Bind what an import statement binds; at the top of a module, each name once it is used."""
    heap, unit = machine.heap, frame.unit
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            if alias.name == "*":
                continue
            if statement.module == INITIALIZERS:
                check_initializer(machine, alias.name, alias, frame)
            elif statement.module is not None and statement.module.endswith(KERAS) and not statement.level:
                canonical(statement.module)  # so that the tables are there
                check_keras(machine, alias.name, alias, frame)
            name, find = alias.asname or alias.name, partial(import_name, machine, statement, alias.name, unit)
        elif alias.asname:
            name, find = alias.asname, partial(import_module, machine, alias.name, unit)
        else:
            name = alias.name.partition(".")[0]
            find = partial(import_module, machine, name, unit)
        heap.write(frame.cell, name, Imported(find) if frame is unit.frame else find())


def package_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Package)
    found_ = member(machine, value.unit, name)
    if machine.reads is not None:
        machine.reads.append(Read(value.unit.cell, name, found_))
    return found_


def symbol_attribute(machine: Machine, value: Value, name: str, node: ast.AST, frame: Frame) -> Value:
    assert isinstance(value, Symbol)
    known = value.members.get(name)
    if known is not None:
        return known
    if name in ("__name__", "__qualname__"):
        return value.name
    if name == "__module__":
        return value.qualified.rpartition(".")[0]
    if name == "type" and value.qualified.startswith("torch.device."):
        return value.name
    if name in CONSTANT_NAMES.get(value.qualified, ()):
        return CONSTANT_NAMES[value.qualified][name]
    if isinstance(node, ast.Attribute):
        if value.qualified == INITIALIZERS:
            check_initializer(machine, name, node, frame)
        elif value.qualified == KERAS and node.attr == name:
            check_keras(machine, name, node, frame)
        elif value.qualified.startswith("torch"):
            found_ = value.members[name] = Symbol.of(shortened(f"{value.qualified}.{name}"))
            return found_
    return symbol(f"{value.qualified}.{name}")


CONSTANT_NAMES: Final[dict[str, dict[str, Value]]] = {
    "math": {"pi": 3.141592653589793, "e": 2.718281828459045, "inf": float("inf"), "tau": 6.283185307179586},
    "torch": {"pi": 3.141592653589793, "inf": float("inf")},
    "numpy": {"pi": 3.141592653589793, "e": 2.718281828459045, "inf": float("inf")},
}
