"""A file that reaches a framework only through the project's own modules counts as model code."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from initlint.reach import Reach, imports

Run = Callable[..., "subprocess.CompletedProcess[str]"]

FILES = {
    "pyproject.toml": "",
    "src/lib/__init__.py": "from .layers import Dense\n",
    "src/lib/layers.py": "from torch.nn import Linear as Dense, init\n",
    "src/lib/plain.py": "import os\nfrom . import other\n",
    "src/lib/other.py": "from . import plain\nimport json\n",
    "src/lib/deep/__init__.py": "",
    "src/lib/deep/inner.py": "x = 1\n",
    "tools/train.py": "import lib\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "where, text, expected",
    [
        ("tools/a.py", "from lib import Dense\n", True),
        ("tools/a.py", "import lib.layers as layers, os\n", True),
        ("tools/a.py", "def f():\n    from lib.layers import (  # lazily\n        Dense,\n    )\n", True),
        ("tools/a.py", "from train import main\n", True),
        ("tools/a.py", "import os, json, numpy\nfrom . import train as t\n", True),
        ("tools/a.py", "from lib.deep.inner import x\n", False),
        ("tools/a.py", "from lib import plain\n", False),
        ("tools/a.py", "from lib import plain, Dense\n", True),
        ("tools/a.py", "import os\n", False),
        ("src/lib/deep/b.py", "from ..layers import Dense\n", True),
        ("src/lib/deep/b.py", "from .. import layers\n", True),
        ("src/lib/deep/b.py", "from ..plain import x\n", False),
        ("src/lib/deep/b.py", "from ....... import nothing_there\n", False),
        ("src/lib/deep/b.py", "from ..nowhere import x\nfrom lib import", False),
        ("src/lib/deep/b.py", "x = 'torch'\n", True),
    ],
)
def test_names_lead_to_files(project: Path, where: str, text: str, expected: bool) -> None:
    path = project / where
    path.write_text(text)
    reach = Reach()
    assert (reach.note(str(path), text.encode()) or reach.reaches(str(path))) is expected
    assert reach.reaches(str(path)) is expected, "asked again"


def test_what_looks_like_an_import_is_one() -> None:
    text = """\
import a.b as c, d; x
from ..e import f as g, h  # i, j
from k import (
    l,  # m
    n,
)
from o import *
"""
    assert list(imports(text.encode())) == [
        (0, ("a", "b"), ()),
        (0, ("d",), ()),
        (2, ("e",), ("f", "h")),
        (0, ("k",), ("l", "n")),
        (0, ("o",), ()),
    ]


def test_a_model_built_on_the_projects_own_names_is_linted(initlint: Run, project: Path) -> None:
    (project / "net.py").write_text(
        "from lib.layers import Dense, init\n\n\nlayer = Dense(4, 4)\ninit.xavier_uniform_(layer.bias)\n"
    )
    for path in ("net.py", "."):
        (finding,) = json.loads(initlint(path, "--format", "json").stdout)["findings"]
        assert (finding["file"], finding["code"]) == ("net.py", "INI601")
    text = (project / "net.py").read_bytes()
    assert "INI601" in initlint("-", "--stdin-filename", "net.py", stdin=text).stdout
