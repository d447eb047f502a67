"""How findings look: as text, in colour, as JSON."""

from __future__ import annotations

import json
import re
import sys

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
from initlint.report import formats, renderer
from initlint.report.json import render as as_json
from initlint.report.text import layout, render
from initlint.source import Place, Point, Span

TEXT = """\
class Net(nn.Module):
    def __init__(self):
        self.fc = nn.Linear(8, 8)
        nn.init.xavier_uniform_(
            self.fc.weight,
        )
\tx = "日本", nn.init.zeros_(w)
"""


def place(line: int, column: int, end_line: int, end_column: int, file: str = "net.py") -> Place:
    return Place(file, Span(Point(line, column), Point(end_line, end_column)))


def finding(
    where: Place,
    *,
    severity: Severity = Severity.WARNING,
    message: str = "the signal falls",
    layers: tuple[Site, ...] = (),
    related: tuple[Site, ...] = (),
    evidence: Verdict | None = None,
    fix: Fix | Declined | None = None,
) -> Finding:
    return Finding(
        "INI201",
        "xavier-before-relu",
        severity,
        message,
        where,
        layers,
        related,
        evidence,
        fix,
        "initlint explain INI201",
    )


def report(*findings: Finding, text: str = TEXT, files: int = 1) -> Report:
    return Report(findings, (), files, (("net.py", text),))


def test_one_line_is_underlined_between_its_neighbours() -> None:
    layer = Site("Net.fc", place(3, 9, 3, 34))
    assert (
        render(report(finding(place(3, 19, 3, 34), layers=(layer,))))
        == """\
net.py:3:19: warning: INI201 xavier-before-relu
  the signal falls
    |
  2 |     def __init__(self):
  3 |         self.fc = nn.Linear(8, 8)
    |                   ^^^^^^^^^^^^^^^
  4 |         nn.init.xavier_uniform_(
    |
    = layer: Net.fc (line 3)

Found 1 problem (1 warning) in 1 file.
"""
    )


def test_several_lines_are_bracketed() -> None:
    assert (
        render(report(finding(place(4, 9, 6, 10)), files=3))
        == """\
net.py:4:9: warning: INI201 xavier-before-relu
  the signal falls
    |
  3 |           self.fc = nn.Linear(8, 8)
  4 | /         nn.init.xavier_uniform_(
  5 | |             self.fc.weight,
  6 | |         )
    | |_________^
  7 |       x = "日本", nn.init.zeros_(w)

Found 1 problem (1 warning) in 1 of 3 files.
"""
    )


def test_the_underline_stands_under_wide_characters_and_after_tabs() -> None:
    shown = render(report(finding(place(7, 12, 7, 28)))).splitlines()
    assert shown[4] == '  7 |     x = "日本", nn.init.zeros_(w)'
    #                          as wide as four letters
    assert shown[5] == "    |                 ^^^^^^^^^^^^^^^^"


def test_everything_known_of_a_finding_is_told() -> None:
    layers = tuple(Site(f"Net.fc{i}", place(i, 1, i, 2)) for i in range(1, 9))
    related = (
        Site("", place(3, 9, 3, 34), "overwritten here"),
        Site("base", place(9, 1, 9, 2, "other.py"), "defined here"),
    )
    evidence = Verdict("unstable", Signal(0.0312, 0.044, 10), Signal(1.0, 0.98, 10))
    fix = Fix("kaiming_uniform_(nonlinearity='relu')", safe=False, edits=())
    one = finding(place(4, 9, 4, 32), layers=layers, related=related, evidence=evidence, fix=fix)
    assert render(report(one)).splitlines()[7:-2] == [
        "    |",
        f"    = layers: {', '.join(f'Net.fc{i} (line {i})' for i in range(1, 7))} and 2 more",
        "    = overwritten here: line 3: self.fc = nn.Linear(8, 8)",
        "    = defined here: other.py:9 base",
        "    = signal: 0.0312 forward, 0.044 backward, over 10 layers; fixed: 1 forward, 0.98 backward, over 10 layers",
        "    = unsafe fix: kaiming_uniform_(nonlinearity='relu')",
    ]
    assert "no fix: two layers need" in render(report(finding(place(4, 9, 4, 32), fix=Declined("two layers need"))))


def test_the_summary_counts_by_severity() -> None:
    many = [finding(place(3, 1, 3, 2), severity=Severity(number)) for number in (3, 3, 2, 1)]
    assert render(report(*many)).splitlines()[-1] == "Found 4 problems (2 errors, 1 warning, 1 info) in 1 file."
    assert render(Report((), (), 12)) == "No problems found in 12 files.\n"
    assert "".join(text for line in layout(Report((), (), 12), closing=False) for _, text in line) == ""


