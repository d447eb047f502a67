"""The lines of source that a finding is about, with what it means underlined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from initlint.report._lines import Line, columns, shown
from initlint.source import Span

TAB = 4
MAX_WIDTH = 160
MAX_LINES = 8
CUT = "..."


def excerpt(lines: Sequence[str], span: Span, severity: str, gutter: int, width: int) -> Iterator[Line]:
    """The lines of the span, numbered, one line around it, and marks under or beside it.

    `gutter` is the width of the line numbers, `width` that of the source; `severity` is the
    style of the marks.
    """
    first, last = span.start.line, max(span.start.line, min(span.end.line, len(lines)))
    if not 1 <= first <= len(lines):
        return
    blank = [("gutter", " " * gutter + " |")]
    yield list(blank)
    several = last > first
    width = min(width, MAX_WIDTH)
    skip = cut_before(lines[first - 1], span.start.column - 1, width)
    mark = "  " if several else ""
    for number in numbers(first, last, len(lines)):
        if number is None:
            yield [("gutter", " " * gutter + " | "), (severity, "| "), ("dim", CUT)]
            continue
        text = lines[number - 1]
        if not first <= number <= last:
            if text.strip():
                yield numbered(number, gutter, mark, severity, clipped(text, skip, width))
            continue
        beside = mark if not several else "/ " if number == first else "| "
        yield numbered(number, gutter, beside, severity, clipped(text, skip, width))
        if not several:
            start = span.start.column - 1
            end = span.end.column - 1 if span.end.line == first else len(text)
            yield [*blank, ("", " "), (severity, underline(text, skip, start, max(end, start + 1), width))]
        elif number == last:
            end = max(1, columns(clipped(text[: span.end.column - 1], skip, width)))
            yield [*blank, ("", " "), (severity, "|" + "_" * end + "^")]


def numbers(first: int, last: int, count: int) -> Iterator[int | None]:
    """The line numbers to show; None where some are left out."""
    if first > 1:
        yield first - 1
    if last - first < MAX_LINES:
        yield from range(first, last + 1)
    else:
        yield from range(first, first + MAX_LINES - 3)
        yield None
        yield from (last - 1, last)
    if last < count:
        yield last + 1


def numbered(number: int, gutter: int, beside: str, severity: str, text: str) -> Line:
    return [("gutter", f"{number:{gutter}} |"), ("", " "), (severity, beside), ("source", text)]


def cut_before(text: str, start: int, width: int) -> int:
    """How many characters to leave out at the beginning, so that a long line shows the column `start`."""
    return max(0, start - width // 3) if len(text) > width and start > width // 2 else 0


def clipped(text: str, skip: int, width: int) -> str:
    """A line as it is printed, without what does not fit."""
    piece = CUT + text[skip + len(CUT) :] if skip else text
    if len(piece) > width:
        piece = piece[: width - len(CUT)] + CUT
    return shown(piece.expandtabs(TAB)).rstrip()


def underline(text: str, skip: int, start: int, end: int, width: int) -> str:
    before = columns(shown(text[skip:start].expandtabs(TAB)))
    inside = columns(shown(text[skip:end].expandtabs(TAB))) - before
    return " " * before + "^" * max(1, min(inside, width - before))
