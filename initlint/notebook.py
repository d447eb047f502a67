"""Jupyter notebooks: their code cells as one program, and new text written back into the file's own JSON.

Lines that are no Python (magics, shell, help) are replaced by Python of as many lines, so that a line of the program
is a line of a cell. What is written back leaves everything but the changed lines as it was, to the byte.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from initlint.source import MAX_NOTEBOOK_BYTES, Cell, Source, Trouble, one_line, parse

PYTHON: Final = frozenset({"python", "python3", "ipython", "ipython3"})
PYTHON_CELLS: Final = frozenset({"capture", "debug", "prun", "pypy", "python", "python3", "time", "timeit"})
RAW: Final = "raw"  # the notebook's own text, among what a source knows
UNKNOWN: Final = "get_ipython()"  # what a magic gives back is nothing that we know
HELP: Final = re.compile(r"\?{1,2}\s*[\w.*%]+|[\w.*%]+\s*\?{1,2}")
ASSIGNED: Final = re.compile(r"(\s*[\w.,\[\]\s*'\"]+=\s*)[%!]")
# Magics that IPython takes without a sign, where no variable has their name.
AUTOMAGIC: Final = re.compile(
    r"\s*(?:cat|cd|conda|cp|env|ls|mamba|man|mkdir|more|mv|pip|rm|rmdir|uv|who|whos)\s+[^\s=(\[,:].*"
)
# In the order in which they have to be tried: comments, long strings, short strings, brackets.
LEXEME: Final = re.compile(
    r"#.*|(?P<long>\"\"\"|''')|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|(?P<open>[(\[{])|(?P<close>[)\]}])"
)
TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]', re.DOTALL)
# One character of a JSON string as it is written.
WRITTEN: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)


def rows(read: Source) -> Iterator[tuple[str, tuple[int, ...]]]:
    """For each cell the lines of the file that its lines are written on."""
    raw = read.known.get(RAW)
    written = file_lines(raw) if isinstance(raw, str) else {}
    for cell in read.cells:
        yield f"{read.path}:cell {cell.number}", written.get(cell.number, ())


def decode(data: bytes, path: str) -> Source | Trouble:
    """The code cells as one source, or why there is none. A notebook of another language has no code for us."""
    if len(data) > MAX_NOTEBOOK_BYTES:
        return Trouble(
            path, 1, f"larger than {MAX_NOTEBOOK_BYTES / 1e6:g} MB, so it is not read; clear its outputs or exclude it"
        )
    try:
        raw = data.decode("utf-8-sig")
        document: Any = json.loads(raw)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Trouble(path, line, f"not a notebook: byte 0x{data[error.start]:02x} is not UTF-8")
    except json.JSONDecodeError as error:
        reason = one_line(f"not a notebook: not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}")
        return Trouble(path, error.lineno, reason, error.colno)
    except RecursionError:
        return Trouble(path, 1, "not a notebook: nested too deeply")
    except ValueError as error:  # integers of too many digits
        return Trouble(path, 1, one_line(f"not a notebook: {error}"))
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        if isinstance(document, dict) and "worksheets" in document:
            return Trouble(path, 1, "a notebook of format 3; `jupyter nbconvert --to notebook` makes it one of today's")
        return Trouble(path, 1, "not a notebook: it has no list of cells")
    read = source_of(path, code_cells(document))
    read.known[RAW] = raw
    return read


def source_of(path: str, texts: Iterable[tuple[int, str]]) -> Source:
    """The program of some cells, given by their numbers and their texts."""
    cells, program, line = [], [], 1
    for number, text in texts:
        python = python_of(text)
        cells.append(Cell(number, line, text, indent_of(text)))
        program.append(python)
        line += python.count("\n") + 1
    return Source(path, "\n".join(program), cells=tuple(cells))


def code_cells(document: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """The text of each Python cell, with its number among all cells, from 1."""
    if not is_python(document.get("metadata")):
        return
    for number, cell in enumerate(document["cells"], start=1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        language = member(member(cell.get("metadata"), "vscode"), "languageId")
        text = cell.get("source")
        if isinstance(text, list) and all(isinstance(part, str) for part in text):
            text = "".join(text)
        if isinstance(text, str) and (language is None or language in PYTHON):
            yield number, text


def is_python(metadata: object) -> bool:
    """Whether a notebook is in Python, as it is where it does not say."""
    told = (member(member(metadata, "kernelspec"), "language"), member(member(metadata, "language_info"), "name"))
    return all(language in PYTHON for language in map(lowered, told) if language)


def member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def lowered(value: object) -> str:
    return value.lower() if isinstance(value, str) else ""


def python_of(text: str) -> str:
    """A cell as Python of as many lines. IPython lets it be indented as a whole."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    indent = indent_of(text)
    if indent:
        lines = [line.removeprefix(indent) for line in lines]
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    magic = re.match(r"\s*%%(\w*)", lines[first])
    if magic is not None:
        if magic[1] not in PYTHON_CELLS:
            return "\n" * (len(lines) - 1)
        lines[first] = ""
    if any(is_suspect(line) for line in lines) and not isinstance(parse("", "\n".join(lines), awaits=True), ast.Module):
        lines = list(without_magics(lines))
    return "\n".join(lines)


