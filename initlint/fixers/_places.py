"""Where an init that is missing goes: below the statement that makes the layer, or at the end of `__init__`."""

from __future__ import annotations

import re

import libcst as cst

from initlint.edits import Edits, Unfit
from initlint.findings import TextEdit
from initlint.fixers._calls import argument, assigned, last_name
from initlint.page import Page, Spot, Statement
from initlint.source import Span


def constructor(spot: Spot, owner: str = "") -> cst.FunctionDef:
    """The `__init__` of the class around the spot, or of the class of this name. Raises Unfit."""
    page = spot.page
    if owner:
        found = [node for node in page.module.body if isinstance(node, cst.ClassDef) and node.name.value == owner]
        around = found[0] if len(found) == 1 else None
    else:
        around = spot.around(cst.ClassDef)
    if around is None:
        raise Unfit(f"the class {owner} is not in this file" if owner else "this stands in no class")
    for statement in around.body.body:
        if isinstance(statement, cst.FunctionDef) and statement.name.value == "__init__":
            return statement
    raise Unfit(f"{around.name.value} has no __init__ of its own to call it in")


def at_end(page: Page, function: cst.FunctionDef, code: str) -> Edits:
    """The code as the last statements of a function; before a `return` or `raise` that ends it."""
    if isinstance(function.body, cst.SimpleStatementSuite):
        return _on_its_line(page, function.body, code)
    last = function.body.body[-1]
    assert isinstance(last, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    if isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], cst.Return | cst.Raise):
        return page.before(last, code)
    return page.after(last, code)


def _on_its_line(page: Page, suite: cst.SimpleStatementSuite, code: str) -> Edits:
    """The code as the last statement after the colon."""
    code, last = code.strip(), suite.body[-1]
    if "\n" in code or ":" in code or isinstance(last, cst.Return | cst.Raise):
        raise Unfit("the function is written on one line")
    end = page.span(last).end
    return (TextEdit(Span(end, end), f"; {code}"),)


def fresh(spot: Spot, statement: Statement | None, *names: str) -> tuple[str, ...]:
    """Names for loop variables: these, unless the code below the statement uses one of them for something else."""
    page = spot.page
    function = spot.around(cst.FunctionDef)
    lines = page.source.lines
    end = page.span(function).end.line if function is not None else len(lines)
    start = page.span(statement).end.line if statement is not None else end
    below = "\n".join(lines[start:end])
    return tuple(f"{name}_" if re.search(rf"\b{name}\b", below) else name for name in names)


def self_name(function: cst.FunctionDef) -> str:
    """What a method calls its object. Raises Unfit."""
    parameters = function.params.params
    if not parameters:
        raise Unfit("the method has no self")
    return parameters[0].name.value


def parameter_target(spot: Spot) -> str:
    """How the parameter that a statement makes is reached below it. Raises Unfit."""
    small, page = spot.small(), spot.page
    found = assigned(small)
    if found is not None and isinstance(found[0], cst.Name | cst.Attribute):
        return page.code(found[0])
    if isinstance(small, cst.Expr) and isinstance(call := small.value, cst.Call):
        name = argument(call, "name", 0)
        if last_name(call.func) == "register_parameter" and isinstance(call.func, cst.Attribute) and name is not None:
            text = name.value.evaluated_value if isinstance(name.value, cst.SimpleString) else None
            if isinstance(text, str) and text.isidentifier():
                return f"{page.code(call.func.value)}.{text}"
    raise Unfit("the parameter has no name here")
