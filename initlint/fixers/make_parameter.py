"""`nn.Parameter(...)` around a tensor that takes a parameter's place."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import spelled
from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import assigned
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    found = assigned(page.at(match.place.span).small())
    if found is None or isinstance(found[1], cst.Tuple):
        raise Unfit("several things are assigned at once")
    name, imports = spelled(page, "torch.nn.Parameter")
    edits = page.replace(found[1], f"{name}({page.text(page.span(found[1]))})")
    return Draft(f"make it a Parameter, as {facts.get('expression', 'the attribute')} is", edits + imports)
