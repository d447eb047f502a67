"""One of two zero factors away from zero: the gate at one, or the first map of the branch at random."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import call_at, last_name, parameter_of, span_of, tensor, with_arguments
from initlint.fixers._places import at_end, constructor, parameter_target, self_name
from initlint.fixers.suit_activation import allocated
from initlint.page import Page, Spot
from initlint.source import Span

MADE = ("zeros", "full")


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    name = facts["path"] or facts["name"]
    if facts["shared"] == "yes":
        return Draft(f"start {name} away from zero", _afterwards(page.at(match.place.span), facts))
    span = span_of(facts["at"])
    spot = page.at(span)
    if facts["values"] == "ones":
        return Draft(f"start {name} at one", _ones(spot, span))
    return Draft(f"start {name} away from zero", _random(spot, span, facts))


def _ones(spot: Spot, span: Span) -> Edits:
    page, call = spot.page, call_at(spot, span)
    name = last_name(call.func)
    prefix = page.code(call.func).removesuffix(name)
    if name == "zeros":
        return page.replace(call.func, f"{prefix}ones")
    if name == "zeros_":
        return page.replace(call.func, f"{prefix}ones_")
    if name == "zero_":
        return page.replace(call, f"{prefix}fill_(1.0)")
    if name in {"constant_", "fill_", "full"} and call.args:
        return page.replace(call.args[-1].value, "1.0")
    raise Unfit("the zeros are made in a way that this fix does not know")


def _random(spot: Spot, span: Span, facts: Mapping[str, str]) -> Edits:
    page, call = spot.page, call_at(spot, span)
    if last_name(call.func) in MADE and facts["kind"] == "Parameter":
        code, imports = _code(page, parameter_target(spot), facts)
        return page.replace(call, allocated(page, call)) + page.after(spot.statement(), code) + imports
    if last_name(call.func) in {"zeros_", "constant_"}:
        function, rest = _function(facts)
        name, imports = spelled(page, f"{INIT}.{function}", page.code(call.func))
        args = [tensor(call), *(_keyword(text) for text in rest)]
        new = with_arguments(call, args).with_changes(func=cst.parse_expression(name))
        return page.replace(call, new) + imports
    if last_name(call.func) in {"zero_", "fill_"} and isinstance(call.func, cst.Attribute):
        code, imports = _code(page, parameter_of(page, call.func.value), facts)
        return page.replace(call, code) + imports
    raise Unfit("the zeros are made in a way that this fix does not know")


def _keyword(text: str) -> cst.Arg:
    key, _, value = text.partition("=")
    plain = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(cst.parse_expression(value), keyword=cst.Name(key), equal=plain)


def _function(facts: Mapping[str, str]) -> tuple[str, list[str]]:
    """LoRA's own choice for layers; a raw matrix may have its fans either way, so it gets a fixed spread."""
    return ("normal_", ["std=0.02"]) if facts["kind"] == "Parameter" else ("kaiming_uniform_", ["a=5**0.5"])


def _code(page: Page, target: str, facts: Mapping[str, str]) -> tuple[str, Edits]:
    function, rest = _function(facts)
    name, imports = spelled(page, f"{INIT}.{function}")
    return f"{name}({', '.join([target, *rest])})", imports


def _afterwards(spot: Spot, facts: Mapping[str, str]) -> Edits:
    """After the call that zeroes both."""
    function, path = constructor(spot, facts["owner"]), facts["path"]
    if not path or not all(part.isidentifier() for part in path.split(".")):
        raise Unfit("the layer has no name of its own")
    target = f"{self_name(function)}.{path}" if facts["kind"] == "Parameter" else f"{self_name(function)}.{path}.weight"
    code, imports = _code(spot.page, target, facts)
    return at_end(spot.page, function, code) + imports
