r"""Points, spans and places; reading text. The only module that converts columns.

A `Source` is text that was read, with what is needed to write it back as it was. Its lines
are those that Python's own tokenizer counts: `\n`, `\r\n` and `\r` end one, a form feed or a
Unicode separator does not.
"""

from __future__ import annotations

import ast
import codecs
import re
import sys
import warnings
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from initlint import disk

MAX_BYTES = 2_000_000  # the parser takes up to 3 s and 500 bytes of memory per byte of dense code
MAX_NOTEBOOK_BYTES = 20_000_000  # outputs are in it too; reading takes up to 20 bytes of memory per byte
FRAMEWORKS = (b"torch", b"keras")
LINE_END = re.compile(r"\r\n|\r|\n")
COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
MARKED = re.compile(r"initlint:|noqa", re.IGNORECASE)
SKIP_FILE = re.compile(r"^#\s*initlint:\s*skip-file\b")
IGNORE = re.compile(r"#\s*initlint:\s*(ignore|expect)\b(?:\s*\[([^\]]*)\])?")
NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*([A-Za-z]+[0-9]+(?:[,\s]+[A-Za-z]+[0-9]+)*))?(\s*:)?", re.IGNORECASE)
POSITION = attrgetter("lineno", "col_offset", "end_lineno", "end_col_offset")
EVERYTHING = ("",)  # every code starts with it


class Point(NamedTuple):
    """Line and column, both from 1, the column in code points."""

    line: int
    column: int


class Span(NamedTuple):
    """From `start` up to but not including `end`."""

    start: Point
    end: Point


class Place(NamedTuple):
    """A span in a file. `file` is as reports show it: relative to the working directory, `/`-separated."""

    file: str
    span: Span
    cell: int | None = None  # of a notebook, from 1: then the span is within that cell

    @property
    def document(self) -> str:
        """The file, and the cell where there are some: what lines are counted in."""
        return self.file if self.cell is None else f"{self.file}:cell {self.cell}"

    @property
    def told_line(self) -> int | None:
        """The line that a message can name; None in a notebook, where lines are counted in the cells."""
        return None if self.file.endswith(".ipynb") else self.span.start.line


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a file can't be read, decoded or parsed, in one line, and where (from 1)."""

    file: str
    line: int
    message: str
    column: int = 1
    cell: int | None = None  # of a notebook: then the line is within that cell


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell of a notebook: its number among all cells, the program's line that it begins on, its own text."""

    number: int
    line: int
    text: str
    indent: str = ""  # what its first line begins with, which IPython takes away from all lines that do

    def shifted(self, line: int) -> int:
        """By how much the columns of the cell's line exceed the program's."""
        lines = self.text.split("\n") if self.indent else []
        return len(self.indent) if line <= len(lines) and lines[line - 1].startswith(self.indent) else 0


