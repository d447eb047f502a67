"""Findings as JSON: one object, version 1. Fields are added, never changed."""

from __future__ import annotations

import json
import math
import sys
from typing import TypeAlias

from initlint.findings import Declined, Finding, Fix, Report, Signal, Site, Verdict
from initlint.report._lines import shown
from initlint.source import Point, Span

VERSION = 1
PLANS_FIXES = True  # shows their edits

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def render(report: Report) -> str:
    document: Json = {
        "version": VERSION,
        "findings": [finding(one) for one in report.findings],
        "unreadable": [
            {"file": shown(one.file), "cell": one.cell, "line": one.line, "message": shown(one.message)}
            for one in report.unreadable
        ],
        "files": report.files,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def finding(one: Finding) -> Json:
    return {
        "code": one.code,
        "name": one.name,
        "severity": str(one.severity),
        "message": shown(one.message),
        "file": shown(one.place.file),
        "cell": one.cell,
        "span": span(one.place.span),
        "layers": [site(layer) for layer in one.layers],
        "related": [{**site(other), "note": shown(other.note)} for other in one.related],
        "evidence": evidence(one.evidence),
        "fix": fix(one.fix),
        "documentation": one.documentation,
    }


def site(one: Site) -> dict[str, Json]:
    return {
        "name": shown(one.name),
        "file": shown(one.place.file),
        "cell": one.place.cell,
        "line": one.place.span.start.line,
    }


def span(one: Span) -> Json:
    return {"start": point(one.start), "end": point(one.end)}


def point(one: Point) -> Json:
    return {"line": one.line, "column": one.column}


def evidence(verdict: Verdict | None) -> Json:
    if verdict is None:
        return None
    return {"verdict": verdict.verdict, "before": signal(verdict.before), "after": signal(verdict.after)}


def signal(one: Signal | None) -> Json:
    if one is None:
        return None
    return {
        "forward_std": finite(one.forward_std),
        "backward_std": finite(one.backward_std),
        "depth": one.depth,
        "spread": finite(one.spread),
        "deeper": [signal(more) for more in one.deeper],
        **({} if one.noise is None else {"noise": signal(one.noise)}),
    }


def finite(value: float) -> float:
    """JSON has no infinity; the largest float stands for it."""
    return value if math.isfinite(value) else math.copysign(sys.float_info.max, value)


def fix(one: Fix | Declined | None) -> Json:
    match one:
        case None:
            return None
        case Declined(why):
            return {"declined": shown(why)}
        case Fix(title, safe, edits):
            return {
                "title": shown(title),
                "safety": "safe" if safe else "unsafe",
                "edits": [{"cell": edit.cell, "span": span(edit.span), "text": edit.text} for edit in edits],
            }
