"""docs/rules/ is what `initlint explain` says, and current. `python tests/test_rule_pages.py` writes it anew."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from initlint.report._rules import explained, index, markdown
from initlint.rulebook import all_rules

FOLDER = Path(__file__).parents[1] / "docs" / "rules"
INDEX = "README.md"
RULES = all_rules()


def pages() -> dict[str, str]:
    """What the folder should hold: a page for each rule, and the index."""
    return {INDEX: index(RULES), **{f"{code}.md": markdown(rule) for code, rule in RULES.items()}}


def test_no_page_is_missing_and_none_is_left_over() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(pages())


@pytest.mark.parametrize("name", pages())
def test_a_page_is_current(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == pages()[name], (
        "write it anew: python tests/test_rule_pages.py"
    )


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
    assert "\nWhen it is a warning\n  - the signal ends outside 0.13 to 10 of what it was" in text
    assert "\n  - over a run of at least 3 layers without norms, sums and products between them\n" in text
    assert "\nWhen it is a warning\n  - lost_units at least 1 (" in explained(RULES["INI402"])
    assert "spectral radius" in explained(RULES["INI301"])


def test_the_pages_come_from_the_command(initlint: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert initlint("explain", "INI301", "--format", "markdown").stdout == pages()["INI301.md"]
    assert initlint("explain", "INI301").stdout == explained(RULES["INI301"])


def rewrite() -> None:
    """Writes the folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
