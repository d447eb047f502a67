"""One for the forget gate of an LSTM: after all that `__init__` writes to its biases, or by the argument of Keras."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import last_name
from initlint.fixers._places import at_end, constructor, self_name
from initlint.page import Page, Spot

TITLE = "start the forget gate with the bias 1"
FLAG = "unit_forget_bias"


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    return Draft(TITLE, _flag(spot) if facts["framework"] == "keras" else _ones(spot, facts))


def _flag(spot: Spot) -> Edits:
    """`unit_forget_bias=True` where it says False."""
    for node in spot.chain:
        if isinstance(node, cst.Call):
            for arg in node.args:
                named = arg.keyword is not None and arg.keyword.value == FLAG
                if named and isinstance(arg.value, cst.Name) and last_name(arg.value) == "False":
                    return spot.page.replace(arg.value, "True")
    raise Unfit("what the layer starts with is chosen elsewhere")


def _ones(spot: Spot, facts: Mapping[str, str]) -> Edits:
    """Statements at the end of `__init__`, since other writes to the biases may follow the one that was found."""
    page, owners = spot.page, facts["owner"].split()
    if len(owners) != 1 or not facts["paths"]:
        raise Unfit("the layer has no name here; write its forget gate where it is kept")
    function = constructor(spot, owners[0])
    name, imports = spelled(page, f"{INIT}.ones_")
    code = ""
    for path in facts["paths"].split():
        if not all(part.isidentifier() for part in path.split(".")):
            raise Unfit("the layer has no name of its own")
        layer = f"{self_name(function)}.{path}"
        for bias in facts["biases"].split():
            code += f"{name}({layer}.{bias}[{layer}.hidden_size : 2 * {layer}.hidden_size])\n"
    return at_end(page, function, code) + imports
