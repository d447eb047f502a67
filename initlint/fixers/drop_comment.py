"""A suppression comment taken out, and its line with it where nothing else stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from initlint.edits import Unfit, differences
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.page import Page
from initlint.source import Point

OURS = re.compile(r"#\s*initlint:[^#]*")


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    start = match.place.span.start
    line = page.source.lines[start.line - 1]
    comment = page.text(match.place.span)
    if OURS.search(comment) is None:
        raise Unfit("the comment is written in a way that is not understood")
    rest = OURS.sub("", comment).rstrip()
    kept = f"{line[: start.column - 1]}{rest}".rstrip()
    title = "remove the comment"
    if kept or start.line == len(page.source.lines):
        return Draft(title, differences(line, kept, Point(start.line, 1)))
    return Draft(title, differences(f"{line}\n", "", Point(start.line, 1)))
