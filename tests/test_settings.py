"""Settings: where they are written, which of them hold for a file, and what is said of wrong ones."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from initlint.config import DEFAULT_EXCLUDE, Config, ConfigError, Overrides, band_of, selected, severity_of
from initlint.findings import Severity
from initlint.pipeline import lint_paths, lint_source
from initlint.settings import Settings, in_file

Run = Callable[..., "subprocess.CompletedProcess[str]"]

BIAS = """\
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
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(root: Path, **files: str) -> None:
    """Files by their paths, `__` for a slash and `_` before the suffix."""
    for name, text in files.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        path = root / f"{stem}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(*paths: str, overrides: Overrides | None = None) -> list[tuple[str, str]]:
    report = lint_paths(paths or (".",), Settings(overrides))
    assert not report.faults
    return [(finding.place.file, finding.code) for finding in report.findings]


# Where they are written.


def test_both_files_say_the_same(tree: Path) -> None:
    keys = (
        'select = ["INI2", "INI6"]\nignore = ["INI206"]\nexclude = ["old"]\nextend-exclude = ["gen/*"]\n'
        'fail-on = "error"\nforce-exclude = true\nrespect-gitignore = false\n'
    )
    tables = (
        '"tests/*" = ["INI2"]\n',
        'INI203 = "error"\nINI2 = "info"\n',
        "INI2 = [0.05, 20]\n",
    )
    own = keys + "".join(f"[{n}]\n{t}" for n, t in zip(("per-file-ignores", "severity", "bands"), tables, strict=True))
    shared = f"[tool.initlint]\n{keys}" + "".join(
        f"[tool.initlint.{n}]\n{t}" for n, t in zip(("per-file-ignores", "severity", "bands"), tables, strict=True)
    )
    write(tree, a__initlint_toml=own, b__pyproject_toml=f'[project]\nname = "x"\n{shared}')
    settings = Settings()
    config = settings.of("a/m.py")
    assert config == Config(
        select=("INI2", "INI6"),
        ignore=("INI206",),
        per_file_ignores=((f"{tree}/a/tests/*", ("INI2",)),),
        exclude=("old", f"{tree}/a/gen/*"),
        severity=(("INI203", Severity.ERROR), ("INI2", Severity.INFO)),
        fail_on=Severity.ERROR,
        bands=(("INI2", (0.05, 20.0)),),
        force_exclude=True,
        respect_gitignore=False,
        file="a/initlint.toml",
    )
    assert repr(settings.of("b/m.py")) == repr(config).replace(f"{tree}/a/", f"{tree}/b/").replace(
        "a/initlint.toml", "b/pyproject.toml"
    )


def test_the_nearest_file_holds_alone(tree: Path) -> None:
    write(
        tree,
        initlint_toml='ignore = ["INI6"]\n',
        m_py=BIAS,
        a__pyproject_toml="[tool.initlint]\n",
        a__m_py=BIAS,
        a__b__m_py=BIAS,
        c__pyproject_toml='[tool.ruff]\nselect = ["ALL"]  # none of initlint\'s\n',
        c__m_py=BIAS,
    )
    assert found() == [("a/b/m.py", "INI601"), ("a/m.py", "INI601")]
    assert found("c/m.py", "a/b/m.py") == [("a/b/m.py", "INI601")]


def test_in_one_folder_ours_goes_first(tree: Path) -> None:
    write(tree, initlint_toml="", pyproject_toml='[tool.initlint]\nignore = ["INI6"]\n', m_py=BIAS)
    assert found() == [("m.py", "INI601")]


def test_a_pyproject_without_our_table_does_not_matter_even_where_it_is_broken(tree: Path) -> None:
    write(tree, pyproject_toml="[tool.ruff\n", m_py=BIAS)
    assert found() == [("m.py", "INI601")]


def test_an_unsaved_text_has_the_settings_of_its_place(tree: Path) -> None:
    write(tree, a__initlint_toml='ignore = ["INI6"]\n')
    assert [f.code for f in lint_source(BIAS, "m.py", Settings()).findings] == ["INI601"]
    assert lint_source(BIAS, "a/m.py", Settings()).findings == ()
    assert lint_source(BIAS, "a/not/there/m.py", Settings()).findings == ()


# What they mean.


def test_rules_are_selected_for_each_file(tree: Path) -> None:
    write(tree, m_py=BIAS, tests__m_py=BIAS, initlint_toml='[per-file-ignores]\n"tests/**" = ["INI6"]\n')
    assert found() == [("m.py", "INI601")]
    for glob, left in (
        ("m.py", []),
        ("tests/m.py", ["m.py"]),
        ("**/m.py", []),
        ("{tests,docs}/*.py", ["m.py"]),
        ("tests", ["m.py", "tests/m.py"]),
        ("*", []),
    ):
        write(tree, initlint_toml=f'[per-file-ignores]\n"{glob}" = ["INI601"]\n')
        assert found() == [(name, "INI601") for name in left], glob


