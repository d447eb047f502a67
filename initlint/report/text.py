"""Findings as text: place, severity and rule, message, the source with the spot underlined, notes, a summary."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from initlint.findings import Declined, Finding, Fix, Report, Signal, Site
from initlint.report._excerpt import excerpt
from initlint.report._excess import by_severity, notice, worded
from initlint.report._lines import Line, counted, plain, shown

MAX_LAYERS = 6
UNBOUNDED = 100_000
READABLE = 110
NOTABLE = 1.2  # factor by which a single draw of the weights is off, from which on it is told
WILD = 100


def render(report: Report) -> str:
    return plain(layout(report))


def layout(report: Report, width: int = UNBOUNDED, *, closing: bool = True) -> Iterator[Line]:
    """The lines of a report, styled; `width` is that of the terminal, `closing` asks for the summary."""
    texts = {document: text.split("\n") for document, text in report.sources}
    for one in report.findings:
        yield from finding(one, texts, width)
        yield []
    if closing:
        yield from summary(report)


def finding(one: Finding, texts: dict[str, list[str]], width: int) -> Iterator[Line]:
    severity, start = str(one.severity), one.place.span.start
    yield [
        ("path", f"{shown(one.place.document)}:{start.line}:{start.column}"),
        ("dim", ": "),
        (severity, severity),
        ("dim", ": "),
        ("code", one.code),
        ("name", f" {one.name}"),
    ]
    for text in wrapped(shown(one.message), width if width == UNBOUNDED else min(width - 2, READABLE)):
        yield [("message", f"  {text}")]
    lines = texts.get(one.place.document, [])
    gutter = len(str(min(one.place.span.end.line + 1, max(len(lines), 1)))) + 2
    yield from excerpt(lines, one.place.span, severity, gutter, width - gutter - 5)
    found = list(notes(one, texts))
    if found and lines:
        yield [("gutter", " " * gutter + " |")]
    for label, text in found:
        head, *rest = wrapped(text, width - gutter - len(label) - 5) or [""]
        yield [("gutter", " " * gutter + " = "), ("label", f"{label}: "), ("", head)]
        for more in rest:
            yield [("", " " * (gutter + len(label) + 5) + more)]


def wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False)


def notes(one: Finding, texts: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """What belongs to a finding beside its message: label and text."""
    if one.layers:
        told = [f"{shown(layer.name)} ({position(layer, one)})" for layer in one.layers[:MAX_LAYERS]]
        more = len(one.layers) - len(told)
        tail = f" and {more} more" if more else ""
        yield ("layers" if len(one.layers) > 1 else "layer", ", ".join(told) + tail)
    for other in one.related:
        where = position(other, one)
        name = f" {shown(other.name)}" if other.name else ""
        line = source_line(other, texts)
        yield (shown(other.note) or "related", f"{where}{name}{f': {line}' if line else ''}")
    if one.evidence is not None and one.evidence.before is not None:
        before, after = one.evidence.before, one.evidence.after
        fixed = f"; fixed: {signal(after)}" if after is not None else ""
        yield ("signal", f"{signal(before)}{fixed}{chance(before, after)}")
    match one.fix:
        case Fix(title, safe, _):
            yield ("fix" if safe else "unsafe fix", shown(title))
        case Declined(why):
            yield ("no fix", shown(why))
        case None:
            pass


def position(other: Site, one: Finding) -> str:
    """Where a related place is; its file only where that is another."""
    line = other.place.span.start.line
    return f"line {line}" if other.place.document == one.place.document else f"{shown(other.place.document)}:{line}"


def source_line(other: Site, texts: dict[str, list[str]]) -> str:
    lines = texts.get(other.place.document, [])
    line = other.place.span.start.line
    text = shown(lines[line - 1].strip().expandtabs()) if 1 <= line <= len(lines) else ""
    return f"{text[:77]}..." if len(text) > 80 else text


def signal(one: Signal) -> str:
    noise = "" if one.noise is None else f" ({one.noise.forward_std:.3g} forward of noise, which pools average out)"
    return f"{one.forward_std:.3g} forward, {one.backward_std:.3g} backward, over {one.extent}{noise}"


def chance(*signals: Signal | None) -> str:
    """How far a single network is off what networks do in the mean, where that is much."""
    spread = max((one.spread for one in signals if one is not None), default=1.0)
    if spread < NOTABLE:
        return ""
    return f"; a single network: {spread:.2g} times more or less" if spread < WILD else "; networks differ wildly"


def summary(report: Report) -> Iterator[Line]:
    """`Found 3 problems (1 error, 2 warnings) in 2 of 40 files.`, and what is hidden."""
    files = counted(report.files, "file")
    fixed = f"Fixed {counted(report.fixed, 'problem')}. " if report.fixed else ""
    if report.findings:
        parts: Line = []
        for severity, count in by_severity(report.findings).items():
            parts += [("", ", " if parts else ""), (str(severity), worded(count, severity))]
        touched = len({one.place.file for one in report.findings})
        where = f"{touched} of {files}" if touched < report.files else files
        yield [("", f"{fixed}Found {counted(len(report.findings), 'problem')} ("), *parts, ("", f") in {where}.")]
    else:
        yield [("", fixed), ("good", f"No {'more ' if fixed else ''}problems found"), ("", f" in {files}.")]
    if report.findings and any(report.fixable):
        yield [("", fixable(*report.fixable))]
    yield from notice(report)


def fixable(safe: int, unsafe: int) -> str:
    """`2 fixable with --fix, 3 more with --unsafe-fixes.`"""
    parts = [f"{safe} fixable with --fix"] if safe else []
    if unsafe:
        parts.append(f"{unsafe} more with --unsafe-fixes" if safe else f"{unsafe} fixable with --fix --unsafe-fixes")
    return f"{', '.join(parts)}."
