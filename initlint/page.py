r"""A file as LibCST sees it, with the spans that the rest of the program knows it by.

The only module that knows LibCST's positions. Nodes are found by span, statements are written anew as LibCST prints
them, and what changed comes back as the smallest text edits. Nothing here is loaded unless an edit is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from initlint.edits import Edits, Unfit, differences
from initlint.findings import TextEdit
from initlint.source import Point, Source, Span

Node = TypeVar("Node", bound=cst.CSTNode)
CHOOSING: Final = (
    cst.Lambda,
    cst.ListComp,
    cst.SetComp,
    cst.GeneratorExp,
    cst.DictComp,
    cst.IfExp,
    cst.BooleanOperation,
)  # expressions that evaluate a part of them several times, later or not at all
Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A source, its LibCST tree, and where its nodes stand."""

    source: Source
    module: cst.Module
    ranges: Mapping[cst.CSTNode, CodeRange]

    def span(self, node: cst.CSTNode) -> Span:
        """The node's place without parentheses and whitespace around it, as `ast` has it."""
        found = self.ranges[node]
        return Span(
            Point(found.start.line, found.start.column + 1),
            Point(found.end.line, found.end.column + 1),
        )

    def at(self, span: Span) -> Spot:
        """The way from the module down to the smallest node around a span."""
        chain: list[cst.CSTNode] = [self.module]
        while True:
            within = [child for child in chain[-1].children if child in self.ranges and _holds(self.span(child), span)]
            if not within:
                return Spot(self, tuple(chain))
            chain.append(within[0])

    def code(self, node: cst.CSTNode) -> str:
        """The node as it stands in the file."""
        return self.module.code_for_node(node)

    def text(self, span: Span) -> str:
        """The text of a span."""
        return self.source.text[self.offset(span.start) : self.offset(span.end)]

    def offset(self, point: Point) -> int:
        lines = self.source.lines
        return sum(len(line) + 1 for line in lines[: point.line - 1]) + point.column - 1

    def replace(self, node: cst.CSTNode, new: str | cst.CSTNode) -> Edits:
        """Another text for an expression; parentheses around it stay."""
        if not isinstance(new, str):
            bare = {"lpar": (), "rpar": ()} if getattr(new, "lpar", None) else {}
            new = self._code_at(node, new.with_changes(**bare))
        span = self.span(node)
        return differences(self.text(span), new, span.start)

    def _code_at(self, old: cst.CSTNode, new: cst.CSTNode) -> str:
        """The code of an expression, its further lines indented as the statement is that it comes into."""
        code = self.code(new)
        if "\n" not in code or not isinstance(new, cst.BaseExpression):
            return code
        indent = self.indent(self.at(self.span(old)).statement())
        line = cst.SimpleStatementLine(body=[cst.Expr(new)])
        return self.lines(line, indent).removeprefix(indent).removesuffix("\n")

    def rewrite(self, old: Statement, new: Iterable[cst.BaseStatement]) -> Edits:
        """Other statements in the place of one. Comments above it stay; `new` has its first line's own comments."""
        start = Point(self.span(old).start.line, 1)
        indent = self.indent(old)
        before = self.lines(bare(old), indent)
        after = "".join(self.lines(statement, indent) for statement in new)
        offset = self.offset(start)
        there = self.source.text[offset : offset + len(before)]
        if there == before[:-1] and offset + len(there) == len(self.source.text):
            before, after = there, after.removesuffix("\n")
        elif there != before:
            raise Unfit("the statement is laid out in a way that can't be kept")
        return differences(before, after, start)

    def lines(self, statement: cst.BaseStatement, indent: str) -> str:
        """The statement's lines in a block of this indentation."""
        if not indent:
            return self._module(statement).code
        block = cst.IndentedBlock(body=[statement], indent=indent)
        return self._module(cst.If(test=cst.Name("x"), body=block)).code.partition("\n")[2]

    def _module(self, statement: cst.BaseStatement) -> cst.Module:
        return cst.Module(
            body=[statement],  # type: ignore[list-item]
            default_indent=self.module.default_indent,
        )

    def indent(self, statement: cst.CSTNode) -> str:
        start = self.span(statement).start
        before = self.source.lines[start.line - 1][: start.column - 1]
        if before.strip():
            raise Unfit("the statement does not begin its line")
        return before

    def after(self, statement: Statement, code: str) -> Edits:
        """Lines of code inserted below a statement, in its block."""
        return self._insert(self.end(statement), code, self.indent(statement))

    def before(self, statement: Statement, code: str) -> Edits:
        """Lines of code inserted above a statement, in its block."""
        return self._insert(self.span(statement).start.line, code, self.indent(statement))

    def end(self, statement: Statement) -> int:
        """The number of the line after the statement."""
        start = self.span(statement).start.line
        return start + self.lines(bare(statement), self.indent(statement)).count("\n")

    def _insert(self, line: int, code: str, indent: str) -> Edits:
        statements = [self.lines(one, indent) for one in self.parse(code)]
        text = "".join(statements)
        if line > len(self.source.lines):  # below a last line that does not end
            end = Point(len(self.source.lines), len(self.source.lines[-1]) + 1)
            return (TextEdit(Span(end, end), f"\n{text.removesuffix(chr(10))}"),)
        return (TextEdit(Span(Point(line, 1), Point(line, 1)), text),)

    def parse(self, code: str) -> Sequence[cst.BaseStatement]:
        return cst.parse_module(code, self.module.config_for_parsing).body

    def wrap(self, spot: Spot, wrapper: Callable[[cst.BaseSuite], cst.BaseCompoundStatement]) -> Edits:
        """The small statement around a spot inside of a compound one, as `if` or `with`."""

        def inside(small: cst.BaseSmallStatement) -> list[cst.BaseStatement]:
            return [wrapper(cst.IndentedBlock(body=[spot.as_line(small)]))]

        return self.exchange(spot, inside)

    def guard(self, spot: Spot, test: str) -> Edits:
        """What is done at a spot only where a test holds: a branch around the statement, or a choice where it is part
        of a larger expression whose value nothing needs. Raises Unfit."""
        small = spot.small()
        inside = spot.chain[spot.chain.index(small) + 1 :]
        around = next((node for node in reversed(inside) if isinstance(node, CHOOSING)), None)
        written = isinstance(inside[0], cst.AssignTarget) or (inside[0] is getattr(small, "target", None))
        if around is None and (isinstance(small, cst.Expr) or written):
            branch = cst.parse_expression(test)
            return self.wrap(spot, lambda body: cst.If(test=branch, body=body))
        if around is None or not (isinstance(small, cst.Expr) or any(isinstance(n, cst.Lambda) for n in inside)):
            raise Unfit("the result of the call is used, so that it can't be left out")
        below = inside[inside.index(around) + 1]
        if isinstance(below, cst.Tuple):
            below = next(node.value for node in inside if isinstance(node, cst.Element) and node in below.elements)
        if not isinstance(below, cst.BaseExpression):
            raise Unfit("the call stands where a loop asks what to go over")
        code = f"{self.code(below)} if {test} else None"
        bare = not isinstance(around, cst.IfExp | cst.BooleanOperation)
        return self.replace(below, code if bare else f"({code})")

    def split(self, spot: Spot, test: str, code: str) -> Edits:
        """A branch with other code before the small statement around a spot, which is left to the `else`."""

        def branches(small: cst.BaseSmallStatement) -> list[cst.BaseStatement]:
            body = cst.IndentedBlock(body=[cst.parse_statement(code)])
            orelse = cst.Else(body=cst.IndentedBlock(body=[spot.as_line(small)]))
            return [cst.If(test=cst.parse_expression(test), body=body, orelse=orelse)]

        return self.exchange(spot, branches)

    def exchange(self, spot: Spot, make: Callable[[cst.BaseSmallStatement], Sequence[cst.BaseStatement]]) -> Edits:
        """Statements in the place of the small statement around a spot; those that share its line get their own."""
        small, line = spot.small(), spot.holder()
        split = line.body.index(small)
        first, small, rest = spot.apart()
        before, after = [*line.body[:split], *first], [*rest, *line.body[split + 1 :]]
        new = [
            *(cst.SimpleStatementLine(body=[unseparated(one)]) for one in before),
            *make(small),
            *(cst.SimpleStatementLine(body=[unseparated(one)]) for one in after),
        ]
        if isinstance(line, cst.SimpleStatementLine):
            if after:
                new[-1] = new[-1].with_changes(trailing_whitespace=line.trailing_whitespace)
            return self.rewrite(line, new)
        head, body = spot.compound(), cst.IndentedBlock(body=new or [empty()])
        trailing = line.trailing_whitespace
        if trailing.comment is not None:
            body = body.with_changes(header=trailing.with_changes())
        statement = spot.outermost(head)
        return self.rewrite(statement, [bare(swapped(statement, line, body))])

    def remove(self, spot: Spot) -> Edits:
        """Takes out the small statement around a spot, and the blocks that it leaves empty."""
        line = spot.holder()
        if len(line.body) > 1:
            return self.exchange(spot, lambda _: [])
        doomed: Statement | None = None if isinstance(line, cst.SimpleStatementSuite) else line
        for node in reversed(spot.chain[: spot.chain.index(line)]):
            if isinstance(node, cst.IndentedBlock) and len(node.body) == 1:
                continue
            if not _only_body(node) or isinstance(spot.parent(node), cst.If):
                break
            assert isinstance(node, cst.For | cst.With | cst.If)
            doomed = node
        if doomed is None:  # after the colon of a statement that stays
            return self.exchange(spot, lambda _: [])
        block = spot.parent(doomed)
        alone = isinstance(block, cst.IndentedBlock) and len(block.body) == 1
        return self.rewrite(doomed, [cst.SimpleStatementLine(body=[cst.Pass()])] if alone else [])


