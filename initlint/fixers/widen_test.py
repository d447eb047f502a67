"""A condition that asks for what never comes, or always holds, asking for what was meant."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from initlint.bindings import spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers import Draft
from initlint.fixers._calls import last_name, quoted
from initlint.page import Node, Page


def edit(page: Page, match: Match, facts: Mapping[str, str]) -> Draft:
    spot = page.at(match.place.span)
    test = next((node for node in spot.chain if _spans(page, node, match)), None)
    if test is None:
        raise Unfit("the condition is written in a way that is not understood")
    form = facts["form"]
    if form == "operand":
        return Draft("ask for each text by itself", _operand(page, test, facts["text"]))
    if form == "ending":
        return Draft("ask how the name ends", _ending(page, test, facts["asked"]))
    if form == "case":
        asked, seen = facts["asked"], facts["seen"]
        found = seen[seen.casefold().index(asked.casefold()) :][: len(asked)]
        return Draft(f"ask for {found!r}", _case(page, test, asked, found))
    title = f"ask for {facts['kinds'].replace(' ', ' and ')} too"
    return Draft(title, _texts(page, test, facts) if form == "texts" else _types(page, test, facts))


def _spans(page: Page, node: cst.CSTNode, match: Match) -> bool:
    return isinstance(node, cst.BaseExpression) and page.span(node) == match.place.span


def _below(node: cst.CSTNode, kind: type[Node]) -> list[Node]:
    found = [node] if isinstance(node, kind) else []
    return [*found, *(one for child in node.children for one in _below(child, kind))]


def _operand(page: Page, test: cst.CSTNode, text: str) -> Edits:
    """`"a" or "b" in name` becomes `"a" in name or "b" in name`."""
    compared = [one for one in _below(test, cst.Comparison) if isinstance(one.comparisons[0].operator, cst.In)]
    names = {page.code(one.comparisons[0].comparator) for one in compared}
    alone = [one for one in _below(test, cst.SimpleString) if one.evaluated_value == text]
    alone = [one for one in alone if not any(one is other.left for other in compared)]
    if len(names) != 1 or not alone:
        raise Unfit("what the text should be compared with is not understood")
    return tuple(edit for one in alone for edit in page.replace(one, f"{page.code(one)} in {min(names)}"))


def _ending(page: Page, test: cst.CSTNode, asked: str) -> Edits:
    """`name == "x"` becomes `name.endswith("x")`."""
    for one in _below(test, cst.Comparison):
        operator = one.comparisons[0].operator
        sides = (one.left, one.comparisons[0].comparator)
        text = next((side for side in sides if _is_text(side, asked)), None)
        if text is not None and len(one.comparisons) == 1 and isinstance(operator, cst.Equal | cst.NotEqual):
            name = sides[0] if text is sides[1] else sides[1]
            negated = "not " if isinstance(operator, cst.NotEqual) else ""
            return page.replace(one, f"{negated}{page.code(name)}.endswith({page.code(text)})")
    raise Unfit("the comparison is written in a way that is not understood")


def _is_text(node: cst.CSTNode, text: str) -> bool:
    return isinstance(node, cst.SimpleString) and node.evaluated_value == text


def _sides(compared: cst.Comparison) -> list[cst.BaseExpression]:
    return [compared.left, *(one.comparator for one in compared.comparisons)]


def _case(page: Page, test: cst.CSTNode, asked: str, found: str) -> Edits:
    texts = [one for one in _below(test, cst.SimpleString) if one.evaluated_value == asked]
    if not texts:
        raise Unfit("the text that is asked for stands elsewhere")
    return tuple(edit for one in texts for edit in page.replace(one, quoted(page, found, one)))


def _texts(page: Page, test: cst.CSTNode, facts: Mapping[str, str]) -> Edits:
    """`"A" in name` becomes `"A" in name or "B" in name`."""
    asked, kinds = facts["asked"].split(), facts["kinds"].split()
    if isinstance(test, cst.Comparison) and isinstance(test.comparisons[0].operator, cst.In):
        listed = test.comparisons[0].comparator
        if isinstance(listed, cst.Tuple | cst.List | cst.Set):
            last = listed.elements[-1].value
            return page.replace(last, ", ".join([page.code(last), *(quoted(page, kind, last) for kind in kinds)]))
        if not isinstance(test.left, cst.SimpleString) and not test.lpar:  # a list that stands elsewhere
            more = [f"{page.code(test.left)} == {quoted(page, kind)}" for kind in kinds]
            return page.replace(test, " or ".join([page.code(test), *more]))
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.Or) and not test.lpar:
        alike = [one for one in _below(test, cst.Comparison) if any(_is_text(t, a) for t in _sides(one) for a in asked)]
        if alike:  # `name == "A" or name == "B"`, with one more
            code = page.code(alike[-1])
            literal = next(side for side in _sides(alike[-1]) if isinstance(side, cst.SimpleString))
            more = [code.replace(page.code(literal), quoted(page, kind, literal)) for kind in kinds]
            return page.replace(test, " or ".join([page.code(test), *more]))
    texts = [one for one in _below(test, cst.SimpleString) if one.evaluated_value in asked]
    if len(texts) != 1 or not isinstance(test, cst.Comparison | cst.Call) or test.lpar:
        raise Unfit("the test is written in a way that is not understood")
    code, text = page.code(test), page.code(texts[0])
    more = [code.replace(text, quoted(page, kind, texts[0])) for kind in kinds]
    return page.replace(test, " or ".join([code, *more]))


def _types(page: Page, test: cst.CSTNode, facts: Mapping[str, str]) -> Edits:
    asked, names = facts["asked"].split(), facts["qualified"].split()
    if isinstance(test, cst.Call) and last_name(test.func) == "isinstance" and len(test.args) == 2:
        classes = test.args[1].value
        return _listed(page, classes, names, asked)
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        operator, classes = test.comparisons[0].operator, test.comparisons[0].comparator
        if isinstance(operator, cst.In):
            return _listed(page, classes, names, asked)
        if isinstance(operator, cst.Equal | cst.Is) and last_name(classes) in asked:
            more, imports = _spelled(page, names, classes)
            code = f"{page.code(test.left)} in ({', '.join([page.code(classes), *more])})"
            return page.replace(test, code) + imports
    raise Unfit("the test is written in a way that is not understood")


def _listed(page: Page, classes: cst.BaseExpression, names: list[str], asked: list[str]) -> Edits:
    """The class or the list of classes, with more of them."""
    if isinstance(classes, cst.Tuple | cst.List) and classes.elements:
        last = classes.elements[-1].value
        more, imports = _spelled(page, names, last)
        return page.replace(last, ", ".join([page.code(last), *more])) + imports
    if last_name(classes) in asked:
        more, imports = _spelled(page, names, classes)
        return page.replace(classes, f"({', '.join([page.code(classes), *more])})") + imports
    raise Unfit("the classes are listed elsewhere")


def _spelled(page: Page, names: list[str], near: cst.BaseExpression) -> tuple[list[str], Edits]:
    found = [spelled(page, name, page.code(near)) for name in names]
    return [name for name, _ in found], tuple(dict.fromkeys(edit for _, edits in found for edit in edits))
