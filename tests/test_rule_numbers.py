"""The numbers on rules' pages are those that measured.py, unrolled.py and trained.py in benchmarks sample, and
examples.py has from the pages' own examples. Run as a program, this writes them into the rules anew."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from initlint.rulebook import all_rules

ROOT = Path(__file__).parents[1]
CHECKS = ROOT / "rules" / "checks"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


loaded("page_numbers")  # which the programs import from beside them
PROGRAMS = ("measured", "unrolled", "trained", "examples")
MEASURED = {code: found for name in PROGRAMS for code, found in loaded(name).MEASURED.items()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's own
@pytest.mark.parametrize("code", MEASURED)
def test_a_page_has_the_numbers_that_are_measured(code: str) -> None:
    assert all_rules()[code].numbers.strip() == MEASURED[code](), "write them anew: python tests/test_rule_numbers.py"


def test_every_page_on_code_has_numbers() -> None:
    assert [code for code, rule in all_rules().items() if rule.condition is not None and not rule.numbers.strip()] == []


def rewrite() -> None:
    """Writes the numbers before the references of each rule."""
    for code, measure in MEASURED.items():
        path = CHECKS / f"{code}.toml"
        text = re.sub(r'^numbers = """.*?"""\n', "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        before, references, after = text.partition("\nreferences = ")
        path.write_text(f'{before}\nnumbers = """\n{measure()}"""{references}{after}', encoding="utf-8")


if __name__ == "__main__":
    rewrite()
