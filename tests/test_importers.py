"""A run over one file of a project understands what a run over all of it does: who imports the file is read too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from initlint import importers
from initlint.config import Config
from initlint.importers import Importers
from initlint.interpret import entries
from initlint.pipeline import inspect_paths, lint_paths, lint_source

Run = Callable[..., "subprocess.CompletedProcess[str]"]
FIXTURES = Path(__file__).parents[1] / "fixtures"
PROJECTS = ("showcase/tremor", "interpreter/package_zoo", "interpreter/package_detector")

BLOCKS = """\
import torch.nn as nn


class Encoder(nn.Module):
    def __init__(self, make=nn.Linear):
        super().__init__()
        self.inner = make(8, 16, 3) if make is nn.Conv1d else make(8, 16)
        self.outer = nn.Linear(16, 4)

    def init_weights(self):
        nn.init.normal_(self.outer.weight, std=0.02)

    def forward(self, x):
        return self.outer(self.inner(x).relu())


def initialize(model):
    for m in model.modules():
        if isinstance(m, nn.Conv2d):
            nn.init.zeros_(m.bias)
"""
CALLS = "from lib.blocks import Encoder\n\nnet = Encoder()\nnet.init_weights()\n"
BUILDS = "from lib.blocks import Encoder\n\nnet = Encoder()\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"pyproject.toml": "", "lib/__init__.py": "", "lib/blocks.py": BLOCKS})
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def found(path: str) -> set[tuple[str, str, int]]:
    report = lint_paths([path], debug=True)
    return {(f.place.file, f.code, f.place.span.start.line) for f in report.findings}


def using(project: Path, *given: str) -> list[str]:
    paths = {os.path.abspath(path) for path in given}
    return [os.path.relpath(path, project) for path in importers.importers(paths, paths, Config()).files]


# --- what a run understands -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROJECTS)
def test_each_file_by_itself_has_the_findings_of_the_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(FIXTURES / name, tmp_path / Path(name).name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    whole = lint_paths(["."], debug=True).findings
    rows = inspect_paths(["."], debug=True).rows
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.py"))
    assert len(files) > 3
    assert rows
    for file in files:
        assert lint_paths([file], debug=True).findings == tuple(f for f in whole if f.place.file == file)
        text = Path(file).read_bytes()
        assert lint_source(text, file, debug=True).findings == tuple(f for f in whole if f.place.file == file)
        assert inspect_paths([file], debug=True).rows == tuple(r for r in rows if r.place.file == file)


def test_a_method_that_an_importer_calls_is_called(project: Path) -> None:
    write(project, {"train.py": BUILDS})
    assert ("lib/blocks.py", "INI501", 10) in found("lib/blocks.py")
    write(project, {"train.py": CALLS})
    assert found("lib/blocks.py") == set()


def test_a_pass_runs_on_the_models_that_importers_give_it(project: Path) -> None:
    write(
        project,
        {
            "lib/use.py": "import torch.nn as nn\nfrom . import blocks\n\n"
            "net = blocks.Encoder(nn.Conv1d)\nnet.init_weights()\nblocks.initialize(net)\n"
        },
    )
    assert found("lib/blocks.py") == {("lib/blocks.py", "INI505", 19)} == found(".")


def test_nothing_is_reported_on_what_is_read_beside(project: Path, initlint: Run) -> None:
    broken = "nn.init.xavier_uniform_(net.outer.bias)\n"
    write(project, {"train.py": f"import torch.nn as nn\n{CALLS}{broken}", "other.py": "from lib.blocks import (\n"})
    done = initlint("lib/blocks.py", "--format", "json", cwd=project)
    report = json.loads(done.stdout)
    assert (done.returncode, report["findings"], report["files"]) == (0, [], 1)
    assert {row.place.file for row in inspect_paths(["lib/blocks.py"]).rows} == {"lib/blocks.py"}
    assert ("train.py", "INI601", 6) in found("train.py")


# --- which files they are ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "import lib.blocks\n",
        "import os, lib.blocks as b\n",
        "from lib import blocks\n",
        "from lib import (\n    other,\n    blocks as b,  # why\n)\n",
        "def f():\n    from lib.blocks import Encoder\n",
        "from lib.blocks import *\n",
    ],
)
def test_every_form_of_import_is_seen(project: Path, text: str) -> None:
    write(project, {"use.py": text})
    assert using(project, "lib/blocks.py") == ["use.py"]


@pytest.mark.parametrize(
    "text",
    [
        "import blocks\n",
        "# from lib.blocks import Encoder\n",
        "lib.blocks.Encoder()\n",
        "from lib.blocks2 import x\nblocks = 1\n",
        "from ..lib import blocks\n",
    ],
)
def test_what_only_looks_like_it_is_not(project: Path, text: str) -> None:
    write(project, {"use.py": text, "lib/blocks2.py": "x = 1\n"})
    assert using(project, "lib/blocks.py") == []


def test_importers_are_followed_through_packages_and_through_other_importers(project: Path) -> None:
    write(
        project,
        {
            "lib/__init__.py": "from .blocks import Encoder\nfrom .text import words\n",
            "lib/text.py": "words = ()\n",
            "model.py": "from lib import Encoder\n\nclass Model: ...\n",
            "read.py": "from lib import words\n",
            "attribute.py": "import lib\nlib.Encoder()\n",
            "apart.py": "import lib\nlib.words\n",
            "tests/test_model.py": "from model import Model\n",
        },
    )
    assert using(project, "lib/blocks.py") == ["lib/__init__.py", "attribute.py", "model.py", "tests/test_model.py"]
    assert using(project, "tests/test_model.py") == []


def test_what_is_excluded_or_ignored_by_git_is_not_read(project: Path) -> None:
    write(
        project,
        {
            ".git/HEAD": "",
            ".gitignore": "scratch/\n",
            "scratch/a.py": BUILDS,
            "build/.gitignore": "b.py",
            "build/b.py": BUILDS,
            "venv/c.py": BUILDS,
            "kept/d.py": BUILDS,
        },
    )
    assert using(project, "lib/blocks.py") == ["kept/d.py"]


def test_without_a_project_only_the_package_and_what_lies_beside_it_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importers, "ROOT_MARKS", frozenset({"no such mark"}))
    use = "from lib.blocks import Encoder\n"
    write(
        tmp_path, {"lib/__init__.py": "", "lib/blocks.py": BLOCKS, "lib/deep/a.py": use, "b.py": use, "far/c.py": use}
    )
    assert using(tmp_path, str(tmp_path / "lib/blocks.py")) == ["b.py", "lib/deep/a.py"]
    assert using(tmp_path, str(tmp_path / "b.py")) == []


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_what_a_bound_leaves_out_proves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(project, {f"use{i}.py": BUILDS for i in range(4)})
    assert {code for _, code, _ in found("lib/blocks.py")} == {"INI501"}
    monkeypatch.setattr(importers, "MOST_READ", 3)
    given = {os.path.abspath("lib/blocks.py")}
    assert importers.importers(given, given, Config()) == Importers(
        tuple(str(project / f"use{i}.py") for i in range(3)), frozenset(given)
    )
    assert found("lib/blocks.py") == set()
    monkeypatch.undo()
    monkeypatch.chdir(project)
    for limit in ("MOST_ENTRIES", "MOST_SEARCHED", "MOST_BYTES"):
        with monkeypatch.context() as patched:
            patched.setattr(importers, limit, 2)
            assert found("lib/blocks.py") == set()


def test_importers_share_a_budget_that_only_what_leads_to_the_file_takes_from(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (
        "import torch.nn as nn\n\ndef other():\n    for _ in range(60):\n        n = nn.Linear(2, 2)\n    return n\n"
    )
    write(project, {"use.py": BUILDS + other})
    monkeypatch.setattr(entries, "AROUND_FUEL", 120)
    assert {code for _, code, _ in found("lib/blocks.py")} == {"INI501"}
    write(project, {"use.py": other + "\nx = other()\n" + BUILDS})
    assert {code for _, code, _ in found("lib/blocks.py")} == {"INI501"}
    write(project, {"use.py": "from lib.blocks import Encoder\n\nfor _ in range(60):\n    net = Encoder()\n"})
    assert found("lib/blocks.py") == set()


def test_a_file_beyond_the_bound_does_not_silence_what_it_does_not_use(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, {"lib/more.py": BLOCKS, "a.py": BUILDS, "b.py": BUILDS.replace("blocks", "more"), "c.py": BUILDS})
    monkeypatch.setattr(importers, "MOST_READ", 2)
    given = {os.path.abspath(f"lib/{name}.py") for name in ("blocks", "more")}
    assert importers.importers(given, given, Config()).cut == {os.path.abspath("lib/blocks.py")}