@dataclass(frozen=True, slots=True, eq=False)
class Spot:
    """A place in the tree: the nodes around it, from the module to the smallest."""

    page: Page
    chain: tuple[cst.CSTNode, ...]

    @property
    def node(self) -> cst.CSTNode:
        return self.chain[-1]

    def around(self, kind: type[Node]) -> Node | None:
        """The nearest node of a kind around the spot, or at it."""
        return next((node for node in reversed(self.chain) if isinstance(node, kind)), None)

    def outer(self, kind: type[Node]) -> list[Node]:
        """All nodes of a kind around the spot, the outermost first."""
        return [node for node in self.chain if isinstance(node, kind)]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        return self.chain[self.chain.index(node) - 1]

    def call(self) -> cst.Call:
        """The call that stands at the spot. Raises Unfit."""
        found = self.around(cst.Call)
        if found is None:
            raise Unfit("there is no call here")
        return found

    def small(self) -> cst.BaseSmallStatement:
        found = self.around(cst.BaseSmallStatement)  # type: ignore[type-abstract]
        if found is None:
            raise Unfit("this is no statement of its own")
        return found

    def stands(self) -> bool:
        """Whether a small statement is around the spot."""
        return any(isinstance(node, cst.BaseSmallStatement) for node in self.chain)

    def holder(self) -> cst.SimpleStatementLine | cst.SimpleStatementSuite:
        """The line, or the suite after a colon, that the small statement stands on."""
        found = self.parent(self.small())
        assert isinstance(found, cst.SimpleStatementLine | cst.SimpleStatementSuite)
        return found

    def apart(self) -> tuple[list[cst.BaseSmallStatement], cst.BaseSmallStatement, list[cst.BaseSmallStatement]]:
        """The small statement around the spot, with what stands before and after it: `a(), b()` are as good as two."""
        small = self.small()
        value = small.value if isinstance(small, cst.Expr) else None
        parts = value.elements if isinstance(value, cst.Tuple) else ()
        own = next((index for index, part in enumerate(parts) if part in self.chain), None)
        if own is None or not all(isinstance(part, cst.Element) for part in parts):
            return [], small, []
        made: list[cst.BaseSmallStatement] = [cst.Expr(part.value) for part in parts]
        return made[:own], made[own], made[own + 1 :]

    def as_line(self, small: cst.BaseSmallStatement) -> cst.SimpleStatementLine:
        """The statement around the spot, or the part of it that `apart` tells, on a line of its own: with the comment
        behind it where it ended the line."""
        line, (_, _, after) = self.holder(), self.apart()
        made = cst.SimpleStatementLine(body=[unseparated(small)])
        if isinstance(line, cst.SimpleStatementLine) and line.body[-1] is self.small() and not after:
            return made.with_changes(trailing_whitespace=line.trailing_whitespace)
        return made

    def compound(self) -> cst.CSTNode:
        return self.parent(self.holder())

    def statement(self) -> Statement:
        """The statement with lines of its own around the spot."""
        holder = self.holder() if self.stands() else None
        if isinstance(holder, cst.SimpleStatementLine):
            return holder
        found = self.around(cst.BaseCompoundStatement)  # type: ignore[type-abstract]
        if found is None:
            raise Unfit("this is no statement of its own")
        return self.outermost(found)

    def outermost(self, head: cst.CSTNode) -> Statement:
        """The statement of which a branch, a handler or an `elif` is a part."""
        position = self.chain.index(head)
        for index in range(position, -1, -1):
            node = self.chain[index]
            in_block = index and isinstance(self.chain[index - 1], cst.IndentedBlock | cst.Module)
            if isinstance(node, cst.BaseCompoundStatement) and in_block:
                return node
        raise Unfit("this is no statement of its own")

    def is_statement(self, call: cst.CSTNode) -> bool:
        """Whether the call is a statement by itself, so that its value is not used."""
        _, small, _ = self.apart()
        return isinstance(self.parent(call), cst.Expr) or (isinstance(small, cst.Expr) and small.value is call)


