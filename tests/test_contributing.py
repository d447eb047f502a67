"""The steps of CONTRIBUTING.md lead where it says: they are done in a copy of the checkout.

The first line of a block is the comment that names its file (`# at the end of ...` adds to one). In the outputs of
commands `...` stands for anything.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COPIED = ("initlint", "rules", "fixtures", "tests", "pyproject.toml")
NAMED = re.compile(r"# (at the end of )?(\S+\.\w+)\n")


class Block(NamedTuple):
    language: str
    text: str


def section(title: str) -> list[Block]:
    """The fenced blocks under a heading of the third level, in order."""
    match = re.search(rf"^### {title}\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert match is not None
    return [Block(*pair) for pair in re.findall(r"^```(\w+)\n(.*?)^```$", match[1], re.MULTILINE | re.DOTALL)]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def write(checkout: Path, block: Block) -> None:
    match = NAMED.match(block.text)
    assert match is not None, block.text
    path = checkout / match[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    body = block.text[match.end() :]
    path.write_text(path.read_text(encoding="utf-8") + "\n" + body if match[1] else body, encoding="utf-8")


def run(checkout: Path, block: Block) -> None:
    """Runs each command of the block; what it prints has to be what stands below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        words = shlex.split(command)
        words = words[1:] if words[0] == "python" else ["-m", *words]
        done = subprocess.run(
            [sys.executable, *words],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(checkout)},
        )
        pattern = ".*".join(re.escape(piece.strip()) for piece in output.split("..."))
        assert re.fullmatch(pattern, done.stdout.strip(), re.DOTALL), f"{command}\n{done.stdout}\n{done.stderr}"


def test_the_steps_lead_where_they_say(checkout: Path) -> None:
    """In one go, since the activation stands in the file of the layer."""
    for title in ("A rule", "A layer", "An activation", "A format"):
        blocks = section(title)
        assert "console" in {block.language for block in blocks}
        for block in blocks:
            if block.language == "console":
                run(checkout, block)
            else:
                write(checkout, block)
