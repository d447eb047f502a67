"""What tests of the cache share: a small project, and the command line in this process, with whether it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from initlint import cli, disk, pipeline

NET = """\
import torch
from torch import nn
from layers import project
from extras import fill


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = project(8)
        fill(self.fc)
        nn.init.xavier_uniform_(self.fc.bias)
        self.late = nn.Linear(8, 8)

    def forward(self, x):
        return self.late(torch.relu(self.fc(x)))
"""
LAYERS = "from torch import nn\n\n\ndef project(n):\n    return nn.Linear(n, n)\n"
BROKEN = "import torch\nx = (\n"
INIT = "from torch import nn\n\n\ndef fill(layer):\n    nn.init.zeros_(layer.weight)\n"


@dataclass
class Runner:
    """Runs the command line in this process, and knows whether the pipeline was asked."""

    capture: pytest.CaptureFixture[bytes]
    asked: int = 0

    def __call__(self, *args: str) -> tuple[int, bytes, bytes]:
        status = cli.run(args)
        out, err = self.capture.readouterr()
        return status, out, err

    def served(self, *args: str) -> tuple[bool, tuple[int, bytes, bytes]]:
        """Whether a run was remembered, and what it said; which is what it says anew."""
        before = self.asked
        said = self(*args)
        is_served = self.asked == before
        assert said == self(*args, "--no-cache")
        return is_served, said


def runner(monkeypatch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]) -> Runner:
    runner = Runner(capture)
    for name in ("lint_paths", "inspect_paths"):
        real = getattr(pipeline, name)

        def counted(*args: object, real: Callable[..., object] = real, **options: object) -> object:
            runner.asked += 1
            return real(*args, **options)

        monkeypatch.setattr(pipeline, name, counted)
    return runner


def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a package `net`, which is linted, and a module beside it; the working directory from here on."""
    (tmp_path / "pyproject.toml").write_text('[tool.initlint]\nignore = ["INI402"]\n')
    (tmp_path / "layers.py").write_text(LAYERS)
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "model.py").write_text(NET)
    (tmp_path / "net" / "other.py").write_text("import torch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def records(folder: Path) -> list[Path]:
    return sorted((folder / disk.CACHE).glob("*.initlint"))
