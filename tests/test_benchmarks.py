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
    form, *rows = done.stdout.splitlines()
    assert re.fullmatch(r"initlint \S+, (plain Python|compiled)", form)
    assert re.match(r"start-up: .* takes \d+ ms$", rows[0])
    assert [row for row in rows[1:5] if not re.fullmatch(r"  .+ +\d+\.\d x", row)] == []
    assert re.match(r"showcase: \d+ files, \d+ lines", rows[5])
    for row, label in zip(
        rows[6:11],
        ("  ast.parse", "  initlint, one process", "    find, read, parse", "    interpret", "    match rules"),
        strict=True,
    ):
        assert row.startswith(label)
        assert re.search(r"\d+\.\d\d s +\d+\.\d x$", row)
    assert re.fullmatch(r"  initlint, \d+ processors, elapsed +\d+\.\d\d s +\d+\.\d x", rows[11])
    assert re.fullmatch(r"  initlint, nothing changed +\d+\.\d\d s +\d+\.\d\d x", rows[12])
    assert re.fullmatch(r"  peak memory +\d+ MB", rows[13])


def test_the_signal_model_is_printed_beside_torch(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, root / "benchmarks" / "propagation.py", "he normal relu 2x64"],
        capture_output=True,
        text=True,
        check=True,
    )
    head, *rows, last = done.stdout.splitlines()
    assert head.split() == ["network", "draws", "predicted", "end", "layer"]
    assert [row.split()[6] for row in rows] == ["signal", "input", "gradient"]
    assert re.fullmatch(r"growth of a layer: at most \d\.\d% off", last)


def test_it_prints_what_a_commit_costs(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, root / "benchmarks" / "commit.py", "--runs", "1"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    first, *rows = done.stdout.splitlines()
    assert re.match(r"a commit of 3 model files of \d+ lines; ", first)
    assert len(rows) == 3
    assert all(re.search(r" +-?\d+\.\d\d s +-?\d+\.\d\d s of a processor$", row) for row in rows)


def test_it_prints_what_fixes_do_to_a_project(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, root / "benchmarks" / "fixes.py", root / "fixtures" / "showcase", "--alone", "2"],
        capture_output=True,
        text=True,
        check=True,
    )
    first, head, *rows = done.stdout.splitlines()
    assert re.search(r"showcase: \d+ findings, \d+ with a fix, \d+ left$", first)
    assert head.split() == ["rule", "found", "fixed"]
    assert [row.split()[0] for row in rows[:2]] == ["INI101", "INI104"]
    assert "problem" not in done.stdout
