"""Every output shown in the README is what the command beside it prints.

A block of ```console holds commands after `$ ` and what they print; a line of `...` stands for
any lines. `python tests/test_readme.py` writes the outputs anew.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from initlint.settings import Settings

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)


def shown() -> Iterator[tuple[str, str]]:
    """Each command of the README with the output beside it."""
    for block in BLOCK.findall(README.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def output_of(command: str) -> str:
    """What a command prints, run at the top of the checkout. Only `initlint` is known here."""
    words = shlex.split(command)
    assert words[0] == "initlint", f"not a command that can be tried: {command}"
    if words[1] not in {"rules", "explain"}:
        words.append("--no-cache")  # of the checkout
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert not (done.stdout and done.stderr), "a command prints what it is asked for, or what is wrong"
    return done.stdout or done.stderr


@pytest.mark.parametrize("command, output", [pytest.param(*pair, id=pair[0]) for pair in shown()])
def test_a_command_prints_what_the_readme_shows(command: str, output: str) -> None:
    printed = output_of(command)
    if "\n...\n" in f"\n{output}":
        parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", output, flags=re.MULTILINE)]
        assert re.fullmatch("(?:.*\n)*?".join(parts), printed), printed
    else:
        assert printed == output


def test_there_is_something_to_keep_true() -> None:
    commands = {command for command, _ in shown()}
    assert {"initlint fixtures/showcase", "initlint explain INI201"} <= commands


@pytest.mark.parametrize("marker", ["install and lint", "install and test"])
def test_the_two_commands_stand_where_ci_looks_for_them(marker: str) -> None:
    text = README.read_text(encoding="utf-8")
    assert re.search(rf"^<!-- {marker} -->\n```sh\n.+\n```$", text, re.MULTILINE), (
        "one line, or CI runs less than it says"
    )


def test_every_path_that_the_documents_name_exists() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        paths = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text) + re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
        missing = [path for path in paths if not (ROOT / path).exists()]
        assert not missing, f"{document} names what is not there"


def test_the_settings_that_are_shown_are_settings(tmp_path: Path) -> None:
    block = re.search(r"<!-- settings -->\n```toml\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert block
    (tmp_path / "pyproject.toml").write_text(block[1])
    shown = Settings().of(str(tmp_path / "m.py"))
    assert all((shown.ignore, shown.per_file_ignores, shown.severity, shown.bands))


def rewrite() -> None:
    """Writes the outputs of the commands into the README."""

    def renewed(block: re.Match[str]) -> str:
        commands = re.findall(r"^\$ (.+)$", block[0], flags=re.MULTILINE)
        if "\n...\n" in block[0]:
            return block[0]
        return "".join(f"$ {command}\n{output_of(command)}" for command in commands)

    README.write_text(BLOCK.sub(renewed, README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
