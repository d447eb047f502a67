"""The parameter written instead of a copy of it."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.edits import Edits, Unfit
from initlint.findings import Match, TextEdit
from initlint.fixers import Draft
from initlint.fixers._calls import assigned, last_name
from initlint.fixers._moves import block_of, moved_after
from initlint.knowledge import knowledge
from initlint.mishaps import COMPUTED, WRAPPERS
from initlint.page import Page, Spot
from initlint.source import Span

OTHERS = ("generator", "non_blocking")  # parameters that are no numbers of a law
VALUELESS = ("zero_",)  # methods that take nothing


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    if facts["what"] == "method-assigned":
        return Draft(f"call {facts['method']} instead of assigning to it", _called(spot, facts["method"]))
    node = next((n for n in spot.chain if isinstance(n, cst.BaseExpression) and page.span(n) == match.place.span), None)
    copy = _copy(node)
    if copy is not None:
        return Draft("write the parameter, not its copy", _uncopied(page, copy))
    statement, block = spot.statement(), block_of(spot, spot.statement())
    bound: cst.BaseExpression | None = node if isinstance(node, cst.Attribute | cst.Call) else None
    if isinstance(node, cst.Name):
        for other in reversed(block[: block.index(statement)]):
            bound = _bound(other, node.value)
            if bound is None:
                continue
            copy = _copy(bound)
            if copy is not None:
                return Draft("write the parameter, not its copy", _uncopied(page, copy))
            if node.value in _names(bound):
                return Draft("write the parameter before its name is bound anew", moved_after(page, other, statement))
            break
    if not isinstance(bound, cst.Attribute | cst.Call) or not _is_of_layer(bound):
        raise Unfit("the copy is made in a way that this fix does not know")
    return Draft("initialize before the weight is parametrized", _before_wrapping(spot, facts))


def _called(spot: Spot, method: str) -> Edits:
    """`x.copy_ = value` becomes `x.copy_(value)`. Of what takes more than one number it is not said which is meant."""
    small, page = spot.small(), spot.page
    found = assigned(small)
    if found is None or isinstance(found[1], cst.Tuple):
        raise Unfit("several things are assigned at once")
    spec = knowledge().initializers.get(f"Tensor.{method}")
    numbers = [one.name for one in spec.parameters if one.name not in OTHERS] if spec is not None else []
    if len(numbers) > 1:
        raise Unfit(f"whether {page.text(page.span(found[1]))} is meant as {' or '.join(numbers)} is not said")
    value = page.text(page.span(found[1])) if numbers or method not in VALUELESS else ""
    return page.replace(small, f"{page.code(found[0])}({value})")


def _copy(node: cst.CSTNode | None) -> cst.Call | None:
    """The last `x.clone()` or `torch.clone(x)` in a chain of attributes and methods: of `x.clone().view(-1)` its first
    part."""
    while isinstance(node, cst.Call | cst.Attribute):
        if isinstance(node, cst.Call) and last_name(node.func) == "clone" and isinstance(node.func, cst.Attribute):
            return node
        node = node.func if isinstance(node, cst.Call) else node.value
    return None


def _is_of_layer(node: cst.BaseExpression) -> bool:
    """Whether it is reached by attributes and their methods alone: `layer.weight`, `layer.weight.view(-1)`."""
    while isinstance(node, cst.Call):
        node = node.func.value if isinstance(node.func, cst.Attribute) else node.func
    return isinstance(node, cst.Attribute)


def _uncopied(page: Page, call: cst.Call) -> Edits:
    assert isinstance(call.func, cst.Attribute)
    if call.args:
        return page.replace(call, page.text(page.span(call.args[0].value)))
    return (TextEdit(Span(page.span(call.func.value).end, page.span(call).end), ""),)


def _bound(statement: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    """The value of a statement that binds only this name."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    found = assigned(statement.body[0])
    return found[1] if found is not None and isinstance(found[0], cst.Name) and found[0].value == name else None


def _names(node: cst.CSTNode) -> set[str]:
    found = {node.value} if isinstance(node, cst.Name) else set()
    return found.union(*(_names(child) for child in node.children))


def _before_wrapping(spot: Spot, facts: Mapping[str, str]) -> Edits:
    """`x = wrap(layer)` and the init below it become `x = layer`, the init, and `x = wrap(x)`."""
    page, statement = spot.page, spot.statement()
    block = block_of(spot, statement)
    for other in reversed(block[: block.index(statement)]):
        small = other.body[0] if isinstance(other, cst.SimpleStatementLine) and len(other.body) == 1 else None
        found = assigned(small) if small is not None else None
        if found is None or not facts["expression"].startswith(f"{page.code(found[0])}."):
            continue
        target, call = found
        if isinstance(call, cst.Call) and last_name(call.func) in WRAPPERS and call.args and not call.args[0].keyword:
            layer, name = call.args[0].value, page.code(target)
            wrapped = call.with_changes(
                args=[call.args[0].with_changes(value=cst.parse_expression(name)), *call.args[1:]]
            )
            edits = page.replace(call, page.text(page.span(layer)))
            return edits + page.after(statement, f"{name} = {page.code(wrapped)}\n")
        break
    raise Unfit(COMPUTED)
