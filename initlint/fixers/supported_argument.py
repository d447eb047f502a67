"""A `nonlinearity`, `mode` or slope that torch takes, in the place of one that it rejects."""

from __future__ import annotations

from collections.abc import Mapping

from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import keyword, last_name, quoted, with_arguments
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
        args = [keyword(name, right) if one is arg else one for one in call.args]
        late = [one for one in call.args[call.args.index(arg) + 1 :] if one.keyword is None]
        if late or any(one.keyword is not None and one.keyword.value == name for one in call.args):
            raise Unfit("the arguments after it are out of place too")
        return Draft(f"pass it as {name}", page.replace(call, with_arguments(call, args)), safe)
    return Draft(f"say {facts['argument']}={facts['right']!r}", page.replace(arg.value, right), safe)
