"""Findings as SARIF 2.1.0, which GitHub code scanning and many viewers read.

Columns are code points. GitHub shows a result's message, not its related locations unless the message links to them
by their numbers, and takes a rule's help as Markdown: so the layers are linked and the help is given twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from initlint import __version__
from initlint.findings import Finding, Fix, Report, Severity, Site
from initlint.report import _rules
from initlint.report import json as own
from initlint.report._addresses import absolute, fingerprint, in_file, relative
from initlint.report._lines import shown
from initlint.report.json import Json
from initlint.rulebook import Rule, all_rules
from initlint.source import Place, Span

PLANS_FIXES = True
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
ROOT = "%SRCROOT%"  # the working directory, under the name that GitHub has for a checkout


def render(report: Report) -> str:
    table = all_rules()
    codes = sorted({one.code for one in report.findings})
    prints = Counter[str]()
    results = [result(one, codes.index(one.code), report, prints) for one in report.findings]
    run: dict[str, Json] = {
        "tool": {
            "driver": {
                "name": "initlint",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [descriptor(table[code]) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.faults,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": shown(fault)}} for fault in report.faults
                ],
            }
        ],
        "results": list(results),
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def descriptor(rule: Rule) -> Json:
    """A rule, with its page as help."""
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": " ".join(rule.what.split())},
        "help": {"text": _rules.explained(rule), "markdown": _rules.markdown(rule)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"tags": ["weight-initialization"], "precision": "high"},
    }


def result(one: Finding, index: int, report: Report, prints: Counter[str]) -> Json:
    rows = dict(report.rows)
    related = [*one.layers, *one.related]
    found: dict[str, Json] = {
        "ruleId": one.code,
        "ruleIndex": index,
        "level": LEVELS[one.severity],
        "message": {"text": message(one, related)},
        "locations": [{**location(one.place, rows), **logical(one.layers)}],
        "partialFingerprints": {"initlint/v1": fingerprint(one, report, prints)},
        "properties": {"evidence": own.evidence(one.evidence)},
    }
    if related:
        found["relatedLocations"] = [
            {"id": number, **location(site.place, rows), "message": {"text": caption(site)}}
            for number, site in enumerate(related, start=1)
        ]
    if isinstance(one.fix, Fix) and one.place.cell is None:  # an edit of a cell is none of its file
        found["fixes"] = [fix(one.fix, one.place)]
    return found


def message(one: Finding, related: Sequence[Site]) -> str:
    """The message and, as links to the related locations, what it is about. Brackets of its own would be links."""
    links = [f"[{bare(caption(site))}]({number})" for number, site in enumerate(related, start=1)]
    text = escaped(shown(one.message))
    if one.place.cell is not None:
        text = f"cell {one.place.cell}, line {one.place.span.start.line}: {text}"
    return f"{text} ({', '.join(links)})" if links else text


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def bare(text: str) -> str:
    return text.replace("\\", "").replace("[", "(").replace("]", ")")


def caption(site: Site) -> str:
    return shown(" ".join(filter(None, (site.note, site.name)))) or "related"


def location(place: Place, rows: Mapping[str, tuple[int, ...]]) -> dict[str, Json]:
    return {"physicalLocation": {"artifactLocation": artifact(place), "region": region(place, rows)}}


def logical(layers: Sequence[Site]) -> dict[str, Json]:
    names = dict.fromkeys(shown(layer.name) for layer in layers if layer.name)
    return {"logicalLocations": [{"fullyQualifiedName": name, "kind": "member"} for name in names]} if names else {}


def artifact(place: Place) -> Json:
    below = relative(place.file)
    return {"uri": absolute(place.file)} if below is None else {"uri": below, "uriBaseId": ROOT}


def region(place: Place, rows: Mapping[str, tuple[int, ...]]) -> Json:
    """What is marked in the file: of a notebook, which holds code inside JSON, whole lines."""
    span = in_file(place, rows)
    if place.cell is not None:
        return {"startLine": span.start.line, "endLine": span.end.line}
    return spelled(span)


def spelled(span: Span) -> dict[str, Json]:
    return {
        "startLine": span.start.line,
        "startColumn": span.start.column,
        "endLine": span.end.line,
        "endColumn": span.end.column,
    }


def fix(one: Fix, place: Place) -> Json:
    replacements: list[Json] = [
        {"deletedRegion": spelled(edit.span), "insertedContent": {"text": edit.text}} for edit in one.edits
    ]
    return {
        "description": {"text": shown(one.title)},
        "artifactChanges": [{"artifactLocation": artifact(place), "replacements": replacements}],
        "properties": {"safety": "safe" if one.safe else "unsafe"},
    }
