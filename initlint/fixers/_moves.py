"""Statements moved within their block, with the comments right above them."""

from __future__ import annotations

import libcst as cst

from initlint.edits import Edits, Unfit
from initlint.findings import TextEdit
from initlint.page import Page, Spot, Statement
from initlint.source import Point, Span


def lines_of(page: Page, statement: Statement) -> tuple[int, int]:
    """The first line of a statement or of the comments right above it, and the line after its last."""
    first, end = page.span(statement).start.line, page.end(statement)
    while first > 1 and page.source.lines[first - 2].strip().startswith("#"):
        first -= 1
    return first, end


def moved_after(page: Page, statement: Statement, other: Statement) -> Edits:
    """The statement moved below another one of its block."""
    first, end = lines_of(page, statement)
    target, lines = page.end(other), page.source.lines
    if page.indent(statement) != page.indent(other):
        raise Unfit("the statements do not stand in one block")
    text = "".join(f"{line}\n" for line in lines[first - 1 : end - 1])
    removal = TextEdit(Span(Point(first, 1), Point(end, 1)), "")
    if target > len(lines):
        at = Point(len(lines), len(lines[-1]) + 1)
        return (removal, TextEdit(Span(at, at), f"\n{text.removesuffix(chr(10))}"))
    return (removal, TextEdit(Span(Point(target, 1), Point(target, 1)), text))


def block_of(spot: Spot, statement: Statement) -> list[Statement]:
    """The statements of the block that a statement stands in."""
    body = getattr(spot.parent(statement), "body", ())
    return [node for node in body if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement)]
