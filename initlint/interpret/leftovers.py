"""What no entry has shown yet: models that are made and not returned, and functions that nothing visible calls."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Final

from initlint.interpret import names
from initlint.interpret.heap import Raised
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.likely_arguments import called_value
from initlint.interpret.machine import OutOfFuel
from initlint.interpret.methods_seen import writes
from initlint.interpret.project import Unit
from initlint.interpret.torch_layers import children_of
from initlint.interpret.torch_traversal import named_modules
from initlint.interpret.trees import last_name, walk
from initlint.interpret.upkeep import tidy
from initlint.interpret.values import Class, Frame, Function, Instance, Symbol

BUILDING: Final = ("weighted", "container", "recurrent", "embedding", "attention", "composite")
ORPHAN_FUEL: Final = 4_000  # steps of one function that nothing visible calls
MOST_SHOWN: Final = 4  # models of one entry that are shown data although no code does
HOME: Final = "init"  # how code names torch.nn.init

Builds = Callable[[Function], bool]


def makes_model(machine: Interpreter, function: Function, builds: Builds) -> bool:
    """Whether the body calls a module's class, a layer's or a function that builds one."""
    if any("fixture" in ast.unparse(decorator) for decorator in getattr(function.node, "decorator_list", ())):
        return False
    for part in walk(function.node):
        if not isinstance(part, ast.Call):
            continue
        value = called_value(machine, part.func, function.unit)
        if isinstance(value, Class) and value.module:
            return True
        if isinstance(value, Function) and value.node is not function.node and builds(value):
            return True
        if isinstance(value, Symbol):
            spec = machine.knowledge.layers.get(value.qualified)
            if spec is not None and spec.role in BUILDING:
                return True
    return False


def keepers(
    machine: Interpreter, functions: list[Function], classes: list[Class], builds: Builds
) -> Iterator[Function | Class]:
    """Functions, and classes that are no modules, which build a model for themselves and which nothing visible uses."""
    for function in functions:
        if function.name.startswith("test") or machine.called.get(function.node):
            continue
        if makes_model(machine, function, builds):
            yield function
        tidy(machine)
    for cls in classes:
        init = cls.find("__init__")
        if cls.module or cls.abstract or machine.built.get(cls.node) or cls.name.startswith("Test"):
            continue
        if isinstance(init, Function) and not machine.called.get(init.node) and makes_model(machine, init, builds):
            yield cls
        tidy(machine)


def unshown(machine: Interpreter) -> list[Instance]:
    """Models of the project that are part of no other, and that no data has reached."""
    models = [m for m in machine.instances if m.module and isinstance(m.cls, Class)]
    if all(m.uses for m in models):
        return []
    held = {id(child) for m in machine.instances if m.module for _, child in children_of(m)}
    reached = {id(layer) for layer in machine.node_layers.values()}
    roots = [m for m in models if not m.uses and not m.displaced and id(m) not in held]
    return [m for m in roots if not any(id(part) in reached for _, part in named_modules(m))][:MOST_SHOWN]


def cut_off(machine: Interpreter, before: int) -> None:
    """Note what a script's statement leaves unfinished whose steps run out: all that was made since the first object,
    of those made after one, whose construction has not ended."""
    begun = (i.serial for i in machine.instances if i.serial > before and isinstance(i.cls, Class) and not i.finished)
    machine.cut = min(machine.cut or machine.heap.serial + 1, *begun, machine.heap.serial + 1)


def is_shown(machine: Interpreter, cls: Class) -> bool:
    """Whether all of a class was executed as a base of one that was built."""
    own = [function for function in cls.cell.values() if isinstance(function, Function)]
    init = cls.cell.get("__init__")
    built = [init] if isinstance(init, Function) else own
    forward = cls.find("forward")
    if not any(machine.called.get(function.node) for function in built):
        return False
    if isinstance(forward, Function) and not machine.called.get(forward.node):
        return False
    made = machine.built.keys() | machine.entered.keys()
    return cls.node in machine.shown or any(
        other is not cls and cls in other.lineage and other.node in made for other in machine.defined
    )


def has_run(machine: Interpreter, function: Function) -> bool:
    """Whether another function has called it, so that everything was made that its body makes or hands on."""
    made = False
    for part in walk(function.node):
        if isinstance(part, ast.Call):
            value = called_value(machine, part.func, function.unit)
            if isinstance(value, Symbol) and value.qualified in machine.knowledge.layers:
                if part not in machine.made:
                    return False
                made = True
            elif isinstance(value, Function) and not machine.called.get(value.node):
                return False
        elif isinstance(part, ast.Name):
            value = names.export(machine, function.unit, part.id)
            if isinstance(value, Class) and value.module and not machine.built.get(value.node):
                return False
    return made


# -- functions that nothing calls ---------------------------------------------------------


def orphans(machine: Interpreter, unit: Unit) -> list[Function]:
    """Functions and methods that write initial weights, meant for callers which are not visible."""
    found: list[Function] = []
    for value in list(unit.cell.values()):
        if isinstance(value, Function) and value.unit is unit:
            found.append(value)
        elif isinstance(value, Class) and value.unit is unit:
            found += [f for f in value.cell.values() if isinstance(f, Function) and f.owner is value]
    uncalled = [f for f in found if not isinstance(f.node, ast.Lambda) and not machine.called.get(f.node)]
    return [f for f in uncalled if names_initializer(machine, f.node, unit)]


def names_initializer(machine: Interpreter, node: ast.AST, unit: Unit) -> bool:
    """Whether the body calls an initializer, or something that stands where one would."""
    return writes(machine, node, unit) or any(
        isinstance(part, ast.Attribute) and last_name(part.value) == HOME for part in walk(node)
    )


def run_orphans(machine: Interpreter, functions: list[Function], frame: Frame) -> None:
    """Run each once with arguments that are not known, for what is wrong whoever calls it."""
    called, built = dict(machine.called), dict(machine.built)
    machine.orphan = True
    left = machine.fuel
    try:
        for function in functions:
            machine.fuel = budget = min(ORPHAN_FUEL, left)
            made = [(kept, len(kept)) for kept in (machine.layers, machine.norms, machine.params)]
            try:
                machine.heap.explore(lambda function=function: machine.call(function, [], {}, function.node, frame))  # type: ignore[misc]
            except Raised:
                pass
            except (OutOfFuel, RecursionError):
                for kept, count in made:
                    del kept[count:]  # what would have become of them is not known
            finally:
                left -= budget - max(machine.fuel, 0)
    finally:
        machine.orphan, machine.fuel = False, left
        machine.called, machine.built = called, built