def open_page(source: Source) -> Page:
    """The page of a source. Raises Unfit where LibCST can't read it or would not print it as it is."""
    known = source.known.get("page")
    if isinstance(known, Page):
        return known
    try:
        wrapper = MetadataWrapper(cst.parse_module(source.text), unsafe_skip_copy=True)
        module, ranges = wrapper.module, wrapper.resolve(PositionProvider)
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise Unfit("LibCST cannot read this file") from error
    if module.code != source.text:
        raise Unfit("LibCST does not print this file as it is")
    page = source.known["page"] = Page(source, module, _known(ranges))
    return page


def _known(ranges: Mapping[Any, Any]) -> Mapping[cst.CSTNode, CodeRange]:
    return {node: found for node, found in ranges.items() if isinstance(found, CodeRange)}


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _only_body(node: cst.CSTNode) -> bool:
    """Whether a statement with one body would be left with nothing to do."""
    simple = isinstance(node, cst.For | cst.If) and node.orelse is None
    body = getattr(node, "body", None)
    return (simple or isinstance(node, cst.With)) and len(getattr(body, "body", ())) == 1


def bare(statement: cst.BaseStatement) -> cst.BaseStatement:
    """The statement without the comments and empty lines above it."""
    return statement.with_changes(leading_lines=()) if hasattr(statement, "leading_lines") else statement


def unseparated(small: cst.BaseSmallStatement) -> cst.BaseSmallStatement:
    return small.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)


def empty() -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine(body=[cst.Pass()])


def swapped(tree: Node, old: cst.CSTNode, new: cst.CSTNode) -> Node:
    """The tree with one node exchanged."""
    found = tree.deep_replace(old, new)
    assert isinstance(found, type(tree))
    return found
