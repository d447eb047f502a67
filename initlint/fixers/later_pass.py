"""A pass over the modules moved below the layers that it comes too early for."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.edits import Edits, Unfit
from initlint.findings import Match, TextEdit
from initlint.fixers import Draft
from initlint.fixers._moves import block_of, moved_after
from initlint.fixers._places import at_end, constructor, self_name
from initlint.page import Page, Spot, Statement
from initlint.source import Span


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    statement = spot.statement()
    lines = [int(line) for line in facts["lines"].split()]
    later = [one for one in block_of(spot, statement) if _within(page, one, lines)]
    shared = spot.stands() and len(spot.holder().body) > 1
    if shared and all(_within(page, statement, [line]) for line in lines):
        end = page.span(spot.holder().body[-1]).end
        after: Edits = (TextEdit(Span(end, end), f"; {page.text(page.span(spot.small()))}"),)
        return Draft("initialize after all layers are made", _taken_out(spot) + after)
    covered = {line for one in later for line in lines if _within(page, one, [line])}
    if later and covered == set(lines) and page.span(later[-1]).start > page.span(statement).start:
        if shared:
            after = page.after(later[-1], page.text(page.span(spot.small())))
            return Draft("initialize after all layers are made", _taken_out(spot) + after)
        return Draft("initialize after all layers are made", moved_after(page, statement, later[-1]))
    return Draft("initialize once more after all layers are made", _again(spot, facts))


def _taken_out(spot: Spot) -> Edits:
    """The small statement away from a line that others stand on too."""
    page, body, small = spot.page, list(spot.holder().body), spot.small()
    own, place = page.span(small), body.index(small)
    if place + 1 < len(body):
        return (TextEdit(Span(own.start, page.span(body[place + 1]).start), ""),)
    return (TextEdit(Span(page.span(body[place - 1]).end, own.end), ""),)


def _within(page: Page, statement: Statement, lines: list[int]) -> bool:
    span = page.span(statement)
    return any(span.start.line <= line <= span.end.line for line in lines)


def _again(spot: Spot, facts: Mapping[str, str]) -> Edits:
    """A call at the end of the constructor that makes the layers, where the pass is a method that it inherits."""
    owners = facts["owners"].split()
    if len(owners) != 1:
        raise Unfit("the layers are made in several places")
    function, method = constructor(spot, owners[0]), spot.around(cst.FunctionDef)
    if method is None or method.name.value == "__init__" or len(method.params.params) != 1:
        raise Unfit("the layers are made in another class, which can't call the pass by itself")
    return at_end(spot.page, function, f"{self_name(function)}.{method.name.value}()")
