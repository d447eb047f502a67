"""Findings as a Code Quality report, which GitLab shows in merge requests."""

from __future__ import annotations

import json
from collections import Counter

from initlint.findings import Report, Severity
from initlint.report._addresses import fingerprint, in_file
from initlint.report._lines import shown

SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFO: "info"}


def render(report: Report) -> str:
    rows = dict(report.rows)
    prints = Counter[str]()
    issues = []
    for one in report.findings:
        span = in_file(one.place, rows)
        cell = "" if one.place.cell is None else f"cell {one.place.cell}, line {one.place.span.start.line}: "
        issues.append(
            {
                "description": f"{one.code} {one.name}: {cell}{shown(one.message)}",
                "check_name": f"{one.code} {one.name}",
                "fingerprint": fingerprint(one, report, prints),
                "severity": SEVERITIES[one.severity],
                "location": {
                    "path": shown(one.place.file),
                    "lines": {"begin": span.start.line, "end": max(span.start.line, span.end.line)},
                },
            }
        )
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"
