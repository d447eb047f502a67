"""Notebooks: their cells are one program, and what is written back changes nothing else."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from initlint.findings import Finding, Report
from initlint.notebook import file_lines, python_of, rewritten, texts
from initlint.pipeline import inspect_source, lint_source
from initlint.report import renderer
from initlint.source import MAX_NOTEBOOK_BYTES

Run = Callable[..., "subprocess.CompletedProcess[str]"]

IMPORTS = "import torch\nfrom torch import nn"
CLASS = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(x)"""
INIT = "net = Net()\n\nnn.init.xavier_uniform_(net.fc.bias)"


def cell(source: str | list[str], kind: str = "code", **more: object) -> dict[str, Any]:
    outputs: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **outputs, **more}


def notebook(*cells: dict[str, Any], language: str = "python", indent: int | None = 1) -> str:
    metadata = {"kernelspec": {"language": language, "name": "x"}, "language_info": {"name": language}}
    document = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=indent, ensure_ascii=False) + "\n"


def lined(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def lint(text: str | bytes, path: str = "study.ipynb") -> Report:
    report = lint_source(text, path, debug=True)
    assert not report.faults
    return report


def told(finding: Finding) -> tuple[str, int | None, int, int]:
    start = finding.place.span.start
    return finding.code, finding.place.cell, start.line, start.column


WHOLE = notebook(
    cell("# Nets", "markdown"), cell(lined(IMPORTS)), cell(lined(CLASS)), cell("Text", "raw"), cell(lined(INIT))
)


def test_cells_are_one_program_and_findings_name_cell_and_line() -> None:
    report = lint(WHOLE)
    (finding,) = report.findings
    assert told(finding) == ("INI601", 5, 3, 1)
    assert [(site.name, site.place.cell, site.place.span.start.line) for site in finding.layers] == [("Net.fc", 3, 4)]
    assert report.files == 1


def test_a_cell_may_be_indented_as_a_whole() -> None:
    """As IPython lets it: the line and column told are the cell's own."""
    shifted = "\n" + "".join(f"    {line}" for line in lined(INIT)).replace("    \n", "\n")
    report = lint(notebook(cell(IMPORTS), cell(f"  %%time\n{CLASS}"), cell(shifted)))
    assert [told(one) for one in report.findings] == [("INI601", 3, 4, 5)]
    assert not report.unreadable
    report = lint(notebook(cell("  import torch\n  x = = 1")))
    assert [told(one) for one in report.findings] == [("INI001", 1, 2, 7)]


def test_every_format_says_the_cell() -> None:
    report = lint(WHOLE)
    shown = renderer("text")(report)
    assert shown.startswith("study.ipynb:cell 5:3:1: error: INI601")
    assert "  3 | nn.init.xavier_uniform_(net.fc.bias)" in shown
    assert "= layer: Net.fc (study.ipynb:cell 3:4)" in shown
    assert renderer("concise")(report).startswith("study.ipynb:cell 5:3:1: error: INI601")
    (found,) = json.loads(renderer("json")(report))["findings"]
    assert (found["file"], found["cell"], found["span"]["start"]["line"]) == ("study.ipynb", 5, 3)
    assert [(layer["cell"], layer["line"]) for layer in found["layers"]] == [(3, 4)]
    (document,) = json.loads(renderer("lsp")(report))
    assert document["uri"].endswith("/study.ipynb#cell5")
    assert document["diagnostics"][0]["range"]["start"] == {"line": 2, "character": 0}


def test_formats_that_know_files_only_point_at_the_line_of_the_file() -> None:
    report = lint(WHOLE)
    line = 1 + next(i for i, text in enumerate(WHOLE.splitlines()) if "xavier" in text)
    assert f",line={line},endLine={line}::study.ipynb:cell 5:3:1: INI601" in renderer("github")(report)
    (run,) = json.loads(renderer("sarif")(report))["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": line, "endLine": line}
    assert run["results"][0]["message"]["text"].startswith("cell 5, line 3: ")


def test_what_is_understood_is_shown_by_cell(initlint: Run, tmp_path: Path) -> None:
    (tmp_path / "study.ipynb").write_text(WHOLE.replace("net.fc.bias", "net.fc.weight"))
    shown = initlint("inspect", "study.ipynb").stdout
    assert shown.startswith("study.ipynb:cell 3\n")
    assert "xavier_uniform at study.ipynb:cell 5:3" in shown
    (row,) = json.loads(initlint("inspect", ".", "--format", "json").stdout)
    assert (row["cell"], row["line"], row["init"]["at"]) == (3, 4, {"file": "study.ipynb", "line": 3, "cell": 5})
    assert inspect_source(WHOLE, "study.ipynb").files == 1


def test_comments_work_in_cells() -> None:
    silenced = WHOLE.replace("net.fc.bias)", "net.fc.bias)  # initlint: ignore[INI601]")
    assert lint(silenced).findings == ()
    idle = WHOLE.replace("net.fc.bias)", "net.fc.weight)  # initlint: ignore[INI601]")
    assert [told(one) for one in lint(idle).findings] == [("INI002", 5, 3, 41)]
    assert (
        lint(
            WHOLE.replace("# Nets", "x").replace("import torch\\n", "# initlint: skip-file\\nimport torch\\n")
        ).findings
        == ()
    )


MAGICS = {
    "%matplotlib inline": "pass",
    "!pip install torch": "pass",
    "?net": "pass",
    "net.fc??": "pass",
    "files = !ls": "files = get_ipython()",
    "a.b[0], c = %who_ls": "a.b[0], c = get_ipython()",
    "!pip install a \\\n  b\nx = 1": "pass\n\nx = 1",
    "%%time\nx = 1": "\nx = 1",
    "\n%%capture out\nx = 1": "\n\nx = 1",
    "%%bash\nls |\nwc": "\n\n",
    "%%writefile net.py\nimport (": "\n",
    "  !tts a \\\n     --path $b\n  !ls": "pass\n\npass",
    "pip install torch\nx = 1": "pass\nx = 1",
    "ls ./data/\ncd ..": "pass\npass",
    "if x:\n    !ls\nelse:\n    pass": "if x:\n    pass\nelse:\n    pass",
}
PYTHON = [
    "x = (a\n  % b)",
    "x = '''\n% not a magic\n!nor this\n'''",
    'x = """a \\"""\n!b\n"""',
    "x = a \\\n  % b",
    "x != y\nx %= 3",
    "# what?\nx = 1  # why?",
    "await f()\nasync for x in y:\n    pass",
    "x = y;",
    "ls -x\ncp / mv\npip in rm",
    "'?'",
]


@pytest.mark.parametrize("text", MAGICS)
def test_what_only_ipython_understands_is_replaced_line_for_line(text: str) -> None:
    assert python_of(text) == MAGICS[text]
    compile(python_of(text), "cell", "exec")


@pytest.mark.parametrize("text", PYTHON)
def test_python_is_left_as_it_is(text: str) -> None:
    assert python_of(text) == text
    beside = f"!ls\n{text}"
    assert python_of(beside) == f"pass\n{text}", "nor where there is a magic in the same cell"


def test_magics_shell_lines_and_awaits_keep_no_notebook_from_being_linted() -> None:
    text = notebook(
        cell("%load_ext x\n!pip install torch"),
        cell("%%bash\necho ((("),
        cell(f"{IMPORTS}\nawait something()\n{CLASS}"),
        cell(f"%%time\n{INIT}\nnet?"),
    )
    assert [told(one) for one in lint(text).findings] == [("INI601", 4, 4, 1)]


def test_a_cell_that_is_no_python_is_told_with_cell_and_line() -> None:
    text = notebook(cell(IMPORTS), cell("x = 1\ny = ("), cell("z = 1)"))
    (finding,) = lint(text).findings
    assert told(finding)[:3] == ("INI001", 2, 2)
    (unreadable,) = lint(text).unreadable
    assert (unreadable.cell, unreadable.line) == (2, 2)


BROKEN: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("import torch\n", "1: not a notebook: not valid JSON: expecting value"),
    "cut off": (WHOLE[: len(WHOLE) // 2], "not a notebook: not valid JSON: "),
    "empty": ("", "1: not a notebook: not valid JSON"),
    "a list": ("[1, 2]", "1: not a notebook: it has no list of cells"),
    "no cells": ('{"torch": 1, "cells": 5}', "1: not a notebook: it has no list of cells"),
    "format 3": ('{"worksheets": [{"cells": []}]}', "1: a notebook of format 3"),
    "bytes": (b'{"cells": [\n"\xff"]}', "2: not a notebook: byte 0xff is not UTF-8"),
    "deep": ("[" * 100_000, "1: not a notebook: nested too deeply"),
    "number": ('{"x": ' + "1" * 5000 + "}", "1: not a notebook: Exceeds the limit"),
    "large": (" " * (MAX_NOTEBOOK_BYTES + 1), "1: larger than 20 MB"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_notebook_is_one_line(name: str) -> None:
    text, message = BROKEN[name]
    report = lint(text)
    (finding,) = report.findings
    assert finding.code == "INI001"
    assert f"{finding.place.span.start.line}: {finding.message}".startswith(message) or message in finding.message
    assert "\n" not in finding.message


ODD: dict[str, dict[str, Any]] = {
    "no source": {"cell_type": "code"},
    "a number": cell("x") | {"source": 5},
    "a list of numbers": cell("x") | {"source": [5]},
    "no cell": {},
    "another language": cell("this is no python", metadata={"vscode": {"languageId": "javascript"}}),
    "empty": cell(""),
    "an empty list": cell([]),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_cells_are_passed_over(name: str) -> None:
    text = notebook(cell(IMPORTS), ODD[name], cell(CLASS), cell(INIT))
    assert [told(one) for one in lint(text).findings] == [("INI601", 4, 3, 1)]


def test_a_notebook_of_another_language_has_nothing_for_us() -> None:
    report = lint(notebook(cell("library(torch)\nx <- 5"), language="R"))
    assert (report.findings, report.files) == ((), 1)


def test_notebooks_are_found_in_folders(initlint: Run, tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(WHOLE)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".ipynb_checkpoints" / "a-checkpoint.ipynb").write_text(WHOLE)
    (tmp_path / "large.ipynb").write_text(WHOLE.replace('"outputs": []', f'"outputs": ["{"x" * 3_000_000}"]', 1))
    done = initlint(".", "--format", "concise")
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:2]] == ["a.ipynb", "large.ipynb"]
    assert done.returncode == 1
    piped = initlint("-", "--stdin-filename", "a.ipynb", "--format", "concise", stdin=WHOLE.encode())
    assert piped.stdout.startswith("a.ipynb:cell 5:3:1")


# Writing back.

FORMS = {
    "a list": notebook(cell(lined(INIT)), cell(lined(CLASS))),
    "a string": notebook(cell(INIT), cell(CLASS)),
    "one line of file": notebook(cell(lined(INIT)), cell(CLASS), indent=None),
    "escapes": json.dumps(json.loads(notebook(cell(lined("# ü 🙂\n" + INIT)), cell("é")))),
    "slashes": notebook(cell("# a/b\n" + INIT)).replace("/", "\\/"),
    "tabs": notebook(cell(lined(INIT)), indent=None).replace('["', '[\n\t\t"').replace('\\n", "', '\\n",\n\t\t"'),
}


def sources(text: str) -> dict[int, str]:
    cells = json.loads(text)["cells"]
    return {i: "".join(one["source"]) for i, one in enumerate(cells, start=1)}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_not_changed_stays_to_the_byte(name: str) -> None:
    raw = FORMS[name]
    before = sources(raw)
    assert rewritten(raw, {}) == raw
    assert rewritten(raw, before) == raw
    new = before[1].replace("xavier_uniform_", "zeros_")
    changed = rewritten(raw, {1: new})
    assert sources(changed) == before | {1: new}
    assert changed == raw.replace("xavier_uniform_", "zeros_")


def test_lines_are_added_and_taken_away_in_the_files_own_form() -> None:
    raw = FORMS["a list"]
    added = rewritten(raw, {1: INIT.replace("\n\n", "\n# new\n\n")})
    assert added == raw.replace('    "\\n",\n', '    "# new\\n",\n    "\\n",\n', 1)
    taken = rewritten(added, {1: INIT})
    assert taken == raw
    assert sources(rewritten(raw, {2: ""}))[2] == ""
    tabs = FORMS["tabs"]
    assert rewritten(tabs, {1: f"# new\n{INIT}"}) == tabs.replace('"net', '"# new\\n",\n\t\t"net', 1)


def test_outputs_that_look_like_cells_are_not_touched() -> None:
    fake = {"cells": [{"source": ["xavier_uniform_"]}], "source": "xavier_uniform_"}
    raw = notebook(cell(lined(INIT), outputs=[fake], metadata={"source": ["x"]}), cell(lined(CLASS)))
    changed = rewritten(raw, {1: INIT.replace("xavier_uniform_", "zeros_")})
    assert json.loads(changed)["cells"][0]["outputs"] == [fake]
    assert len(texts(raw)) == 2


LINES = st.lists(st.text(st.sampled_from('ab"\\é🙂/\u2028\t'), max_size=6), max_size=6).map("\n".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LINES, LINES, st.booleans(), st.booleans(), st.sampled_from([None, 1]))
def test_any_text_is_written_back(old: str, new: str, listed: bool, ascii_only: bool, indent: int | None) -> None:
    parts = old.split("\n")
    as_list = [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
    document = {"cells": [cell("first"), cell(as_list if listed and as_list else old), cell("last")], "source": "x"}
    raw = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    changed = rewritten(raw, {2: new})
    assert sources(changed) == {1: "first", 2: new, 3: "last"}
    assert rewritten(changed, {2: new}) == changed
    lines = file_lines(raw)[2]
    assert len(lines) == old.count("\n") + 1
    if listed and as_list and indent:
        assert [json.loads(raw.split("\n")[line - 1].strip().rstrip(",")) for line in lines[: len(as_list)]] == as_list


def test_the_program_of_every_cell_has_as_many_lines_as_the_cell() -> None:
    for text in [*MAGICS, *PYTHON, "a\r\nb\rc"]:
        assert python_of(text).count("\n") == len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1
    assert isinstance(ast.parse(python_of("a\r\nb\rc")), ast.Module)


AGAIN = "for p in net.parameters():\n    nn.init.constant_(p, 0.5)"


@pytest.mark.parametrize("cells, overwritten", [([f"{CLASS}\n{INIT}\n{AGAIN}"], True), ([CLASS, INIT, AGAIN], False)])
def test_what_another_cell_overwrites_was_there_to_be_looked_at(cells: list[str], overwritten: bool) -> None:
    report = lint(notebook(*map(cell, [IMPORTS, *cells])).replace("net.fc.bias", "net.fc.weight"))
    found = [one for one in report.findings if one.code == "INI503"]
    assert bool(found) is overwritten
    assert not any("line" in one.message for one in found)  # lines of cells are told with the cells
