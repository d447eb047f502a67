"""Calls and how they are written: their arguments, the tensor they are about, literals in the file's own quotes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import libcst as cst

from initlint.bindings import INIT, spelled
from initlint.edits import Edits, Unfit
from initlint.knowledge import knowledge
from initlint.page import Page, Spot
from initlint.source import Point, Span

VIEWS = ("data", "detach")
WHOLE = ("[:]", "[...]", "[:, :]")  # indices that take all of a matrix
CHANGES = ("Tensor.mul_", "Tensor.div_", "Tensor.add_", "Tensor.sub_", "Tensor.clamp_")  # of what was written before


def span_of(text: str) -> Span:
    """A span that a fact tells: `3:5-3:17`."""
    start, end = (Point(*map(int, part.split(":"))) for part in text.split("-"))
    return Span(start, end)


def call_at(spot: Spot, span: Span) -> cst.Call:
    """The call with exactly this span, or that has an argument with it. Raises Unfit."""
    calls = [node for node in spot.chain if isinstance(node, cst.Call)]
    exact = [call for call in calls if spot.page.span(call) == span]
    around = [call for call in calls if any(spot.page.span(arg.value) == span for arg in call.args)]
    for call in (*exact, *around):
        return call
    raise Unfit("the call is written in a way that is not understood")


def refuse_passed(spot: Spot, span: Span) -> None:
    """Raises Unfit where what stands at the span is a parameter of the function around it: a value in its place would
    overrule what callers pass, and leave the parameter without use."""
    function = spot.around(cst.FunctionDef)
    if function is None:
        return
    every = (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params)
    name = next((n.value for n in spot.outer(cst.Name) if spot.page.span(n) == span), None)
    if name in {one.name.value for one in every}:
        raise Unfit(f"{name} is passed by the callers of {function.name.value}")


def last_name(node: cst.BaseExpression) -> str:
    """`zeros_` of `nn.init.zeros_`."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def argument(call: cst.Call, name: str, position: int) -> cst.Arg | None:
    """The argument of a parameter, by keyword or position."""
    for index, arg in enumerate(call.args):
        if arg.star:
            return None
        if (arg.keyword is None and index == position) or (arg.keyword is not None and arg.keyword.value == name):
            return arg
    return None


def tensor(call: cst.Call) -> cst.Arg:
    """The argument of an initializer that it writes. Raises Unfit."""
    found = argument(call, "tensor", 0)
    if found is None:
        raise Unfit("which argument is the tensor is not understood")
    return found


def keyword(name: str, code: str) -> cst.Arg:
    plain = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    return cst.Arg(cst.parse_expression(code), keyword=cst.Name(name), equal=plain)


def with_arguments(call: cst.Call, args: Sequence[cst.Arg]) -> cst.Call:
    """The call with other arguments, laid out as it was: what came between stays, and so does a trailing comma."""
    if not call.args or not args:
        return call.with_changes(args=args)
    last, done = call.args[-1], []
    for arg in args[:-1]:
        separated = arg in call.args and arg is not last and isinstance(arg.comma, cst.Comma)
        comma = arg.comma if separated else cst.Comma(whitespace_after=_between(call))
        done.append(arg.with_changes(comma=comma, whitespace_after_arg=cst.SimpleWhitespace("")))
    final = args[-1].with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
    return call.with_changes(args=[*done, final])


def _between(call: cst.Call) -> cst.BaseParenthesizableWhitespace:
    """What stands between two arguments, without comments: a new line where each has one of its own."""
    commas = [arg.comma for arg in call.args[:-1] if isinstance(arg.comma, cst.Comma)]
    space = commas[-1].whitespace_after if commas else call.whitespace_before_args
    if not isinstance(space, cst.ParenthesizedWhitespace) or not isinstance(call.args[-1].comma, cst.Comma):
        return cst.SimpleWhitespace(" ")
    return space.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=[])


def quoted(page: Page, text: str, like: cst.CSTNode | None = None) -> str:
    """A string literal with the quotes of the one it replaces, else with those that the file has more of."""
    quote = like.quote if isinstance(like, cst.SimpleString) else ""
    if quote not in {"'", '"'}:
        quote = "'" if page.source.text.count("'") > page.source.text.count('"') else '"'
    return f"{quote}{text}{quote}"


def parameter_of(page: Page, node: cst.BaseExpression) -> str:
    """The code of a parameter, without `.data`, `.detach()` or `[:]` after it, and without what is written to it
    before."""
    while True:
        if isinstance(node, cst.Subscript) and page.code(node).removeprefix(page.code(node.value)) in WHOLE:
            node = node.value
            continue
        view = node.func if isinstance(node, cst.Call) else node
        name = view.attr.value if isinstance(view, cst.Attribute) else ""
        written = view is not node and f"Tensor.{name}" in {*knowledge().initializers, *CHANGES}
        if not (isinstance(view, cst.Attribute) and (written or name in VIEWS)):
            return page.code(node)
        node = view.value


def initializer(page: Page, facts: Mapping[str, str], target: str, near: str = "") -> tuple[str, Edits]:
    """The call of torch.nn.init that the facts of a prescription ask for, and the import that it needs."""
    function, arguments = scheme(page, facts, target)
    name, edits = spelled(page, f"{INIT}.{function}", near)
    return f"{name}({', '.join([target, *(f'{key}={code}' for key, code in arguments)])})", edits


def scheme(page: Page, facts: Mapping[str, str], target: str) -> tuple[str, list[tuple[str, str]]]:
    """The function of torch.nn.init for the facts of a prescription, and its arguments after the tensor."""
    kind, distribution = facts["scheme"], facts["distribution"]
    if kind == "orthogonal":
        return "orthogonal_", []
    if kind == "xavier":
        return f"xavier_{distribution}_", [("gain", facts["gain"])] if "gain" in facts else []
    if kind == "lecun":
        return f"kaiming_{distribution}_", [("nonlinearity", quoted(page, "linear"))]
    if kind == "scaled":
        fan = facts["fan"]
        asked = f"{target}{fan}" if fan.startswith("[") else f"{target}.{fan}"
        power = " ** -0.5" if facts["gain"] == "1" else " ** 0.5"
        return "normal_", [("std", f"{asked}{power}" if facts["gain"] == "1" else f"{facts['gain']} / {asked}{power}")]
    slope = [("a", facts["slope"])] if "slope" in facts else []
    told = [("nonlinearity", quoted(page, facts["nonlinearity"]))] if "nonlinearity" in facts else []
    return f"kaiming_{distribution}_", [*slope, *told]


def unneeded(spot: Spot, call: cst.Call) -> bool:
    """Whether nothing uses the value of a call: it is a statement, all that a lambda does, or an element of a
    comprehension that is one of these."""
    node: cst.CSTNode = call
    while not spot.is_statement(node):
        above = spot.parent(node)
        chosen = isinstance(above, cst.IfExp) and node is not above.test
        last = isinstance(above, cst.BooleanOperation) and node is above.right
        made = isinstance(above, cst.ListComp | cst.SetComp) and node is above.elt
        if isinstance(above, cst.Lambda) and node is above.body:
            return True
        if not (chosen or last or made):
            return False
        node = above
    return True


def assigned(small: cst.BaseSmallStatement) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """Target and value of an assignment with one target."""
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target = small.targets[0].target
        return None if isinstance(target, cst.Tuple | cst.List) else (target, small.value)
    if isinstance(small, cst.AnnAssign) and small.value is not None:
        return small.target, small.value
    return None


def described(names: Iterable[str]) -> str:
    return " and ".join(names)
