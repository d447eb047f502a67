"""Bounds of `trunc_normal_` that cut the tails only: three standard deviations from the mean."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import libcst as cst

from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import argument, call_at, keyword, with_arguments
from initlint.page import Page

AWAY = 3  # at which the standard deviation is 1.3 % off
POSITIONS = {"mean": 1, "std": 2, "a": 3, "b": 4}


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    call = call_at(page.at(match.place.span), match.place.span)
    found = {name: argument(call, name, position) for name, position in POSITIONS.items()}
    if any(arg.star for arg in call.args):
        raise Unfit("the call is written in a way that is not understood")
    std = page.code(found["std"].value) if found["std"] is not None else "1.0"
    low, high = (_bound(facts["mean"], std, sign) for sign in (-AWAY, AWAY))
    args: list[cst.Arg] = []
    for arg in call.args:
        bound = {id(found["a"]): low, id(found["b"]): high}.get(id(arg))
        args.append(arg if bound is None else arg.with_changes(value=cst.parse_expression(bound)))
    args += [keyword(name, bound) for name, bound in (("a", low), ("b", high)) if found[name] is None]
    return Draft(f"cut {AWAY} standard deviations from the mean", page.replace(call, with_arguments(call, args)))


def _bound(mean: str, std: str, factor: int) -> str:
    """The number where the spread is one, else the product."""
    try:
        value = float(mean) + factor * float(ast.literal_eval(std))
    except (ValueError, TypeError, SyntaxError):
        simple = std.replace("_", "").replace(".", "").isalnum()
        product = f"{factor} * {std if simple else f'({std})'}"
        return product if float(mean) == 0 else f"{mean} + {product}"
    text = f"{value:g}"
    return text if any(c in text for c in ".en") else f"{text}.0"
