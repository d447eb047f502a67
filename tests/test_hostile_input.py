"""Whatever stands in the files: one line about it, the other files still linted, no traceback, bounded time.

All of it goes through a real process; `initlint` asserts that there is no traceback and that it ends in time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

HOSTILE = Path(__file__).parents[1] / "fixtures" / "hostile"

GOOD = """\
import torch
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
def beside(tmp_path: Path) -> Path:
    """A folder with a good file in it, in which INI601 is found whatever its neighbour is like."""
    (tmp_path / "good.py").write_text(GOOD)
    return tmp_path


def linted(initlint: Run, *args: str, status: int = 1, **options: Any) -> dict[str, Any]:
    done = initlint("--format", "json", *args, **options)
    assert done.returncode == status, done.stderr
    assert done.stderr == ""
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def codes(document: dict[str, Any]) -> dict[str, list[str]]:
    by_file: dict[str, list[str]] = {}
    for finding in document["findings"]:
        by_file.setdefault(finding["file"], []).append(finding["code"])
    return by_file


UNREADABLE: dict[str, tuple[bytes, int, str]] = {
    "syntax": (b"import torch\nx = (\n", 2, "never closed"),
    "indentation": (b"import torch\nif x:\ny = 1\n", 3, "expected an indented block"),
    "encoding": (b"import torch\nx = '\xff\xfe'\n", 2, "not utf-8"),
    "unknown encoding": (b"# coding: klingon\nimport torch\n", 1, "klingon is unknown"),
    "utf-16": ("import torch\n".encode("utf-16"), 1, "UTF-16"),
    "20 MB": (b"import torch\n" + b"x = 1\n" * 3_400_000, 1, "larger than"),
    "20 MB on one line": (b"import torch; x = '" + b"a" * 20_000_000 + b"'", 1, "larger than"),
    "brackets": (b"import torch\nx = " + b"[" * 10_000 + b"]" * 10_000, 2, "too many nested"),
    "open brackets": (b"import torch\nx = " + b"(" * 10_000, 2, "too many nested"),
    "terms": (b"import torch\nx = " + b"1+" * 200_000 + b"1", 1, "nested too deeply"),
    "minuses": (b"import torch\nx = " + b"-" * 100_000 + b"1", 1, "nested too deeply"),
    "attributes": (b"import torch\nx = torch" + b".a" * 100_000, 1, "nested too deeply"),
    "calls": (b"import torch\nx = torch" + b"()" * 100_000, 1, "nested too deeply"),
    "nul": (b"import torch\nx = '\0'\n", 2, "NUL"),
    "digits": (b"import torch\nx = " + b"9" * 10_000, 2, "digits"),
    "newer syntax": (b"import torch\nlazy import json\n", 2, "not valid in Python 3"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_one_finding_and_the_rest_is_linted(initlint: Run, beside: Path, name: str) -> None:
    data, line, words = UNREADABLE[name]
    (beside / "bad.py").write_bytes(data)
    document = linted(initlint, ".")
    assert codes(document) == {"bad.py": ["INI001"], "good.py": ["INI601"]}
    (trouble,) = document["unreadable"]
    assert (trouble["file"], trouble["line"]) == ("bad.py", line)
    assert words in trouble["message"]
    assert "\n" not in trouble["message"]
    assert document["files"] == 2
    shown = initlint("bad.py", "good.py")
    assert shown.returncode == 1
    assert f"bad.py:{line}:" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) < 400
    assert initlint("inspect", ".").stdout.count("Linear") == 1


READABLE: dict[str, bytes] = {
    **{path.name: path.read_bytes() for path in sorted((HOSTILE / "odd").glob("*.py"))},
    "empty": b"",
    "a mark only": b"\xef\xbb\xbf",
    "nothing but torch": b"# torch",
    "no torch and no syntax": b"x = (",
    "no torch and 20 MB": b"x = 1\n" * 3_400_000,
    "many functions in each other": (
        b"import torch\n" + b"".join(b" " * i + b"def f(x):\n" for i in range(90)) + b" " * 90 + b"return x\n"
    ),
    "many branches": b"import torch\nx = torch.a\n" + b"if x:\n    y = torch.nn.Linear(1, 1)\n" * 2000,
    "deep but legal": (
        b"import torch\nx = " + b"1+" * 800 + b"1\ny = torch" + b".a" * 800 + b"\nz = " + b"-" * 800 + b"1\n"
    ),
    "long chain": b"import torch\nx = torch.nn.Sequential()\n" + b"x.append(torch.nn.Linear(1, 1))\n" * 5000,
    "deep lists": b"import torch\nx = []\nfor i in range(100000):\n    x = [x]\n",
    "deep nests": b"from torch import nn\nx = nn.Linear(1, 1)\nfor i in range(100000):\n    x = nn.Sequential(x)\n",
    "surrogates": b"import torch\nx = '\\ud800'\ny = {x: torch.nn.Linear(1, 1)}\nz = getattr(torch, x)\n",
    "crlf": b"import torch\r\nx = torch.nn.Linear(1, 1)\r\n",
    "cr": b"import torch\rx = torch.nn.Linear(1, 1)\r",
}


@pytest.mark.parametrize("name", READABLE)
def test_what_is_odd_but_valid_is_read_in_bounded_time(initlint: Run, beside: Path, name: str) -> None:
    (beside / (name if name.endswith(".py") else "odd.py")).write_bytes(READABLE[name])
    document = linted(initlint, ".")
    assert codes(document)["good.py"] == ["INI601"]
    assert document["unreadable"] == []


@pytest.mark.parametrize("name", ["holds_itself", "endless_recursion"])
def test_the_code_after_what_has_no_end_is_read(initlint: Run, beside: Path, name: str) -> None:
    text = READABLE[f"{name}.py"].decode()
    (beside / "odd.py").write_text(text)
    found = [one for one in linted(initlint, ".")["findings"] if one["file"] == "odd.py"]
    lines = [number for number, line in enumerate(text.splitlines(), start=1) if line.endswith("# found: INI601")]
    assert [(one["code"], one["span"]["start"]["line"]) for one in found] == [("INI601", line) for line in lines]


def test_a_byte_order_mark_and_crlf_shift_nothing(initlint: Run, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "windows.py").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    good, windows = linted(initlint, ".")["findings"]
    assert windows["span"] == good["span"]
    assert windows["file"] == "windows.py"


@pytest.mark.parametrize("name", ["with space.py", "ünï-日本.py", "-dash.py", "new\nline.py", "a'\"$`.py", "[x].py"])
def test_a_file_may_have_any_name(initlint: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(GOOD)
    for path in (".", f"./{name}"):
        (finding,) = linted(initlint, path)["findings"]
        assert finding["code"] == "INI601"
        assert finding["file"] == name.replace("\n", "␊")
    assert "INI601" in initlint(f"./{name}").stdout


def test_a_file_name_may_be_no_text(initlint: Run, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.py"
    try:
        with open(path, "w") as file:
            file.write(GOOD)
    except OSError:
        pytest.skip("this file system takes no such names")
    (finding,) = linted(initlint, ".")["findings"]
    assert finding["file"] == "caf\ufffd.py"
    assert "caf\ufffd.py:9:" in initlint(".", PYTHONIOENCODING="utf-8:strict").stdout
    assert "INI601" in initlint(".", PYTHONIOENCODING="ascii").stdout


def test_what_is_no_regular_file_is_not_opened(initlint: Run, beside: Path) -> None:
    os.mkfifo(beside / "pipe.py")
    assert codes(linted(initlint, ".")) == {"good.py": ["INI601"]}
    document = linted(initlint, "pipe.py", "good.py", "/dev/zero")
    assert sorted(codes(document).values()) == [["INI001"], ["INI001"], ["INI601"]]
    assert "not a regular file" in document["unreadable"][0]["message"]


def test_loops_of_links_are_not_entered(initlint: Run, beside: Path) -> None:
    (beside / "self").symlink_to(".")
    (beside / "a.py").symlink_to("b.py")
    (beside / "b.py").symlink_to("a.py")
    assert codes(linted(initlint, ".")) == {"good.py": ["INI601"]}
    document = linted(initlint, "a.py")
    assert codes(document) == {"a.py": ["INI001"]}
    assert "levels of symbolic links" in document["unreadable"][0]["message"]


@pytest.fixture
def locked(beside: Path) -> Iterator[Path]:
    """A folder and a file without permission to read them."""
    (beside / "folder").mkdir()
    (beside / "folder" / "m.py").write_text(GOOD)
    (beside / "file.py").write_text(GOOD)
    (beside / "folder").chmod(0)
    (beside / "file.py").chmod(0)
    yield beside
    (beside / "folder").chmod(0o700)


GUARD = """\
import builtins, os, runpy, sys
scandir, opened = os.scandir, builtins.open
def refuse(path):
    if isinstance(path, str) and os.path.basename(path) in ("folder", "file.py"):
        raise PermissionError(13, "Permission denied", path)
def guarded_scandir(path):
    refuse(path)
    return scandir(path)
def guarded_open(path, *args, **kwargs):
    refuse(path)
    return opened(path, *args, **kwargs)
os.scandir, builtins.open = guarded_scandir, guarded_open
sys.argv = ["initlint", "--format", "json", "."]
runpy.run_module("initlint", run_name="__main__")
"""


def test_what_may_not_be_read_is_told_and_the_rest_is_linted(initlint: Run, locked: Path) -> None:
    if os.geteuid() == 0:  # root may read everything, so the system's refusal is played
        done = subprocess.run(
            [sys.executable, "-c", GUARD],
            cwd=locked,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PYTHONPATH": str(HOSTILE.parents[1])},
        )
        assert (done.returncode, done.stderr) == (1, "")
        document = json.loads(done.stdout)
    else:
        document = linted(initlint, ".")
    assert codes(document) == {"file.py": ["INI001"], "folder": ["INI001"], "good.py": ["INI601"]}
    assert [one["message"] for one in document["unreadable"]] == [
        "cannot be read: permission denied",
        "the folder cannot be read: permission denied",
    ]


@pytest.mark.parametrize("module, neighbour", [("traces", "traces_beside")])
def test_nothing_of_the_linted_code_runs(
    initlint: Run, root: Path, tmp_path: Path, module: str, neighbour: str
) -> None:
    """The fixture leaves some thirty traces when it is imported; linting it leaves none."""
    stub = tmp_path / "stub"
    (stub / "torch").mkdir(parents=True)
    (stub / "torch" / "__init__.py").write_text(
        "Tensor = object\n"
        "def zeros(*sizes): return 0\n"
        "def relu(x): return x\n"
        "def save(state, path): open(path, 'w').close()\n"
    )
    (stub / "torch" / "nn.py").write_text(
        "class Module:\n"
        "    def __call__(self, *args): return self.forward(*args)\n"
        "    def apply(self, function): function(self)\n"
        "    def state_dict(self): return {}\n"
        "    def __getattr__(self, name): raise AttributeError(name)\n"
        "def ModuleList(layers): return list(layers)\n"
        "class Linear(Module):\n"
        "    def __init__(self, *sizes): pass\n"
        "    def forward(self, x): return x\n"
    )
    files = {f"{module}.py", f"{neighbour}.py"}
    copies = {}
    for name in ("linted", "inspected", "imported"):
        copies[name] = tmp_path / name
        copies[name].mkdir()
        for file in files:
            (copies[name] / file).write_text((root / "fixtures/hostile" / file).read_text())
    subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        cwd=copies["imported"],
        check=True,
        env={**os.environ, "PYTHONPATH": f"{stub}", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    traces = {path.name for path in copies["imported"].iterdir()} - files
    assert len(traces) > 20, "or this test shows nothing"
    initlint("check", ".", cwd=copies["linted"])
    assert "Linear" in initlint("inspect", ".", cwd=copies["inspected"]).stdout
    for name in ("linted", "inspected"):  # our own cache apart
        assert {path.name for path in copies[name].iterdir()} - {".initlint_cache"} == files
