"""The initializer that was meant by a name that the framework does not have."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import libcst as cst

from initlint.edits import Unfit, differences
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import quoted
from initlint.page import Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    wrong, right = facts["name"], facts["hint"]
    title = f"call it {right}"
    node = page.at(match.place.span).node
    code = page.text(match.place.span)
    if isinstance(node, cst.SimpleString):
        return Draft(title, page.replace(node, quoted(page, right, node)))
    if isinstance(node, cst.Dict):  # a configuration, with the name of the class in it
        named = [one.value for one in node.elements if isinstance(one.value, cst.SimpleString)]
        said = [one for one in named if one.evaluated_value == wrong]
        if len(said) != 1:
            raise Unfit("where the name stands in the configuration is not understood")
        return Draft(title, page.replace(said[0], quoted(page, right, said[0])))
    if isinstance(node, cst.Attribute) or code.endswith(f".{wrong}"):
        return Draft(title, differences(code, f"{code.removesuffix(wrong)}{right}", match.place.span.start))
    tree = page.source.tree()
    assert isinstance(tree, ast.Module)
    imported = [
        alias
        for statement in ast.walk(tree)
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.name == wrong
    ]
    if not imported:
        raise Unfit("where the name comes from is not understood")
    spans = [page.source.span(alias) for alias in imported]
    if all(alias.asname is None for alias in imported):
        names = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == wrong)
        spans += [page.source.span(name) for name in names]
    edits = [e for s in spans for e in differences(page.text(s), page.text(s).replace(wrong, right, 1), s.start)]
    return Draft(title, tuple(edits))
