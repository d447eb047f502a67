"""The hooks, run by the real pre-commit, which builds their environment from this checkout and PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECONDS = 300  # of one command, on a slow machine with a slow network
SHIPPED = (
    "initlint",
    "rules",
    "hatch_build.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    ".pre-commit-hooks.yaml",
    ".gitignore",
)
WHO = ("-c", "user.name=A", "-c", "user.email=a@example.org")
MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        nn.init.xavier_uniform_(self.fc.weight)
        nn.init.xavier_uniform_(self.fc.bias)

    def forward(self, x):
        return self.fc(x)
"""
CONFIG = """\
repos:
  - repo: {repository}
    rev: {revision}
    hooks:
      - id: initlint
      - id: initlint-fix
        stages: [manual]
"""


def run(folder: Path, *command: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder, with pre-commit's own environments in `home`. Both streams count as output."""
    return subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PRE_COMMIT_HOME": str(home),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "INITLINT_PURE": "1",  # compiling is tested with the wheel
        },
    )


def git(folder: Path, *args: str, home: Path) -> subprocess.CompletedProcess[str]:
    return run(folder, "git", *WHO, *args, home=home)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The checkout as it is now, changes that are not committed included, as a repository of its own."""
    folder = tmp_path / "initlint"
    folder.mkdir()
    for name in SHIPPED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder / name)
    commit(folder, tmp_path)
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A repository with a model that has a mistake, in the index."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "net.py").write_text(MODEL)
    (folder / "notes.txt").write_text("nn.init.xavier_uniform_(self.fc.bias)\n")
    for command in (("init", "-q"), ("add", ".")):
        assert git(folder, *command, home=tmp_path).returncode == 0
    return folder


def commit(folder: Path, home: Path) -> str:
    """Makes a folder a repository with one commit; its name."""
    for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "all")):
        done = git(folder, *command, home=home)
        assert done.returncode == 0, done.stdout
    return git(folder, "rev-parse", "HEAD", home=home).stdout.strip()


def test_the_hooks_find_fail_the_commit_fix_and_pass(published: Path, scratch: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"

    def pre_commit(*args: str) -> subprocess.CompletedProcess[str]:
        return run(scratch, sys.executable, "-m", "pre_commit", *args, home=home)

    revision = git(published, "rev-parse", "HEAD", home=home).stdout.strip()
    (scratch / ".pre-commit-config.yaml").write_text(CONFIG.format(repository=published.as_uri(), revision=revision))
    assert git(scratch, "add", ".", home=home).returncode == 0
    installed = pre_commit("install", "--install-hooks")
    assert installed.returncode == 0, installed.stdout

    failed = git(scratch, "commit", "-m", "a model", home=home)
    assert failed.returncode == 1, failed.stdout
    assert "net.py:9:9: error: INI601 fan-of-vector" in failed.stdout
    assert "Found 1 problem (1 error) in 1 file." in failed.stdout

    fixed = pre_commit("run", "initlint-fix", "--hook-stage", "manual")
    assert fixed.returncode == 1, fixed.stdout
    assert "files were modified by this hook" in fixed.stdout
    text = (scratch / "net.py").read_text()
    assert text != MODEL
    assert (scratch / "notes.txt").read_text().startswith("nn.init.xavier")

    assert git(scratch, "add", ".", home=home).returncode == 0
    passed = git(scratch, "commit", "-m", "a model", home=home)
    assert passed.returncode == 0, passed.stdout
    assert git(scratch, "show", "HEAD:net.py", home=home).stdout == text


def test_the_hooks_can_be_tried_without_a_configuration(published: Path, scratch: Path, tmp_path: Path) -> None:
    command = (
        sys.executable,
        "-m",
        "pre_commit",
        "try-repo",
        str(published),
        "initlint",
        "--files",
        "net.py",
        "notes.txt",
    )
    tried = run(scratch, *command, home=tmp_path / "home")
    assert tried.returncode == 1, tried.stdout
    assert "- hook id: initlint\n- exit code: 1" in tried.stdout
    assert "net.py:9:9: error: INI601 fan-of-vector" in tried.stdout
