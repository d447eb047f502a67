"""Reading the rule tables: TOML with validated keys, signatures, lazily built rows.

Our own data being wrong is a `KnowledgeError`, which names the file, the key, and what was expected there.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, NoReturn, TypeAlias, TypeVar

T = TypeVar("T")

Row: TypeAlias = Mapping[str, Any]  # a TOML table


class KnowledgeError(Exception):
    """A rule table is wrong: the message names file, key and expectation."""


class Where(NamedTuple):
    """A key of a rule file, for errors."""

    file: str
    key: str = ""

    def __truediv__(self, key: str) -> Where:
        return Where(self.file, f"{self.key}.{key}" if self.key else key)

    def fail(self, expected: str, got: str = "", choices: Collection[str] = ()) -> NoReturn:
        """Raises KnowledgeError; `choices` are searched for what was probably meant."""
        import difflib  # only on the way out

        near = difflib.get_close_matches(got, sorted(choices), 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise KnowledgeError(f"{self.file}: {self.key or 'top level'}: expected {expected}, got {got!r}{hint}")


def folder() -> str:
    """Where the rule tables are: inside the installed package, else in the checkout around it."""
    package = os.path.dirname(os.path.abspath(__file__))
    inside = os.path.join(package, "rules")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), "rules")


def codes() -> tuple[str, ...]:
    """The codes of the rules, for each has a file of that name."""
    names = os.listdir(os.path.join(folder(), "checks"))
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def read(root: str, name: str) -> Row:
    """The tables of the file `name` (relative, with `/`) in the folder of rules."""
    import tomli  # only where tables are read

    shown = f"rules/{name}"
    try:
        with open(os.path.join(root, *name.split("/")), encoding="utf-8") as file:
            return tomli.loads(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{shown}: expected a readable UTF-8 file: {error}") from error
    except tomli.TOMLDecodeError as error:
        raise KnowledgeError(f"{shown}: expected TOML: {error}") from error


def table(value: object, where: Where) -> Row:
    """`value`, when it is a table."""
    if not isinstance(value, dict):
        where.fail("a table", type(value).__name__)
    return value


def rows(value: object, where: Where) -> list[Row]:
    """`value`, when it is an array of tables."""
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        where.fail("an array of tables", type(value).__name__)
    return value


def keys(row: Row, required: Mapping[str, type], optional: Mapping[str, type], where: Where) -> None:
    """Checks that a row has all required keys, no unknown one, and values of the declared types."""
    for key, value in row.items():
        kind = required.get(key) or optional.get(key)
        if kind is None:
            where.fail(f"one of {', '.join((*required, *optional))}", key, {*required, *optional})
        if not isinstance(value, kind) and not (kind is float and type(value) is int):
            (where / key).fail(f"a value of type {kind.__name__}", repr(value))
    for key in required:
        if key not in row:
            where.fail(f"the key {key!r}", "no such key")


def choice(value: str, choices: Collection[str], where: Where) -> str:
    """`value`, when it is one of `choices`."""
    if value not in choices:
        where.fail(f"one of {', '.join(sorted(choices))}", value, choices)
    return value


def split(text: str) -> list[str]:
    """Parts between the commas that are outside all brackets and quotes, stripped."""
    if not any(c in text for c in "([{'\""):
        return [part.strip() for part in text.split(",")] if text.strip() else []
    parts, depth, quote, begin = [], 0, "", 0
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and not depth:
            parts.append(text[begin:i].strip())
            begin = i + 1
    return [*parts, text[begin:].strip()]


LITERALS: Final[Mapping[str, object]] = {"None": None, "True": True, "False": False, "0": 0, "1": 1}
_NAME: Final = re.compile(r"[A-Za-z_]\w*")


def signature(text: str, where: Where) -> Iterator[tuple[str, str, str, object]]:
    """(kind, name, spelled, default) of each parameter in `a, b=1, from:c=0, *args, d=None`.

    `kind` is ordinary, keyword (after a star), positionals (`*args`) or keywords (`**kwargs`). `from:c` is a
    parameter known to us as `c` and spelled `from` by the framework. The default is `...` where there is none.
    """
    after_star = False
    for part in split(text):
        head, equals, literal = part.partition("=")
        head = head.strip()
        if head == "*":
            after_star = True
            continue
        kind = "keyword" if after_star else "ordinary"
        if head.startswith("**"):
            kind, head = "keywords", head[2:]
        elif head.startswith("*"):
            kind, head, after_star = "positionals", head[1:], True
        spelled, _, name = head.rpartition(":")
        if not _NAME.fullmatch(name):
            where.fail("parameters like `size, bias=True`", part)
        yield kind, name, spelled or name, value(literal.strip(), where) if equals else ...


def value(literal: str, where: Where) -> object:
    """The Python literal that a signature's default is written as."""
    if literal in LITERALS:
        return LITERALS[literal]
    try:
        return ast.literal_eval(literal)
    except (ValueError, SyntaxError):
        where.fail("a Python literal", literal)


def call(text: str, where: Where) -> tuple[str, tuple[tuple[str, str], ...]]:
    """`uniform(a=0, b=1 / n)` as ("uniform", (("a", "0"), ("b", "1 / n"))); `uniform(±x)` has a=-(x), b=x."""
    name, bracket, rest = text.partition("(")
    if not bracket or not rest.endswith(")"):
        where.fail("an initializer like `uniform(a=0, b=1)`", text)
    arguments: list[tuple[str, str]] = []
    for part in split(rest[:-1]):
        if part.startswith("±"):
            arguments += [("a", f"-({part[1:]})"), ("b", part[1:])]
        else:
            key, equals, expression = part.partition("=")
            if not equals:
                where.fail("arguments like `a=0`", part)
            arguments.append((key.strip(), expression.strip()))
    return name.strip(), tuple(arguments)


class Table(Mapping[str, T], Generic[T]):
    """A mapping whose values are built from their rows when they are first asked for."""

    __slots__ = ("_build", "_built", "_rows")

    def __init__(self, rows: Mapping[str, Any], build: Callable[[str, Any], T]) -> None:
        self._rows = dict(rows)
        self._build = dict.fromkeys(rows, build)
        self._built: dict[str, T] = {}

    def extend(self, rows: Mapping[str, Any], build: Callable[[str, Any], T]) -> None:
        """More rows, with what makes values of them."""
        self._rows.update(rows)
        self._build.update(dict.fromkeys(rows, build))

    def __getitem__(self, key: str) -> T:
        try:
            return self._built[key]
        except KeyError:
            built = self._built[key] = self._build[key](key, self._rows[key])
            return built

    def get(self, key: str, default: Any = None) -> Any:
        built = self._built.get(key)
        if built is not None:
            return built
        return self[key] if key in self._rows else default

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)
