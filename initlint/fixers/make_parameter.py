"""`nn.Parameter(...)` around a tensor that takes a parameter's place."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import spelled
from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import argument, assigned, last_name
from initlint.page import Page, Spot


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    value = _value(page.at(match.place.span), match)
    name, imports = spelled(page, "torch.nn.Parameter")
    edits = page.replace(value, f"{name}({page.text(page.span(value))})")
    return Draft(f"make it a Parameter, as {facts.get('expression', 'the attribute')} is", edits + imports)


def _value(spot: Spot, match: Match) -> cst.BaseExpression:
    """What is assigned, by a statement or by `setattr`."""
    called = [node for node in spot.chain if isinstance(node, cst.Call) and spot.page.span(node) == match.place.span]
    given = argument(called[0], "value", 2) if called and last_name(called[0].func) == "setattr" else None
    if given is not None:
        return given.value
    found = assigned(spot.small())
    if found is None or isinstance(found[1], cst.Tuple):
        raise Unfit("several things are assigned at once")
    return found[1]
