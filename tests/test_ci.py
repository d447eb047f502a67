"""The action for GitHub and the job for GitLab, as a runner runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
MODEL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)
        nn.init.xavier_uniform_(self.fc.bias)

    def forward(self, x):
        return self.fc(x)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checked-out project with a mistake, and with modules that would be loaded by a careless runner."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "net.py").write_text(MODEL)
    (folder / "src" / "a b.py").write_text(MODEL)
    for name in ("click", "initlint", "tomli"):
        (folder / f"{name}.py").write_text("raise SystemExit('the code of the linted project runs')\n")
    return folder


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A step of a job, in bash as runners start it, with this Python as python3 and this initlint installed."""
    programs = folder.parent / "bin"
    programs.mkdir(exist_ok=True)
    for name, arguments in (("python3", ""), ("initlint", "-P -m initlint")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
    )


def action() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return document


def lint(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The step of the action that lints, with its inputs in its environment as they are declared."""
    described = action()
    values = {name: value["default"] for name, value in described["inputs"].items()} | inputs
    *_, step = described["runs"]["steps"]
    environment = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: values[found[1]], value)
        for name, value in step["env"].items()
        if name != "PYTHONPATH"
    }
    return run(step["run"], folder, **environment)


def test_the_action_annotates_and_fails(checkout: Path) -> None:
    done = lint(checkout, paths="src")
    assert done.returncode == 1, done.stderr
    commands = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert [re.search(r",file=([^,]*),line=8,", line)[1] for line in commands if line] == ["src/a b.py", "src/net.py"]  # type: ignore[index]
    assert done.stderr == ""


def test_the_action_writes_sarif_beside(checkout: Path) -> None:
    done = lint(checkout, paths="src/net.py", sarif="out.sarif", args="--fail-on error --ignore INI6")
    assert (done.returncode, done.stdout) == (0, "No problems found in 1 file.\n")
    (sarif,) = json.loads((checkout / "out.sarif").read_text())["runs"]
    assert sarif["results"] == []
    done = lint(checkout, paths="src/net.py", sarif="out.sarif")
    assert done.returncode == 1
    (sarif,) = json.loads((checkout / "out.sarif").read_text())["runs"]
    assert [result["ruleId"] for result in sarif["results"]] == ["INI601"]


def test_what_a_workflow_passes_is_words_and_nothing_else(checkout: Path) -> None:
    done = lint(checkout, paths="src/*.py $(touch made) `touch made` ; touch made")
    assert done.returncode == 2
    assert not (checkout / "made").exists()
    assert "no such file or folder: src/*.py" in done.stderr
    assert lint(checkout, paths="--help").returncode == 2, "a path that looks like an option is a path"


def test_the_action_installs_what_it_is_a_part_of() -> None:
    install, _ = action()["runs"]["steps"]
    assert '"$GITHUB_ACTION_PATH"' in install["run"]
    assert "--target" in install["run"]
    assert action()["runs"]["using"] == "composite"


def readme(marker: str) -> str:
    """The block of the README under a marker."""
    found = re.search(
        rf"<!-- {marker} -->\n```\w+\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, f"README.md has nothing under <!-- {marker} -->"
    return found[1]


def test_the_job_for_gitlab_writes_the_report_that_it_names(checkout: Path) -> None:
    job = yaml.safe_load(readme("gitlab"))["initlint"]
    *_, command = job["script"]
    done = run(command, checkout)
    assert done.returncode == 1, done.stderr
    issues = json.loads((checkout / job["artifacts"]["reports"]["codequality"]).read_text())
    assert [(one["location"]["path"], one["location"]["lines"]["begin"], one["severity"]) for one in issues] == [
        ("src/a b.py", 8, "critical"),
        ("src/net.py", 8, "critical"),
    ]
    assert len({one["fingerprint"] for one in issues}) == 2
    assert job["artifacts"]["when"] == "always"


def test_the_workflow_for_github_names_what_the_action_takes() -> None:
    workflow = yaml.safe_load(readme("github"))
    (job,) = workflow["jobs"].values()
    steps = [step for step in job["steps"] if "initlint" in step["uses"]]
    assert steps
    for step in steps:
        assert set(step.get("with", {})) <= set(action()["inputs"])


def test_the_configuration_for_pre_commit_names_the_hooks() -> None:
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    assert set(hooks) == {"initlint", "initlint-fix"}
    for hook in hooks.values():
        assert hook["types_or"] == ["python", "pyi", "jupyter"]
        assert hook["require_serial"] is True
    (repository,) = yaml.safe_load(readme("pre-commit"))["repos"]
    assert {hook["id"] for hook in repository["hooks"]} <= set(hooks)
