"""The fixtures of the rules: ordinary model files with `# expect: INI201` on the lines where findings start."""

from __future__ import annotations

import re
from pathlib import Path

from initlint.findings import Finding
from initlint.pipeline import lint_source

FIXTURES = Path(__file__).parents[1] / "fixtures" / "rules"
EXPECT = re.compile(r"#\s*expect:\s*(INI\d{3}(?:\s*,\s*INI\d{3})*)\s*$")
# Packages that are not there when tests run.
OUTSIDE = re.compile(
    r"^(?:from|import) (?:fvcore|mmcv|mmengine|outside|tensorflow|timm|torchvision|transformers)\b", re.MULTILINE
)
CRASHES = frozenset(f"INI60{digit}" for digit in range(1, 9))


def names() -> list[str]:
    """`INI201/fires_apply_method`, for every fixture."""
    return sorted(str(path.relative_to(FIXTURES).with_suffix("")) for path in FIXTURES.glob("*/*.py"))


def text_of(name: str) -> str:
    return (FIXTURES / f"{name}.py").read_text(encoding="utf-8")


def is_runnable(name: str) -> bool:
    """Whether a fixture has all that it imports."""
    return not OUTSIDE.search(text_of(name))


def expected(text: str) -> set[tuple[int, str]]:
    """(line, code) of every finding that the text asks for."""
    found = set()
    for number, line in enumerate(text.splitlines(), start=1):
        match = EXPECT.search(line)
        if match:
            found |= {(number, code.strip()) for code in match[1].split(",")}
        assert match or "expect:" not in line, f"not an expectation: {line}"
    return found


def findings(text: str, path: str = "net.py") -> tuple[Finding, ...]:
    """What the whole pipeline says of a text; its faults and what it can't read are failures."""
    report = lint_source(text, path, debug=True)
    assert not report.faults
    assert not [one for one in report.unreadable if not any(f.code == "INI001" for f in report.findings)]
    return report.findings


def told(text: str) -> set[tuple[int, str]]:
    return {(finding.place.span.start.line, finding.code) for finding in findings(text)}
