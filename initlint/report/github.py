"""Findings as the commands by which a step of GitHub Actions makes annotations."""

from __future__ import annotations

from collections.abc import Iterator

from initlint.findings import Finding, Report, Severity
from initlint.report._addresses import in_file
from initlint.report._lines import Line, plain, shown
from initlint.report.text import UNBOUNDED, summary
from initlint.source import Span

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report) -> str:
    return plain(layout(report))


def layout(report: Report, width: int = UNBOUNDED, *, closing: bool = True) -> Iterator[Line]:  # noqa: ARG001 - as text
    """One command for each finding; the summary after them is for who reads the log."""
    rows = dict(report.rows)
    for one in report.findings:
        yield [("", command(one, in_file(one.place, rows)))]
    if closing:
        yield from summary(report)


def command(one: Finding, span: Span) -> str:
    properties = {"title": f"initlint {one.code} {one.name}", "file": one.place.file, **position(one, span)}
    told = ",".join(f"{name}={escaped(value, ':,')}" for name, value in properties.items())
    start = one.place.span.start
    message = f"{one.place.document}:{start.line}:{start.column}: {one.code} {one.message}{layers(one)}"
    return f"::{COMMANDS[one.severity]} {told}::{escaped(message)}"


def position(one: Finding, span: Span) -> dict[str, str]:
    """Where the annotation stands. GitHub takes columns on one line only, and counts them to the last one."""
    start, end = span.start, span.end
    lines = {"line": str(start.line), "endLine": str(max(start.line, end.line))}
    if end.line != start.line or one.place.cell is not None:
        return lines
    return {**lines, "col": str(start.column), "endColumn": str(max(start.column, end.column - 1))}


def layers(one: Finding) -> str:
    names = [layer.name for layer in one.layers if layer.name and layer.name not in one.message]
    return f" ({', '.join(dict.fromkeys(names))})" if names else ""


def escaped(text: str, more: str = "") -> str:
    """Text as the runner reads it back."""
    text = shown(text.replace("\t", " "))
    for letter in f"%\r\n{more}":
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text
