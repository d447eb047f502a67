"""`if p.dim() > 1:` around an init that needs fans; zeros where all it ever gets is a bias, or an argument of Keras."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import call_at, quoted, tensor, with_arguments
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    if facts.get("framework") == "keras":
        given = [arg for arg in spot.outer(cst.Arg) if page.span(arg.value) == match.place.span]
        name = given[0].keyword if given else None
        if name is None or not name.value.endswith("_initializer"):
            raise Unfit("the initializer is chosen elsewhere")
        value = given[0].value
        like = value if isinstance(value, cst.SimpleString) else None
        return Draft(f"start it with {facts['right']}", page.replace(value, quoted(page, facts["right"], like)))
    call = call_at(spot, match.place.span)
    target = page.code(tensor(call).value)
    if facts["mixed"] == "no":
        if facts["roles"] == "bias":
            edits = _instead(page, call, "zeros_", [])
            return Draft(f"set {facts['expression']} to zero, as biases are", edits)
        if "raw" in facts["roles"] or not spot.is_statement(call):  # left out, it would stay without values
            edits = _instead(page, call, "normal_", [cst.parse_expression("0.02")])
            return Draft(f"draw {facts['expression']} from a normal distribution", edits)
    if "(" in target or "\n" in target:
        raise Unfit("the tensor is computed in place; give it a name and ask for its dimensions")
    return Draft(
        f"initialize {facts['expression']} only where it has more than one dimension",
        page.guard(spot, f"{target}.dim() > 1"),
    )


def _instead(page: Page, call: cst.Call, function: str, std: list[cst.BaseExpression]) -> Edits:
    name, imports = spelled(page, f"{INIT}.{function}", page.code(call.func))
    plain = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    args = [tensor(call), *(cst.Arg(value, keyword=cst.Name("std"), equal=plain) for value in std)]
    new = with_arguments(call, args).with_changes(func=cst.parse_expression(name))
    return page.replace(call, new) + imports
