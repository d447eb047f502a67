"""A `nonlinearity`, `mode` or slope that torch takes, in the place of one that it rejects."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import keyword, last_name, quoted, with_arguments
from initlint.knowledge import knowledge
from initlint.mishaps import MODES
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    call, safe = spot.call(), facts["safe"] == "yes"
    arg = next((arg for arg in call.args if page.span(arg.value) == match.place.span), None)
    if arg is None:
        raise Unfit("the argument is written in a way that is not understood")
    if last_name(call.func) == "calculate_gain" and not safe:
        title = f"use the gain of {facts['value']}, {facts['gain']}"
        return Draft(title, page.replace(call, facts["gain"]), safe)
    right = quoted(page, facts["right"], arg.value)
    if "keyword" in facts:
        name = facts["keyword"]
        args = [keyword(name, right) if one is arg else _meant(one) for one in call.args]
        names = [one.keyword.value if one.keyword is not None else "" for one in args]
        if "" in names[names.index(name) :] or any(names.count(one) > 1 for one in names if one):
            raise Unfit("the arguments after it are out of place too")
        return Draft(f"pass it as {name}", page.replace(call, with_arguments(call, args)), safe)
    return Draft(f"say {facts['argument']}={facts['right']!r}", page.replace(arg.value, right), safe)


def _meant(arg: cst.Arg) -> cst.Arg:
    """A text without a keyword with the one that it can only be meant for: positions are for `a` and `mode`."""
    if arg.keyword is not None or not isinstance(arg.value, cst.SimpleString):
        return arg
    text = arg.value.evaluated_value
    name = "mode" if text in MODES else "nonlinearity" if text in knowledge().gains else ""
    return keyword(name, arg.value.value) if name else arg
