"""--fix, --unsafe-fixes and --diff: what they write, show and return; nothing is ever half written."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from initlint import pipeline, writing
from initlint.cli import cli, run
from initlint.findings import Report
from initlint.mending import mend_paths

CRASH = """import torch.nn as nn

layer = nn.Linear(64, 64)
layer.weight.normal_(0.0, 0.02)  # why not
"""
FIXED = """import torch
import torch.nn as nn

layer = nn.Linear(64, 64)
with torch.no_grad():
    layer.weight.normal_(0.0, 0.02)  # why not
"""
XAVIER = """import torch.nn as nn


def init(m):
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight)


net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
net.apply(init)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.py"
    path.write_text(CRASH)
    return path


def test_fix_writes_safe_fixes_and_judges_what_is_left(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["net.py", "--fix"]) == 0
    assert file.read_text() == FIXED
    assert "Fixed 1 problem. No more problems found in 1 file." in capsys.readouterr().out
    assert run(["net.py", "--fix"]) == 0
    assert file.read_text() == FIXED


def test_unsafe_fixes_are_applied_only_when_asked_for(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(XAVIER)
    assert run(["net.py", "--fix", "--show", "info"]) == 0
    assert file.read_text() == XAVIER
    assert "1 fixable with --fix --unsafe-fixes." in capsys.readouterr().out
    assert run(["net.py", "--fix", "--unsafe-fixes"]) == 0
    assert file.read_text() == XAVIER  # what is hidden is not changed either
    assert run(["net.py", "--fix", "--unsafe-fixes", "--show", "info"]) == 0
    assert 'kaiming_uniform_(m.weight, nonlinearity="relu")' in file.read_text()


def test_text_output_says_how_many_are_fixable(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CRASH + XAVIER.partition("\n")[2])
    assert run(["net.py"]) == 1
    assert "1 fixable with --fix.\n" in capsys.readouterr().out  # of what is shown
    assert run(["net.py", "--show", "info"]) == 1
    assert "1 fixable with --fix, 1 more with --unsafe-fixes.\n" in capsys.readouterr().out


def test_diff_shows_and_writes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["net.py", "--diff"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("--- net.py\n+++ net.py\n")
    assert "+with torch.no_grad():\n" in out
    assert file.read_text() == CRASH
    file.write_text(FIXED)
    assert run(["net.py", "--diff"]) == 0
    assert capsys.readouterr().out == ""


def test_a_diff_is_one_that_patch_takes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(CRASH.rstrip("\n"))
    run(["net.py", "--diff"])
    diff = capsys.readouterr().out
    done = subprocess.run(["git", "apply", "--unsafe-paths", "-"], input=diff, text=True, check=False, cwd=file.parent)
    assert done.returncode == 0
    assert file.read_text() == FIXED.rstrip("\n")


def test_standard_input_comes_back_fixed(file: Path) -> None:
    done = CliRunner().invoke(cli, ["check", "-", "--fix"], input=CRASH, standalone_mode=False)
    assert done.stdout == FIXED
    assert done.return_value == 0
    assert "Fixed 1 problem" in done.stderr
    untouched = CliRunner().invoke(cli, ["check", "-", "--fix"], input=XAVIER, standalone_mode=False)
    assert untouched.stdout == XAVIER


def test_json_has_the_edits_and_declined_reasons(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["net.py", "--format", "json"])
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["fix"]["safety"] == "safe"
    at = [(edit["span"]["start"], edit["span"]["end"], edit["text"]) for edit in finding["fix"]["edits"]]
    start = {"line": 4, "column": 1}
    assert at[0] == (start, start, "with torch.no_grad():\n    ")
    assert at[1][2] == "import torch\n"


def test_text_without_fix_loads_no_libcst(file: Path) -> None:
    code = (
        "import sys\nfrom initlint.cli import run\n"
        "assert run(['net.py', '--format', 'text']) == 1\nassert 'libcst' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=file.parent, check=False).returncode == 0


def test_permissions_and_links_stay(file: Path) -> None:
    os.chmod(file, 0o640)
    link = file.parent / "link.py"
    link.symlink_to("net.py")
    assert run(["link.py", "--fix"]) == 0
    assert link.is_symlink()
    assert file.read_text() == FIXED
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_another_hard_link_keeps_the_old_text(file: Path) -> None:
    """The file is replaced whole: to write in place could leave it half written."""
    other, old = file.parent / "other.txt", file.read_text()
    os.link(file, other)
    assert run(["net.py", "--fix"]) == 0
    assert file.read_text() == FIXED
    assert other.read_text() == old
    assert file.stat().st_nlink == other.stat().st_nlink == 1


def test_a_file_under_two_names_is_fixed_once(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file.parent / "link.py").symlink_to("net.py")
    assert run([".", "--fix"]) == 0
    assert file.read_text() == FIXED
    assert "Fixed 1 problem." in capsys.readouterr().out


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(b"new")
    with pytest.raises(writing.ChangedError):
        writing.replace(str(path), b"old", b"fixed")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("folder", ["", "notebooks"])
def test_fixes_planned_on_another_text_are_not_applied(
    folder: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file changes between the linting and the fixing, to one that the same edit would fit too."""
    path = file
    if folder:
        cell: dict[str, Any] = {
            "cell_type": "code",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": CRASH,
        }
        path = file.with_suffix(".ipynb")
        path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    changed = path.read_text().replace("0.0, 0.02", "0.0, 0.03")
    lint = pipeline.lint_paths

    def slowly(*args: Any, **keywords: Any) -> Report:
        report = lint(*args, **keywords)
        path.write_text(changed)
        return report

    monkeypatch.setattr(pipeline, "lint_paths", slowly)
    done = mend_paths([str(path)], unsafe=True, write=True)
    assert path.read_text() == changed
    assert done.report.faults == (f"{path.name}: not written: it changed since it was read",)
    assert not done.report.fixed


def test_what_could_not_be_written_is_not_called_fixed(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / "other.py").write_text(CRASH)
    replace = writing.replace

    def full(path: str, old: bytes, new: bytes) -> None:
        if path.endswith("other.py"):
            raise OSError(28, "No space left on device")
        replace(path, old, new)

    monkeypatch.setattr(writing, "replace", full)
    assert run([".", "--fix"]) == 2
    told = capsys.readouterr()
    assert "Fixed 1 problem. Found 1 problem (1 error) in 1 of 2 files." in told.out
    assert "other.py: cannot be written: no space left on device" in told.err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser gives files away")
def test_the_owner_and_the_group_stay(file: Path) -> None:
    os.chown(file, 1234, 2345)
    file.chmod(0o640)
    assert run(["net.py", "--fix"]) == 0
    found = file.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o640)
    assert file.read_text() == FIXED


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only the superuser gives files away")
def test_a_group_that_cannot_be_kept_gets_what_others_have(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(file, 1234, 2345)
    file.chmod(0o664)

    def denied(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", denied)
    assert run(["net.py", "--fix"]) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="extended attributes are Linux's")
def test_attributes_stay(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"mine")
    except OSError:
        pytest.skip("this file system has none")
    assert run(["net.py", "--fix"]) == 0
    assert os.getxattr(file, "user.note") == b"mine"


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.py"
    path.write_bytes(b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        writing.replace(str(path), b"old", b"fixed")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.py"]


INTERRUPTED = """
import os, sys
from initlint.cli import run

replace, done = os.replace, []

def interrupted(source, target):
    if done:
        {how}
    done.append(target)
    replace(source, target)

os.replace = interrupted
sys.exit(run([".", "--fix", "--no-cache"]))
"""


@pytest.mark.parametrize(
    "how, status",
    [("os._exit(9)", 9), ("os.kill(os.getpid(), 9)", -9), ("raise OSError(28, 'No space left on device')", 2)],
    ids=["crash", "kill -9", "full disk"],
)
def test_a_run_that_ends_in_the_middle_leaves_each_file_old_or_new(how: str, status: int, file: Path) -> None:
    for name in ("other.py", "third.py"):
        (file.parent / name).write_text(CRASH)
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.format(how=how)],
        cwd=file.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    texts = [path.read_text() for path in sorted(file.parent.glob("*.py"))]
    assert texts == [FIXED, CRASH, CRASH]
    assert status != 2 or done.stderr.count("cannot be written: no space left on device") == 2


def test_a_file_that_cannot_be_written_is_told_and_status_is_2(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(writing, "replace", denied)
    assert run(["net.py", "--fix"]) == 2
    assert "net.py: cannot be written: permission denied" in capsys.readouterr().err
    assert file.read_text() == CRASH


def test_what_raises_is_fixed_though_advice_comes_to_light(tmp_path: Path) -> None:
    """Zero is right for the biases of an LSTM to run, and then the forget gate's is worth a word."""
    from initlint.mending import mend_source

    text = """\
from torch import nn

lstm = nn.LSTM(8, 8)
for name, p in lstm.named_parameters():
    if "bias" in name:
        nn.init.xavier_normal_(p)
    else:
        nn.init.orthogonal_(p)
"""
    fixed = mend_source(text.encode(), "net.py", unsafe=False, debug=True).text
    assert fixed is not None
    assert b"nn.init.zeros_(p)" in fixed
