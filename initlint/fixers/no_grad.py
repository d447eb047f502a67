"""`with torch.no_grad():` around an in-place write to a parameter."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import spelled
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    name, imports = spelled(page, "torch.no_grad")
    item = cst.WithItem(cst.parse_expression(f"{name}()"))
    edits = page.wrap(page.at(match.place.span), lambda body: cst.With(items=[item], body=body))
    return Draft("write it where autograd does not record", edits + imports)
