"""Findings as a list of PublishDiagnosticsParams of the language server protocol, for tools that embed us.

Positions are counted from 0, columns in UTF-16 code units, as the protocol has them by default.
"""

from __future__ import annotations

import json
from itertools import groupby

from initlint.findings import Finding, Report, Severity, Site
from initlint.report import json as own
from initlint.report._addresses import absolute
from initlint.report._lines import shown
from initlint.report.json import Json
from initlint.source import Place, Point, Source

PLANS_FIXES = True
SEVERITIES = {Severity.ERROR: 1, Severity.WARNING: 2, Severity.INFO: 3}
FADED = "INI002"  # what can go
UNNECESSARY = 1  # the diagnostic tag for it


def render(report: Report) -> str:
    sources = {file: Source(file, text) for file, text in report.sources}
    documents: list[Json] = [
        {"uri": uri, "diagnostics": [diagnostic(one, sources) for one in findings]}
        for uri, findings in groupby(report.findings, key=lambda one: address(one.place))
    ]
    return json.dumps(documents, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def address(place: Place) -> str:
    """The document: a file, or a cell of one, which has no address of its own outside an editor."""
    return absolute(place.file) + ("" if place.cell is None else f"#cell{place.cell}")


def diagnostic(one: Finding, sources: dict[str, Source]) -> Json:
    related = [information(site, "layer", sources) for site in one.layers]
    related += [information(site, "related", sources) for site in one.related]
    return {
        "range": range_of(one.place, sources),
        "severity": SEVERITIES[one.severity],
        "code": one.code,
        "source": "initlint",
        "message": shown(one.message),
        "tags": [UNNECESSARY] if one.code == FADED else [],
        "relatedInformation": related,
        "data": {
            "name": one.name,
            "evidence": own.evidence(one.evidence),
            "fix": own.fix(one.fix),
            "documentation": one.documentation,
        },
    }


def information(site: Site, kind: str, sources: dict[str, Source]) -> Json:
    message = " ".join(filter(None, (site.note or kind, site.name)))
    return {
        "location": {"uri": address(site.place), "range": range_of(site.place, sources)},
        "message": shown(message),
    }


def range_of(place: Place, sources: dict[str, Source]) -> Json:
    source = sources.get(place.document)
    ends = (place.span.start, place.span.end)
    return dict(zip(("start", "end"), (position(point, source) for point in ends), strict=True))


def position(point: Point, source: Source | None) -> Json:
    """A point of the protocol. Where the text is not known, every character counts one unit."""
    line, character = (point.line - 1, point.column - 1) if source is None else source.utf16(point)
    return {"line": line, "character": character}
