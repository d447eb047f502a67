"""Values for a parameter that is only allocated."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import assigned, last_name, with_arguments
from initlint.fixers._places import fresh, parameter_target
from initlint.page import Page, Spot

EMPTY = ("empty", "Tensor", "FloatTensor")


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    if facts["kind"] != "Parameter" and _allocation(spot, match) is None:
        return _reset(spot)
    values = facts["values"]
    if values in {"zeros", "ones"}:
        allocation = _allocation(spot, match)
        if allocation is not None:
            name, imports = spelled(page, f"torch.{values}")
            edits = page.replace(allocation, allocation.with_changes(func=cst.parse_expression(name)))
            return Draft(f"start with {values}", edits + imports)
    name, imports = spelled(page, f"{INIT}.{values}_")
    arguments = ", std=0.02" if values == "normal" else ""
    allocation = None if _named(spot, match) else _allocation(spot, match)
    if allocation is not None:
        filled = f"{name}({page.text(page.span(allocation))}{arguments})"
        return Draft(f"initialize it with {values}_", page.replace(allocation, filled) + imports)
    target = parameter_target(spot)
    code = f"{name}({target}{arguments})"
    return Draft(f"initialize {target} with {values}_", page.after(spot.statement(), code) + imports)


def _named(spot: Spot, match: Match) -> bool:
    """Whether the statement gives the parameter a name, and makes nothing else."""
    found = assigned(spot.small()) if spot.stands() else None
    if found is not None:
        return isinstance(found[0], cst.Name | cst.Attribute) and spot.page.span(found[1]) == match.place.span
    return any(last_name(call.func) == "register_parameter" for call in spot.outer(cst.Call))


def _allocation(spot: Spot, match: Match) -> cst.Call | None:
    """The call that allocates: `torch.empty` inside of the `nn.Parameter` that the match is about."""
    for node in [node for node in spot.chain if spot.page.span(node) == match.place.span]:
        if isinstance(node, cst.Call):
            inner = [node, *(arg.value for arg in node.args)]
            return next((n for n in inner if isinstance(n, cst.Call) and last_name(n.func) in EMPTY), None)
    return None


def _reset(spot: Spot) -> Draft:
    """Layers that were given memory by `to_empty` or `skip_init`: reset, or made as usual."""
    page = spot.page
    for call in spot.outer(cst.Call):
        if last_name(call.func) == "skip_init" and call.args:
            made = with_arguments(call, call.args[1:]) if len(call.args) > 1 else call.with_changes(args=())
            return Draft("make the layer as usual", page.replace(call, made.with_changes(func=call.args[0].value)))
    return Draft("reset all parameters after to_empty", _after_to_empty(page))


def _after_to_empty(page: Page) -> Edits:
    found: list[tuple[Spot, cst.BaseExpression]] = []
    _search(page, (page.module,), found)
    if len(found) != 1:
        raise Unfit("where the memory is given is not understood")
    spot, receiver = found[0]
    (m,) = fresh(spot, spot.statement(), "m")
    code = f'for {m} in {page.code(receiver)}.modules():\n    if hasattr({m}, "reset_parameters"):\n'
    return page.after(spot.statement(), f"{code}        {m}.reset_parameters()\n")


def _search(page: Page, chain: tuple[cst.CSTNode, ...], found: list[tuple[Spot, cst.BaseExpression]]) -> None:
    for child in chain[-1].children:
        if isinstance(child, cst.Call) and last_name(child.func) == "to_empty":
            assert isinstance(child.func, cst.Attribute)
            found.append((Spot(page, (*chain, child)), child.func.value))
        _search(page, (*chain, child), found)
