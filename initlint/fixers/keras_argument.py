"""Another argument of a layer of Keras, written where one stands."""

from __future__ import annotations

from collections.abc import Mapping

from initlint.edits import differences
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    span, code = match.place.span, page.text(match.place.span)
    if facts["form"] == "clone":
        return Draft("give it a clone of its own", differences(code, f"{code}.clone()", span.start))
    return Draft(f"write {facts['right']}", differences(code, facts["right"], span.start))
