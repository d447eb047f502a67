"""The benchmark runs, and prints what it says it prints. Nothing is timed here: a machine may be busy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path


def test_it_prints_ratios_for_a_small_tree(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, root / "benchmarks" / "speed.py", root / "fixtures" / "showcase", "--runs", "1"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    rows = done.stdout.splitlines()
    assert re.match(r"start-up: .* takes \d+ ms$", rows[0])
    assert [row for row in rows[1:4] if not re.fullmatch(r"  .+ +\d+\.\d x", row)] == []
    assert re.match(r"showcase: \d+ files, \d+ lines", rows[4])
    for row, label in zip(
        rows[5:10],
        ("  ast.parse", "  initlint, one process", "    find, read, parse", "    interpret", "    match rules"),
        strict=True,
    ):
        assert row.startswith(label)
        assert re.search(r"\d+\.\d\d s +\d+\.\d x$", row)
    assert re.fullmatch(r"  peak memory +\d+ MB", rows[10])
