"""How many findings there are of each rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from initlint.findings import Finding, Report
from initlint.report._excess import by_severity, worded
from initlint.report._lines import Line
from initlint.report.text import summary


def layout(report: Report) -> Iterator[Line]:
    """One line for each rule, the most frequent first, then the summary."""
    groups = grouped(report)
    number = max((len(str(len(findings))) for findings in groups.values()), default=0)
    name = max((len(findings[0].name) for findings in groups.values()), default=0)
    for code, findings in groups.items():
        yield [
            ("label", f"{len(findings):{number}}"),
            ("code", f"  {code}"),
            ("name", f"  {findings[0].name:{name}}"),
            ("dim", f"  {', '.join(worded(count, severity) for severity, count in by_severity(findings).items())}"),
        ]
    if groups:
        yield []
    yield from summary(report)


def as_json(report: Report) -> str:
    import json

    rows = [
        {
            "code": code,
            "name": findings[0].name,
            "count": len(findings),
            "severities": {str(severity): count for severity, count in by_severity(findings).items()},
        }
        for code, findings in grouped(report).items()
    ]
    return json.dumps(rows, indent=2) + "\n"


def grouped(report: Report) -> dict[str, list[Finding]]:
    counts = Counter(one.code for one in report.findings)
    order = sorted(counts, key=lambda code: (-counts[code], code))
    return {code: [one for one in report.findings if one.code == code] for code in order}
