"""Tests in initialization code: which ask for a module's type or a parameter's name."""

from __future__ import annotations

import ast

from initlint.interpret.machine import Machine
from initlint.interpret.trees import last_name
from initlint.interpret.values import Class, Frame, ListValue, Symbol, Value


def classify_test(machine: Machine, node: ast.If, frame: Frame) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    """(kind, what is asked for, initializers that the branch would write), None for other tests."""
    types: list[str] = []
    names: list[str] = []
    for part in ast.walk(node.test):
        function = part.func if isinstance(part, ast.Call) else None
        if isinstance(part, ast.Call) and isinstance(function, ast.Name):
            types += kinds(machine, part.args[1], frame) if function.id == "isinstance" and len(part.args) == 2 else []
        elif isinstance(part, ast.Compare):
            sides = [part.left, *part.comparators]
            texts = [side.value for side in sides if isinstance(side, ast.Constant) and isinstance(side.value, str)]
            typed = any(isinstance(s, ast.Call) and getattr(s.func, "id", "") == "type" for s in sides)
            if typed:
                types += [kind for side in part.comparators for kind in kinds(machine, side, frame)]
            names += texts
            for operator, side in zip(part.ops, part.comparators):
                names += listed(machine, side, frame) if isinstance(operator, ast.In | ast.NotIn) else []
        elif isinstance(part, ast.Call) and isinstance(function, ast.Attribute):
            asks = function.attr in ("startswith", "endswith", "find")
            names += [a.value for a in part.args if asks and isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if not types and not names:
        return None
    return ("type" if types else "name"), tuple(dict.fromkeys(types or names)), written(machine, node.body)


def kinds(machine: Machine, node: ast.expr, frame: Frame) -> list[str]:
    value = machine.evaluate(node, frame)
    if isinstance(value, ListValue):  # type(m) in [nn.Conv2d, nn.Linear]
        value = tuple(value.items) if not value.open else ()
    options: tuple[Value, ...] = value if isinstance(value, tuple) else (value,)
    return [option.name for option in options if isinstance(option, (Class, Symbol))]


def listed(machine: Machine, node: ast.expr, frame: Frame) -> list[str]:
    """The texts of a list in which a name is looked for."""
    if isinstance(node, ast.Name | ast.Attribute):
        value = machine.evaluate(node, frame)
        items = value.cell["items"] if isinstance(value, ListValue) else value
        return [item for item in items if isinstance(item, str)] if isinstance(items, tuple) else []
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else []
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def written(machine: Machine, body: list[ast.stmt]) -> tuple[str, ...]:
    """Canonical initializers that the statements call, by their names alone."""
    found: dict[str, None] = {}
    initializers = machine.knowledge.initializers
    for statement in body:
        for part in ast.walk(statement):
            if isinstance(part, ast.Call):
                name = last_name(part.func)
                for owner in ("torch.nn.init.", "Tensor.", "timm.layers."):
                    spec = initializers.get(owner + name)
                    if spec is not None:
                        found[spec.technique] = None
                        break
    return tuple(found)


def asked_subject(test: ast.expr) -> ast.expr | None:
    """The variable that a test of a type or name asks about, or a class's name where that has none."""
    for part in ast.walk(test):
        if isinstance(part, ast.Call) and part.args and isinstance(part.args[0], ast.Name):
            return part.args[0]
        method = part.func if isinstance(part, ast.Call) else None
        if isinstance(method, ast.Attribute) and _is_subject(method.value):
            return method.value  # of `name.startswith("conv")`
        if isinstance(part, ast.Compare):
            for side in (part.left, *part.comparators):
                if _is_subject(side):
                    return side
    return None


def _is_subject(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and node.attr == "__name__")
