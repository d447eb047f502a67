"""Initializers as Keras takes them: a string or an object, given to the layer that they are for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import libcst as cst

from initlint.bindings import spelled
from initlint.edits import Edits, Unfit
from initlint.findings import Match
from initlint.fixers._calls import keyword, quoted, span_of, with_arguments
from initlint.knowledge import canonical
from initlint.page import Page, Spot
from initlint.source import Span

INITIALIZERS = "keras.initializers"
NAMES = {
    ("he", "normal"): ("he_normal", "HeNormal"),
    ("he", "uniform"): ("he_uniform", "HeUniform"),
    ("lecun", "normal"): ("lecun_normal", "LecunNormal"),
    ("lecun", "uniform"): ("lecun_uniform", "LecunUniform"),
    ("glorot", "normal"): ("glorot_normal", "GlorotNormal"),
    ("glorot", "uniform"): ("glorot_uniform", "GlorotUniform"),
    ("orthogonal", ""): ("orthogonal", "Orthogonal"),
}
LEAKY = 0.15  # slopes below it are He's to within 1 % of the standard deviation


def family(facts: Mapping[str, str]) -> str | float:
    """The initializer that the facts of a prescription ask for; the scale of the variance where none has a name."""
    scheme, slope = facts["scheme"], float(facts.get("slope", 0))
    if scheme == "orthogonal":
        return "orthogonal"
    if scheme == "kaiming":
        return "he" if slope < LEAKY else 2 / (1 + slope**2)
    if scheme == "lecun":
        return "lecun"
    return float(facts["gain"]) ** 2 if "gain" in facts else "glorot"


def title(facts: Mapping[str, str]) -> str:
    found = family(facts)
    if isinstance(found, float):
        return f"a variance of {found:.3g} / {facts.get('fan', 'fan_in')}"
    return NAMES[found, "" if found == "orthogonal" else facts["distribution"]][0]


def instead(spot: Spot, match: Match, facts: Mapping[str, str]) -> Edits:
    """Another initializer where one is given."""
    page = spot.page
    node = next((n for n in spot.chain if isinstance(n, cst.BaseExpression) and page.span(n) == match.place.span), None)
    if isinstance(node, cst.SimpleString):
        code, imports = _value(page, facts, node)
        return page.replace(node, code) + imports
    if isinstance(node, cst.Dict):  # a configuration
        if '"seed"' in page.code(node).replace("'", '"'):
            raise Unfit("the initializer is a configuration with a seed")
        code, imports = _value(page, facts, None)
        return page.replace(node, code) + imports
    if isinstance(node, cst.Name | cst.Attribute) and isinstance(spot.parent(node), cst.Arg):  # a name for a string
        code, imports = _value(page, facts, None)
        return page.replace(node, code) + imports
    if isinstance(node, cst.Call) and spot.is_statement(node):
        raise Unfit("the values are assigned, and not chosen by an initializer")
    if isinstance(node, cst.Call) and not any(arg.star for arg in node.args):
        near = page.code(node.func)
        if near.rpartition(".")[2] in {"get", "deserialize"}:
            near = f"{near.rpartition('.')[0]}." if "." in near else ""
        code, imports = _object(page, facts, near)
        made = cst.parse_expression(code)
        assert isinstance(made, cst.Call)
        seed = span_of(facts["seed"]) if "seed" in facts else None
        seeds = [keyword("seed", page.code(arg.value)) for arg in node.args if page.span(arg.value) == seed]
        return page.replace(node, with_arguments(made, [*made.args, *seeds])) + imports
    raise Unfit("the initializer is chosen elsewhere")


def arguments(page: Page, facts: Mapping[str, str]) -> Edits:
    """An initializer in each call that the facts tell, with the argument that chooses it."""
    edits: Edits = ()
    for at in facts["at"].split():
        name, _, span = at.partition("@")
        edits += argument(page.at(span_of(span)), span_of(span), facts, name)
    return tuple(dict.fromkeys(edits))


def argument(spot: Spot, span: Span, facts: Mapping[str, str], name: str) -> Edits:
    """An initializer where the layer has none."""
    page = spot.page
    call = next((n for n in spot.chain if isinstance(n, cst.Call) and page.span(n) == span), None)
    given = {arg.keyword.value for arg in call.args if arg.keyword is not None} if call is not None else set()
    if call is None or name in given or any(arg.star == "**" for arg in call.args):
        raise Unfit("the layer is made in a way that this fix does not know")
    code, imports = _value(page, facts, None)
    return page.replace(call, with_arguments(call, [*call.args, keyword(name, code)])) + imports


def given(page: Page, spans: Iterable[Span], asked: Mapping[str, str], name: str) -> Edits:
    """Another initializer for the argument `name` of layers, where these get one that others have too."""
    edits: Edits = ()
    for span in spans:
        found = [arg for arg in page.at(span).outer(cst.Arg) if page.span(arg.value) == span]
        if not found or found[0].keyword is None or found[0].keyword.value != name:
            raise Unfit("the initializer is chosen elsewhere")
        code, imports = _value(page, asked, None)
        edits += page.replace(found[0].value, code) + imports
    return edits


def _value(page: Page, facts: Mapping[str, str], like: cst.SimpleString | None) -> tuple[str, Edits]:
    found = family(facts)
    if isinstance(found, float):
        return _object(page, facts, "")
    name, _ = NAMES[found, "" if found == "orthogonal" else facts["distribution"]]
    return quoted(page, name, like), ()


def _object(page: Page, facts: Mapping[str, str], near: str) -> tuple[str, Edits]:
    found, distribution = family(facts), facts["distribution"]
    if isinstance(found, str):
        function, name = NAMES[found, "" if found == "orthogonal" else distribution]
        other = f"{INITIALIZERS}.{near.rpartition('.')[2]}"
        if canonical(other) != other:  # such as `he_normal`, another name of the class, the only one in older versions
            name = function
        made, imports = spelled(page, f"{INITIALIZERS}.{name}", near)
        return f"{made}()", imports
    made, imports = spelled(page, f"{INITIALIZERS}.VarianceScaling", near)
    kind = "uniform" if distribution == "uniform" else "truncated_normal"
    mode = f"mode={quoted(page, facts.get('fan', 'fan_in'))}, distribution={quoted(page, kind)}"
    return f"{made}(scale={found:.3g}, {mode})", imports