@dataclass(frozen=True, slots=True)
class Suppression:
    """A comment that silences findings on its line: the beginnings of their codes; `ours` unless it is a noqa."""

    span: Span
    codes: tuple[str, ...]
    ours: bool

    def covers(self, code: str, span: Span) -> bool:
        """Whether it silences this finding: it stands on its first or its last line."""
        return self.span.start.line in (span.start.line, span.end.line) and code.startswith(self.codes)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    r"""Text that was read. `path` is as reports show it; `text` ends every line in `\n`.

    `newline` is how the file ends its lines (`\n`, `\r\n`, `\r`, or `mixed`), `bom` whether it
    began with a byte-order mark. The text of a notebook is the program of its `cells`.
    """

    path: str
    text: str
    encoding: str = "utf-8"
    newline: str = "\n"
    bom: bool = False
    cells: tuple[Cell, ...] = ()
    known: dict[str, object] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, path: str, text: str, encoding: str = "utf-8", *, bom: bool = False) -> Source:
        """A source of text whose line endings may be any."""
        if "\r" not in text:
            return cls(path, text, encoding, "\n", bom)
        crlf, cr, lf = text.count("\r\n"), text.count("\r"), text.count("\n")
        newline = "\r\n" if crlf == cr == lf else "\r" if not lf else "mixed"
        return cls(path, text.replace("\r\n", "\n").replace("\r", "\n"), encoding, newline, bom)

    @property
    def lines(self) -> list[str]:
        lines = self.known.get("lines")
        if not isinstance(lines, list):
            lines = self.known["lines"] = self.text.split("\n")
        return lines

    def excerpt(self, span: Span) -> str:
        """The text of a span."""
        first, *more = self.lines[span.start.line - 1 : span.end.line]
        if not more:
            return first[span.start.column - 1 : span.end.column - 1]
        return "\n".join([first[span.start.column - 1 :], *more[:-1], more[-1][: span.end.column - 1]])

    def tree(self) -> ast.Module | Trouble:
        """The syntax tree, parsed once; or why there is none."""
        tree = self.known.get("tree")
        if not isinstance(tree, (ast.Module, Trouble)):
            tree = self.known["tree"] = parse(self.path, self.text, awaits=bool(self.cells))
        return tree

    def cell(self, line: int) -> Cell | None:
        """The cell that a line of the program is in; None where there are no cells."""
        return max((one for one in self.cells if one.line <= line), key=lambda one: one.line, default=None)

    def located(self, span: Span) -> Place:
        """The place of a span of the text: in a notebook within a cell."""
        cell = self.cell(span.start.line)
        if cell is None:
            return Place(self.path, span)
        lines = (p.line - cell.line + 1 for p in (span.start, span.end))
        start, end = (Point(n, p.column + cell.shifted(n)) for n, p in zip(lines, (span.start, span.end), strict=True))
        return Place(self.path, Span(start, end), cell.number)

    def documents(self) -> dict[str, str]:
        """The texts that lines are counted in: that of the file, or of each cell."""
        if not self.cells:
            return {self.path: self.text}
        return {f"{self.path}:cell {cell.number}": cell.text for cell in self.cells}

    def forget(self) -> None:
        """Lets go of the tree, which is many times larger than the text; a failure stays known."""
        if isinstance(self.known.get("tree"), ast.Module):
            self.known.pop("tree")
            self.known.pop("outline", None)

    def span(self, node: ast.AST) -> Span:
        """The span of an expression, a statement or another parsed node with a position."""
        line, column, end, end_column = POSITION(node)
        return Span(self.point(line, column), self.point(end, end_column))

    def point(self, line: int, column: int) -> Point:
        """The point at a line from 1 and a column in UTF-8 bytes from 0, as `ast` counts them."""
        if self.text.isascii():
            return Point(line, column + 1)
        lines = self.lines
        if 0 < line <= len(lines) and not (text := lines[line - 1]).isascii():
            column = len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "ignore"))
        return Point(line, column + 1)

    def utf16(self, point: Point) -> tuple[int, int]:
        """A point as editors count it: line from 0, and column from 0 in UTF-16 code units."""
        return self.position(point, "utf-16")

    def position(self, point: Point, encoding: str) -> tuple[int, int]:
        """A point with line and column from 0, the column in units of `encoding`: utf-8, utf-16 or utf-32."""
        line = point.line - 1
        before = self.lines[line][: point.column - 1] if line < len(self.lines) else ""
        if before.isascii() or encoding == "utf-32":
            return line, point.column - 1
        return line, units(before, encoding)

    def point_at(self, line: int, column: int, encoding: str) -> Point:
        """The point at a line and a column from 0, in units of `encoding`. A column inside a character is its start,
        one beyond the line its end."""
        text = self.lines[line] if line < len(self.lines) else ""
        if text.isascii() or encoding == "utf-32":
            return Point(line + 1, min(column, len(text)) + 1)
        for index, character in enumerate(text):
            column -= units(character, encoding)
            if column < 0:
                return Point(line + 1, index + 1)
        return Point(line + 1, len(text) + 1)

    @property
    def skipped(self) -> bool:
        """Whether a comment asks for the whole file to be left alone."""
        return "skip-file" in self.text and any(SKIP_FILE.match(text) for text, _ in self.comments())

    def suppressions(self) -> tuple[Suppression, ...]:
        """The comments that silence findings."""
        found = self.known.get("suppressions")
        if not isinstance(found, tuple):
            found = tuple(s for text, span in self.comments() if (s := suppression(text, span)) is not None)
            self.known["suppressions"] = found
        return found

    def silences(self, code: str, span: Span) -> bool:
        """Whether a comment on the first or the last line of a finding silences it."""
        ends = (span.start.line, span.end.line)
        if not any(MARKED.search(self.lines[line - 1]) for line in ends if line <= len(self.lines)):
            return False  # before tokenizing, for `noqa` is common
        return any(one.covers(code, span) for one in self.suppressions())

    def comments(self) -> list[tuple[str, Span]]:
        """The comments that may be for us; the text is tokenized only where it holds something like one."""
        if not MARKED.search(self.text):
            return []
        import io
        import tokenize

        found = []
        try:
            for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
                if token.type == tokenize.COMMENT and MARKED.search(token.string):
                    (line, start), (_, end) = token.start, token.end
                    found.append((token.string, Span(Point(line, start + 1), Point(line, end + 1))))
        except (tokenize.TokenError, SyntaxError):
            pass  # the comments before the error count
        return found


def units(text: str, encoding: str) -> int:
    """The length of a text in units of utf-8 or utf-16."""
    if encoding == "utf-8":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_notebook(path: str) -> bool:
    return path.endswith(".ipynb")


def mentions_framework(data: bytes) -> bool:
    """Whether a file may be model code: it names a framework, in any encoding that spells ASCII in bytes or UTF-16."""
    if any(name in data for name in FRAMEWORKS):
        return True
    return b"\0" in data and any(name in data.replace(b"\0", b"") for name in FRAMEWORKS)


