"""`orthogonal_` for recurrent matrices: in the place of a write to them, after one to all parameters, or added."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import indent

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers import Draft, _keras
from initlint.fixers._calls import assigned, call_at, parameter_of, quoted, span_of, tensor, with_arguments
from initlint.fixers._places import at_end, constructor, fresh, self_name
from initlint.page import Page, Spot

RECURRENT = "recurrent_initializer"
TITLE = "initialize the recurrent matrices with orthogonal_"


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    if facts["framework"] == "keras":
        asked = {"scheme": "orthogonal", "distribution": ""}
        if facts["form"] == "argument":
            return Draft(TITLE, _keras.given(page, map(span_of, facts["at"].split()), asked, RECURRENT))
        default = facts["form"] == "default"
        given = (
            _keras.argument(spot, match.place.span, asked, RECURRENT) if default else _keras.instead(spot, match, asked)
        )
        return Draft(TITLE, given)
    if facts["form"] == "write":
        return Draft(TITLE, _instead(spot, match, facts))
    if facts["form"] == "default":
        found = assigned(spot.small()) if spot.stands() else None
        if found is not None and page.span(found[1]) == match.place.span:
            statement = spot.statement()
            names = fresh(spot, statement, "name", "parameter", "gate")
            code, imports = _all(page, page.code(found[0]), facts, names)
            return Draft(TITLE, page.after(statement, code) + imports)
    elif (edits := _by_name(spot, match, facts)) is not None:
        return Draft(TITLE, edits)
    return Draft(TITLE, _at_end(spot, facts))


def _filled(function: str, matrix: str, facts: Mapping[str, str], name: str = "gate") -> str:
    """Code that makes the matrix orthogonal, or each of the gates that are stacked in it."""
    gates = facts["gates"].split()
    if gates == ["1"]:
        return f"{function}({matrix})\n"
    pieces = f"chunk({gates[0]})" if len(gates) == 1 else f"split({matrix}.shape[1])"  # as many as are in each
    return f"for {name} in {matrix}.{pieces}:\n    {function}({name})\n"


def _instead(spot: Spot, match: Match, facts: Mapping[str, str]) -> Edits:
    page, call = spot.page, call_at(spot, match.place.span)
    if isinstance(call.func, cst.Attribute) and not call.func.attr.value.endswith("_"):
        raise Unfit("the values are made in a way that this fix does not know")
    method = isinstance(call.func, cst.Attribute) and _is_tensor(page, call.func.value)
    if method and isinstance(call.func, cst.Attribute):
        name, imports = spelled(page, f"{INIT}.orthogonal_")
        matrix = parameter_of(page, call.func.value)
        if facts["gates"] != "1":
            return _each_gate(spot, call, _filled(name, matrix, facts)) + imports
        return page.replace(call, f"{name}({matrix})") + imports
    name, imports = spelled(page, f"{INIT}.orthogonal_", page.code(call.func))
    if facts["gates"] != "1":
        return _each_gate(spot, call, _filled(name, page.code(tensor(call).value), facts)) + imports
    new = with_arguments(call, [tensor(call)]).with_changes(func=cst.parse_expression(name))
    return page.replace(call, new) + imports


def _each_gate(spot: Spot, call: cst.Call, code: str) -> Edits:
    """A loop over the gates in the place of a call."""
    if not spot.is_statement(call):
        raise Unfit("each gate needs a matrix of its own, and the call stands inside an expression")
    return spot.page.exchange(spot, lambda _: [cst.parse_statement(code)])


def _is_tensor(page: Page, receiver: cst.BaseExpression) -> bool:
    """Whether a method is a tensor's: what stands before it is no module that the file imports."""
    return not page.code(receiver).endswith("init")


def _by_name(spot: Spot, match: Match, facts: Mapping[str, str]) -> Edits | None:
    """A branch for the recurrent matrices, in a loop that knows the parameters' names."""
    page, loop = spot.page, spot.around(cst.For)
    if (
        loop is None
        or not isinstance(loop.iter, cst.Call)
        or not page.code(loop.iter.func).endswith("named_parameters")
    ):
        return None
    pair = loop.target
    if not isinstance(pair, cst.Tuple) or len(pair.elements) != 2:
        return None
    name, parameter = (page.code(element.value) for element in pair.elements)
    call = call_at(spot, match.place.span)
    if not spot.is_statement(call) or parameter not in page.code(call):
        return None
    function, imports = spelled(page, f"{INIT}.orthogonal_", _near(page, call))
    test = f"{quoted(page, 'weight_hh')} in {name}"
    return page.split(spot, test, _filled(function, parameter, facts)) + imports


def _near(page: Page, call: cst.Call) -> str:
    if isinstance(call.func, cst.Attribute) and _is_tensor(page, call.func.value):
        return ""
    return page.code(call.func)


def _at_end(spot: Spot, facts: Mapping[str, str]) -> Edits:
    page, owners = spot.page, facts["owner"].split()
    if len(owners) != 1 or not facts["paths"]:
        raise Unfit("the layer has no name here; initialize it where it is kept")
    function = constructor(spot, owners[0])
    edits: Edits = ()
    codes = []
    for path in facts["paths"].split():
        if not all(part.isidentifier() for part in path.split(".")):
            raise Unfit("the layer has no name of its own")
        code, imports = _all(page, f"{self_name(function)}.{path}", facts, ("name", "parameter", "gate"))
        codes.append(code)
        edits += imports
    return at_end(page, function, "".join(codes)) + tuple(dict.fromkeys(edits))


def _all(page: Page, layer: str, facts: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, Edits]:
    """All recurrent matrices of a layer: the one by its name, several in a loop."""
    function, imports = spelled(page, f"{INIT}.orthogonal_")
    weights = facts["weights"].split()
    if len(weights) == 1:
        return _filled(function, f"{layer}.{weights[0]}", facts, names[2]), imports
    name, parameter, gate = names
    return (
        f"for {name}, {parameter} in {layer}.named_parameters():\n"
        f"    if {quoted(page, 'weight_hh')} in {name}:\n" + indent(_filled(function, parameter, facts, gate), " " * 8)
    ), imports
