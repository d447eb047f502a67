"""`if m.bias is not None:` around an init of a bias that may be None."""

from __future__ import annotations

from collections.abc import Mapping

from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    expression = page.text(match.place.span)
    if "(" in expression or "\n" in expression:
        raise Unfit("the bias is computed in place; give it a name and ask whether that is None")
    edits = page.guard(spot, f"{expression} is not None")
    return Draft(f"initialize {facts.get('expression', expression)} only where it is not None", edits)