def indent_of(text: str) -> str:
    """What the first line of a cell begins with, empty lines aside."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    return first[: len(first) - len(first.lstrip())]


def is_suspect(line: str) -> bool:
    start = line.lstrip()
    signed = start.startswith(("%", "!", "?")) or start.rstrip().endswith("?") or ASSIGNED.match(line) is not None
    return signed or AUTOMAGIC.fullmatch(line) is not None


def without_magics(lines: Sequence[str]) -> Iterator[str]:
    """The lines of a cell, with Python in place of what only IPython understands."""
    depth, quote, continued, in_magic = 0, "", False, False
    for line in lines:
        if in_magic:
            in_magic = line.rstrip().endswith("\\")
            yield ""
            continue
        plain = not depth and not quote and not continued
        replaced = replacement(line) if plain else None
        if replaced is not None:
            in_magic = line.rstrip().endswith("\\")
            yield replaced
            continue
        depth, quote = after(line, depth, quote)
        continued = not quote and line.endswith("\\")
        yield line


def replacement(line: str) -> str | None:
    """What stands for a line that begins a statement of IPython's; None where it is Python's."""
    start = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    if start.startswith(("%", "!")) or HELP.fullmatch(start) or is_automagic(line):
        return f"{indent}pass"
    assigned = ASSIGNED.match(line)
    return f"{assigned[1]}{UNKNOWN}" if assigned else None


def is_automagic(line: str) -> bool:
    """Whether a line is a magic without its sign: its name and words that make no Python."""
    return AUTOMAGIC.fullmatch(line) is not None and not isinstance(parse("", line.strip()), ast.Module)


def after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets are open after a line, and which long string."""
    position = 0
    while position < len(line):
        if quote:
            end = line.find(quote, position)
            while end > 0 and (len(line[:end]) - len(line[:end].rstrip("\\"))) % 2:
                end = line.find(quote, end + 1)
            if end < 0:
                return depth, quote
            position, quote = end + 3, ""
            continue
        found = LEXEME.search(line, position)
        if found is None:
            break
        position = found.end()
        quote = found["long"] or ""
        depth = max(0, depth + bool(found["open"]) - bool(found["close"]))
    return depth, quote


@dataclass(frozen=True, slots=True)
class Text:
    """Where the strings of one cell's source stand in the file, with their quotes; whether they are in a list."""

    strings: tuple[tuple[int, int], ...]
    listed: bool


def texts(raw: str) -> dict[int, Text]:
    """Where the source of each cell stands in a notebook's JSON, by the cells' numbers, from 1."""
    found: dict[int, Text] = {}
    path: list[str | int] = []  # the key or the index in each container that is open
    is_key = False
    for token in TOKEN.finditer(raw):
        text = token[0]
        if text == "{":
            path.append("")
            is_key = True
        elif text == "[":
            path.append(0)
            is_key = False
        elif text in {"}", "]"}:
            path.pop()
            is_key = False
        elif text == ",":
            last = path[-1]
            is_key = isinstance(last, str)
            if isinstance(last, int):
                path[-1] = last + 1
        elif text == ":":
            is_key = False
        elif is_key:
            path[-1] = json.loads(text)
        elif len(path) in {3, 4} and path[0] == "cells" and isinstance(path[1], int) and path[2] == "source":
            number, listed = path[1] + 1, len(path) == 4
            before = found[number].strings if listed and path[3] != 0 and number in found else ()
            found[number] = Text((*before, token.span()), listed)
    return found


