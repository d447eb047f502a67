"""The fixtures with their fixes in them, and the golden files beside them; `python tests/mended.py` writes those."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lintable import FIXTURES, names, text_of

from initlint.edits import apply
from initlint.findings import Finding, Fix
from initlint.mending import Mended, mend_source
from initlint.pipeline import lint_source
from initlint.rulebook import all_rules

FIRING = [name for name in names() if "/fires_" in name and all_rules()[name.partition("/")[0]].remedy]


def golden(name: str) -> Path:
    return FIXTURES / f"{name}.fixed"


@cache
def mended(name: str) -> Mended:
    """A fixture with all fixes in it, unsafe ones too, of whatever rule."""
    return mend_source(text_of(name).encode(), "net.py", unsafe=True, debug=True)


@cache
def planned(name: str) -> tuple[Finding, ...]:
    """The findings of a fixture, with their fixes."""
    return lint_source(text_of(name), "net.py", debug=True, fixes=True).findings


def fixed_by_itself(text: str, finding: Finding) -> str:
    assert isinstance(finding.fix, Fix)
    return apply(text, [finding.fix]).text


if __name__ == "__main__":
    for firing in FIRING:
        golden(firing).write_bytes(mended(firing).text or b"")
