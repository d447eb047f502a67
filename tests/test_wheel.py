"""The built wheel works by itself: rules included, nothing of the checkout needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    # Not isolated: the build backend is among the development dependencies, so that no network is needed.
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(root)],
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("*.whl")
    return built


def test_it_holds_the_rules_and_nothing_of_the_tests(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    rules = {f"initlint/{path.relative_to(root).as_posix()}" for path in (root / "rules").rglob("*.toml")}
    assert len(rules) > 20
    assert rules <= names
    assert "initlint/py.typed" in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"initlint"}


def test_it_lints_in_an_environment_of_its_own(wheel: Path, root: Path, tmp_path: Path) -> None:
    """Only its dependencies are borrowed; the checkout is nowhere on the path."""
    home = tmp_path / "home"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
    )
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [home / "bin" / "initlint", *args],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    where = subprocess.run(
        [python, "-c", "import initlint; print(initlint.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(site))
    done = run("--format", "json", str(root / "fixtures" / "showcase"))
    assert (done.returncode, done.stderr) == (1, "")
    assert "INI201" in {finding["code"] for finding in json.loads(done.stdout)["findings"]}
    assert run("rules").returncode == 0
