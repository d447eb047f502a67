"""The parts of the language server that need no protocol: the thread, moved findings, comments, addresses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from conftest import ROOT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from initlint.config import Configs
from initlint.editor.configuration import Configuration
from initlint.editor.files import Files, is_ours, path_of, uri_of
from initlint.editor.readings import Shift, Stale, read
from initlint.editor.suppressing import suppression
from initlint.editor.users import Users
from initlint.editor.worker import Errand, Worker
from initlint.importers import Importers
from initlint.source import Point, Source, Span

SECONDS = 10


# -- the thread ------------------------------------------------------------------------------------


def noting(word: str, ran: list[str], ended: threading.Event | None = None) -> Callable[[Errand], None]:
    """A job that notes that it ran."""

    def job(_: Errand) -> None:
        ran.append(word)
        if ended is not None:
            ended.set()

    return job


def test_the_newest_errand_of_a_name_is_the_only_one() -> None:
    """The one that runs is told to give up, the ones that wait never start."""
    worker = Worker()
    started, release, ended = threading.Event(), threading.Event(), threading.Event()
    ran: list[str] = []

    def slow(errand: Errand) -> None:
        started.set()
        assert release.wait(SECONDS)
        ran.append("stale" if errand.is_stale() else "wanted")

    worker.ask("a", slow)
    assert started.wait(SECONDS)
    worker.ask("a", noting("between", ran))
    worker.ask("a", noting("newest", ran, ended))
    release.set()
    assert ended.wait(SECONDS)
    worker.stop()
    assert ran == ["stale", "newest"]


def test_what_is_due_first_runs_first() -> None:
    worker = Worker()
    ended = threading.Event()
    ran: list[str] = []
    worker.ask("later", noting("later", ran, ended), 0.2)
    worker.ask("soon", noting("soon", ran))
    assert ended.wait(SECONDS)
    worker.stop()
    assert ran == ["soon", "later"]


def test_a_stopped_thread_ends() -> None:
    worker = Worker()
    worker.ask("a", lambda _: None, 60)
    assert worker.thread is not None
    worker.stop()
    worker.thread.join(SECONDS)
    assert not worker.thread.is_alive()


# -- reading --------------------------------------------------------------------------------------


NET = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Linear(8, 8) for _ in range(20)))
"""


def test_a_reading_ends_as_soon_as_nobody_waits_for_it(tmp_path: Path) -> None:
    """Within one file, too: it asks with every call that it follows."""
    asked = 0

    def is_stale() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    files = Files()
    document = files.put((tmp_path / "net.py").as_uri(), NET, 1)
    with pytest.raises(Stale):
        read(document, files, Users(), Configuration(), None, is_stale)
    assert asked == 4
    whole = read(document, files, Users(), Configuration(), None, lambda: False)
    assert not whole.faults


def test_who_uses_a_document_is_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Collection[str]] = []

    def importers(given: Collection[str], named: Collection[str], configs: Configs) -> Importers:
        looked.append(given)
        return Importers()

    monkeypatch.setattr("initlint.editor.users.importers", importers)
    files = Files()
    users = Users()
    for version in range(3):
        document = files.put((tmp_path / "net.py").as_uri(), f"{NET}# {version}\n", version)
        read(document, files, users, Configuration(), None, lambda: False)
    assert len(looked) == 1
    users.forget()
    read(document, files, users, Configuration(), None, lambda: False)
    assert len(looked) == 2


# -- findings of an earlier text -------------------------------------------------------------------


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from("abcd"), max_size=8),
    st.lists(st.sampled_from("xyz"), max_size=4),
    st.lists(st.sampled_from("abcd"), max_size=8),
    st.lists(st.sampled_from("xyz"), max_size=4),
)
def test_lines_before_and_after_an_edit_are_found_again(
    head: list[str], old: list[str], tail: list[str], new: list[str]
) -> None:
    """A line outside the edit keeps its text; one inside stays within the document."""
    before, after = ["", *head, *old, *tail], ["", *head, *new, *tail]
    shift = Shift.between(before, after)
    outside = [*range(1, len(head) + 2), *range(len(before) - len(tail) + 1, len(before) + 1)]
    for line in outside:
        if line <= shift.head or line >= shift.tail:
            assert after[shift.line(line) - 1] == before[line - 1]
    assert all(1 <= shift.line(line) <= len(after) for line in range(1, len(before) + 1))


# -- suppression -----------------------------------------------------------------------------------


@pytest.mark.parametrize("python", ["x = f'''{\n1}'''", "x = '''\n'''", "x = 1 + \\\n1", "x = (f'''\n''')"])
def test_no_comment_goes_into_a_string_or_behind_a_backslash(python: str) -> None:
    source = Source.of("m.py", python)
    line = Span(Point(1, 1), Point(1, 2))
    assert suppression(source, line, "INI601") is None


def test_the_first_line_serves_where_the_last_can_not() -> None:
    source = Source.of("m.py", "f(\n1); x = '''\n'''\n")
    edit = suppression(source, Span(Point(1, 1), Point(2, 3)), "INI601")
    assert edit is not None
    assert edit.span.start == Point(1, 3)


# -- addresses -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["net.py", "a b.py", "ü🙂.py", "50%.py", "a#b?.py", "a;b.py", "a+b&c.py"])
def test_a_path_and_its_address_lead_to_each_other(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    assert path_of(uri_of(path)) == path
    assert path_of(Path(path).as_uri().replace("%20", " ")) == path


def test_an_unsaved_document_goes_by_its_name() -> None:
    assert path_of("untitled:Untitled-1") == "Untitled-1"
    assert path_of("untitled:/some/where.py") == "where.py"


@pytest.mark.parametrize(
    "uri, language, ours",
    [
        ("file:///a/net.py", "python", True),
        ("file:///a/net", "python", True),
        ("file:///a/net.py", "plaintext", True),
        ("untitled:Untitled-1", "python", True),
        ("file:///a/net.txt", "plaintext", False),
        ("git:/a/net.py?ref", "python", False),
        ("vscode-notebook-cell:/a/net.ipynb#1", "python", False),
    ],
)
def test_which_documents_are_linted(uri: str, language: str, ours: bool) -> None:
    assert is_ours(uri, language) == ours


def test_a_file_of_the_project_is_parsed_once_as_long_as_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("x = 1\n")
    files = Files()
    first = files.context(str(path))
    assert first is not None
    assert files.context(str(path)) is first
    path.write_text("x = 1000\n")
    second = files.context(str(path))
    assert second is not None
    assert second.text == "x = 1000\n"
    path.unlink()
    assert files.context(str(path)) is None


# -- the command -----------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", ["pygls", "lsprotocol"])
def test_without_its_extra_the_server_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; from initlint.cli import run; sys.exit(run(['server']))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: the server needs {missing}; install it with: pip install 'initlint[lsp]'\n"
