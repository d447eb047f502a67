"""The comment that silences a finding on its line."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field

from initlint.findings import TextEdit
from initlint.source import Point, Source, Span

LIST = re.compile(r"#\s*initlint:\s*ignore\s*\[([^\]]*)\]")  # to which a code can be added
MULTILINE = frozenset({"STRING", "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END", "TSTRING_START", "TSTRING_MIDDLE"})


@dataclass(slots=True)
class Lines:
    """Which comment ends a line (its text and its first column, from 0), and which lines can't have one."""

    comments: dict[int, tuple[str, int]] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)


def suppression(source: Source, span: Span, code: str) -> TextEdit | None:
    """The edit that adds `# initlint: ignore[code]`, on the last line of the finding or else on its first; None where
    neither can have a comment (a backslash or a string goes on over their ends)."""
    lines = lines_of(source)
    for line in (span.end.line, span.start.line):
        text = source.lines[line - 1] if line <= len(source.lines) else ""
        if line in lines.closed or (line not in lines.comments and text.rstrip().endswith("\\")):
            continue
        comment, start = lines.comments.get(line, ("", 0))
        known = LIST.search(comment)
        if known is not None:
            at = Point(line, start + known.end(1) + 1)
            return TextEdit(Span(at, at), f", {code}" if known[1].strip() else code)
        end = Point(line, len(text) + 1)
        start_of_space = Point(line, len(text.rstrip()) + 1)
        return TextEdit(Span(start_of_space, end), f"  # initlint: ignore[{code}]")
    return None


def lines_of(source: Source) -> Lines:
    found = Lines()
    opened = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            name = tokenize.tok_name[token.type]
            if name == "COMMENT":
                found.comments[token.start[0]] = (token.string, token.start[1])
            elif name in MULTILINE:
                opened = token.start[0] if name.endswith("_START") else opened
                first = opened if name.endswith("_END") else token.start[0]
                found.closed.update(range(first, token.end[0]))
    except (tokenize.TokenError, SyntaxError):
        pass  # what comes before the error is known
    return found