def test_what_is_ignored_for_a_file_is_not_selected_by_a_longer_prefix() -> None:
    config = Config(select=("INI201",), per_file_ignores=(("*.py", ("INI2",)),))
    assert selected(config, {"INI201", "INI202"}, "m.py") == frozenset()
    assert selected(config, {"INI201", "INI202"}, "m.pyi") == {"INI201"}


def test_globs_are_relative_to_the_file_they_stand_in(tree: Path) -> None:
    write(tree, a__initlint_toml='extend-exclude = ["gen/*.py"]\n', a__gen__m_py=BIAS, a__m_py=BIAS, gen__m_py=BIAS)
    assert [file for file, _ in found()] == ["a/m.py", "gen/m.py"]
    os.chdir("a")
    assert [file for file, _ in found()] == ["m.py"]


def test_a_folder_is_left_out_by_the_settings_above_it(tree: Path) -> None:
    write(
        tree,
        initlint_toml='exclude = ["vendored"]\nforce-exclude = true\n',
        vendored__initlint_toml="",
        vendored__m_py=BIAS,
    )
    assert found() == []
    assert found("vendored/m.py") == [], "named, and left out all the same"


def test_exclude_replaces_the_usual_folders_and_extend_exclude_does_not(tree: Path) -> None:
    write(tree, a__initlint_toml='exclude = ["old"]\n', b__initlint_toml='extend-exclude = ["old"]\n')
    assert Settings().of("a/m.py").exclude == ("old",)
    assert Settings().of("b/m.py").exclude == (*DEFAULT_EXCLUDE, "old")


def test_a_severity_that_is_set_goes_before_the_measured_one(tree: Path) -> None:
    write(tree, initlint_toml='[severity]\nINI601 = "info"\n', m_py=BIAS)
    report = lint_paths(["."], Settings())
    assert [(str(f.severity), report.failures) for f in report.findings] == [("info", 0)]
    config = Config(severity=(("ALL", Severity.ERROR), ("INI2", Severity.WARNING), ("INI203", Severity.INFO)))
    told = {code: str(severity_of(config, code, Severity.INFO)) for code in ("INI203", "INI201", "INI501")}
    assert told == {"INI203": "info", "INI201": "warning", "INI501": "error"}


def test_the_band_of_the_longest_prefix_holds() -> None:
    config = Config(bands=(("INI2", (0.1, 10.0)), ("INI203", (0.5, 2.0))))
    assert (band_of(config, "INI201"), band_of(config, "INI203"), band_of(config, "INI301")) == (
        (0.1, 10.0),
        (0.5, 2.0),
        None,
    )


def run_of(layers: int) -> str:
    """Linear layers with ReLU between them, written with Xavier: each keeps 0.71 of the signal and of the gradient."""
    made = ", ".join(["nn.Linear(64, 64), nn.ReLU()"] * layers)
    return f"""\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential({made}, nn.Linear(64, 64))
        for m in self.body[:-1]:
            if isinstance(m, nn.Linear):
                nn.init.xavier_normal_(m.weight)
        nn.init.xavier_normal_(self.body[-1].weight)

    def forward(self, x):
        return self.body(x)
"""


def severities(root: Path, layers: int, bands: str = "") -> list[tuple[str, str]]:
    write(root, initlint_toml=bands, m_py=run_of(layers))
    report = lint_paths(["."], Settings())
    assert not report.faults
    return [(finding.code, str(finding.severity)) for finding in report.findings]


@pytest.mark.parametrize(
    "layers, bands, severity",
    [
        (4, "", "info"),  # a quarter of the signal is left: within the rule's own band
        (4, "[bands]\nINI201 = [0.5, 2.0]\n", "warning"),
        (4, "[bands]\nINI2 = [0.5, 2.0]\nINI201 = [0.1, 10.0]\n", "info"),
        (4, "[bands]\nINI202 = [0.5, 2.0]\n", "info"),  # another rule's
        (8, "", "warning"),  # a sixteenth
        (8, "[bands]\nINI201 = [0.01, 100.0]\n", "info"),
        (8, "[bands]\nALL = [0.01, 100.0]\n", "info"),
        (8, "[bands]\nALL = [0.01, 100.0]\nINI201 = [0.1, 10.0]\n", "warning"),
    ],
)
def test_the_band_decides_on_the_severity(tree: Path, layers: int, bands: str, severity: str) -> None:
    assert severities(tree, layers, bands) == [("INI201", severity)]


