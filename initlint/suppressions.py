"""Comments of ours that silence nothing, so that those that stand in the code stay true.

Nothing is said of a `noqa`, which other linters share, of rules that are not selected, nor of lines on which the
analysis ended unknown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from initlint.config import UNUSED, Selection, unknown_code
from initlint.findings import Match
from initlint.source import IGNORE, Place, Point, Source, Span, Suppression

if TYPE_CHECKING:
    from initlint.graph import Model
    from initlint.rulebook import Rule

COMMENT: Final = re.compile(r"#\s*initlint:\s*([\w-]*)")
WORDS: Final = ("ignore", "expect", "skip-file")
CODE: Final = re.compile(r"[^\s,]+")


def idle(
    sources: Iterable[Source],
    models: Sequence[Model],
    silenced: Iterable[Match],
    table: Mapping[str, Rule],
    selection: Selection,
) -> Iterator[Match]:
    """A match for each comment, or each code of one, that silences nothing; a whole comment can be taken out."""
    rule = table.get(UNUSED)
    commented = [one for one in sources if "initlint:" in one.text and UNUSED in selection.of(one.path)]
    if rule is None or not commented:
        return
    from initlint.certainty import certain_lines

    certain = certain_lines(models)
    names = {code: one.name for code, one in table.items()}
    for source in commented:
        here = [match for match in silenced if match.place.file == source.path]
        for span, message, whole in unused(source, here, selection.of(source.path), names, certain):
            facts = (("remedy", rule.remedy),) if whole else ()
            yield Match(rule.code, Place(source.path, span), message, rule.severity, facts=facts)


def unused(
    source: Source,
    silenced: Collection[Match],
    selected: Collection[str],
    names: Mapping[str, str],
    certain: Collection[tuple[str, int]],
) -> Iterator[tuple[Span, str, bool]]:
    """What is wrong with the comments of a source, where, and whether that is a whole comment.

    `silenced` are its matches that comments silence, `selected` the codes that are on there, `names` the rules, and
    `certain` the lines on which all is known.
    """
    for text, span in source.comments():
        yield from unknown_words(text, span)
    off = set(names) - set(selected)
    for one in source.suppressions():
        if not one.ours:
            continue
        covered = {match.code for match in silenced if one.covers(match.code, match.place.span)}
        yield from unused_codes(source, one, covered, off, names, known=(source.path, one.span.start.line) in certain)


def unknown_words(text: str, span: Span) -> Iterator[tuple[Span, str, bool]]:
    """A comment that begins like ours and goes on in a way that means nothing."""
    for found in COMMENT.finditer(text):
        if found[1] not in WORDS:
            import difflib

            near = difflib.get_close_matches(found[1], WORDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(WORDS)}"
            yield part(span, found.start(1), found.end(1)), f"`initlint: {found[1]}` means nothing; {hint}", False


def unused_codes(
    source: Source,
    one: Suppression,
    covered: Collection[str],
    off: Collection[str],
    names: Mapping[str, str],
    *,
    known: bool,
) -> Iterator[tuple[Span, str, bool]]:
    """The codes of one comment that nothing is silenced by; one finding where that holds for all of them."""
    idle: list[tuple[Span, str, str]] = []
    codes = list(named(source, one))
    for code, word, span in codes:
        if not any(name.startswith(code) for name in names):
            yield span, unknown_code(code, names), False
        elif known and not any(name.startswith(code) for name in {*covered, *off}):
            idle.append((span, code, word))
    whole = not codes and known and not covered and not off
    if whole or (idle and len(idle) == len(codes)):
        expects = codes and all(word == "expect" for _, word, _ in codes)
        told = " and ".join(code for code, _, _ in codes)
        verb = "is" if len(codes) == 1 else "are"
        message = f"{told} {verb} expected here and not found" if expects else "this comment silences nothing"
        yield one.span, message, True
    else:
        for span, code, word in idle:
            message = "is expected here and not found" if word == "expect" else "silences nothing here"
            yield span, f"{code} {message}", False


def named(source: Source, one: Suppression) -> Iterator[tuple[str, str, Span]]:
    """Each code of a comment of ours, the word before it, and where it stands. None where it is for every rule."""
    line = source.lines[one.span.start.line - 1]
    comment = line[one.span.start.column - 1 : one.span.end.column - 1]
    for found in IGNORE.finditer(comment):
        for code in CODE.finditer(found[2] or ""):
            begin = found.start(2)
            yield code[0].upper(), found[1], part(one.span, begin + code.start(), begin + code.end())


def part(span: Span, start: int, end: int) -> Span:
    """A part of a span on one line, from and to a character of it."""
    line, column = span.start.line, span.start.column
    return Span(Point(line, column + start), Point(line, column + end))
