"""A fix is offered only when reading the fixed text again shows the finding gone and none come; else it says why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lintable import told

from initlint import fix, importers, proof, repairs
from initlint.edits import splice
from initlint.findings import Declined, Finding, Fix, Match, Severity, TextEdit
from initlint.mending import mend_source
from initlint.pipeline import lint_paths, lint_source
from initlint.rulebook import all_rules
from initlint.source import Place, Point, Source, Span

TEXT = "a\nb\nc\n"


def match(line: int, code: str = "INI201", severity: Severity = Severity.WARNING) -> Match:
    return Match(code, Place("net.py", Span(Point(line, 1), Point(line, 2))), "message", severity)


def fixing(line: int, text: str) -> Fix:
    return Fix("fix", safe=True, edits=(TextEdit(Span(Point(line, 1), Point(line, 2)), text),))


def reading(**codes: Severity) -> proof.Relint:
    """Finds INI201 where a line is a, and what else is asked for where it is another text."""

    def relint(text: str) -> proof.Reading:
        lines = text.splitlines()
        found = [match(i) for i, line in enumerate(lines, 1) if line == "a"]
        return proof.Reading(
            [*found, *(match(i, line, codes[line]) for i, line in enumerate(lines, 1) if line in codes)]
        )

    return relint


def test_a_fix_that_removes_its_finding_is_proven() -> None:
    plan = fixing(1, "x")
    assert proof.proven({match(1): plan}, Source.of("net.py", TEXT), proof.Reading([match(1)]), reading()) == {
        match(1): plan
    }


def test_a_fix_that_leaves_its_finding_or_brings_another_or_makes_one_louder_is_declined() -> None:
    source, before = Source.of("net.py", TEXT), [match(1)]
    for text, relint in (("y\na", reading()), ("INI205", reading(INI205=Severity.INFO))):
        found = proof.proven({match(1): fixing(1, text)}, source, proof.Reading(before), relint)
        assert found == {match(1): Declined(proof.WHY)}
    quiet = match(2, "INI205", Severity.INFO)
    louder = Source.of("net.py", "a\nINI205\n")
    found = proof.proven(
        {match(1): fixing(1, "x")}, louder, proof.Reading([match(1), quiet]), reading(INI205=Severity.WARNING)
    )
    assert found == {match(1): Declined(proof.WHY)}


def test_one_wrong_fix_does_not_take_the_others_with_it() -> None:
    source = Source.of("net.py", "a\nb\na\n")
    good, bad = fixing(1, "x"), fixing(3, "y\na")
    found = proof.proven({match(1): good, match(3): bad}, source, proof.Reading([match(1), match(3)]), reading())
    assert found == {match(1): good, match(3): Declined(proof.WHY)}


def test_fixes_that_overlap_are_each_proven() -> None:
    source = Source.of("net.py", "a\n")
    one, two = fixing(1, "x"), fixing(1, "y")
    found = proof.proven({match(1): one, match(1, "INI206"): two}, source, proof.Reading([match(1)]), reading())
    assert found == {match(1): one, match(1, "INI206"): two}


def test_a_text_that_can_no_longer_be_read_declines() -> None:
    assert proof.complaint(
        {match(1): fixing(1, "x")}, Source.of("net.py", TEXT), proof.Reading([match(1)]), lambda _: None
    )


def test_a_fixer_that_does_nothing_right_is_never_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import torch.nn as nn\n\nlayer = nn.Linear(8, 8)\nlayer.weight.normal_(0, 0.02)\n"

    def useless(_: Match, source: Source, safety: str) -> Fix:
        end = Point(len(source.lines), 1)
        return Fix(safety, safe=True, edits=(TextEdit(Span(end, end), "x = 1\n"),))

    monkeypatch.setattr("initlint.repairs.plan", useless)
    (finding,) = lint_source(text, "net.py", fixes=True).findings
    assert finding.fix == Declined(proof.WHY)
    assert mend_source(text.encode(), "net.py", unsafe=True).text == text.encode()
    assert fix.plan is not useless
    assert splice(text, ()) == text


@pytest.mark.parametrize("code", [code for code, rule in all_rules().items() if rule.remedy])
def test_the_bad_example_of_every_rule_is_fixed(code: str) -> None:
    done = mend_source(all_rules()[code].bad.encode(), "net.py", unsafe=True, debug=True)
    assert done.text is not None
    assert not told(done.text.decode())


BLOCK = """\
import torch.nn as nn


class Block(nn.Module):
    def __init__(self, activation=None):
        super().__init__()
        self.fc = nn.Linear(64, 64)
        self.activation = activation
        nn.init.xavier_uniform_(self.fc.weight)

    def forward(self, x):
        return self.activation(self.fc(x))
"""
USER = """\
import torch.nn as nn
from blocks import Block

net = nn.Sequential(*[Block(nn.ReLU()) for _ in range({count})])
"""


def project(folder: Path, count: int, fillers: int = 0) -> list[Finding]:
    """What is found in a block, and its fix, in a project that uses it; with so many files that do not."""
    (folder / "pyproject.toml").write_text("")
    (folder / "blocks.py").write_text(BLOCK)
    (folder / "net.py").write_text(USER.format(count=count))
    for number in range(fillers):
        (folder / f"other{number}.py").write_text("import torch.nn as nn\n\nlayer = nn.Linear(8, 8)\n")
    return [one for one in lint_paths([str(folder)], fixes=True).findings if one.code == "INI201"]


@pytest.mark.parametrize("fillers", [0, 3])
@pytest.mark.parametrize("known", [True, False])
def test_a_finding_that_shows_only_with_other_files_is_fixed_with_those_that_show_it_or_use_it(
    known: bool, fillers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a small project all are read again, of a large one those whose code showed it, else those that import it."""
    read: list[list[str]] = []
    reader = repairs.reader

    def noted(*given: Any) -> Any:
        read.append([one.path for one in given[2]])
        return reader(*given)

    monkeypatch.setattr(repairs, "reader", noted)
    if not known:
        monkeypatch.setattr("initlint.rules._shown", lambda *_: ())
    monkeypatch.setattr(importers, "MOST_READ", 0)  # else they are read beside it anyway
    monkeypatch.setattr(repairs, "FEW", 3)
    (one,) = project(tmp_path, 12, fillers)
    assert isinstance(one.fix, Fix)
    assert [Path(path).name for path in read[-1]] == ["net.py"]
    sources = [Source.of(str(path), path.read_text()) for path in sorted(tmp_path.glob("*.py"))]
    using = importers.importing(sources[0], sources)
    assert [Path(source.path).name for source in using] == ["net.py"]


def test_a_finding_of_which_more_is_told_with_other_files_is_proven_alone(tmp_path: Path) -> None:
    """By itself, with what imports it, it is the same finding with other numbers."""
    (alone,) = [one for one in project(tmp_path, 2) if isinstance(one.fix, Fix)]
    (tmp_path / "deep.py").write_text(USER.format(count=20))
    (together,) = [one for one in project(tmp_path, 2) if isinstance(one.fix, Fix)]
    assert together.message != alone.message


def test_what_nobody_uses_can_not_be_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importers, "MOST_READ", 0)
    monkeypatch.setattr(repairs, "_beside", lambda *_: iter([()]))
    (one,) = project(tmp_path, 12)
    assert one.fix == Declined(repairs.APART)
