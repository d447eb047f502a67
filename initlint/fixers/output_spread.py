"""A tied embedding drawn with the spread that its use as the output layer needs."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import assigned, span_of
from initlint.fixers._places import at_end
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(span_of(facts["at"]) if "at" in facts else match.place.span)
    found = assigned(spot.small()) if spot.stands() else None
    if found is None or not isinstance(found[0], cst.Attribute | cst.Name):
        raise Unfit("the tying is written in a way that is not understood")
    target = f"{page.code(found[0])}.weight" if "at" in facts else page.code(found[0])
    name, imports = spelled(page, f"{INIT}.normal_")
    code = f"{name}({target}, std={facts['std']})"
    title = f"draw the shared matrix with a spread of {facts['std']}"
    function = spot.around(cst.FunctionDef)
    if "at" in facts and function is not None:  # what initializes it now may stand anywhere below
        return Draft(title, at_end(page, function, code) + imports)
    return Draft(title, page.after(spot.statement(), code) + imports)