def test_a_rule_that_speaks_only_outside_its_band_is_silent_in_a_wider_one(tree: Path) -> None:
    deep = run_of(10).replace("xavier_normal_(m.weight)", "zeros_(m.bias)")
    deep = deep.replace("nn.init.xavier_normal_(self.body[-1].weight)", "pass")
    write(tree, m_py=deep)
    assert found() == [("m.py", "INI207")]
    write(tree, initlint_toml="[bands]\nINI2 = [0.0, 1000.0]\n")
    assert found() == []


def test_bands_hold_for_the_files_below_their_settings(tree: Path) -> None:
    write(tree, m_py=run_of(4), a__m_py=run_of(4), a__initlint_toml="[bands]\nINI201 = [0.5, 2.0]\n")
    report = lint_paths(["."], Settings())
    assert [(one.place.file, str(one.severity)) for one in report.findings] == [("a/m.py", "warning"), ("m.py", "info")]


def test_what_fails_a_run_is_set_for_each_file(tree: Path) -> None:
    write(tree, a__initlint_toml='fail-on = "error"\n[severity]\nINI6 = "warning"\n', a__m_py=BIAS)
    assert lint_paths(["."], Settings()).failures == 0
    write(tree, m_py=BIAS)
    assert lint_paths(["."], Settings()).failures == 1
    assert lint_paths(["."], Settings(Overrides(fail_on=Severity.INFO))).failures == 2


# What the command line says goes first.


def test_select_replaces_what_is_written_and_ignore_is_added(tree: Path) -> None:
    written = Config(select=("INI2", "INI601"), ignore=("INI206",))
    codes = {"INI201", "INI206", "INI601", "INI501"}

    def on(select: tuple[str, ...] = (), ignore: tuple[str, ...] = ()) -> set[str]:
        return set(selected(Overrides(select, ignore).over(written), codes))

    assert on() == {"INI201", "INI601"}
    assert on(select=("INI206", "INI5")) == {"INI206", "INI501"}
    assert on(ignore=("INI6",)) == {"INI201"}, "though the file selects the longer prefix"
    assert on(ignore=("INI201",)) == {"INI601"}
    assert on(select=("ALL",), ignore=("INI2",)) == {"INI601", "INI501"}


def test_globs_of_the_command_line_are_relative_to_the_working_directory(tree: Path) -> None:
    write(tree, a__initlint_toml='exclude = ["x"]\n', a__gen__m_py=BIAS, a__x__m_py=BIAS)
    assert [file for file, _ in found(overrides=Overrides(extend_exclude=("a/gen",)))] == []
    assert [file for file, _ in found(overrides=Overrides(exclude=("a/gen",)))] == ["a/x/m.py"]


def test_settings_can_be_named_or_left_out(tree: Path, initlint: Run) -> None:
    write(tree, initlint_toml='ignore = ["INI6"]\n', m_py=BIAS, other__ci_toml='select = ["INI2"]\n')
    write(tree, other__pyproject_toml='[tool.initlint]\nfail-on = "error"\n[tool.initlint.severity]\nINI6 = "info"\n')
    assert initlint("m.py").returncode == 0
    assert initlint("m.py", "--isolated").returncode == 1
    assert initlint("m.py", "--config", "other/ci.toml").returncode == 0
    shown = initlint("m.py", "--config", "other/pyproject.toml", "--format", "json")
    assert (shown.returncode, '"severity": "info"' in shown.stdout) == (0, True)
    assert initlint("m.py", "--config", "other/pyproject.toml", "--fail-on", "info").returncode == 1
    assert initlint("m.py", "--isolated", "--exit-zero").returncode == 0
    assert initlint("m.py", "--isolated", "--fail-on", "error").returncode == 1


# What is wrong is told in one line, with its place.

