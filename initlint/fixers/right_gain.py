"""The gain, slope or nonlinearity of the activation that follows."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import argument, call_at, keyword, last_name, quoted, refuse_passed, with_arguments
from initlint.page import Page

POSITIONS = {"a": 1, "mode": 2, "nonlinearity": 3}


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    refuse_passed(spot, match.place.span)
    if "right" in facts:  # a number
        given = [arg for arg in spot.outer(cst.Arg) if page.span(arg.value) == match.place.span]
        if not given:
            raise Unfit("the argument is written in a way that is not understood")
        return Draft(f"use the gain {facts['right']}", page.replace(given[-1].value, facts["right"]))
    name, slope = facts["nonlinearity"], facts["slope"]
    named = (node for node in spot.outer(cst.Call) if last_name(node.func).startswith(facts["technique"]))
    around = (node for node in spot.outer(cst.Call) if any(page.span(a.value) == match.place.span for a in node.args))
    call = next(named, None) or next(around, None) or call_at(spot, match.place.span)  # another name, a partial
    if any(arg.star for arg in call.args):
        raise Unfit("the call is written in a way that is not understood")
    edits = _gain(page, call, name, slope) if facts["argument"] == "gain" else _kaiming(page, call, name, slope)
    return Draft(f"use the gain of {name}{f' with slope {slope}' if slope else ''}", edits)


def _gain(page: Page, call: cst.Call, name: str, slope: str) -> Edits:
    """`calculate_gain` of the right activation; only its text where it is asked already."""
    arg = argument(call, "gain", 1)
    if arg is None:  # a partial has it
        function, imports = spelled(page, f"{INIT}.calculate_gain")
        told = keyword("gain", f"{function}({quoted(page, name)}{f', {slope}' if slope else ''})")
        return page.replace(call, with_arguments(call, [*call.args, told])) + imports
    asked = arg.value
    if isinstance(asked, cst.Call) and last_name(asked.func) == "calculate_gain" and asked.args:
        first = asked.args[0]
        right = first.with_changes(value=cst.parse_expression(quoted(page, name, first.value)))
        rest = [cst.Arg(cst.parse_expression(slope))] if slope else []
        return page.replace(asked, with_arguments(asked, [right, *rest]))
    function, imports = spelled(page, f"{INIT}.calculate_gain", page.code(call.func))
    return page.replace(asked, f"{function}({quoted(page, name)}{f', {slope}' if slope else ''})") + imports


def _kaiming(page: Page, call: cst.Call, name: str, slope: str) -> Edits:
    """The slope where the activation is leaky, else the nonlinearity; the other of the two goes."""
    told = argument(call, "nonlinearity", POSITIONS["nonlinearity"])
    sloped = argument(call, "a", POSITIONS["a"])
    args: list[cst.Arg] = []
    for arg in call.args:
        if arg is sloped:
            args += [arg.with_changes(value=cst.parse_expression(slope))] if slope else []
        elif arg is told:
            args.append(arg.with_changes(value=cst.parse_expression(quoted(page, name, arg.value))))
        elif arg.keyword is None and arg is not call.args[0] and sloped is not None and not slope:
            args.append(_named(call, arg))  # the slope before it goes, and its position with it
        else:
            args.append(arg)
    if slope and sloped is None:
        args.insert(1, keyword("a", slope))
    if told is None and name != "leaky_relu":
        args.append(keyword("nonlinearity", quoted(page, name)))
    return page.replace(call, with_arguments(call, _in_order(args)))


def _named(call: cst.Call, arg: cst.Arg) -> cst.Arg:
    position = call.args.index(arg)
    name = next((name for name, at in POSITIONS.items() if at == position), "")
    if not name:
        raise Unfit("the call has arguments that are not understood")
    plain = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return arg.with_changes(keyword=cst.Name(name), equal=plain)


def _in_order(args: list[cst.Arg]) -> list[cst.Arg]:
    """Keywords after what has none."""
    late = next((i for i, arg in enumerate(args) if arg.keyword is not None), len(args))
    if any(arg.keyword is None for arg in args[late:]):
        raise Unfit("the call has arguments by position after the one to change")
    return args
