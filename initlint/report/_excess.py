"""What of a report is shown: findings from a severity on; the others are hidden, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from initlint.findings import Finding, Report, Severity
from initlint.report._lines import Line, counted


def from_severity(report: Report, least: Severity) -> Report:
    """The report with the findings below a severity hidden."""
    below = tuple(one for one in report.findings if one.severity < least)
    if not below:
        return report
    kept = tuple(one for one in report.findings if one.severity >= least)
    promises = tuple(one for one in report.promises if one[0] >= least)
    return replace(report, findings=kept, hidden=(*report.hidden, *below), promises=promises)


def notice(report: Report) -> list[Line]:
    """`2 warnings and 3 info hidden; --show info shows them.`, or no line."""
    if not report.hidden:
        return []
    counts = by_severity(report.hidden)
    told = " and ".join(worded(count, severity) for severity, count in counts.items())
    return [[("dim", f"{told} hidden; --show {min(counts)} shows them.")]]


def by_severity(findings: Iterable[Finding]) -> dict[Severity, int]:
    """How many findings there are of each severity, the loudest first."""
    counts = Counter(one.severity for one in findings)
    return {severity: counts[severity] for severity in sorted(counts, reverse=True)}


def worded(count: int, severity: Severity) -> str:
    return f"{count} info" if severity == Severity.INFO else counted(count, str(severity))
