"""Findings as text, one line each, as compilers print them and editors read them."""

from __future__ import annotations

from collections.abc import Iterator

from initlint.findings import Finding, Fix, Report
from initlint.report._lines import Line, plain, shown
from initlint.report.text import UNBOUNDED, summary


def render(report: Report) -> str:
    return plain(layout(report))


def layout(report: Report, width: int = UNBOUNDED, *, closing: bool = True) -> Iterator[Line]:  # noqa: ARG001 - as text
    """The lines of a report, styled; `closing` asks for the summary."""
    yield from map(line, report.findings)
    if closing:
        if report.findings:
            yield []
        yield from summary(report)


def line(one: Finding) -> Line:
    """`net.py:9:9: error: INI601 fan-of-vector: it raises`."""
    severity, start = str(one.severity), one.place.span.start
    fix = f" [{'fix' if one.fix.safe else 'unsafe fix'}]" if isinstance(one.fix, Fix) else ""
    return [
        ("path", f"{shown(one.place.document)}:{start.line}:{start.column}"),
        ("dim", ": "),
        (severity, severity),
        ("dim", ": "),
        ("code", one.code),
        ("name", f" {one.name}"),
        ("dim", ": "),
        ("message", shown(one.message)),
        ("dim", fix),
    ]
