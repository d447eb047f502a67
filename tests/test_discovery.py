"""Which files a run is about."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from initlint.config import DEFAULT_EXCLUDE, Config
from initlint.discovery import find


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(root: Path, *names: str, text: str = "") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def shown(*paths: str, config: Config | None = None) -> list[str]:
    return [name for _, name in find(paths, config or Config()).files]


def test_folders_are_walked_for_python_files_in_order(tree: Path) -> None:
    write(tree, "b.py", "a/z.py", "a/b/c.py", "a.txt", "a/data.json", "Z.pyw", "notes.py.txt")
    assert shown(".") == ["Z.pyw", "a/b/c.py", "a/z.py", "b.py"]
    assert shown("b.py", "a") == shown("a", "b.py") == ["a/b/c.py", "a/z.py", "b.py"]


def test_a_file_named_twice_counts_once(tree: Path) -> None:
    write(tree, "a/m.py")
    assert shown("a", "a/m.py", "./a/../a/m.py", str(tree / "a")) == ["a/m.py"]


def test_paths_are_shown_relative_to_the_working_directory(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tree, "a/m.py", "b/n.py")
    monkeypatch.chdir(tree / "a")
    assert shown(str(tree)) == ["../b/n.py", "m.py"]


def test_usual_folders_are_left_out_unless_they_are_named(tree: Path) -> None:
    write(tree, *(f"{name}/m.py" for name in DEFAULT_EXCLUDE), "src/.venv/m.py", "src/m.py", ".hidden/m.py")
    assert shown(".") == [".hidden/m.py", "src/m.py"]
    assert shown(".venv") == [".venv/m.py"]
    assert shown("venv/m.py") == ["venv/m.py"]
    assert shown("venv/m.py", "src", config=Config(force_exclude=True)) == ["src/m.py"]


@pytest.mark.parametrize("pattern", ["gen", "gen/", "./gen", "g*", "src/gen", "src/g?n", "src/gen/m.py", "*/gen/*"])
def test_globs_match_names_or_paths(tree: Path, pattern: str) -> None:
    write(tree, "src/gen/m.py", "src/m.py")
    assert shown(".", config=Config(exclude=(pattern,))) == ["src/m.py"]


def test_what_git_ignores_is_left_out(tree: Path) -> None:
    write(tree, ".git/HEAD", "build/m.py", "src/build/m.py", "x.py")
    write(tree, "src/keep_gen.py", "src/a_gen.py", "src/sub/a_gen.py")
    write(tree, ".git/info/exclude", text="x.py\n")
    write(tree, ".gitignore", text="# comment\n/build/\n*_gen.py\n!keep_gen.py\n")
    write(tree, "src/sub/.gitignore", text="!a_gen.py\n")
    assert shown(".") == ["src/build/m.py", "src/keep_gen.py", "src/sub/a_gen.py"]
    assert shown("src") == ["src/build/m.py", "src/keep_gen.py", "src/sub/a_gen.py"], "patterns from above count"
    assert shown("build") == ["build/m.py"], "named"
    assert shown("x.py") == ["x.py"], "named"
    assert len(shown(".", config=Config(respect_gitignore=False))) == 6


def test_a_gitignore_above_the_repository_does_not_count(tree: Path) -> None:
    write(tree, ".gitignore", text="*.py\n")
    write(tree, "repo/.git/HEAD", "repo/m.py")
    assert shown("repo") == ["repo/m.py"]


def test_links_to_files_count_and_links_to_folders_do_not(tree: Path) -> None:
    write(tree, "real/m.py")
    (tree / "real/loop").symlink_to(tree / "real")
    (tree / "real/link.py").symlink_to("m.py")
    (tree / "real/self.py").symlink_to("self.py")
    (tree / "real/gone.py").symlink_to("nowhere.py")
    os.mkfifo(tree / "real/pipe.py")
    (tree / "other").symlink_to("real")
    assert shown("real") == ["real/link.py", "real/m.py"]
    assert shown("other") == ["other/link.py", "other/m.py"], "a link that is named is followed"


def test_what_is_missing_is_told_and_the_rest_is_found(tree: Path) -> None:
    write(tree, "m.py")
    found = find(["nope.py", "m.py", "m.py/x"], Config())
    assert found.missing == ("nope.py", "m.py/x")
    assert [name for _, name in found.files] == ["m.py"]


def test_a_folder_that_cannot_be_read_is_told_and_the_rest_is_found(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tree, "a/m.py", "locked/m.py", "z/m.py")
    scandir = os.scandir

    def guarded(path: str) -> object:
        if os.path.basename(path) == "locked":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    found = find(["."], Config())
    assert [name for _, name in found.files] == ["a/m.py", "z/m.py"]
    assert [(one.file, one.message) for one in found.unreadable] == [
        ("locked", "the folder cannot be read: permission denied")
    ]


def test_a_loop_of_links_that_is_named_is_handed_on_to_the_reader(tree: Path) -> None:
    (tree / "a.py").symlink_to("b.py")
    (tree / "b.py").symlink_to("a.py")
    assert shown("a.py") == ["a.py"]
    assert not find(["a.py"], Config()).missing
