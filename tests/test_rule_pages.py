"""The page of a rule, for the terminal and as Markdown."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from initlint.report._rules import explained, markdown
from initlint.rulebook import all_rules

RULES = all_rules()


@pytest.mark.parametrize("code", RULES)
def test_a_page_says_what_why_when_harmless_and_shows_both_frameworks(code: str) -> None:
    rule, text = RULES[code], explained(RULES[code])
    headings = ["What it finds", "Why", "When it is harmless", "Bad", "Good", "References"]
    headings += ["Bad, in Keras", "Good, in Keras"] if rule.bad_keras else ["In Keras"]
    headings += ["When it fires"] if rule.condition else []
    for heading in headings:
        assert f"\n\n{heading}\n" in text
        assert f"\n\n## {heading}\n" in markdown(rule)
    for example in filter(None, (rule.bad, rule.good, rule.bad_keras, rule.good_keras)):
        assert f"```python\n{example.strip()}\n```" in markdown(rule)
    assert max(map(len, text.splitlines())) <= 124


def test_the_condition_is_told_with_its_numbers() -> None:
    text = explained(RULES["INI201"])
    assert "\nWhen it fires\n" in text
    assert "  - keep below 0.95 (factor on the signal's standard deviation of this layer with its activation)" in text
    assert "\nWhen it is a warning\n  - run at least 6" in text
    assert "spectral radius" in explained(RULES["INI301"])


def test_the_pages_come_from_the_command(initlint: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert initlint("explain", "INI301", "--format", "markdown").stdout == markdown(RULES["INI301"])
    assert initlint("explain", "INI301").stdout == explained(RULES["INI301"])
