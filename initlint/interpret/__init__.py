"""Reads model code without running it: Source texts in, a model graph out."""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from initlint.graph import Model, TypeTest
from initlint.interpret.entries import around_spent, run_all
from initlint.interpret.generated import templates
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.leads import mark_leads
from initlint.interpret.machine import Arguments, Keywords
from initlint.interpret.methods_seen import methods_of
from initlint.interpret.project import Project
from initlint.interpret.values import Frame, Value
from initlint.knowledge import Knowledge, knowledge
from initlint.source import Source

RECURSION_LIMIT = 6000  # of our own frames; a call of the code takes about a dozen


class Interruptible(Interpreter):
    """An interpreter that asks with every call that it follows whether to go on."""

    def __init__(self, project: Project, known: Knowledge, pulse: Callable[[], None]) -> None:
        super().__init__(project, known)
        self.pulse = pulse

    def call(self, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        self.pulse()
        return super().call(callee, args, kwargs, node, frame)


def read(
    sources: Sequence[Source],
    project: Project,
    around: Sequence[Source] = (),
    cut: frozenset[str] = frozenset(),
    pulse: Callable[[], None] | None = None,
    jobs: int = 1,
    meanwhile: Callable[[], object] = lambda: None,
) -> Model:
    """Execute the files on abstract values and collect what that shows.

    `sources` are the files named; whatever else they need, `project` reads. `around` are files
    that use them, executed for what they show; `cut` names files which others use too, so that
    what was not seen of them proves nothing. `pulse` is called now and then, and may end it all
    by raising something that is no Exception. `jobs` is how many processes may take part, 0 for as
    many as pay, and `meanwhile` is what may be done while others are at work. Files that don't parse
    are passed by (the caller reports them).
    """
    limit = sys.getrecursionlimit()
    collecting = gc.isenabled()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    gc.disable()  # the values form one big graph that lives until the end
    try:
        units = []
        files = sorted((*sources, *around), key=lambda source: source.path)
        project.size += sum(len(source.text) for source in files)
        for source in files:
            tree = source.tree()
            if isinstance(tree, ast.Module):
                units.append(project.add(source.path, source, tree))
        known = knowledge()
        machine = Interpreter(project, known) if pulse is None else Interruptible(project, known, pulse)
        mark_leads(project, units, frozenset(source.path for source in sources))
        contexts = run_all(machine, units, jobs, meanwhile)
        if around_spent(machine):
            cut = frozenset(source.path for source in sources)
        tests = (
            TypeTest(
                *(t.place, t.text, t.kind, t.asked, t.true, t.false, t.unknown),
                *(tuple(t.seen), tuple(t.body), tuple(t.passes)),
            )
            for t in machine.tests.values()
        )
        methods = methods_of(machine, units, {sweep.place for context in contexts for sweep in context.sweeps})
        return Model(
            tuple(contexts),
            tuple(replace(t, unknown=t.unknown + 1) if t.place.file in cut else t for t in tests),
            tuple(replace(m, called=m.called or None) if m.place.file in cut else m for m in methods),
            tuple(s.path for s in sources),
            (),
            tuple(machine.faults),
            templates(files),
        )
    finally:
        sys.setrecursionlimit(limit)
        if collecting:
            gc.enable()
