"""Comments that silence findings, and what is said of those that silence nothing."""

from __future__ import annotations

import pytest

from initlint.config import Config
from initlint.pipeline import lint_source

BIAS = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        nn.init.xavier_uniform_({argument})  {comment}

    def forward(self, x):
        return self.fc(x)
"""


def codes(comment: str, argument: str = "self.fc.bias", config: Config | None = None) -> list[str]:
    text = BIAS.format(comment=comment, argument=argument)
    report = lint_source(text, "net.py", config, debug=True)
    assert not report.faults
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize(
    "comment, found",
    [
        ("", ["INI601"]),
        ("# initlint: ignore[INI601] it raises on purpose", []),
        ("# initlint: ignore[INI6]", []),
        ("# initlint: ignore[INI201, INI601]", []),
        ("# initlint: ignore", []),
        ("# noqa: INI601", []),
        ("# noqa", []),
        ("# noqa: E501", ["INI601"]),
        ("# noqa: INI201", ["INI601"]),
        ("# initlint: ignore[INI201]", ["INI002", "INI601"]),
        ("# initlint: ignore[INI999]", ["INI002", "INI601"]),
    ],
)
def test_a_comment_silences_what_it_names(comment: str, found: list[str]) -> None:
    assert sorted(codes(comment)) == found


def test_a_comment_that_silences_nothing_is_told() -> None:
    assert codes("# initlint: ignore[INI601]", "self.fc.weight") == ["INI002"]
    assert codes("# initlint: ignore", "self.fc.weight") == ["INI002"]
    text = BIAS.format(comment="# ü # initlint: ignore[INI601] why", argument="self.fc.weight")
    (finding,) = lint_source(text, "net.py").findings
    span = finding.place.span
    assert text.splitlines()[span.start.line - 1][span.start.column - 1 : span.end.column - 1].startswith(
        "# ü # initlint"
    )
    assert str(finding.severity) == "warning"


def test_it_is_not_told_of_a_noqa() -> None:
    assert codes("# noqa: INI601", "self.fc.weight") == []
    assert codes("# noqa", "self.fc.weight") == []


def test_it_is_not_told_where_the_rule_did_not_run() -> None:
    comment = "# initlint: ignore[INI601]"
    assert codes(comment, "self.fc.weight", Config(ignore=("INI601",))) == []
    assert codes(comment, "self.fc.weight", Config(select=("INI0", "INI2"))) == []
    assert codes(comment, "self.fc.weight", Config(select=("INI0", "INI601"))) == ["INI002"]
    assert codes("# initlint: ignore[INI6]", "self.fc.weight", Config(ignore=("INI605",))) == []
    assert codes(comment, "self.fc.weight", Config(ignore=("INI002",))) == []


def test_it_is_not_told_where_the_analysis_ended_unknown() -> None:
    assert codes("# initlint: ignore[INI601]", "self.fc.weight, gain=nowhere()") == []
    assert codes("# initlint: ignore[INI601]", "getattr(self.fc, nowhere())") == []
    assert codes("# initlint: ignore[INI601]", "nowhere().weight") == []
