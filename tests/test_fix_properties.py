"""What holds for fixes in whole projects: of the fixtures, of torchvision, of others with benchmarks/fixes.py."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from fix_properties import EVERYTHING, Trial, complaints, fixed_alone, fixed_together, lines_again, parses, touched
from lintable import FIXTURES
from seeded_mistakes import mistakes

from initlint.edits import apply
from initlint.findings import Declined, Fix, Severity, TextEdit
from initlint.pipeline import lint_paths, lint_source
from initlint.source import Point, Span

# A rule's folder is a project each; these are ones in which fixes meet.
PROJECTS = [FIXTURES.parent / "showcase", FIXTURES / "INI201", FIXTURES / "INI501", FIXTURES / "INI604"]


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_all_fixes_of_a_project_leave_nothing_to_fix_and_nothing_new(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "project")
    trial = fixed_together(tmp_path / "project")
    assert trial.fixable
    assert trial.problems == ()
    assert len(trial.after) <= len(trial.before) - len(trial.fixable)


def test_each_fix_of_a_project_by_itself_leaves_the_rest_of_it_as_it_was(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES.parent / "showcase", tmp_path / "project")
    before = lint_paths([str(tmp_path / "project")], EVERYTHING, fixes=True).findings
    fixable = [one for one in before if isinstance(one.fix, Fix)]
    assert fixable
    assert [wrong for one in fixable for wrong in fixed_alone(tmp_path / "project", before, one)] == []


# Files of torchvision's models with a fix, and how many; the others are there to be read with them.
REAL = {"mobilenetv2.py": 1, "swin_transformer.py": 2, "vision_transformer.py": 1}


@pytest.mark.parametrize("name", REAL)
def test_fixes_of_real_code_leave_nothing_to_fix_and_nothing_new(name: str, tmp_path: Path) -> None:
    spec = find_spec("torchvision")  # which is not imported
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (installed,) = spec.submodule_search_locations
    shutil.copytree(installed, tmp_path / "torchvision", ignore=shutil.ignore_patterns("*.so*", "__pycache__", "*.pyd"))
    trial = fixed_together(tmp_path / "torchvision" / "models" / name)
    assert trial.problems == ()
    assert len(trial.fixable) == REAL[name]


MODEL = """\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(16))
        self.conv = nn.Conv2d(3, 16, 3)
        self.fc = nn.Linear(16, 16)
        self.head = nn.Linear(16, 4)
        self.apply(self._init_weights)

    def _init_weights(self, m):
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(m.bias)
        elif isinstance(m, nn.Linear):
            nn.init.kaiming_uniform_(m.weight, nonlinearity="relu")
            nn.init.zeros_(m.bias)

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        return self.head(self.fc(x * self.scale).relu())
"""
SEEDED = list(mistakes(MODEL))


def test_mistakes_of_every_kind_are_seeded() -> None:
    assert len({mistake.what.partition(" in line ")[0] for mistake in SEEDED}) > 12
    assert all(parses(mistake.text) and mistake.text != MODEL for mistake in SEEDED)


# What is no defect in so small a model, or can't be told from what is meant.
SILENT = {"no pass", "no initialization", "a small std", "a large std", "fan_out"}


@pytest.mark.parametrize("mistake", SEEDED, ids=lambda mistake: mistake.what)
def test_a_seeded_mistake_is_fixed_or_it_is_said_why_not(mistake: tuple[str, str]) -> None:
    what, text = mistake
    found = lint_source(text, "net.py", debug=True, fixes=True).findings
    for one in found:
        if isinstance(one.fix, Fix):
            done = apply(text, [one.fix]).text
            after = lint_source(done, "net.py", debug=True).findings
            kept = [other for other in found if other != one]
            mild = one.severity is Severity.ERROR
            assert not complaints(kept, after, {one.place.file: one.fix.edits}, mild=mild)
            assert not list(touched(text, [one.fix]))
        else:
            assert isinstance(one.fix, Declined)
            assert one.fix.why
    assert bool(found) == (what.partition(" in line ")[0] not in SILENT)


def test_what_does_not_hold_is_told() -> None:
    """Of the functions that the others lean on."""
    text = "import torch.nn as nn\n\nlayer = nn.Linear(8, 8)\nnn.init.xavier_uniform_(layer.bias)\n"
    (one,) = lint_source(text, "net.py", fixes=True).findings
    assert isinstance(one.fix, Fix)
    assert complaints([], [one], {}, mild=False)
    assert not complaints([one], [one], {}, mild=False)
    long = Fix("long", safe=True, edits=(TextEdit(Span(Point(1, 1), Point(1, 1)), "#" * 500 + "\n"),))
    assert list(touched(text, [long])) == ["an edit is long"]
    assert lines_again(b"a\nb\nc\n", b"b\nx\nc\n") == {2: 1, 3: 3}
    assert not Trial((), (), ()).fixable
