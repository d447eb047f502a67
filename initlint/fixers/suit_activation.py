"""The initializer that suits what the layers feed: in the place of the one that is there, or where there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers import Draft, _keras
from initlint.fixers._calls import (
    argument,
    assigned,
    call_at,
    initializer,
    keyword,
    last_name,
    parameter_of,
    refuse_passed,
    scheme,
    tensor,
    unneeded,
    with_arguments,
)
from initlint.fixers._places import at_end, constructor, fresh, parameter_target, self_name
from initlint.page import CHOOSING, Page, Spot

SEVERAL = (*CHOOSING, cst.Tuple, cst.List, cst.Dict)  # expressions that may make more than one parameter
MADE = ("zeros", "ones", "full", "rand", "randn", "empty")  # functions of torch that make a tensor of a size


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    if facts["framework"] == "keras":
        found = _keras.arguments(page, facts) if "at" in facts else _keras.instead(spot, match, facts)
        return Draft(f"initialize with {_keras.title(facts)} for {facts['for']}", found)
    edits = (
        beside_constructor(spot, match, facts) if facts["form"] in {"default", "chain"} else instead(spot, match, facts)
    )
    function, _ = scheme(page, facts, "weight")
    return Draft(f"initialize with {function} for {facts['for']}", edits)


def instead(spot: Spot, match: Match, facts: Mapping[str, str]) -> Edits:
    """Another initializer where one is written: a call of torch.nn.init, a tensor's own method, a tensor made."""
    page, spelling = spot.page, facts["spelling"]
    if "argument" in facts:
        refuse_passed(spot, match.place.span)
    values = assigned(spot.small()) if spot.stands() else None
    if values is not None and not {"raw", "argument"} & facts.keys() and match.place.span != page.span(values[1]):
        code, imports = initializer(page, facts, parameter_of(page, values[0]))
        return page.replace(spot.small(), code) + imports
    small = spot.small() if spot.stands() else None
    if isinstance(small, cst.AugAssign) and page.span(small) == match.place.span and "vectors" not in facts:
        code, imports = initializer(page, facts, parameter_of(page, small.target))
        return page.replace(small, code) + imports
    call = call_at(spot, match.place.span)
    if "vectors" in facts:
        return _matrices_only(spot, call, facts)
    if spelling.startswith("torch.nn.init."):
        target = tensor(call)
        function, arguments = scheme(page, facts, page.code(target.value))
        name, imports = spelled(page, f"{INIT}.{function}", page.code(call.func))
        generator = [arg for arg in call.args if arg.keyword is not None and arg.keyword.value == "generator"]
        args = [target, *(keyword(key, code) for key, code in arguments), *generator]
        new = with_arguments(call, args).with_changes(func=cst.parse_expression(name))
        return page.replace(call, new) + imports
    if spelling.startswith("Tensor.") and isinstance(call.func, cst.Attribute):
        if not unneeded(spot, call):
            raise Unfit("the result of the call is used")
        code, imports = initializer(page, facts, parameter_of(page, call.func.value))
        return page.replace(call, code) + imports
    if "raw" in facts and last_name(call.func) in MADE:
        return _anew(spot, call, facts)
    raise Unfit("the values are made in a way that this fix does not know")


def _matrices_only(spot: Spot, call: cst.Call, facts: Mapping[str, str]) -> Edits:
    """A branch for the matrices, where the call writes vectors too, to which no initializer with fans applies."""
    page = spot.page
    if not unneeded(spot, call):
        raise Unfit("the result of the call is used")
    method = facts["spelling"].startswith("Tensor.") and isinstance(call.func, cst.Attribute)
    written = parameter_of(page, call.func.value) if method else page.code(tensor(call).value)  # type: ignore[attr-defined]
    if "(" in written:
        raise Unfit("the tensor is computed in place; give it a name and ask for its dimensions")
    code, imports = initializer(page, facts, written, "" if method else page.code(call.func))
    test = f"{written}.dim() > 1"
    if spot.is_statement(call):
        return page.split(spot, test, code) + imports
    choice, above = f"{code} if {test} else {page.code(call)}", spot.parent(call)
    bare = isinstance(above, cst.Lambda | cst.ListComp | cst.SetComp)
    return page.replace(call, choice if bare else f"({choice})") + imports


def _anew(spot: Spot, call: cst.Call, facts: Mapping[str, str]) -> Edits:
    """A raw parameter whose values are made where it is: below, by the name that it gets, else in their place."""
    page = spot.page
    inside = spot.chain[spot.chain.index(spot.small()) + 1 : spot.chain.index(call)]
    makers = [node for node in inside if isinstance(node, cst.Call) and last_name(node.func) == "Parameter"]
    values = next((arg.value for node in makers for arg in node.args if arg in spot.chain), call)
    with suppress(Unfit):
        if not any(isinstance(node, SEVERAL) for node in inside):
            code, imports = initializer(page, facts, parameter_target(spot))
            return page.replace(values, allocated(page, call)) + page.after(spot.statement(), code) + imports
    if facts["scheme"] != "scaled":
        code, imports = initializer(page, facts, allocated(page, call))
        return page.replace(values, code) + imports
    sizes = [arg.value for arg in call.args if arg.keyword is None and not arg.star]
    axis = {"shape[0]": 0, "shape[-2]": -2, "shape[-1]": -1}.get(facts["fan"])
    if axis is None or len(sizes) < 2 or any(isinstance(one, cst.Tuple | cst.List) for one in sizes):
        raise Unfit("the tensor has no name here, and its fan_in is not one of the sizes that are given")
    size = page.code(sizes[axis])
    root = f"{size if size.isalnum() else f'({size})'} ** 0.5"
    return page.replace(values, f"{allocated(page, call, 'randn')} * ({facts['gain']} / {root})")


