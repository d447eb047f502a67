"""Another argument of a layer of Keras, written where one stands; or a generator as the seed of what several share."""

from __future__ import annotations

from collections.abc import Mapping

from initlint.bindings import OLDER, home, spelled
from initlint.edits import Unfit, differences
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import call_at, keyword, last_name, span_of, with_arguments
from initlint.page import Page

GENERATOR = "keras.random.SeedGenerator"
LOOKUPS = ("get", "deserialize")  # which take no arguments of the initializer


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    span, code = match.place.span, page.text(match.place.span)
    if {"seeded", "made"} & facts.keys() and home(page) not in OLDER:
        return _generator(page, facts)
    if "form" not in facts:
        raise Unfit("in this version of Keras no seed makes an initializer draw anew for each layer")
    if facts["form"] == "clone":
        return Draft("give it a clone of its own", differences(code, f"{code}.clone()", span.start))
    return Draft(f"write {facts['right']}", differences(code, facts["right"], span.start))


def _generator(page: Page, facts: Mapping[str, str]) -> Draft:
    """A seed that goes on from one layer to the next, in the place of the one that is there, or where there is none."""
    title = "seed it with a generator, which draws anew for each layer"
    name, imports = spelled(page, GENERATOR)
    if "seeded" in facts:
        span = span_of(facts["seeded"])
        code = page.text(span)
        return Draft(title, differences(code, f"{name}({code})", span.start) + imports)
    span = span_of(facts["made"])
    call = call_at(page.at(span), span)
    if page.span(call) != span or last_name(call.func) in LOOKUPS:
        raise Unfit("the initializer is made in a way that this fix does not know")
    return Draft(title, page.replace(call, with_arguments(call, [*call.args, keyword("seed", f"{name}()")])) + imports)
