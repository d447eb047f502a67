"""The door: what the options do, what is printed where, and the exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

BIAS = """\
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
CLEAN = BIAS.replace("self.fc.bias", "self.fc.weight")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bias.py").write_text(BIAS)
    (tmp_path / "clean.py").write_text(CLEAN)
    return tmp_path


def test_findings_make_the_exit_status_one(initlint: Run, folder: Path) -> None:
    done = initlint("bias.py")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("bias.py:9:")
    assert ": error: INI601 fan-of-vector\n" in done.stdout
    assert "  9 |         nn.init.xavier_uniform_(self.fc.bias)\n" in done.stdout
    assert done.stdout.endswith("Found 1 problem (1 error) in 1 file.\n1 fixable with --fix.\n")


def test_nothing_to_report_makes_it_zero(initlint: Run, folder: Path) -> None:
    done = initlint("clean.py")
    assert (done.returncode, done.stdout, done.stderr) == (0, "No problems found in 1 file.\n", "")
    assert initlint("clean.py", "--quiet").stdout == ""


def test_check_is_the_default_command(initlint: Run, folder: Path) -> None:
    expected = initlint("check", "bias.py").stdout
    assert "INI601" in expected
    assert initlint("bias.py").stdout == expected
    assert initlint("--ignore", "INI2", "bias.py").stdout == expected
    assert initlint("check").stdout == initlint(".").stdout, "by default the working directory"


def test_the_name_of_a_command_wins_over_a_folder(initlint: Run, folder: Path) -> None:
    (folder / "rules").mkdir()
    (folder / "rules" / "m.py").write_text(BIAS)
    assert initlint("rules").stdout.startswith("INI001")
    assert initlint("./rules").stdout.startswith("rules/m.py:9:")
    assert initlint("check", "rules").stdout.startswith("rules/m.py:9:")


def test_standard_input_is_linted_under_its_name(initlint: Run, folder: Path) -> None:
    done = initlint("-", stdin=BIAS.encode())
    assert done.returncode == 1
    assert done.stdout.startswith("-:9:")
    assert initlint("-", "--stdin-filename", "src/net.py", stdin=BIAS.encode()).stdout.startswith("src/net.py:9:")
    assert initlint("-", stdin=CLEAN.encode()).returncode == 0
    assert initlint("-", stdin=b"").returncode == 0
    rows = json.loads(initlint("inspect", "-", "--format", "json", stdin=BIAS.encode()).stdout)
    assert [(row["file"], row["line"]) for row in rows] == [("-", 8)]
    both = initlint("-", "bias.py")
    assert both.returncode == 2
    assert "stands alone" in both.stderr


