"""A tied embedding drawn with the spread that its use as the output layer needs."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import assigned
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    found = assigned(spot.small())
    if found is None or not isinstance(found[0], cst.Attribute):
        raise Unfit("the tying is written in a way that is not understood")
    target = page.code(found[0])
    name, imports = spelled(page, f"{INIT}.normal_")
    code = f"{name}({target}, std={facts['std']})"
    title = f"draw the shared matrix with a spread of {facts['std']}"
    return Draft(title, page.after(spot.statement(), code) + imports)
