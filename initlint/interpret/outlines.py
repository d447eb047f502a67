"""Trees without the insides of their functions, which are parsed again where they are needed.

A tree takes thirty bytes and more for each character of its text, and most functions of a large library are never
executed. So a run over much code keeps of each function its name, its decorators and where it stands. What was parsed
again is put away again as well, between entries, so that what is known of a node between entries is known of those
that stay: modules, classes, functions, and whatever is in a function that defines something itself.
"""

from __future__ import annotations

import ast
import re
from itertools import accumulate
from typing import Final

from initlint.interpret.trees import FIELDS, walk
from initlint.source import Source, parse

KEY: Final = "outline"  # in what is known of a source
INSIDE: Final = ("args", "body", "returns", "type_comment", "type_params")
DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
INITIALIZING: Final = re.compile(
    r"^_*((re)?(init|initiali[sz]e|reset)(_|$)|(weights?|params?)_+(re)?(init|reset))", re.IGNORECASE
)


class Outline:
    """What is known of a file whose functions are on slips."""

    __slots__ = ("held", "mentions", "words")

    def __init__(self) -> None:
        self.mentions: dict[ast.AST, tuple[str, ...]] = {}  # by top-level definitions: names and attributes
        self.words: frozenset[str] = frozenset()  # names of initialization that are mentioned anywhere
        self.held: list[Slip] = []  # that were parsed again and can be put away

    def put_away(self) -> None:
        for slip in self.held:
            slip.held = None
        self.held.clear()


class Slip:
    """Stands for the inside of a function: where that is in the text, and what it is while it is needed."""

    __slots__ = ("end", "held", "lasting", "node", "outline", "source", "start")

    def __init__(
        self, node: ast.stmt, source: Source, outline: Outline, start: int, end: int, *, lasting: bool
    ) -> None:
        self.node = node
        self.source = source
        self.start = start
        self.end = end
        self.lasting = lasting  # what it defines is known by its node
        self.outline = outline
        self.held: ast.stmt | None = None

    def whole(self) -> ast.stmt:
        """The function as it was parsed."""
        held = self.held
        if held is None:
            held = self.parsed(self.source.text[self.start : self.end]) or self.found()
            self.held = held
            if not self.lasting:
                self.outline.held.append(self)
        return held

    def parsed(self, text: str) -> ast.stmt | None:
        """The function from its lines alone, at its place; None where they can't be read so."""
        line = self.node.lineno
        inner = text[:1].isspace()
        before = "\n" * (line - 2) + "if 1:\n" if inner else "\n" * (line - 1)
        tree = parse(self.source.path, before + text)
        if not isinstance(tree, ast.Module):
            return None
        found: ast.stmt = tree.body[0]
        if isinstance(found, ast.If):
            found = found.body[0]
        return found if position(found) == position(self.node) else None

    def found(self) -> ast.stmt:
        """The function in a tree of the whole file."""
        tree = parse(self.source.path, self.source.text)
        assert isinstance(tree, ast.Module)
        return next(part for part in walk(tree) if isinstance(part, ast.stmt) and position(part) == position(self.node))


def position(node: ast.stmt) -> tuple[int, int, int | None, str]:
    return node.lineno, node.col_offset, node.end_lineno, getattr(node, "name", "")


def reader(field: str) -> property:
    return property(lambda node: getattr(node.slip.whole(), field))


def outlined(kind: type[ast.AST]) -> type[ast.AST]:
    """The same kind of node, with its inside on a slip. It has the same name, by which visitors choose."""
    inside: dict[str, object] = {field: reader(field) for field in INSIDE if field in kind._fields}
    return type(kind.__name__, (kind,), {"__slots__": (), **inside})


KINDS: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.FunctionDef: outlined(ast.FunctionDef),
    ast.AsyncFunctionDef: outlined(ast.AsyncFunctionDef),
}
FIELDS.update({short: FIELDS[kind] for kind, short in KINDS.items()})


def outline(source: Source) -> None:
    """Puts the insides of a source's functions on slips, for good."""
    tree = source.known.get("tree")
    if not isinstance(tree, ast.Module) or source.cells or KEY in source.known:
        return
    made = Outline()
    starts = [0, *accumulate(len(line) + 1 for line in source.text.split("\n"))]
    words: set[str] = set()
    for index, statement in enumerate(tree.body):
        names: set[str] = set()
        kept = tree.body[index] = shortened(statement, source, made, starts, names, words)
        if isinstance(kept, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            made.mentions[kept] = tuple(names)
        words.update(name for name in names if INITIALIZING.match(name))
    made.words = frozenset(words)
    source.known[KEY] = made


def shortened(
    statement: ast.stmt, source: Source, made: Outline, starts: list[int], names: set[str], words: set[str]
) -> ast.stmt:
    """The statement with the functions in it on slips. Adds the names and attributes that it mentions, and strings
    that are names of initialization."""
    if isinstance(statement, ast.ClassDef):
        body, statement.body = statement.body, []
        note(walk(statement), names, words)
        statement.body = [shortened(part, source, made, starts, names, words) for part in body]
        return statement
    parts = walk(statement)
    note(parts, names, words)
    kind = KINDS.get(type(statement))
    if kind is None:
        return statement
    kept = kind.__new__(kind)
    assert isinstance(kept, ast.stmt)
    kept.__dict__.update({field: value for field, value in statement.__dict__.items() if field not in INSIDE})
    start, end = starts[statement.lineno - 1], starts[statement.end_lineno or statement.lineno] - 1
    lasting = any(isinstance(part, DEFINITIONS) for part in parts[1:])
    kept.__dict__["slip"] = Slip(kept, source, made, start, end, lasting=lasting)
    return kept


def note(parts: list[ast.AST], names: set[str], words: set[str]) -> None:
    for part in parts:
        if isinstance(part, ast.Name):
            names.add(part.id)
        elif isinstance(part, ast.Attribute):
            names.add(part.attr)
        elif isinstance(part, ast.Constant):
            text = part.value
            if isinstance(text, str) and text.isidentifier() and INITIALIZING.match(text):
                words.add(text)


def at_hand(node: ast.AST) -> ast.AST | None:
    """The node with its inside, where that need not be parsed again."""
    slip = node.__dict__.get("slip")
    return slip.held if isinstance(slip, Slip) else node


def outline_of(source: Source) -> Outline | None:
    found = source.known.get(KEY)
    return found if isinstance(found, Outline) else None