def test_standard_input_is_read_beside_its_neighbours(initlint: Run, tmp_path: Path) -> None:
    """An editor's buffer imports from the project in which its file stands."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "layers.py").write_text(
        "from torch import nn\n\n\ndef project(n):\n    return nn.Linear(n, n)\n"
    )
    text = BIAS.replace("from torch import nn\n", "from torch import nn\nfrom layers import project\n")
    text = text.replace("nn.Linear(8, 4)", "project(8)")
    done = initlint("-", "--stdin-filename", "src/net.py", stdin=text.encode())
    assert "src/net.py:10:" in done.stdout


@pytest.mark.parametrize(
    "options, found",
    [
        (["--select", "INI601"], True),
        (["--select", "INI6"], True),
        (["--select", "ini6,INI1"], True),
        (["--select", "INI2", "--select", "INI6"], True),
        (["--select", "ALL"], True),
        (["--select", "INI2"], False),
        (["--ignore", "INI601"], False),
        (["--ignore", "INI"], False),
        (["--select", "INI601", "--ignore", "INI6"], True),
        (["--select", "INI6", "--ignore", "INI601"], False),
        (["--select", "INI6", "--ignore", "INI6"], False),
    ],
)
def test_rules_are_chosen_by_prefix_and_the_longer_wins(
    initlint: Run, folder: Path, options: list[str], found: bool
) -> None:
    done = initlint("bias.py", *options)
    assert (done.returncode, "INI601" in done.stdout) == ((1, True) if found else (0, False))


def test_an_unreadable_file_is_told_unless_it_is_ignored(initlint: Run, folder: Path) -> None:
    (folder / "bad.py").write_text("import torch\nx = (\n")
    assert "INI001" in initlint("bad.py", "--select", "INI2").stdout
    assert initlint("bad.py", "--ignore", "INI001").returncode == 0
    document = json.loads(initlint("bad.py", "--ignore", "INI0", "--format", "json").stdout)
    assert (document["findings"], len(document["unreadable"])) == ([], 1)


WRONG: dict[str, tuple[list[str], str]] = {
    "missing": (["nope.py"], "error: no such file or folder: nope.py"),
    "typo": (["chekc"], "error: no such file or folder: chekc"),
    "option": (["--selct", "INI2", "bias.py"], "--select"),
    "code": (["--select", "INL201", "bias.py"], "--select: no rule INL201; did you mean INI201 (xavier-before-relu)?"),
    "name": (["--ignore", "xavier-before-relu", "bias.py"], "did you mean INI201 (xavier-before-relu)?"),
    "nonsense": (["--select", "W605", "bias.py"], "no rule W605; `initlint rules` lists them"),
    "format": (
        ["--format", "xml", "bias.py"],
        "'xml' is not one of 'concise', 'github', 'gitlab', 'json', 'lsp', 'sarif', 'text'",
    ),
    "explain": (["explain", "INI20"], "no rule INI20; did you mean"),
    "explain nothing": (["explain"], "Missing argument 'CODE'"),
    "output": (["--output-file", "no/such/folder", "bias.py"], "cannot write no/such/folder"),
    "no value": (["--format"], "requires an argument"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_in_one_line_and_makes_it_two(initlint: Run, folder: Path, name: str) -> None:
    args, words = WRONG[name]
    done = initlint(*args)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")


def test_a_missing_path_does_not_keep_the_others_from_being_linted(initlint: Run, folder: Path) -> None:
    done = initlint("nope.py", "bias.py")
    assert done.returncode == 2
    assert "INI601" in done.stdout
    assert initlint("inspect", "nope.py", "bias.py").returncode == 2


def test_no_arguments_show_the_help(initlint: Run) -> None:
    done = initlint()
    assert done.returncode == 2
    assert "Usage: initlint" in done.stderr
    helped = initlint("--help")
    assert helped.returncode == 0
    for command in ("check", "inspect", "recommend", "rules", "explain"):
        assert command in helped.stdout
        assert initlint(command, "-h").returncode == 0


def test_an_empty_folder_is_worth_a_warning(initlint: Run) -> None:
    done = initlint(".")
    assert done.returncode == 0
    assert done.stderr == "warning: no Python files found in these paths\n"


def test_version(initlint: Run) -> None:
    from initlint import __version__

    assert initlint("--version").stdout == f"initlint {__version__}\n"


def test_output_goes_to_a_file(initlint: Run, folder: Path) -> None:
    expected = initlint("bias.py", "--format", "json").stdout
    done = initlint("bias.py", "--format", "json", "-o", "out.json")
    assert (done.returncode, done.stdout) == (1, "")
    assert (folder / "out.json").read_text() == expected
    initlint("bias.py", "--output-file", "out.txt", FORCE_COLOR="1")
    assert "\x1b" not in (folder / "out.txt").read_text()


def test_colour_is_for_terminals_and_for_who_asks(initlint: Run, folder: Path) -> None:
    assert "\x1b" not in initlint("bias.py").stdout
    assert "\x1b[" in initlint("bias.py", "--color").stdout
    assert "\x1b[" in initlint("bias.py", FORCE_COLOR="1").stdout
    assert "\x1b[" in initlint("inspect", "bias.py", "--color").stdout
    assert "\x1b" not in initlint("bias.py", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b" not in initlint("bias.py", "--no-color", FORCE_COLOR="1").stdout
    assert "\x1b" not in initlint("clean.py", "--color").stdout, "nothing to show"


def test_a_terminal_gets_colour(folder: Path, root: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(root), "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [sys.executable, "-m", "initlint", "bias.py"], cwd=folder, stdout=follower, env=environment
    ) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(leader)
    assert process.returncode == 1
    assert b"\x1b[" in shown
    assert b"INI601" in shown


def test_a_reader_that_goes_away_is_no_error(folder: Path, root: Path) -> None:
    for i in range(200):
        (folder / f"copy{i}.py").write_text(BIAS)
    with subprocess.Popen(
        [sys.executable, "-m", "initlint", "."],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_findings_are_silenced_by_comments_on_their_lines(initlint: Run, folder: Path) -> None:
    for comment, status in (
        ("# initlint: ignore[INI601] it raises on purpose", 0),
        ("# initlint: ignore[INI6]", 0),
        ("# noqa: INI601", 0),
        ("# noqa", 0),
        ("# noqa: E501", 1),
        ("# initlint: ignore[INI201]", 1),
    ):
        (folder / "bias.py").write_text(BIAS.replace("self.fc.bias)\n", f"self.fc.bias)  {comment}\n"))
        assert initlint("bias.py").returncode == status, comment
        spread = BIAS.replace("self.fc.bias)\n", f"\n            self.fc.bias,\n        )  {comment}\n")
        (folder / "bias.py").write_text(spread)
        assert initlint("bias.py").returncode == status, comment
    (folder / "bias.py").write_text("# initlint: skip-file\n" + BIAS)
    assert initlint("bias.py").returncode == 0


def test_the_order_of_paths_does_not_matter(initlint: Run, folder: Path) -> None:
    (folder / "also.py").write_text(BIAS)
    expected = initlint("bias.py", "also.py", "clean.py").stdout
    assert expected.index("also.py:9:") < expected.index("bias.py:9:")
    assert initlint("clean.py", "bias.py", "also.py", "bias.py").stdout == expected
    assert initlint(".").stdout == expected


def test_a_bug_of_ours_is_one_line_and_makes_it_two(folder: Path, root: Path) -> None:
    """A fault while one file is interpreted is told for that file; the other files are still linted."""
    script = """
import sys
from initlint import interpret
from initlint.__main__ import main
read = interpret.read
def broken(sources, *rest):
    if any(source.path == "clean.py" for source in sources):
        raise KeyError("lost\\nits way")
    return read(sources, *rest)
interpret.read = broken
sys.argv = ["initlint", *sys.argv[1:]]
main()
"""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, *args],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    done = run(".")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: clean.py: initlint has a bug here, please report it: KeyError: ")
    assert "bias.py:9:" in done.stdout
    shown = run("--debug", ".")
    assert "Traceback" in shown.stderr


def test_rules_are_listed_and_each_is_explained(initlint: Run) -> None:
    from initlint.rulebook import all_rules

    listed = initlint("rules").stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [[code, rule.name] for code, rule in sorted(all_rules().items())]
    described = json.loads(initlint("rules", "--format", "json").stdout)
    assert [rule["code"] for rule in described] == sorted(all_rules())
    page = initlint("explain", "ini201").stdout
    assert page == initlint("explain", "xavier-before-relu").stdout
    assert page.startswith("INI201 xavier-before-relu")
    for heading in ("What it finds", "Why", "When it is harmless", "Bad", "Good", "References"):
        assert f"\n{heading}\n" in page
