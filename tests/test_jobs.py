"""Runs on several processes: what they come to does not depend on how many there are, and one that dies is told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from initlint import interpret
from initlint.interpret import shares
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.project import Project
from initlint.knowledge import knowledge
from initlint.pipeline import inspect_paths, lint_paths

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ROOT = Path(__file__).parents[1]
INTERPRETER = str(ROOT / "fixtures" / "interpreter")
pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="has no fork that is used")

# Work that both processes take part in: the first pieces last until there are two who have begun.
BEGINNING = """
    import os, signal, sys, time
    from pathlib import Path
    from initlint import disk, processes

    parent, folder = os.getpid(), Path(sys.argv[1])

    def work(number):
        (folder / str(os.getpid())).touch()
        until = time.monotonic() + 20
        while len(list(folder.iterdir())) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        return done(number)
"""
ENDING = """
    def alone():
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        return False
"""


def told(tmp_path: Path, body: str) -> list[str]:
    """What a program prints whose `work` does what `done` in the body says. It is one of its own, for here are threads
    of the test runner, with which no process is made."""
    script = textwrap.dedent(BEGINNING) + textwrap.dedent(ENDING) + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    return done.stdout.splitlines()


def test_every_piece_is_done_once_by_whoever_is_free(tmp_path: Path) -> None:
    lines = told(
        tmp_path,
        """
        def done(number):
            return number, os.getpid()

        found = processes.each(work, range(40), 2)
        print(sorted(found) == list(range(40)) and all(found[n][0] == n for n in found))
        print(len({pid for _, pid in found.values()}), alone())
        """,
    )
    assert lines == ["True", "2 True"]


def test_the_piece_at_which_a_process_is_killed_is_lost_and_no_other(tmp_path: Path) -> None:
    lines = told(
        tmp_path,
        """
        def done(number):
            if os.getpid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
            return number

        found = processes.each(work, range(40), 2)
        lost = [n for n in found if isinstance(found[n], processes.ProcessLostError)]
        print(sorted(found) == list(range(40)), len(lost), found[lost[0]], alone())
        """,
    )
    assert lines == ["True 1 a process that read it was ended by signal 9 True"]


def test_what_a_process_could_not_do_or_send_is_done_here(tmp_path: Path) -> None:
    lines = told(
        tmp_path,
        """
        def done(number):
            if os.getpid() != parent and number % 2:
                raise OSError("no space left on device")
            return (lambda: number) if os.getpid() != parent else number

        print(processes.each(work, range(40), 2) == {n: n for n in range(40)}, alone())
        """,
    )
    assert lines == ["True True"]


def test_an_interrupt_ends_the_others_as_well(tmp_path: Path) -> None:
    lines = told(
        tmp_path,
        """
        def done(number):
            if os.getpid() == parent:
                raise KeyboardInterrupt
            time.sleep(60)

        try:
            processes.each(work, range(40), 2)
        except KeyboardInterrupt:
            print("interrupted", alone())
        """,
    )
    assert lines == ["interrupted True"]


def test_what_others_see_of_the_file_system_and_raise_is_known_here(tmp_path: Path) -> None:
    lines = told(
        tmp_path,
        """
        class OddError(Exception):
            def __init__(self, one, two):
                super().__init__(f"{one} {two}")

        def done(number):
            if os.getpid() == parent:
                return None
            disk.kind(str(folder / "asked"))
            disk.read(sys.executable, 10)
            return OddError("what", number)

        with disk.watched(watch := disk.Watch()):
            found = processes.each(work, range(4), 2)
        error = next(error for error in found.values() if error is not None)
        print(type(error).__name__, str(error).partition(" ")[0])
        print(list(watch.kinds.values()), list(watch.files) == [sys.executable])
        """,
    )
    assert lines == ["OddError what", "[''] True"]


@pytest.mark.parametrize("command", ["check", "inspect"])
def test_as_many_processes_as_there_are_come_to_the_same(initlint: Run, command: str) -> None:
    plain = initlint(command, INTERPRETER, "--format", "json", "--no-cache", "--jobs", "1", "--no-respect-gitignore")
    assert json.loads(plain.stdout)
    for jobs in ("2", "3"):
        more = initlint(command, INTERPRETER, "--format", "json", "--no-cache", "-j", jobs, "--no-respect-gitignore")
        assert (more.returncode, more.stdout, more.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_shares_come_to_what_a_run_in_one_piece_does(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    divided = shares.divided

    def whole(*given: object) -> list[list[int]]:
        counts.append(len(divided(*given)))  # type: ignore[arg-type]
        return [[number for share in divided(*given) for number in share]]  # type: ignore[arg-type]

    found = lint_paths([INTERPRETER]).findings, inspect_paths([INTERPRETER]).rows
    monkeypatch.setattr(interpret.entries, "divided", whole)
    assert (lint_paths([INTERPRETER]).findings, inspect_paths([INTERPRETER]).rows) == found
    assert min(counts) > 5


# Of the machine, beside what `begin` makes anew: what the run is about, and what is found again where it is asked for.
GIVEN = "tables expressions statements project knowledge heap facts module_methods".split()
FOUND_AGAIN = """
    other_tests generators signatures mentions nowhere settable patches quiets packages spans shapes fans hooked
