"""A write that a later pass undoes: moved below the pass where both stand in one block, else taken out."""

from __future__ import annotations

from collections.abc import Mapping

from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._moves import block_of, moved_after
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    statement = spot.statement()
    if "pass" in facts:
        line = int(facts["pass"].partition(":")[0])
        for other in block_of(spot, statement):
            span = page.span(other)
            if span.start.line <= line <= span.end.line and span.start > page.span(statement).start:
                return Draft("initialize it after the pass", moved_after(page, statement, other))
    return Draft("remove the initialization, which has no effect", page.remove(spot))
