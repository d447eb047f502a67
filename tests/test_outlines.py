"""A large run keeps outlines of trees, and lets go of what it has made: it finds what a small one does."""

from __future__ import annotations

import ast
import gc
from pathlib import Path

import pytest

from initlint import garbage, interpret
from initlint.interpret.outlines import outline, outline_of
from initlint.interpret.project import Project
from initlint.pipeline import inspect_paths, lint_paths
from initlint.source import Source, read_source

ROOT = Path(__file__).parents[1]
FIXTURES = sorted((ROOT / "fixtures" / "interpreter").glob("*.py"))
LINTED = [str(ROOT / "fixtures" / name) for name in ("showcase", "interpreter")]
CONTINUED = "class Net:\n    first = 1\n    \\\n  def forward(self,\n x): return x\n"


def source_of(text: str) -> tuple[Source, ast.Module]:
    source = Source.of("m.py", text)
    tree = source.tree()
    assert isinstance(tree, ast.Module)
    return source, tree


def told(tree: ast.Module) -> list[tuple[str, ...]]:
    """Every node of a tree, its place and its plain values."""
    return [
        (type(node).__name__, *(f"{name}={getattr(node, name, None)!r}" for name in (*node._attributes, "id", "value")))
        if not isinstance(getattr(node, "value", None), ast.AST)
        else (type(node).__name__, *(f"{name}={getattr(node, name, None)}" for name in node._attributes))
        for node in ast.walk(tree)
    ]


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_an_outline_reads_like_the_tree_before_and_after_it_is_put_away(path: Path) -> None:
    source = read_source(str(path))
    assert isinstance(source, Source)
    tree = source.tree()
    assert isinstance(tree, ast.Module)
    before = told(tree), ast.unparse(tree)
    outline(source)
    assert source.tree() is tree
    assert (told(tree), ast.unparse(tree)) == before
    known = outline_of(source)
    assert known is not None
    known.put_away()
    assert (told(tree), ast.unparse(tree)) == before


def test_a_function_is_read_again_where_it_stands_after_a_continued_line() -> None:
    source, tree = source_of(CONTINUED)
    before = told(tree)
    outline(source)
    assert told(tree) == before


def test_what_was_read_again_is_let_go_of_except_for_what_defines_something() -> None:
    source, tree = source_of("def plain(x):\n    return x\n\ndef outer(x):\n    return lambda: x\n")
    outline(source)
    plain, outer = tree.body
    assert isinstance(plain, ast.FunctionDef)
    assert isinstance(outer, ast.FunctionDef)
    bodies = plain.body, outer.body
    assert (plain.body, outer.body) == bodies
    known = outline_of(source)
    assert known is not None
    known.put_away()
    assert plain.body is not bodies[0]
    assert outer.body is bodies[1]


def test_an_outline_knows_what_its_definitions_mention() -> None:
    source, tree = source_of("class Net(Base):\n    def reset(self):\n        helper(self.weight, 'init_weights')\n")
    outline(source)
    known = outline_of(source)
    assert known is not None
    assert set(known.mentions[tree.body[0]]) == {"Base", "helper", "self", "weight"}
    assert known.words == {"init_weights"}


@pytest.fixture
def lean(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Every run is a large one, and lets go of much; how often it did."""
    collected: list[int] = []
    collect = garbage.collect

    def counted() -> None:
        collected.append(1)
        collect()

    monkeypatch.setattr(garbage, "LARGE", 0)
    monkeypatch.setattr(garbage, "MANY", 20_000)
    monkeypatch.setattr(garbage, "collect", counted)
    return collected


def test_a_large_run_finds_what_a_small_one_does(request: pytest.FixtureRequest) -> None:
    small = lint_paths(LINTED), inspect_paths(LINTED)
    collected = request.getfixturevalue("lean")
    large = lint_paths(LINTED), inspect_paths(LINTED)
    assert large == small
    assert len(collected) > 4
    assert small[0].findings


def test_files_that_are_read_beside_large_ones_are_outlined(lean: list[int], tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text("from torch import nn\n\ndef head(n):\n    return nn.Linear(n, 2)\n")
    (tmp_path / "net.py").write_text("from parts import head\n\nnet = head(8)\n")
    source = read_source(str(tmp_path / "net.py"))
    assert isinstance(source, Source)

    def read(path: str) -> Source | None:
        found = read_source(path)
        return found if isinstance(found, Source) else None

    project = Project(read)
    (context,) = interpret.read([source], project).contexts
    assert [layer.kind for layer in context.layers] == ["Linear"]
    units = [unit for unit in project.units.values() if unit is not None]
    assert len(units) == 2
    assert all(outline_of(unit.source) is not None for unit in units)


def test_settling_leaves_what_was_frozen_frozen() -> None:
    gc.collect()
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        garbage.settle()
        assert gc.get_freeze_count() == before > 0
    finally:
        gc.unfreeze()
    many = [[number] for number in range(5_000)]
    assert gc.get_count()[0] > 0 or gc.isenabled()
    garbage.settle()
    assert gc.get_count() == (0, 0, 0)
    assert len(many) == 5_000
