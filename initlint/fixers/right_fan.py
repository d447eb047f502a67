"""The fan that torch counts right for the weight, with the gain that is there; else an initializer that needs none."""

from __future__ import annotations

from collections.abc import Mapping

from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft, suit_activation
from initlint.fixers._calls import argument, call_at, quoted
from initlint.page import Page

POSITION = 2


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    if facts.get("form") != "mode":
        return suit_activation.edit(page, match, facts)
    call = call_at(page.at(match.place.span), match.place.span)
    mode = argument(call, "mode", POSITION)
    if mode is None:
        raise Unfit("the argument is written in a way that is not understood")
    right = facts["mode"]
    return Draft(f"divide by {right}, as torch counts it", page.replace(mode.value, quoted(page, right, mode.value)))
