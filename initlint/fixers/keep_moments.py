"""AlphaDropout in the place of a dropout among SELU layers; nothing in the place of a norm."""

from __future__ import annotations

from collections.abc import Mapping

from initlint.bindings import spelled
from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import call_at, last_name
from initlint.page import Page

KERAS = {"Dropout": "keras.layers.AlphaDropout"}
NAMES = {
    "Dropout": "torch.nn.AlphaDropout",
    "Dropout1d": "torch.nn.FeatureAlphaDropout",
    "Dropout2d": "torch.nn.FeatureAlphaDropout",
    "Dropout3d": "torch.nn.FeatureAlphaDropout",
    "dropout": "torch.nn.functional.alpha_dropout",
    "dropout1d": "torch.nn.functional.feature_alpha_dropout",
    "dropout2d": "torch.nn.functional.feature_alpha_dropout",
    "dropout3d": "torch.nn.functional.feature_alpha_dropout",
}
IDENTITIES = {"keras": "keras.layers.Identity", "torch": "torch.nn.Identity"}


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    call = call_at(page.at(match.place.span), match.place.span)
    name = last_name(call.func)
    if facts["op"] == "norm":
        if not name[:1].isupper():
            if not call.args:
                raise Unfit("what is normalized is not understood")
            return Draft("take the norm out", page.replace(call, page.text(page.span(call.args[0].value))))
        identity, imports = spelled(page, IDENTITIES[facts["framework"]], page.code(call.func))
        return Draft("take the norm out", page.replace(call, f"{identity}()") + imports)
    names = KERAS if facts["framework"] == "keras" else NAMES
    if name not in names:
        raise Unfit(f"there is no counterpart of {name or 'it'} for selu")
    other, imports = spelled(page, names[name], page.code(call.func))
    return Draft(f"use {other.rpartition('.')[2]}", page.replace(call.func, other) + imports)
