"""The benchmark of the language server runs, and prints what it says it prints. Nothing is timed here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from editing import VECTOR

ROW = (
    r"net\.py +11 lines +1 findings  opened +\d+ ms  edits: median +\d+ ms  95 % +\d+ ms  worst +\d+ ms  "
    r"processor +\d+ ms = [\d.]+ x ast\.parse\n"
)


@pytest.mark.parametrize("how", [(), ("--pull",)], ids=["pushed", "pulled"])
def test_it_prints_how_long_an_editor_waits(tmp_path: Path, how: tuple[str, ...]) -> None:
    net = tmp_path / "net.py"
    net.write_text(VECTOR)
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "editor.py", net, "--edits", "3", *how],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert re.fullmatch(ROW, done.stdout), done.stdout
