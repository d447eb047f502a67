"""What of the findings is shown, and what makes a run fail."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

ADVICE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(8, 8)
        self.two = nn.Linear(8, 4)
        nn.init.kaiming_normal_(self.one.weight)

    def forward(self, x):
        return self.two(self.one(x).tanh())
"""
ERROR = ADVICE.replace("self.one.weight", "self.one.bias")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "advice.py").write_text(ADVICE)
    return tmp_path


def test_info_is_hidden_from_people_and_counted(initlint: Run, folder: Path) -> None:
    hidden = "No problems found in 1 file.\n1 info hidden; --show info shows them.\n"
    for name in ("text", "concise", "github"):
        done = initlint("advice.py", "--format", name)
        assert (done.returncode, done.stdout) == (0, hidden)
        assert "INI202" in initlint("advice.py", "--format", name, "--show", "info").stdout
    assert initlint("advice.py", "--quiet").stdout == ""


def test_programs_are_given_everything_unless_they_ask_for_less(initlint: Run, folder: Path) -> None:
    for name in ("json", "sarif", "lsp"):
        assert "INI202" in initlint("advice.py", "--format", name).stdout
        assert "INI202" not in initlint("advice.py", "--format", name, "--show", "warning").stdout


def test_what_makes_the_run_fail_is_shown(initlint: Run, folder: Path) -> None:
    done = initlint("advice.py", "--fail-on", "info")
    assert (done.returncode, "INI202" in done.stdout, "hidden" in done.stdout) == (1, True, False)
    (folder / "initlint.toml").write_text('fail-on = "info"\n')
    done = initlint("advice.py")
    assert (done.returncode, "INI202" in done.stdout) == (1, True)
    done = initlint("advice.py", "--show", "error")
    assert (done.returncode, "INI202" in done.stdout) == (1, False), "hidden because that was asked for"


def test_the_exit_status_is_what_was_asked_for(initlint: Run, folder: Path) -> None:
    (folder / "error.py").write_text(ERROR)
    assert initlint(".").returncode == 1
    assert initlint(".", "--exit-zero").returncode == 0
    assert initlint(".", "--fail-on", "error").returncode == 1
    assert initlint("nope.py", "--exit-zero").returncode == 2, "wrong usage is none of its business"


def test_statistics_stand_for_the_findings(initlint: Run, folder: Path) -> None:
    (folder / "error.py").write_text(ERROR)
    (folder / "more.py").write_text(ERROR)
    done = initlint(".", "--statistics")
    assert done.stdout.splitlines()[:4] == [
        "2  INI601  fan-of-vector         2 errors",
        "1  INI202  he-before-saturating  1 info",
        "",
        "Found 3 problems (2 errors, 1 info) in 3 files.",
    ]
    assert done.returncode == 1
    counts = json.loads(initlint(".", "--statistics", "--format", "json", "--show", "error").stdout)
    assert [(row["code"], row["count"]) for row in counts] == [("INI601", 2)]
    wrong = initlint(".", "--statistics", "--format", "sarif")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--statistics goes with text, concise and json, not with sarif" in wrong.stderr


@pytest.mark.parametrize("name", ["sarif", "concise"])
def test_the_output_goes_to_a_file_and_the_status_stays(initlint: Run, folder: Path, name: str) -> None:
    (folder / "error.py").write_text(ERROR)
    expected = initlint("error.py", "--format", name).stdout
    done = initlint("error.py", "--format", name, "--output-file", "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert (folder / "out").read_text() == expected
