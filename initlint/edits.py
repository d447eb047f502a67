"""Text edits: the smallest that turn one text into another, applied without touching anything else.

Positions are lines and columns in code points, so that edits planned on a normalized text fit the file as it is,
whatever its lines end in.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeAlias

from initlint.findings import Fix, TextEdit
from initlint.source import LINE_END, Point, Span

WORD = re.compile(r"\w+")

Edits: TypeAlias = tuple[TextEdit, ...]


class Unfit(Exception):
    """A fix does not fit the code; the message says why, for the finding."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A text with fixes in it: those that were taken, and those that have to wait for the next pass."""

    text: str
    taken: tuple[Fix, ...]
    waiting: tuple[Fix, ...]


def apply(text: str, fixes: Iterable[Fix]) -> Applied:
    r"""The text, whose lines may end in `\n`, `\r\n` or `\r`, with all fixes that do not get in each other's way.

    A fix is taken whole or not at all. Of two that overlap, or that insert different things at one point, the first
    in the file is taken. Fixes that fit each by itself may still not fit together (two removals that leave a block
    empty): where the result is no Python but the text was, they are taken one by one, as far as it stays valid.
    """
    ordered = sorted((one for one in dict.fromkeys(fixes) if one.edits), key=_first)
    taken, edits = _compatible(ordered)
    result = splice(text, edits)
    if len(taken) > 1 and valid(text) and not valid(result):
        taken, edits, result = [], [], text
        for one in ordered:
            together = [*edits, *(edit for edit in one.edits if edit not in edits)]
            if not _clash(one.edits, edits) and valid(trial := splice(text, together)):
                taken, edits, result = [*taken, one], together, trial
    return Applied(result, tuple(taken), tuple(one for one in ordered if one not in taken))


def _first(one: Fix) -> tuple[Span, str]:
    return min(edit.span for edit in one.edits), one.title


def _compatible(ordered: Sequence[Fix]) -> tuple[list[Fix], list[TextEdit]]:
    taken: list[Fix] = []
    edits: list[TextEdit] = []
    for one in ordered:
        if not _clash(one.edits, edits):
            taken.append(one)
            edits += [edit for edit in one.edits if edit not in edits]
    return taken, edits


def _clash(new: Iterable[TextEdit], old: Sequence[TextEdit]) -> bool:
    """Whether a new edit overlaps an old one. Two equal edits are one: both fixes need the same import."""
    return any(edit != other and overlap(edit.span, other.span) for edit in new for other in old)


def overlap(a: Span, b: Span) -> bool:
    """Whether two spans have something in common; two insertions at one point do, and one inside of a span."""
    if a == b:
        return True
    return a.start < b.end and b.start < a.end


def valid(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def splice(text: str, edits: Iterable[TextEdit]) -> str:
    """The text with the edits made, which must not overlap. Inserted lines end as the line does where they start."""
    starts, ends = _lines(text)
    parts, done = [], 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        start, end = (_offset(text, starts, point) for point in (edit.span.start, edit.span.end))
        newline = _newline(ends, edit.span.start.line)
        parts += [text[done:start], edit.text.replace("\n", newline)]
        done = end
    return "".join([*parts, text[done:]])


def _lines(text: str) -> tuple[list[int], list[str]]:
    """Where each line starts, and what it ends in."""
    starts, ends = [0], []
    for found in LINE_END.finditer(text):
        starts.append(found.end())
        ends.append(found[0])
    return starts, ends


def _offset(text: str, starts: Sequence[int], point: Point) -> int:
    if point.line > len(starts):
        return len(text)
    return starts[point.line - 1] + point.column - 1


def _newline(ends: Sequence[str], line: int) -> str:
    return ends[min(line, len(ends)) - 1] if ends else "\n"


def differences(old: str, new: str, start: Point) -> Edits:
    r"""The smallest edits, in whole words, that turn `old`, which begins at `start`, into `new`. Lines end in `\n`."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if "\f" in old or len(before) != old.count("\n") + (not old.endswith("\n") and bool(old)):
        before, after = _keeping(old), _keeping(new)  # characters that Python takes for line ends and files do not
    found = []
    for tag, i, j, k, l in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        prefix = "".join(before[:i])
        if tag == "replace" and j - i == l - k:  # line by line, so that what stays between is not touched
            for offset in range(j - i):
                edit = _trimmed(before[i + offset], after[k + offset], moved_by("".join(before[: i + offset]), start))
                found += [edit] if edit else []
        else:
            edit = _trimmed("".join(before[i:j]), "".join(after[k:l]), moved_by(prefix, start))
            found += [edit] if edit else []
    return tuple(found)


def _keeping(text: str) -> list[str]:
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _trimmed(old: str, new: str, start: Point) -> TextEdit | None:
    """The edit without what both texts begin and end with, in whole words."""
    if old == new:
        return None
    limit = min(len(old), len(new))
    head = next((i for i in range(limit) if old[i] != new[i]), limit)
    tail = next((i for i in range(limit - head) if old[-1 - i] != new[-1 - i]), limit - head)
    while head and _inside_word(old, head) | _inside_word(new, head):
        head -= 1
    while tail and _inside_word(old, len(old) - tail) | _inside_word(new, len(new) - tail):
        tail -= 1
    changed = old[head : len(old) - tail]
    first = moved_by(old[:head], start)
    return TextEdit(Span(first, moved_by(changed, first)), new[head : len(new) - tail])


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and WORD.fullmatch(text[at - 1 : at + 1]) is not None


def moved_by(text: str, start: Point) -> Point:
    """The point where text that begins at `start` ends."""
    lines = text.count("\n")
    if not lines:
        return Point(start.line, start.column + len(text))
    return Point(start.line + lines, len(text) - text.rindex("\n"))


def moved(point: Point, edits: Iterable[TextEdit]) -> Point:
    """Where a point of the text stands once the edits are made; inside of an edit, at its start."""
    line, column = point.line, point.column
    own = line  # the line of the old text that the point's columns count from; 0 where that is a new one
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        start, end = edit.span.start, edit.span.end
        if start > point or (start == point != end):
            continue
        if end > point:
            point, line, column, own = start, start.line, start.column, start.line
            continue
        now = moved_by(edit.text, start)
        if own == end.line:
            column += now.column - end.column
            own = 0 if "\n" in edit.text else start.line
        line += now.line - end.line
    return Point(line, column)


def edits_of(fixes: Iterable[Fix]) -> Iterator[TextEdit]:
    """The edits of fixes that are applied together, each once."""
    yield from dict.fromkeys(edit for one in fixes for edit in one.edits)
