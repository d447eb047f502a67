"""Every fixable rule has its fix in every form in which it fires: golden files, and what holds for each."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from lintable import FIXTURES, findings, text_of
from mended import FIRING, fixed_by_itself, golden, mended, planned

from initlint.edits import apply, edits_of, moved
from initlint.findings import Declined, Finding, Fix
from initlint.fixers import remedies
from initlint.mending import mend_source
from initlint.remedies import REMEDIES
from initlint.rulebook import DROP_COMMENT, all_rules

# What has no fix in one of its forms, and why none would be right: line and the beginning of the reason.
DECLINED: dict[str, dict[int, str]] = {
    "INI201/fires_apply_method": {21: "one call initializes layers that need different things"},
    "INI604/fires_names": {56: "torch has no initializer with a name close to kaiming"},
}


@pytest.mark.parametrize("name", FIRING)
def test_the_fixed_fixture_is_its_golden_file(name: str) -> None:
    assert golden(name).exists(), "python tests/mended.py writes it"
    text = mended(name).text
    assert text is not None
    assert text.decode() == golden(name).read_text(encoding="utf-8")


def test_no_golden_file_is_an_orphan() -> None:
    assert {path.relative_to(FIXTURES) for path in FIXTURES.glob("*/*.fixed")} == {
        golden(name).relative_to(FIXTURES) for name in FIRING
    }


@pytest.mark.parametrize("name", FIRING)
def test_every_form_has_a_fix_or_a_reason(name: str) -> None:
    declined = {
        finding.place.span.start.line: finding.fix.why for finding in planned(name) if isinstance(finding.fix, Declined)
    }
    expected = DECLINED.get(name, {})
    assert declined.keys() == expected.keys(), declined
    assert all(declined[line].startswith(reason) for line, reason in expected.items())
    code = name.partition("/")[0]
    assert all(finding.fix is not None for finding in planned(name) if finding.code == code)


@pytest.mark.parametrize("name", FIRING)
def test_a_fix_is_as_safe_as_its_rule_says(name: str) -> None:
    for finding in planned(name):
        if isinstance(finding.fix, Fix):
            safety = all_rules()[finding.code].safety
            assert safety == "safe-or-unsafe" or finding.fix.safe == (safety == "safe")


@pytest.mark.parametrize("name", FIRING)
def test_what_is_fixed_has_only_declined_findings_left(name: str) -> None:
    text = golden(name).read_text(encoding="utf-8")
    ast.parse(text)
    left = Counter(finding.code for finding in findings(text))
    assert left == Counter(f.code for f in planned(name) if isinstance(f.fix, Declined))


@pytest.mark.parametrize("name", FIRING)
def test_fixing_twice_changes_nothing(name: str) -> None:
    data = golden(name).read_bytes()
    assert mend_source(data, "net.py", unsafe=True, debug=True).text == data


@pytest.mark.parametrize("name", FIRING)
def test_each_fix_by_itself_removes_its_finding_and_brings_none(name: str) -> None:
    text = text_of(name)
    for finding in planned(name):
        if isinstance(finding.fix, Fix):
            after = findings(fixed_by_itself(text, finding))
            edits = finding.fix.edits
            expected = Counter(_key(other, edits) for other in planned(name) if other != finding)
            there = Counter((other.code, other.place.span.start.line) for other in after)
            assert not there - expected, finding
            assert (finding.code, moved(finding.place.span.start, edits).line) not in there - expected


def _key(finding: Finding, edits: tuple[object, ...]) -> tuple[str, int]:
    return finding.code, moved(finding.place.span.start, edits).line  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FIRING)
def test_lines_without_an_edit_stay_as_they_are(name: str) -> None:
    text = text_of(name)
    fixes = [finding.fix for finding in planned(name) if isinstance(finding.fix, Fix)]
    touched = {
        line
        for edit in edits_of(apply(text, fixes).taken)
        for line in range(edit.span.start.line, edit.span.end.line + 1)
    }
    after = Counter(apply(text, fixes).text.splitlines())
    untouched = Counter(line for number, line in enumerate(text.splitlines(), 1) if number not in touched)
    assert not untouched - after
    assert all(len(edit.text) < 400 for edit in edits_of(fixes))


@pytest.mark.parametrize("name", FIRING)
def test_edits_fit_a_file_with_other_line_ends(name: str) -> None:
    text = text_of(name)
    fixes = [finding.fix for finding in planned(name) if isinstance(finding.fix, Fix)]
    for end in ("\r\n", "\r"):
        assert apply(text.replace("\n", end), fixes).text == apply(text, fixes).text.replace("\n", end)


@pytest.mark.parametrize("name", ["INI606/fires_leaves", "INI502/fires_forms"])
def test_line_ends_marks_and_encodings_survive_to_the_byte(name: str) -> None:
    plain, text = golden(name).read_bytes(), text_of(name)
    assert mend_source(text.replace("\n", "\r\n").encode(), "net.py", unsafe=True).text == plain.replace(b"\n", b"\r\n")
    head = "# -*- coding: latin-1 -*-\n# Gewichte f\xfcr alles\n"
    assert mend_source(f"{head}{text}".encode("latin-1"), "net.py", unsafe=True).text == head.encode("latin-1") + plain
    marked = "\ufeff# \U0001f525 weights\n"
    assert mend_source(f"{marked}{text}".encode(), "net.py", unsafe=True).text == marked.encode() + plain


def test_every_remedy_has_its_fixer_and_every_fixable_rule_its_remedy() -> None:
    assert set(remedies()) == {*REMEDIES, DROP_COMMENT}
    for code, rule in all_rules().items():
        assert bool(rule.remedy) == rule.fixable, code
