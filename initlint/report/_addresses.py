"""Places for what knows files only, paths as URIs, and what a finding is known by from run to run."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from urllib.parse import quote

from initlint.findings import Finding, Report
from initlint.report._lines import shown
from initlint.source import Place, Point, Span


def relative(path: str) -> str | None:
    """The URI reference of a path below the working directory; None for any other."""
    return None if os.path.isabs(path) or path.split("/", maxsplit=1)[0] == ".." else quoted(path)


def absolute(path: str) -> str:
    """The URI of a file."""
    full = os.path.abspath(path).replace(os.sep, "/")
    return f"file://{quoted(full if full.startswith('/') else f'/{full}')}"


def quoted(path: str) -> str:
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def in_file(place: Place, rows: Mapping[str, tuple[int, ...]]) -> Span:
    """The span in the file itself: of a cell, the lines of the notebook's file that the cell's are written on."""
    if place.cell is None:
        return place.span
    lines = rows.get(place.document, ())
    start, end = (lines[p.line - 1] if p.line <= len(lines) else 1 for p in (place.span.start, place.span.end))
    return Span(Point(start, 1), Point(max(start, end), 1))


def fingerprint(one: Finding, report: Report, prints: Counter[str]) -> str:
    """The same for the same finding when lines above it come and go: of its rule, its file and the text of its line.

    `prints` counts those that have all of that in common.
    """
    lines = dict(report.sources).get(one.place.document, "").split("\n")
    line = one.place.span.start.line
    text = "".join(lines[line - 1].split()) if line <= len(lines) else ""
    key = "\0".join((one.code, shown(one.place.file), shown(text)))
    prints[key] += 1
    return hashlib.sha256(f"{key}\0{prints[key]}".encode()).hexdigest()[:32]