WRONG: dict[str, tuple[str, str]] = {
    "key": ('fail-on = "error"\nselct = ["INI2"]', "2: selct: unknown key; did you mean select?"),
    "key in snake case": ("per_file_ignores = {}", "1: per_file_ignores: unknown key; did you mean per-file-ignores?"),
    "key like none": (
        "x = 1",
        "1: x: unknown key; there are select, ignore, per-file-ignores, exclude, extend-exclude,",
    ),
    "table": ("\n[severty]\nINI2 = 'info'", "2: severty: unknown key; did you mean severity?"),
    "section": ("[tool.initlint]\nselect = []", "1: tool: in initlint.toml the keys stand at the top, without"),
    "not a list": ("# select\nselect = 'INI2'", '2: select: expected an array of strings, got "INI2"'),
    "not strings": ("select = [\n  'INI2',\n  5,\n]", "1: select[1]: expected a string, got 5"),
    "not a flag": ("force-exclude = 'yes'", '1: force-exclude: expected true or false, got "yes"'),
    "not a table": ("severity = 'info'", '1: severity: expected a table, got "info"'),
    "code": ("ignore = ['INI2', 'INI999']", "1: ignore[1]: no rule INI999; `initlint rules` lists them"),
    "name": ("ignore = ['zero-weights']", "1: ignore[0]: no rule ZERO-WEIGHTS; did you mean INI101 (zero-weights)?"),
    "code of a severity": ("[severity]\nINI1 = 'info'\nINX = 'info'", "3: severity.INX: no rule INX;"),
    "severity": ("severity.INI2 = 'warn'", '1: severity.INI2: expected a severity, got "warn"; did you mean warning?'),
    "no severity": ("fail-on = 3", "1: fail-on: expected a severity, got 3"),
    "glob": (f"exclude = ['{'{a,b}' * 9}']", "1: exclude[0]: not a glob: its braces stand for more than 200 globs"),
    "codes of a glob": (
        '[per-file-ignores]\n"a b/*" = "X"',
        '2: per-file-ignores."a b/*": expected an array of strings',
    ),
    "band": ("bands.INI2 = [2, 3]", "1: bands.INI2: expected a band around 1, as in [0.1, 10.0], got [2, 3]"),
    "no band": ("bands.INI2 = 0.1", "1: bands.INI2: expected the lowest and the highest signal, as in [0.1, 10.0]"),
    "not a number": ("bands.INI2 = [true, nan]", "1: bands.INI2: expected the lowest and the highest signal"),
    "nan": ("bands.INI2 = [nan, inf]", "1: bands.INI2: expected a band around 1"),
    "long value": (f"fail-on = '{'x' * 9999}'", "1: fail-on: expected a severity, got"),
    "syntax": ("select = [\n\n", "1: not valid TOML: "),
    "syntax in a line": ("select = []\n[x\n", "2: not valid TOML: "),
    "twice": ("select = []\nselect = []", "2: not valid TOML: "),
    "deep": ("x = " + "[" * 99999, "nested too deeply"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_file_line_and_key(tree: Path, name: str) -> None:
    text, told = WRONG[name]
    write(tree, a__initlint_toml=text)
    with pytest.raises(ConfigError) as caught:
        Settings().of("a/m.py")
    message = str(caught.value)
    assert message.startswith(f"a/initlint.toml:{'' if told[0].isdigit() else ' '}{told}"), message
    assert "\n" not in message
    assert len(message) < 250


def test_in_pyproject_the_key_is_named_in_full(tree: Path) -> None:
    text = '[project]\nname = "selct"\n\n[tool.initlint]\n# selct\nselct = 1\n'
    write(tree, pyproject_toml=text)
    with pytest.raises(
        ConfigError, match=r"^pyproject.toml:6: tool.initlint.selct: unknown key; did you mean select\?$"
    ):
        Settings().of("m.py")
    write(tree, pyproject_toml="[tool]\ninitlint = 5\n")
    with pytest.raises(ConfigError, match=r"^pyproject.toml:2: tool.initlint: expected a table, got 5$"):
        Settings().of("m.py")


def test_a_file_of_settings_that_cannot_be_read_is_told(tree: Path) -> None:
    (tree / "initlint.toml").write_bytes(b"select = []\n# \xff\n")
    with pytest.raises(ConfigError, match=r"^initlint.toml:2: not UTF-8"):
        Settings().of("m.py")
    (tree / "initlint.toml").unlink()
    os.mkfifo(tree / "initlint.toml")
    with pytest.raises(ConfigError, match=r"^initlint.toml: not a regular file"):
        Settings().of("m.py")
    (tree / "initlint.toml").unlink()
    (tree / "initlint.toml").mkdir()
    with pytest.raises(ConfigError, match=r"^initlint.toml: not a regular file"):
        Settings().of("m.py")


def test_a_named_file_has_to_be_one_of_settings(tree: Path) -> None:
    with pytest.raises(ConfigError, match=r"^no such file: ci.toml$"):
        in_file("ci.toml")
    write(tree, pyproject_toml="[tool.ruff]\n")
    with pytest.raises(ConfigError, match=r"^pyproject.toml: no table \[tool.initlint\] in it$"):
        in_file("pyproject.toml")


def test_wrong_settings_end_the_run_with_one_line(tree: Path, initlint: Run) -> None:
    write(tree, m_py=BIAS, a__initlint_toml="selct = []\n", a__m_py=BIAS)
    for args in ((".",), ("a/m.py", "--format", "json"), ("inspect", "a"), ("m.py", "--config", "a/initlint.toml")):
        done = initlint(*args)
        assert (done.returncode, done.stdout) == (2, ""), args
        assert done.stderr == "error: a/initlint.toml:1: selct: unknown key; did you mean select?\n"
    assert initlint("a/m.py", "--isolated").returncode == 1
    assert "exclude each other" in initlint("m.py", "--isolated", "--config", "x.toml").stderr
    assert "--exclude: not a glob" in initlint("m.py", "--exclude", "{a,b}" * 9).stderr
