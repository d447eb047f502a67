"""A run that is remembered says what it would say anew: nothing is served that anything has changed of."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from remembering import BROKEN, INIT, LAYERS, NET, Runner, project, records, runner

from initlint import cache, cli, disk, pipeline, schema
from initlint.report import FOLDER, formats


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Runner:
    return runner(monkeypatch, capfdbinary)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return project(tmp_path, monkeypatch)


def test_what_is_remembered_is_said_again(folder: Path, run: Runner) -> None:
    first, said = run.served("net")
    assert (first, said[0], said[2]) == (False, 1, b"")
    assert b"INI601" in said[1]
    assert run.served("net") == (True, said)


# Paths and what they come to hold: a text, nothing (None), a folder ("/") or a link ("-> target").
CHANGES: dict[str, dict[str, str | None]] = {
    "a named file is edited": {"net/model.py": NET.replace(".bias", ".weight")},
    "a named file can no longer be parsed": {"net/other.py": BROKEN},
    "a named file names no framework any more": {"net/other.py": "import json\n"},
    "a named file is there no more": {"net/other.py": None},
    "a file is new in a named folder": {"net/new.py": NET},
    "a notebook is new": {"net/new.ipynb": "{}"},
    "a folder is new": {"net/deep": "/"},
    "a file that is read beside is edited": {"layers.py": LAYERS.replace("n, n", "n, 9")},
    "a file that is read beside is there no more": {"layers.py": None},
    "an import leads nearer": {"net/layers.py": LAYERS.replace("n, n", "n, 7")},
    "a module becomes a package": {"layers": "/", "layers/__init__.py": ""},
    "an import leads somewhere now": {"extras.py": INIT},
    "it leads into the folder of sources": {"src": "/", "src/extras.py": INIT},
    "somebody imports a named file": {"build.py": "from net.model import Net\nNet().late.weight.data.zero_()\n"},
    "a setting": {"pyproject.toml": '[tool.initlint]\nselect = ["INI2"]\n'},
    "settings of its own": {"net/initlint.toml": 'ignore = ["INI6"]\n'},
    "settings before the others": {"initlint.toml": 'ignore = ["INI6"]\n'},
    "something that git ignores": {"net/.gitignore": "other.py\n"},
    "a repository around": {".git": "/"},
    "a link to something else": {"elsewhere.txt": LAYERS.replace("n, n", "n, 5"), "layers.py": "-> elsewhere.txt"},
}


def change(folder: Path, changes: dict[str, str | None]) -> None:
    for name, what in changes.items():
        path = folder / name
        if what is None or what.startswith("-> "):
            path.unlink()
        if what is not None and what.startswith("-> "):
            path.symlink_to(folder / what.removeprefix("-> "))
        elif what == "/":
            path.mkdir()
        elif what is not None:
            path.write_text(what)


@pytest.mark.parametrize("old_enough", [True, False], ids=["by their state", "by what is in them"])
@pytest.mark.parametrize("name", CHANGES)
def test_nothing_is_served_after_a_change(
    folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch, name: str, old_enough: bool
) -> None:
    if old_enough:
        monkeypatch.setattr(disk, "SETTLED", -(10**12))  # as if all had been written long ago
    run("net")
    assert run.served("net")[0]
    change(folder, CHANGES[name])
    assert not run.served("net")[0]
    assert run.served("net")[0]


def test_a_change_and_back_is_none(folder: Path, run: Runner) -> None:
    _, said = run.served("net")
    (folder / "layers.py").write_text(LAYERS.replace("n, n", "n, 9"))
    (folder / "layers.py").write_text(LAYERS)
    assert run.served("net") == (True, said)


IDLE: dict[str, dict[str, str | None]] = {
    "a file that is no code": {"net/notes.txt": "x"},
    "a file beside what was asked for": {"README.md": "x"},
    "what Python compiled": {"net/__pycache__": "/"},
    "a file written again as it was": {"net/model.py": NET},
    "settings of somebody else": {"net/ruff.cfg": "x"},
}


@pytest.mark.parametrize("name", IDLE)
def test_what_no_run_looks_at_changes_nothing(folder: Path, run: Runner, name: str) -> None:
    run("net")
    change(folder, IDLE[name])
    assert run.served("net")[0]


def test_another_time_is_no_change(folder: Path, run: Runner) -> None:
    run("net")
    os.utime(folder / "net" / "model.py", (1, 1))
    assert run.served("net")[0]


def test_a_project_without_marks_is_remembered_whatever_comes_beside_it(folder: Path, run: Runner) -> None:
    """Above such a project only names were looked for."""
    (folder / "pyproject.toml").unlink()
    (folder / "net" / "__init__.py").touch()
    run("net")
    (folder.parent / "beside").mkdir(exist_ok=True)
    assert run.served("net")[0]
    (folder / "extras.py").write_text(INIT)
    assert not run.served("net")[0]


@pytest.mark.parametrize("settled", [-(10**12), disk.SETTLED])
def test_an_edit_that_keeps_size_and_time_is_seen(
    folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch, settled: int
) -> None:
    """In the tick of the clock in which a file was read it can be written again; and times can be set back."""
    monkeypatch.setattr(disk, "SETTLED", settled)
    path = folder / "net" / "model.py"
    state = path.stat()
    run("net")
    with path.open("r+") as file:
        file.write(NET.replace("xavier_uniform_(self.fc.bias)", "xavier_uniform_(self.fc.late)"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)
    assert not run.served("net")[0]


def test_a_file_is_not_read_again_where_its_state_says_enough(
    folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "SETTLED", -(10**12))
    run("net")
    reading, read = disk.read, []

    def noted(path: str, most: int) -> bytes | None:
        read.append(os.path.basename(path))
        return reading(path, most)

    monkeypatch.setattr(disk, "read", noted)
    run("net")
    code = {"model.py", "other.py", "layers.py"}
    assert code & set(read) == set()
    monkeypatch.setattr(disk, "SETTLED", 10**18)  # as if all had been written just now
    run("net", "--select", "ALL")
    read.clear()
    run("net", "--select", "ALL")
    assert code <= set(read)


def test_a_link_that_led_nowhere_is_looked_at_again(folder: Path, run: Runner) -> None:
    (folder / "net" / "linked.py").symlink_to(folder / "target.txt")
    run("net")
    assert run.served("net")[0]
    (folder / "target.txt").write_text(NET)
    assert not run.served("net")[0]


@pytest.mark.parametrize(
    "options",
    [
        ["--select", "INI6"],
        ["--ignore", "INI601"],
        ["--isolated"],
        ["--config", "pyproject.toml"],
        ["--exclude", "other.py"],
        ["--extend-exclude", "other.py"],
        ["--force-exclude"],
        ["--no-respect-gitignore"],
        ["--fail-on", "info"],
        ["--unsafe-fixes"],
        ["--format", "json"],
        ["net/model.py"],
    ],
)
def test_what_was_asked_otherwise_is_another_run(folder: Path, run: Runner, options: list[str]) -> None:
    run("net")
    assert not run.served("net", *options)[0]
    assert run.served("net", *options)[0]


@pytest.mark.parametrize(
    "options",
    [["--show", "info"], ["--statistics"], ["--format", "concise"], ["--color"], ["--quiet"], ["--exit-zero"]],
)
def test_how_it_is_shown_is_no_part_of_a_run(folder: Path, run: Runner, options: list[str]) -> None:
    run("net")
    assert run.served("net", *options)[0]


@pytest.mark.parametrize("command", ["check", "inspect"])
def test_of_every_option_it_is_known_whether_it_decides(command: str) -> None:
    shown = {"format_", "quiet", "show", "statistics", "exit_zero", "output_file", "color"}
    apart = {"no_cache", "cache_dir", "debug", "fix", "diff", "stdin_filename", "unsafe_fixes", "jobs"}  # see `known`
    options = {parameter.name for parameter in cli.cli.commands[command].params}
    assert options - shown - apart <= set(cli.DECIDING)


def test_another_folder_is_another_run(folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    run(".")
    monkeypatch.chdir(folder / "net")
    assert not run.served(".")[0]
    assert len(records(folder)) == 2, "both in the project's root"
    assert not (folder / "net" / disk.CACHE).exists()


@pytest.mark.parametrize("command", ["check", "inspect"])
def test_every_format_says_the_same_from_memory(
    root: Path, folder: Path, run: Runner, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("rules/INI201", "rules/INI101", "rules/INI209", "notebooks", "hostile/odd"):
        for path in sorted((root / "fixtures" / name).iterdir())[:6]:
            if path.suffix in {".py", ".ipynb"} and path.stem != "cyclic_values":
                shutil.copy(path, folder / "net" / f"{name.replace('/', '_')}_{path.name}")
    (folder / "net" / "broken.py").write_text(BROKEN)
    for name in formats() if command == "check" else formats(f"{FOLDER}/inspection"):
        first = run(command, "net", "--format", name)
        asked = run.asked
        assert run(command, "net", "--format", name) == first
        assert run.asked == asked, "it is remembered"
        assert run(command, "net", "--format", name, "--no-cache") == first
        assert len(first[1]) > 100


@pytest.mark.parametrize("args", [["--no-cache"], ["--debug"], ["--diff"], ["--fix"]])
def test_some_runs_neither_use_nor_make_a_cache(folder: Path, run: Runner, args: list[str]) -> None:
    run("net", *args)
    assert not (folder / disk.CACHE).exists()


def test_standard_input_is_not_remembered(folder: Path, initlint: Callable[..., object]) -> None:
    initlint("-", cwd=folder, stdin=NET.encode())
    assert not (folder / disk.CACHE).exists()


def test_a_run_with_a_fault_is_not_remembered(folder: Path, run: Runner) -> None:
    assert run("net", "nope.py")[0] == 2
    assert records(folder) == []


def test_a_fix_is_seen_by_the_next_run(folder: Path, run: Runner) -> None:
    run("net")
    run("net", "--fix", "--unsafe-fixes")
    assert not run.served("net")[0]


def test_files_that_change_while_they_are_read_are_not_remembered(
    folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = pipeline.lint_paths

    def disturbed(*args: object, **options: object) -> object:
        disk.read("layers.py", 100)
        (folder / "layers.py").write_text(LAYERS + "\n")
        disk.read("layers.py", 100)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "lint_paths", disturbed)
    run("net")
    assert records(folder) == []


def test_what_the_memory_of_the_machine_decided_is_not_remembered(
    folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("initlint.interpret.read", hungry)
    assert b"needs too much memory" in run("net")[1]
    assert records(folder) == []


def test_another_initlint_asks_anew(folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    run("net")
    with monkeypatch.context() as other:
        other.setattr(cache, "__version__", "0.0.0")
        assert not run.served("net")[0]
    with monkeypatch.context() as other:
        other.setattr(sys, "version", "3.99")
        assert not run.served("net")[0]
    rules = folder / "rules"
    shutil.copytree(root / "rules", rules)
    monkeypatch.setattr(schema, "folder", lambda: str(rules))
    assert not run.served("net")[0]
    assert run.served("net")[0]
    table = rules / "checks" / "INI601.toml"
    table.write_text(table.read_text() + "\n# another one\n")
    assert not run.served("net")[0]
