"""`if m.bias is not None:` around an init of a bias that may be None."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    expression = page.text(match.place.span)
    if "(" in expression or "\n" in expression:
        raise Unfit("the bias is computed in place; give it a name and ask whether that is None")
    if not isinstance(spot.small(), cst.Expr):
        raise Unfit("the result of the call is used, so that it can't be left out")
    test = cst.parse_expression(f"{expression} is not None")
    edits = page.wrap(spot, lambda body: cst.If(test=test, body=body))
    return Draft(f"initialize {facts.get('expression', expression)} only where it is not None", edits)
