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
        ("# initlint: ignore[INI201, INI601]", ["INI002"]),
        ("# initlint: ignore", []),
        ("# noqa: INI601", []),
        ("# noqa", []),
        ("# noqa: E501", ["INI601"]),
        ("# noqa: INI201", ["INI601"]),
        ("# initlint: ignore[INI201]", ["INI002", "INI601"]),
        ("# initlint: ignore[INI999]", ["INI002", "INI601"]),
        ("# initlint: expect[INI601] it raises on purpose", []),
        ("# initlint: expect", []),
        ("# type: ignore # initlint: expect[INI6] and more", []),
        ("# initlint: expect[INI201]", ["INI002", "INI601"]),
        ("# initlint: ignroe[INI601]", ["INI002", "INI601"]),
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


def messages(comment: str, argument: str = "self.fc.bias", config: Config | None = None) -> list[tuple[str, str]]:
    """What is said of a comment, with the text that it is said of."""
    text = BIAS.format(comment=comment, argument=argument)
    report = lint_source(text, "net.py", config, debug=True)
    lines = text.splitlines()
    spans = [(finding, finding.place.span) for finding in report.findings if finding.code == "INI002"]
    return [(f.message, lines[s.start.line - 1][s.start.column - 1 : s.end.column - 1]) for f, s in spans]


@pytest.mark.parametrize(
    "comment, told",
    [
        ("# initlint: ignore[INI601] why", "this comment silences nothing"),
        ("# initlint: ignore", "this comment silences nothing"),
        ("# initlint: ignore[INI6, INI201]", "this comment silences nothing"),
        ("# initlint: expect[INI601] why", "INI601 is expected here and not found"),
        ("# initlint: expect[INI601,INI602]", "INI601 and INI602 are expected here and not found"),
        ("# initlint: expect", "this comment silences nothing"),
    ],
)
def test_a_comment_that_silences_nothing_is_told_as_a_whole(comment: str, told: str) -> None:
    assert messages(comment, "self.fc.weight") == [(told, comment)]


def test_of_several_codes_those_that_silence_nothing_are_told() -> None:
    assert messages("# initlint: ignore[INI601, INI201]") == [("INI201 silences nothing here", "INI201")]
    assert messages("# initlint: expect[INI201, INI601]") == [("INI201 is expected here and not found", "INI201")]
    assert messages("# initlint: ignore[INI6]") == []


def test_a_code_that_no_rule_has_is_told_even_where_little_is_known() -> None:
    told = ("no rule INI60; did you mean INI601 (fan-of-vector)?", "INI60X")
    assert messages("# initlint: ignore[INI60X]", "nowhere().weight")[0][1] == told[1]
    assert messages("# initlint: ignore[fan-of-vector]") == [
        ("no rule FAN-OF-VECTOR; did you mean INI601 (fan-of-vector)?", "fan-of-vector")
    ]


def test_a_comment_of_ours_that_means_nothing_is_told() -> None:
    for comment, word, hint in (
        ("# initlint: ignroe[INI601]", "ignroe", "did you mean ignore?"),
        ("# initlint: skipfile", "skipfile", "did you mean skip-file?"),
        ("# initlint: INI601", "INI601", "there are ignore, expect, skip-file"),
        ("# initlint:", "", "there are ignore, expect, skip-file"),
    ):
        assert messages(comment, "nowhere().weight") == [(f"`initlint: {word}` means nothing; {hint}", word)]
    assert messages("# no comment, # initlint is a linter") == []


def test_what_is_not_selected_keeps_a_comment_from_being_told() -> None:
    both = "# initlint: ignore[INI601, INI201]"
    assert messages(both, "self.fc.weight", Config(ignore=("INI201",))) == [("INI601 silences nothing here", "INI601")]
    assert messages(both, "self.fc.weight", Config(per_file_ignores=(("net.py", ("INI0",)),))) == []
