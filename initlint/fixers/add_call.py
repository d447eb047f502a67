"""The call of a method that initializes and that nobody calls, at the end of `__init__`."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.edits import Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._places import at_end, constructor, self_name
from initlint.page import Page

ASKING = ("isinstance", "type", "hasattr", "getattr")


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    method = spot.around(cst.FunctionDef)
    if method is None or method.asynchronous is not None:
        raise Unfit("the method is written in a way that is not understood")
    decorators = {page.code(decorator.decorator) for decorator in method.decorators}
    if decorators - {"staticmethod", "torch.no_grad()"}:
        raise Unfit(f"the method is decorated with {' and '.join(sorted(decorators))}")
    needed = [one for one in method.params.params if one.default is None]
    wants = len(needed) - (0 if "staticmethod" in decorators else 1)
    if wants not in {0, 1} or any(one.default is None for one in method.params.kwonly_params):
        raise Unfit("the method wants arguments that are not known")
    if wants and not _visits(method, needed[-1].name.value):
        raise Unfit(f"{needed[-1].name.value} is no module, and what it should be is not known")
    function = constructor(spot)
    reached = f"{self_name(function)}.{facts['name']}"
    code = f"{self_name(function)}.apply({reached})" if wants else f"{reached}()"
    return Draft(f"call {code} at the end of __init__", at_end(page, function, code))


def _visits(node: cst.CSTNode, name: str) -> bool:
    """Whether something is asked of the argument that one asks of a module: a type, a name, an attribute."""
    if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value == name:
        return True
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in ASKING:
        return bool(node.args) and isinstance(node.args[0].value, cst.Name) and node.args[0].value.value == name
    return any(_visits(child, name) for child in node.children)
