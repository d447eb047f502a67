"""Reads model code without running it: Source texts in, a model graph out."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Sequence

from initlint.graph import Model, TypeTest
from initlint.interpret.entries import run_all
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.methods_seen import methods_of
from initlint.interpret.project import Project
from initlint.knowledge import knowledge
from initlint.source import Source

RECURSION_LIMIT = 6000  # of our own frames; a call of the code takes about a dozen


def read(sources: Sequence[Source], project: Project) -> Model:
    """Execute the files on abstract values and collect what that shows.

    `sources` are the files named; whatever else they need, `project` reads. Files that don't
    parse are passed by (the caller reports them).
    """
    limit = sys.getrecursionlimit()
    collecting = gc.isenabled()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    gc.disable()  # the values form one big graph that lives until the end
    try:
        units = []
        for source in sources:
            tree = source.tree()
            if isinstance(tree, ast.Module):
                units.append(project.add(source.path, source, tree))
        machine = Interpreter(project, knowledge())
        contexts = run_all(machine, units)
        tests = tuple(
            TypeTest(t.place, t.text, t.kind, t.asked, t.true, t.false, t.unknown, tuple(t.seen), tuple(t.body))
            for t in machine.tests.values()
        )
        return Model(
            tuple(contexts),
            tests,
            methods_of(machine, units),
            tuple(s.path for s in sources),
            (),
            tuple(machine.faults),
        )
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()
