"""Every fixture of the rules has exactly the findings that it asks for, and every rule's examples prove it."""

from __future__ import annotations

import pytest
from lintable import FIXTURES, expected, findings, names, text_of, told

from initlint.rulebook import all_rules

NAMES = names()
RULES = all_rules()
CLEAN = "clean"  # the folder of whole models as people write them, with nothing to find

# Known misses and false alarms, each with its reason. A fixture that starts to pass has to leave this list.
KNOWN: dict[str, str] = {}
KNOWN_EXAMPLES: dict[str, str] = {}


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_has_its_findings_and_no_other(name: str, request: pytest.FixtureRequest) -> None:
    if name in KNOWN:
        request.applymarker(pytest.mark.xfail(reason=KNOWN[name], strict=True))
    text = text_of(name)
    assert told(text) == expected(text)


@pytest.mark.parametrize("code", [code for code, rule in RULES.items() if rule.condition is not None])
def test_every_rule_has_fixtures_that_fire_and_that_do_not(code: str) -> None:
    forms = [name for name in NAMES if name.startswith(f"{code}/")]
    assert any("/fires_" in name for name in forms)
    assert any("/silent_" in name for name in forms)
    assert all(name.split("/")[1].startswith(("fires_", "silent_")) for name in forms)
    for name in forms:
        codes = {found for _, found in expected(text_of(name))}
        assert (code in codes) == ("/fires_" in name), name


def test_known_troubles_are_those_of_fixtures() -> None:
    assert set(KNOWN) <= set(NAMES)
    assert set(KNOWN_EXAMPLES) <= set(RULES)
    assert all(len(reason) > 20 for reason in (*KNOWN.values(), *KNOWN_EXAMPLES.values()))


def test_whole_models_are_there_and_have_nothing_to_find() -> None:
    whole = [name for name in NAMES if name.startswith(f"{CLEAN}/")]
    assert len(whole) >= 12
    assert not any(expected(text_of(name)) for name in whole)


def test_no_fixture_lies_outside_of_a_rule() -> None:
    assert {path.name for path in FIXTURES.iterdir()} <= {*RULES, CLEAN}


@pytest.mark.parametrize("code", list(RULES))
def test_the_bad_example_fires_this_rule_alone(code: str, request: pytest.FixtureRequest) -> None:
    if code in KNOWN_EXAMPLES:
        request.applymarker(pytest.mark.xfail(reason=KNOWN_EXAMPLES[code], strict=True))
    assert {found for _, found in told(RULES[code].bad)} == {code}


@pytest.mark.parametrize("code", list(RULES))
def test_the_good_example_is_clean(code: str) -> None:
    assert not told(RULES[code].good)


@pytest.mark.parametrize("name", [name for name in NAMES if "/fires_" in name])
def test_messages_are_in_style(name: str) -> None:
    for finding in findings(text_of(name)):
        assert "{" not in finding.message
        assert finding.message[0] == finding.message[0].lower() or finding.message.split(".")[0].isidentifier()
        assert not finding.message.endswith(".")
        assert "\n" not in finding.message
        assert len(finding.message) < 200
