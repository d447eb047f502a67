"""The records of the cache: damaged ones are not used, runs at once do not hurt them, they stay few."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from remembering import NET, Runner, project, records, runner

from initlint import cache, disk


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Runner:
    return runner(monkeypatch, capfdbinary)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return project(tmp_path, monkeypatch)


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    """A record with another content, and the header that belongs to it."""

    def write(path: Path) -> None:
        body = change(path.read_bytes().partition(b"\n")[2])
        path.write_bytes(cache.header(str(path), body).encode() + b"\n" + body)

    return write


def instead(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


HOSTILE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "one bit off": lambda path: path.write_bytes(path.read_bytes().replace(b"INI601", b"INI600")),
    "of another question": lambda path: path.write_bytes(path.read_bytes().replace(path.stem.encode(), b"0" * 32)),
    "of no one": lambda path: path.write_bytes(os.urandom(5000)),
    "a pickle": lambda path: path.write_bytes(b"\x80\x04\x95cos\nsystem\n(S'false'\ntR."),
    "nothing in it": rewritten(lambda _: b""),
    "no JSON": rewritten(lambda body: body[:-1]),
    "other JSON": rewritten(lambda _: b"[]\n[]"),
    "nothing seen": rewritten(lambda _: b'["Sightings",[],[],[],[]]\n' + b"{}"),
    "a wrong type": rewritten(lambda body: body.replace(b'"INI601"', b"601")),
    "a field too few": rewritten(lambda body: body.replace(b'"INI601",', b"")),
    "nested deeply": rewritten(lambda body: body.partition(b"\n")[0] + b"\n" + b"[" * 200_000 + b"]" * 200_000),
    "a number of many digits": rewritten(lambda body: body.partition(b"\n")[0] + b"\n" + b"9" * 10_000),
    "a folder": lambda path: instead(path, Path.mkdir),
    "a pipe": lambda path: instead(path, os.mkfifo),
    "a link to itself": lambda path: instead(path, lambda p: p.symlink_to(p)),
}


@pytest.mark.parametrize("damage", HOSTILE)
def test_a_record_that_is_damaged_is_not_used(folder: Path, run: Runner, damage: str) -> None:
    first = run("net")
    (record,) = records(folder)
    before = record.read_bytes()
    HOSTILE[damage](record)
    assert not record.is_file() or record.read_bytes() != before
    asked = run.asked
    assert run("net") == first
    assert run.asked == asked + 1


@pytest.mark.parametrize("where", ["net/model.py", "net/model.py/below", "a\0b", ""])
def test_a_cache_that_cannot_be_written_is_no_trouble(folder: Path, run: Runner, where: str) -> None:
    first = run("net", "--cache-dir", where)
    assert first[0] == 1
    assert (folder / "net" / "model.py").read_text() == NET
    assert run("net", "--cache-dir", where) == first == run("net", "--no-cache")


def test_runs_at_once_do_not_disturb_each_other(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "initlint", "net", "--format", "json"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(4)]
    cleaned = subprocess.run(
        [sys.executable, "-m", "initlint", "clean"], env=environment, check=False, capture_output=True
    )
    said = {done.communicate()[0] for done in runs}
    assert len(said) == 1
    assert json.loads(said.pop())["findings"]
    assert (cleaned.returncode, cleaned.stderr) == (0, b"")
    assert {done.returncode for done in runs} == {1}
    left = {path.name for path in (folder / disk.CACHE).iterdir()} if (folder / disk.CACHE).exists() else set()
    assert not [name for name in left if name.startswith(".") and name.endswith(".initlint")]


def test_records_that_were_not_used_for_long_are_removed(
    folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_RECORDS", 3)
    for number, code in enumerate(("INI1", "INI2", "INI3", "INI5")):
        run("net", "--select", code)
        for path in records(folder):
            if path.stat().st_mtime > 10**8:
                os.utime(path, (number + 1, number + 1))
        if number == 2:
            run("net", "--select", "INI1")  # used again, so not the oldest
    assert len(records(folder)) == 3
    assert run.served("net", "--select", "INI1")[0]
    assert not run.served("net", "--select", "INI2")[0]
    monkeypatch.setattr(cache, "MOST_BYTES", 10)
    run("net", "--select", "INI6")
    assert b"INI601" in run("net", "--select", "INI6")[1]


def test_the_cache_is_kept_where_it_is_asked_for(folder: Path, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    run("net", "--cache-dir", "net/kept")
    assert run.served("net", "--cache-dir", "net/kept")[0], "although what is linted has it"
    (folder / "pyproject.toml").write_text('[tool.initlint]\ncache-dir = "build/kept"\n')
    run("net")
    assert run.served("net")[0]
    monkeypatch.chdir(folder / "net")
    run(".")
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["build", "net"]
    assert len(list((folder / "build" / "kept").glob("*.initlint"))) == 2
    (folder / "pyproject.toml").write_text("[tool.initlint]\ncache-dir = 1\n")
    assert b"pyproject.toml:2: tool.initlint.cache-dir: expected the path of a folder, got 1" in run(".")[2]


def test_git_and_backups_pass_the_cache_by(folder: Path, run: Runner) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    run("net")
    status = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"], cwd=folder, capture_output=True, check=True
    )
    assert disk.CACHE.encode() not in status.stdout
    assert (folder / disk.CACHE / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_cleaning_removes_what_is_ours(folder: Path, run: Runner) -> None:
    run("net")
    run("inspect", "net")
    assert run("clean") == (0, b"Forgot 2 runs kept in .initlint_cache.\n", b"")
    assert not (folder / disk.CACHE).exists()
    assert run("clean") == (0, b"Forgot 0 runs kept in .initlint_cache.\n", b"")
    mine = folder / "mine"
    mine.mkdir()
    for name in ("driver.initlint", "notes.txt", ".gitignore"):
        (mine / name).write_text("mine\n")
    run("net", "--cache-dir", "mine")
    assert len(list(mine.iterdir())) == 4
    assert run("clean", "--cache-dir", "mine")[1] == b"Forgot 1 run kept in mine.\n"
    assert {path.name: path.read_text() for path in mine.iterdir()} == dict.fromkeys(
        ("driver.initlint", "notes.txt", ".gitignore"), "mine\n"
    )
