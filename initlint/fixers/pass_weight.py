"""`layer.weight` where an initializer got the layer."""

from __future__ import annotations

from collections.abc import Mapping

from initlint.edits import differences
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    span = match.place.span
    code = page.text(span)
    edits = differences(code, f"{code}.weight", span.start)
    return Draft(f"pass the weight of the {facts['module']}", edits)
