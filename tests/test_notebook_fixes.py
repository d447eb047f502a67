"""Fixes in notebooks: applied to cells, with the file's form and its outputs left as they were."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from initlint.findings import Fix
from initlint.mending import mend_source
from initlint.pipeline import lint_source
from initlint.report import renderer

Run = Callable[..., "subprocess.CompletedProcess[str]"]

STUDY = Path(__file__).parents[1] / "fixtures" / "notebooks" / "study.ipynb"
IMPORTS = "%matplotlib inline\nimport torch\nfrom torch import nn"
NET = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(x)"""
INIT = "net = Net()\nawait ready()\n!nvidia-smi\nnn.init.xavier_uniform_(net.fc.bias)  # Größe"


def notebook(*texts: str, listed: bool = True, indent: int | None = 1, ascii_only: bool = False) -> str:
    output = {"name": "stdout", "output_type": "stream", "text": ["nn.init.xavier_uniform_(net.fc.bias)\n"]}
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "execution_count": number,
            "metadata": {},
            "outputs": [output],
            "source": text.splitlines(keepends=True) if listed else text,
        }
        for number, text in enumerate(texts, start=1)
    ]
    return json.dumps({"cells": cells, "nbformat": 4}, indent=indent, ensure_ascii=ascii_only)


def mended(text: str, *, unsafe: bool = False) -> str:
    done = mend_source(text.encode(), "study.ipynb", unsafe=unsafe, debug=True)
    assert not done.report.faults
    assert done.text is not None
    return done.text.decode()


def sources(text: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("indent", [1, None])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_only_the_lines_of_the_fix_change(listed: bool, indent: int | None, ascii_only: bool) -> None:
    before = notebook(IMPORTS, NET, INIT, listed=listed, indent=indent, ascii_only=ascii_only)
    after = mended(before)
    *unchanged, init = sources(after)
    assert unchanged == [IMPORTS, NET]
    assert init != INIT
    assert init.startswith("net = Net()\nawait ready()\n!nvidia-smi\n")
    # What is left when the cell's own text is taken out is the same to the byte.
    expected = notebook(IMPORTS, NET, init, listed=listed, indent=indent, ascii_only=ascii_only)
    assert after == expected
    assert [one.code for one in lint_source(after, "study.ipynb").findings] == []
    assert mended(after) == after


def test_an_unsafe_fix_of_one_cell_may_need_another(initlint: Run, tmp_path: Path) -> None:
    (tmp_path / "study.ipynb").write_bytes(STUDY.read_bytes())
    assert initlint("study.ipynb", "--fix").returncode == 1
    assert (tmp_path / "study.ipynb").read_bytes() == STUDY.read_bytes(), "there is no safe fix"
    difference = initlint("study.ipynb", "--diff", "--unsafe-fixes").stdout
    assert difference.count("\n-") - difference.count("\n---") == difference.count("\n+") - difference.count("\n+++")
    done = initlint("study.ipynb", "--fix", "--unsafe-fixes")
    assert done.returncode == 0, done.stdout
    text = (tmp_path / "study.ipynb").read_text()
    assert "kaiming_uniform_" in text
    changed = [(a, b) for a, b in zip(STUDY.read_text().splitlines(), text.splitlines(), strict=True) if a != b]
    assert len(changed) == 1


def test_edits_are_told_by_cell() -> None:
    (finding,) = lint_source(notebook(IMPORTS, NET, INIT), "study.ipynb", fixes=True).findings
    assert isinstance(finding.fix, Fix)
    assert {edit.cell for edit in finding.fix.edits} == {3}
    assert {edit.span.start.line for edit in finding.fix.edits} == {4}
    report = lint_source(notebook(IMPORTS, NET, INIT), "study.ipynb", fixes=True)
    (told,) = json.loads(renderer("json")(report))["findings"]
    assert [(edit["cell"], edit["span"]["start"]["line"]) for edit in told["fix"]["edits"]] == [(3, 4)]


def test_a_comment_that_silences_nothing_is_taken_out_of_its_cell() -> None:
    idle = "net = Net()\nnn.init.xavier_uniform_(net.fc.weight)  # initlint: ignore[INI601]\n"
    assert sources(mended(notebook(IMPORTS, NET, idle)))[2] == idle.partition("  #")[0] + "\n"


def test_what_is_written_into_an_indented_cell_is_indented_too() -> None:
    def indented(text: str) -> str:
        return "".join(f"  {line}" for line in text.splitlines(keepends=True))

    bare = "net = nn.Linear(8, 4, bias=False)\nnn.init.zeros_(net.bias)\nnet"
    plain, shifted = (sources(mended(notebook(IMPORTS, text)))[1] for text in (bare, indented(bare)))
    assert plain.count("\n") > bare.count("\n")
    assert shifted == indented(plain)