""".split()
ADDED = ["faults", "defined", "shown"]  # only grows, and what a share adds is sent


def test_of_every_table_it_is_known_how_shares_have_it() -> None:
    machine = Interpreter(Project(lambda _: None), knowledge())
    tables = vars(shares.Tables(machine)).keys()
    lasting = vars(machine).keys()
    machine.__dict__.clear()
    with suppress(AttributeError):
        machine.begin()
    assert lasting - vars(machine).keys() - set(GIVEN) - set(FOUND_AGAIN) - set(ADDED) <= tables


def test_many_shares_are_packed_into_few_of_which_each_is_in_order() -> None:
    given = [[n] for n in range(200)] + [list(range(200, 240))]
    found = shares.packed(given)
    assert len(found) == shares.MOST
    assert sorted(number for share in found for number in share) == list(range(240))
    assert all(share == sorted(share) for share in found)
    assert list(range(200, 240)) in found, "it is large enough by itself"
    assert shares.packed(given[:20]) == given[:20]


LAYERS = """
import torch
from torch import nn


class Tail(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def _init_weights(self):
        nn.init.zeros_(self.fc.bias)

    def forward(self, x):
        return self.fc(x)
"""
BUILDERS = """
from layers import Tail
from torch import nn


class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.tail = Tail()
        {call}

    def forward(self, x):
        return self.tail(x)


def build_{word}():
    return {name}()
"""


def test_a_use_that_one_share_has_is_known_to_all(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(LAYERS)
    first, second = (tmp_path / f"{word}.py" for word in ("first", "second"))
    first.write_text(BUILDERS.format(name="First", word="first", call="pass"))
    second.write_text(BUILDERS.format(name="Second", word="second", call="pass"))
    assert "INI501" in {finding.code for finding in lint_paths([str(tmp_path)]).findings}
    second.write_text(BUILDERS.format(name="Second", word="second", call="self.tail._init_weights()"))
    assert "INI501" not in {finding.code for finding in lint_paths([str(tmp_path)]).findings}


def dying(folder: Path, module: str, function: str) -> subprocess.CompletedProcess[str]:
    """A run over the folder, on two processes, in which the function of initlint is deadly to all but the first. Both
    processes have called it before one of them ends."""
    script = f"""
    import os, signal, sys, time
    from importlib import import_module
    from pathlib import Path
    from initlint.__main__ import main

    module = import_module({module!r})
    parent, real = os.getpid(), getattr(module, {function!r})

    def deadly(*args):
        Path({str(folder)!r}, f"{{os.getpid()}}.begun").touch()
        while len(list(Path({str(folder)!r}).glob("*.begun"))) < 2:
            time.sleep(0.01)
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGSEGV)
        return real(*args)

    setattr(module, {function!r}, deadly)
    sys.argv = ["initlint", {str(folder)!r}, "--no-cache", "-j", "2", "--format", "concise"]
    sys.exit(main())
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def test_a_file_that_ends_its_process_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    for word in ("first", "second", "third", "fourth", "fifth", "sixth"):
        body = BUILDERS.format(name=word.title(), word=word, call="nn.init.xavier_uniform_(self.tail.fc.bias)")
        (tmp_path / f"{word}.py").write_text(body)
    (tmp_path / "layers.py").write_text(LAYERS)
    done = dying(tmp_path, "initlint.interpret.entries", "run_factory")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "ended by signal 11" in done.stderr
    assert done.stdout.count("INI601") >= 5


def test_rules_that_end_their_process_are_told_and_the_others_are_asked(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(LAYERS)
    (tmp_path / "first.py").write_text(BUILDERS.format(name="First", word="first", call="pass"))
    done = dying(tmp_path, "initlint.rules", "asked")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "rules: " in line
    assert "ended by signal 11" in line


def test_an_interrupted_run_leaves_no_process_behind(tmp_path: Path) -> None:
    """Ctrl-C goes to all processes of a terminal; here it is sent to the first alone."""
    script = f"""
    import os, signal, sys, time
    from pathlib import Path
    from initlint.interpret import entries
    from initlint.__main__ import main

    def endless(machine, helpers, function):
        Path({str(tmp_path)!r}, f"{{os.getpid()}}").touch()
        time.sleep(60)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background was told to ignore it
    entries.run_factory = endless
    sys.argv = ["initlint", {INTERPRETER!r}, "--no-cache", "-j", "3"]
    sys.exit(main())
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        until = time.monotonic() + 30
        while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        begun = [int(path.name) for path in tmp_path.iterdir()]
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert len(begun) == 3
    assert (process.returncode, err.strip()) == (130, b"")
    assert not any(Path(f"/proc/{pid}").exists() for pid in begun if pid != process.pid)


def test_a_number_of_processes_that_cannot_be_is_wrong_usage(initlint: Run) -> None:
    done = initlint("--jobs", "-1", INTERPRETER)
    assert done.returncode == 2
    assert "-1 is not in the range x>=0" in done.stderr