def allocated(page: Page, call: cst.Call, function: str = "empty") -> str:
    """`torch.empty`, or another function, in the place of `torch.zeros` and the like, since other values follow."""
    name = last_name(call.func)
    if name == "full":
        size = argument(call, "size", 0)
        rest = [arg for arg in call.args if arg is not size and arg is not argument(call, "fill_value", 1)]
        if size is None:
            raise Unfit("the size of the tensor is not understood")
        call = with_arguments(call, [size, *rest])
    made = f"{page.code(call.func).removesuffix(name)}{function}"
    return page.code(call.with_changes(func=cst.parse_expression(made)))


def beside_constructor(spot: Spot, match: Match, facts: Mapping[str, str]) -> Edits:
    """An initializer where the layers keep a default: below the statement that makes one and names it, else in a loop
    over what the statement makes, else over all modules at the end of `__init__`."""
    page, found = spot.page, assigned(spot.small()) if spot.stands() else None
    if facts["form"] == "chain":
        found = None  # several statements may make its layers
    if found is not None and page.span(found[1]) == match.place.span:
        code, imports = initializer(page, facts, f"{page.code(found[0])}.weight")
        return page.after(spot.statement(), code) + imports
    if facts.get("others"):
        raise Unfit(facts["others"])
    kinds = facts["kinds"].split()
    if found is not None and isinstance(found[0], cst.Name | cst.Attribute) and "(" not in page.code(found[0]):
        statement = spot.statement()
        (m,) = fresh(spot, statement, "m")
        code, imports = _loop(page, facts, m, f"{page.code(found[0])}.modules()", kinds)
        return page.after(statement, code) + imports
    owners = facts["owner"].split()
    if facts["form"] == "chain" and not owners:
        return _beside_model(spot, facts, kinds)
    owner = (owners[0] if len(owners) == 1 else facts["entry"]) if facts["form"] == "chain" else ""
    function = constructor(spot, owner)
    code, imports = _loop(page, facts, "m", f"{self_name(function)}.modules()", kinds)
    return at_end(page, function, code) + imports


def _beside_model(spot: Spot, facts: Mapping[str, str], kinds: list[str]) -> Edits:
    """A loop over the modules of a model that no class owns: before the function returns it that makes its layers, else
    below the statement that names it."""
    page, function = spot.page, spot.around(cst.FunctionDef)
    if function is not None:
        last = function.body.body[-1]
        small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
        if not (isinstance(small, cst.Return) and small.value is not None and _returns(function) == 1):
            raise Unfit("the function that makes the layers does not end in what it returns")
        assert isinstance(last, cst.SimpleStatementLine)
        (m,) = fresh(spot, None, "m")
        if isinstance(small.value, cst.Name):
            code, imports = _loop(page, facts, m, f"{small.value.value}.modules()", kinds)
            return page.before(last, code) + imports
        taken = re.search(r"\bmodel\b", page.code(function))
        name = "model_" if taken else "model"
        code, imports = _loop(page, facts, m, f"{name}.modules()", kinds)
        named = page.before(last, f"{name} = {page.code(small.value)}\n{code}")
        return named + page.replace(small.value, name) + imports
    named_here = [
        statement
        for statement in page.module.body
        if isinstance(statement, cst.SimpleStatementLine)
        for small in statement.body
        if (found := assigned(small)) is not None and page.code(found[0]) == facts["root"]
    ]
    if len(named_here) != 1:
        raise Unfit("where the model gets its name is not understood")
    code, imports = _loop(page, facts, "m", f"{facts['root']}.modules()", kinds)
    return page.after(named_here[0], code) + imports


def _returns(node: cst.CSTNode) -> int:
    """How many times a function returns, others inside of it aside."""
    inner = [child for child in node.children if not isinstance(child, cst.FunctionDef | cst.Lambda | cst.ClassDef)]
    return isinstance(node, cst.Return) + sum(map(_returns, inner))


def _loop(page: Page, facts: Mapping[str, str], m: str, modules: str, kinds: list[str]) -> tuple[str, Edits]:
    names, imports = zip(*(spelled(page, f"torch.nn.{kind}") for kind in kinds), strict=True)
    types = names[0] if len(names) == 1 else f"({', '.join(names)})"
    code, more = initializer(page, facts, f"{m}.weight")
    edits = tuple(dict.fromkeys(edit for group in (*imports, more) for edit in group))
    return f"for {m} in {modules}:\n    if isinstance({m}, {types}):\n        {code}\n", edits
