"""The built wheel works by itself: rules included, nothing of the checkout needed; compiled, it says the same."""

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

from hatch_build import can_compile

COMPILED = can_compile()


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
    tops = {name.split("/")[0].partition(".")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert tops == ({"initlint", "initlint__mypyc"} if COMPILED else {"initlint"})


def test_it_holds_the_interpreter_compiled_and_as_it_is(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    for path in (root / "initlint" / "interpret").glob("*.py"):
        name = f"initlint/interpret/{path.name}"
        assert name in names
        assert (name.removesuffix(".py") + suffix in names) == COMPILED
    assert wheel.name.endswith("-none-any.whl") != COMPILED


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own. Only its dependencies are borrowed; the checkout is nowhere on the path."""
    home = tmp_path_factory.mktemp("home")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)],
        check=True,
        capture_output=True,
    )
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


def run(program: Path, *args: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([program, *args], cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_it_lints_in_an_environment_of_its_own(home: Path, root: Path, tmp_path: Path) -> None:
    where = run(home / "bin" / "python", "-c", "import initlint; print(initlint.__file__)", cwd=tmp_path)
    assert where.stdout.startswith(str(home))
    what = run(home / "bin" / "python", "-c", "import initlint.graph; print(initlint.graph.__file__)", cwd=tmp_path)
    assert what.stdout.strip().endswith(".py") != COMPILED
    done = run(home / "bin" / "initlint", "--format", "json", root / "fixtures" / "showcase", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "INI201" in {finding["code"] for finding in json.loads(done.stdout)["findings"]}
    assert run(home / "bin" / "initlint", "rules", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("command", ["check", "inspect"])
def test_it_remembers(home: Path, root: Path, tmp_path: Path, command: str) -> None:
    """Compiled classes do not keep all that a record is restored by."""
    args = ("-m", "initlint", command, "--format", "json", root / "fixtures" / "showcase")
    first = run(home / "bin" / "python", *args, cwd=tmp_path)
    again = run(home / "bin" / "python", "-X", "importtime", *args, cwd=tmp_path)
    assert again.stdout == first.stdout
    assert "initlint.cache" in again.stderr
    assert "initlint.interpret" not in again.stderr


@pytest.mark.parametrize("folder", ["hostile", "interpreter", "keras", "notebooks", "rules", "showcase"])
@pytest.mark.parametrize(
    "command", [("inspect", "--format", "json", "--no-cache"), ("check", "--show", "info", "--no-cache")], ids=" ".join
)
def test_it_says_what_the_sources_say(home: Path, root: Path, command: tuple[str, ...], folder: str) -> None:
    """To the byte, over everything that the fixtures hold."""
    compiled = run(home / "bin" / "initlint", *command, root / "fixtures" / folder, cwd=root)
    plain = run(Path(sys.executable), "-m", "initlint", *command, root / "fixtures" / folder, cwd=root)
    assert (compiled.stdout, compiled.stderr, compiled.returncode) == (plain.stdout, plain.stderr, plain.returncode)
    assert plain.stdout