def misplaced(read: Source, trouble: Trouble) -> Trouble:
    """Why the program can't be parsed, placed in a cell: the first that can't be parsed by itself."""
    for cell in read.cells:
        alone = parse(read.path, python_of(cell.text), awaits=True)
        if isinstance(alone, Trouble):
            return replace(alone, column=alone.column + cell.shifted(alone.line), cell=cell.number)
    here = read.cell(trouble.line)
    if here is None:
        return trouble
    line = trouble.line - here.line + 1
    return replace(trouble, line=line, column=trouble.column + here.shifted(line), cell=here.number)


def file_lines(raw: str) -> dict[int, tuple[int, ...]]:
    """For each cell the line of the file, from 1, on which each of its lines is written."""
    found: dict[int, tuple[int, ...]] = {}
    at = above = 0
    for number, text in sorted(texts(raw).items(), key=lambda pair: pair[1].strings[0]):
        lines: list[int] = []
        begins = True  # whether the next string begins a line of the cell
        for start, end in text.strings:
            above += raw.count("\n", at, start)
            at = start
            *ended, rest = re.split(r"\r\n|\r|\n", json.loads(raw[start:end]))
            lines += [above + 1] * (len(ended) + bool(rest) - (not begins))
            begins = not rest if ended else begins and not rest
        found[number] = (*lines, above + 1) if begins else tuple(lines)
    return found


def rewritten(raw: str, changed: Mapping[int, str]) -> str:
    """The file with new text in some cells. All but the changed lines stays as it was, to the byte."""
    ascii_only = raw.isascii() and "\\u" in raw
    pieces, at = [], 0
    for number, text in sorted(texts(raw).items(), key=lambda pair: pair[1].strings[0]):
        if number in changed:
            begin, end = text.strings[0][0], text.strings[-1][1]
            whole = (
                listed(raw, text, changed[number], ascii_only)
                if text.listed
                else single(raw, text, changed[number], ascii_only)
            )
            pieces += [raw[at:begin], whole]
            at = end
    return "".join(pieces) + raw[at:]


def listed(raw: str, text: Text, new: str, ascii_only: bool) -> str:
    """The strings of a list, those of unchanged lines as they were written."""
    written = [raw[start:end] for start, end in text.strings]
    old = [json.loads(one) for one in written]
    lines = re.findall(r"[^\n]*\n|[^\n]+", new) or [""]
    before = common(old, lines)
    behind = common(old[before:][::-1], lines[before:][::-1])
    middle = [json.dumps(line, ensure_ascii=ascii_only) for line in lines[before : len(lines) - behind]]
    kept = [*written[:before], *middle, *written[len(written) - behind :]]
    start = text.strings[0][0]
    between = (
        raw[text.strings[0][1] : text.strings[1][0]] if len(text.strings) > 1 else f",{raw[blank(raw, start) : start]}"
    )
    return between.join(kept)


def blank(raw: str, end: int) -> int:
    """Where the white space before a position begins."""
    while end > 0 and raw[end - 1] in " \t\r\n":
        end -= 1
    return end


def single(raw: str, text: Text, new: str, ascii_only: bool) -> str:
    """A string, with what surrounds the change as it was written."""
    start, end = text.strings[0]
    characters = WRITTEN.findall(raw, start + 1, end - 1)
    old = json.loads(raw[start:end])
    before = common(old, new)
    behind = common(old[before:][::-1], new[before:][::-1])
    middle = json.dumps(new[before : len(new) - behind], ensure_ascii=ascii_only)[1:-1]
    return f'"{"".join(characters[:before])}{middle}{"".join(characters[len(characters) - behind :])}"'


def common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many items two sequences begin with alike."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