def read_bytes(path: str, shown: str) -> bytes | Trouble:
    """The bytes of a regular file, at most one more than are read of such a file.

    Raises FileNotFoundError and NotADirectoryError, for the caller knows whether that matters.
    """
    try:
        data = disk.read(path, (MAX_NOTEBOOK_BYTES if is_notebook(path) else MAX_BYTES) + 1)
        if data is None:
            return Trouble(shown, 1, "not a regular file; to lint a stream, pipe it into `initlint -`")
        return data  # noqa: TRY300 - the last of what is tried
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        return Trouble(shown, 1, f"cannot be read: {(error.strerror or str(error)).lower()}")
    except ValueError as error:  # a path with a NUL character
        return Trouble(shown, 1, f"cannot be read: {error}")


def read_source(path: str, shown: str | None = None) -> Source | Trouble:
    """The file as a `Source`, or why it can't be one. `shown` is its path as reports show it.

    Raises FileNotFoundError and NotADirectoryError.
    """
    shown = path if shown is None else shown
    data = read_bytes(path, shown)
    return data if isinstance(data, Trouble) else decode(data, shown)


def decode(data: bytes, path: str) -> Source | Trouble:
    """Bytes as Python would decode them: a byte-order mark, else the PEP 263 comment, else UTF-8."""
    if len(data) > MAX_BYTES:
        return Trouble(path, 1, f"larger than {MAX_BYTES / 1e6:g} MB, so it is not read; exclude it or split it")
    bom = data.startswith(codecs.BOM_UTF8)
    encoding = declared_encoding(data) or "utf-8"
    if bom and encoding != "utf-8":
        return Trouble(path, 1, f"a UTF-8 byte-order mark, yet the encoding is declared as {encoding}")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Trouble(path, 1, "encoded in UTF-16, which Python does not read; save it as UTF-8")
    try:
        if not spells_ascii(encoding):
            return Trouble(path, 1, f"the declared encoding {encoding} is not supported; save it as UTF-8")
        return Source.of(path, data[3:].decode(encoding) if bom else data.decode(encoding), encoding, bom=bom)
    except LookupError:
        return Trouble(path, 1, f"the declared encoding {encoding} is unknown")
    except UnicodeDecodeError as error:
        line = 1 + len(re.findall(rb"\r\n|\r|\n", data[: error.start]))
        what = f"byte 0x{data[error.start]:02x} is not {encoding}"
        return Trouble(path, line, f"{what}; save it as UTF-8, or declare its encoding in the first line")
    except ValueError as error:  # a codec with errors of its own
        return Trouble(path, 1, one_line(f"cannot be decoded as {encoding}: {error}"))


def declared_encoding(data: bytes) -> str | None:
    """The encoding that one of the first two lines declares, under Python's name for it."""
    for line in data[:1000].removeprefix(codecs.BOM_UTF8).splitlines()[:2]:
        found = COOKIE.match(line)
        if found:
            name = found[1].decode("ascii").lower().replace("_", "-")
            return "utf-8" if name == "utf8" or name.startswith("utf-8") else name
        if line.split(b"#")[0].strip():
            break  # code: a declaration in the line after it would not count
    return None


def spells_ascii(encoding: str) -> bool:
    """Whether ASCII characters are themselves in this encoding. Raises LookupError for an unknown one."""
    sample = bytes(range(32, 127))
    try:
        return encoding == "utf-8" or sample.decode(encoding) == sample.decode("ascii")
    except (UnicodeError, ValueError):
        return False


def parse(path: str, text: str, *, awaits: bool = False) -> ast.Module | Trouble:
    """The syntax tree of a whole file, without the warnings that Python would print.

    `awaits` allows `await` outside functions, as notebooks do.
    """
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        return Trouble(path, line, "a NUL character, which Python does not allow")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            flags = ast.PyCF_ONLY_AST | (ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if awaits else 0)
            name = path.encode("utf-8", "replace").decode()
            tree = compile(text, name, "exec", flags, dont_inherit=True)
            assert isinstance(tree, ast.Module)
            return tree
    except SyntaxError as error:  # and IndentationError, TabError
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        reason = one_line(error.msg or "invalid syntax")
        lines = text.count("\n") + 1
        line, column = min(max(error.lineno or 1, 1), lines), max(error.offset or 1, 1)
        return Trouble(path, line, f"not valid in Python {version}, which initlint runs on: {reason}", column)
    except (RecursionError, MemoryError):
        return Trouble(path, 1, "nested too deeply for Python's parser")
    except ValueError as error:  # lone surrogates, integers of too many digits
        return Trouble(path, 1, one_line(f"cannot be parsed: {error}"))


def one_line(text: str) -> str:
    """Text without line breaks and other control characters, at most 200 characters."""
    flat = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in flat)[:200]


def suppression(comment: str, span: Span) -> Suppression | None:
    codes = silenced(comment)
    return Suppression(span, codes, ours=IGNORE.search(comment) is not None) if codes else None


def silenced(comment: str) -> tuple[str, ...]:
    """The prefixes of the codes that one comment silences."""
    codes: list[str] = []
    for found in IGNORE.finditer(comment):
        if found[2] is None:
            return EVERYTHING
        codes += found[2].replace(",", " ").upper().split()
    for found in NOQA.finditer(comment):
        if found[1]:
            codes += found[1].replace(",", " ").upper().split()
        elif not found[2]:  # a colon without codes after it is a mistake, not a blanket
            return EVERYTHING
    return tuple(codes)