def test_a_finding_without_its_source_is_still_told() -> None:
    bare = Report((finding(place(3, 1, 3, 2)),), (), 1)
    assert render(bare).splitlines()[:2] == ["net.py:3:1: warning: INI201 xavier-before-relu", "  the signal falls"]
    past = report(finding(place(99, 1, 99, 2)))
    assert "net.py:99:1" in render(past)


def test_a_long_line_is_cut_around_the_spot() -> None:
    text = "x = [" + "1, " * 3000 + "nn.init.zeros_(w)" + ", 2" * 3000 + "]\n"
    column = text.index("nn.") + 1
    shown = render(report(finding(place(1, column, 1, column + 17)), text=text)).splitlines()
    source, marks = shown[3], shown[4]
    assert len(source) < 200
    assert source.startswith("  1 | ...")
    assert source.endswith("...")
    start = marks.index("^")
    assert source[start : start + marks.count("^")] == "nn.init.zeros_(w)"


def test_many_lines_are_shortened() -> None:
    text = "call(\n" + "    argument,\n" * 100 + ")\n"
    shown = render(report(finding(place(1, 1, 102, 2)), text=text)).splitlines()
    assert len(shown) < 20
    assert any(line.endswith("| ...") for line in shown)


def test_control_characters_and_broken_names_are_made_visible() -> None:
    text = 'x = "\x1b[31m\x07\u202e"  # evil\n'
    where = Place("caf\udce9\x1b[0m.py", Span(Point(1, 5), Point(1, 13)))
    one = finding(where, message="name \x1b]0;pwned\x07")
    made = Report((one,), (Unreadable("\udce9", 1, "\x1b"),), 1, ((where.file, text),))
    for shown in (render(made), as_json(made)):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert "\x07" not in shown
        shown.encode()


def test_colour_changes_no_text() -> None:
    from initlint.report._color import colored

    one = finding(place(4, 9, 6, 10), message="the signal falls " * 12, layers=(Site("Net.fc", place(3, 9, 3, 34)),))
    lines = list(layout(report(one), width=80))
    painted = colored(lines, 80)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", painted)
    assert "\x1b[" in painted
    assert bare == "".join("".join(text for _, text in line).rstrip() + "\n" for line in lines)
    assert max(map(len, bare.splitlines())) <= 80


def test_json_has_every_field_of_the_contract() -> None:
    related = (Site("apply", place(3, 9, 3, 34), "overwritten here"),)
    one = finding(
        place(4, 9, 6, 10),
        severity=Severity.ERROR,
        layers=(Site("Net.fc", place(3, 19, 3, 34)),),
        related=related,
        evidence=Verdict("unstable", Signal(0.5, float("inf"), 3), None),
        fix=Fix("He", safe=True, edits=(TextEdit(Span(Point(4, 9), Point(4, 32)), "nn.init.kaiming_uniform_"),)),
    )
    document = json.loads(as_json(Report((one,), (Unreadable("b.py", 7, "not valid"),), 5)))
    assert document == {
        "version": 1,
        "findings": [
            {
                "code": "INI201",
                "name": "xavier-before-relu",
                "severity": "error",
                "message": "the signal falls",
                "file": "net.py",
                "cell": None,
                "span": {"start": {"line": 4, "column": 9}, "end": {"line": 6, "column": 10}},
                "layers": [{"name": "Net.fc", "file": "net.py", "cell": None, "line": 3}],
                "related": [{"name": "apply", "file": "net.py", "cell": None, "line": 3, "note": "overwritten here"}],
                "evidence": {
                    "verdict": "unstable",
                    "before": {
                        "forward_std": 0.5,
                        "backward_std": sys.float_info.max,
                        "depth": 3,
                        "spread": 1.0,
                        "deeper": [],
                    },
                    "after": None,
                },
                "fix": {
                    "title": "He",
                    "safety": "safe",
                    "edits": [
                        {
                            "cell": None,
                            "span": {"start": {"line": 4, "column": 9}, "end": {"line": 4, "column": 32}},
                            "text": "nn.init.kaiming_uniform_",
                        }
                    ],
                },
                "documentation": "initlint explain INI201",
            }
        ],
        "unreadable": [{"file": "b.py", "cell": None, "line": 7, "message": "not valid"}],
        "files": 5,
    }
    plain = json.loads(as_json(report(finding(place(1, 1, 1, 2), fix=Declined("two needs")))))["findings"][0]
    assert plain["fix"] == {"declined": "two needs"}
    assert plain["evidence"] is None


def test_the_folder_is_the_registry() -> None:
    assert formats() == ("concise", "github", "gitlab", "json", "lsp", "sarif", "text")
    for name in formats():
        assert renderer(name)(Report((), (), 0))
