"""Which factories are looked at: those that no other one is like."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from initlint.interpret.interpreter import Interpreter
from initlint.interpret.likeness import Leaf
from initlint.interpret.names import export
from initlint.interpret.project import Project
from initlint.interpret.shares import Apart
from initlint.interpret.values import Function
from initlint.interpret.worthwhile import worth_running
from initlint.knowledge import knowledge
from initlint.source import Source


def looked_at(text: str) -> list[str]:
    """The names of the file's functions that are looked at."""
    source = Source("net.py", dedent(text))
    tree = source.tree()
    assert isinstance(tree, ast.Module)
    project = Project(lambda _: None)
    unit = project.add("net.py", source, tree)
    machine = Interpreter(project, knowledge())
    functions = [value for name in unit.index if isinstance(value := export(machine, unit, name), Function)]
    seen: list[str] = []

    def look(_: Interpreter, function: Function) -> tuple[frozenset[Leaf], bool]:
        seen.append(function.name)
        return frozenset(), True

    worth_running(machine, functions, look, Apart(machine, jobs=1), lambda: None)
    return seen


LIKE = """
    def net_small():
        \"\"\"The small one.\"\"\"
        return create("net_small", Net, dict(depths=[2, 2, 6, 2], width=0.5))

    def net_large():
        \"\"\"The large one: as it was published.\"\"\"
        return create("net_large", Net, dict(depths=[3, 3, 27], width=1e1))
"""


def test_numbers_names_and_docstrings_make_no_difference() -> None:
    assert looked_at(LIKE) == ["net_small"]


@pytest.mark.parametrize(
    "old, new",
    [
        ("Net, dict(depths=[3", "Other, dict(depths=[3"),
        ("width=1e1", "width=1e1, act='gelu'"),
        ("width=1e1", "width=0.0"),
        ("width=1e1", "width=None"),
        ("def net_large():", "def net_large(**kwargs):"),
    ],
    ids=["a class", "an argument", "zero", "none", "a parameter"],
)
def test_anything_else_does(old: str, new: str) -> None:
    assert looked_at(LIKE.replace(old, new)) == ["net_small", "net_large"]


@pytest.mark.parametrize(
    "table",
    [
        "CONFIGS = dict(net_large=Config(act='gelu'))",
        "CONFIGS = {'net_large': Config(act='gelu')}",
        "CONFIGS = {'net': Config(act='gelu')}",
        "def create(name, cls, given):\n        return cls(**given, gate='large' in name)",
        "def create(name, cls, given):\n        return cls(**given, gate=not name.startswith('net_s'))",
    ],
    ids=["keyword", "key", "what it begins with", "a text in it", "its beginning"],
)
def test_a_name_that_may_lead_to_settings_does(table: str) -> None:
    found = looked_at(f"{LIKE}\n    {table}\n")
    assert [name for name in found if name != "create"] == ["net_small", "net_large"]
