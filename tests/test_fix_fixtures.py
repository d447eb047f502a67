"""Every fixable rule has its fix in every form in which it fires: golden files, and what holds for each."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from fix_properties import touched
from lintable import FIXTURES, findings, text_of
from mended import FIRING, fixed_by_itself, golden, mended, planned

from initlint.edits import moved
from initlint.findings import Declined, Finding, Fix, TextEdit
from initlint.fixers import remedies
from initlint.mending import mend_source
from initlint.remedies import REMEDIES
from initlint.rulebook import DROP_COMMENT, all_rules

# What has no fix in one of its forms, and why none would be right: line and the beginning of the reason.
DECLINED: dict[str, dict[int, str]] = {
    "INI201/fires_strided_decoder": {30: "the layers have strides that need different gains"},
    "INI201/fires_apply_method": {21: "one call initializes layers that need different things"},
    "INI201/fires_beside_a_chosen_head": {
        7: "Agent.policy gets an initializer of its own through the same call",
        24: "net.4 gets an initializer of its own through the same call",
    },
    "INI206/fires_in_a_helper": {5: "the function that is called fills a whole layer"},
    "INI208/fires_by_hand": {56: "what MobileBlock.conv feeds is not known"},
    "INI210/fires_bounds": {58: "the bounds cut one side"},
    "INI301/fires_forms": {56: "the call initializes recurrent matrices too"},
    "INI301/fires_sparse": {13: "the call initializes recurrent matrices too"},
    "INI302/fires_forms": {72: "a one in one bias would not open the gate"},
    "INI401/fires_forms": {15: "one call initializes layers that need different things"},
    "INI101/fires_keras_set_weights": {
        12: "the values are assigned, and not chosen by an initializer",
        16: "the values are assigned, and not chosen by an initializer",
    },
    "INI404/fires_keras": {26: "there is no counterpart of SpatialDropout1D for selu"},
    "INI506/fires_forms": {
        35: "whether 0.02 is meant as mean or std is not said",
        65: "the copy is made in a way that this fix does not know",
    },
    "INI601/fires_keras": {32: "what the vector should hold is not known"},
    "INI602/fires_keras": {
        24: "there is no one meaning of distribution='gaussian'",
        30: "he_normal takes no mode",
        36: "glorot_uniform takes no gain",
    },
    "INI603/fires_reads_and_changes": dict.fromkeys((13, 38), "the result of the call is used"),
    "INI604/fires_names": {56: "torch has no initializer with a name close to kaiming"},
}


@pytest.mark.parametrize("name", FIRING)
def test_the_fixed_fixture_is_its_golden_file_with_only_declined_findings_left(name: str) -> None:
    assert golden(name).exists(), "python tests/mended.py writes it"
    done = mended(name)
    assert done.text is not None
    assert done.text == golden(name).read_bytes()
    ast.parse(done.text)
    left = Counter(finding.code for finding in done.report.findings)
    assert left <= Counter(f.code for f in planned(name) if isinstance(f.fix, Declined))  # others may have helped
    assert not [one for one in done.report.findings if isinstance(one.fix, Fix)]  # so fixing twice changes nothing


@pytest.mark.parametrize("name", FIRING)
def test_every_form_has_a_fix_or_a_reason_and_each_by_itself_leaves_only_what_was_there(name: str) -> None:
    text, found = text_of(name), planned(name)
    declined = {one.place.span.start.line: one.fix.why for one in found if isinstance(one.fix, Declined)}
    expected = DECLINED.get(name, {})
    assert declined.keys() == expected.keys(), declined
    assert all(declined[line].startswith(reason) for line, reason in expected.items())
    assert all(one.fix is not None for one in found if one.code == name.partition("/")[0])
    fixes = [one.fix for one in found if isinstance(one.fix, Fix)]
    for one in found:
        if isinstance(one.fix, Fix):
            safety = all_rules()[one.code].safety
            assert safety == "safe-or-unsafe" or one.fix.safe == (safety == "safe")
            check_alone(text, one, found)
    assert not list(touched(text, fixes))


def check_alone(text: str, one: Finding, found: tuple[Finding, ...]) -> None:
    """The finding goes, and none comes."""
    assert isinstance(one.fix, Fix)
    edits = one.fix.edits
    there = Counter(key(other, ()) for other in findings(fixed_by_itself(text, one)))
    assert there <= Counter(key(other, edits) for other in found if other != one), one


def key(finding: Finding, edits: tuple[TextEdit, ...]) -> tuple[str, int]:
    return finding.code, moved(finding.place.span.start, edits).line


def test_no_golden_file_is_an_orphan() -> None:
    assert set(FIXTURES.glob("*/*.fixed")) == {golden(name) for name in FIRING}


@pytest.mark.parametrize("name", ["INI608/fires_modules", "INI502/fires_outside"])
def test_line_ends_marks_and_encodings_survive_to_the_byte(name: str) -> None:
    plain, text = golden(name).read_bytes(), text_of(name)
    crlf = text.replace("\n", "\r\n").encode()
    assert mend_source(crlf, "net.py", unsafe=True).text == plain.replace(b"\n", b"\r\n")
    head = "# -*- coding: latin-1 -*-\n# Gewichte f\xfcr alles\n"
    assert mend_source(f"{head}{text}".encode("latin-1"), "net.py", unsafe=True).text == head.encode("latin-1") + plain
    marked = "\ufeff# \U0001f525 weights\n"
    assert mend_source(f"{marked}{text}".encode(), "net.py", unsafe=True).text == marked.encode() + plain


def test_every_remedy_has_its_fixer_and_every_fixable_rule_a_remedy() -> None:
    assert set(remedies()) == {*REMEDIES, DROP_COMMENT}
    assert {rule.remedy for rule in all_rules().values()} == {*remedies(), ""}
    for code, rule in all_rules().items():
        assert rule.fixable == bool(rule.remedy), code
