"""Entries in shares that do not need each other, so that they can be run on several processors.

What one entry leaves for the next is in the machine's tables: which functions are called and which classes are built,
of what kinds, in how many steps. Entries that would look there for each other are in one share: those of a file, which
have one budget, those that build one class, and a function with what mentions it, where it is only run if nothing has
called it. Each share begins with the tables as they were, wherever it is run, and what it adds to them is put together
at the end: so it does not matter on how many processors they are run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Any, Final, TypeAlias, TypeVar, cast

from initlint import garbage
from initlint.graph import Context
from initlint.interpret import names
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.likely_arguments import required
from initlint.interpret.likeness import Leaf
from initlint.interpret.machine import Test
from initlint.interpret.mutual_use import mentioned_by
from initlint.interpret.outlines import at_hand
from initlint.interpret.trees import FIELDS
from initlint.interpret.values import Class, Function
from initlint.source import Place

PAYING: Final = 1_000_000  # characters of code from which on it pays to make processes, unless they are asked for
AUTOMATIC: Final = 0  # as many processes as there are processors, where it pays
MOST_AUTOMATIC: Final = 8  # beyond, the largest share takes longer than all others together
MOST: Final = 64  # shares

BLOCKS: Final = ("body", "orelse", "handlers", "finalbody", "cases")
# The fields in which statements stand, and what has statements, by the kind of node.
INSIDE: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(field for field in fields if field in BLOCKS) for kind, fields in FIELDS.items()
}

Offers: TypeAlias = Mapping[int, frozenset[Leaf]]  # what functions would build, by their identity
Result = TypeVar("Result")
Counts: TypeAlias = dict[int, int]  # by the identity of nodes, of those that were there before


@dataclass(frozen=True, slots=True)
class Additions:
    """What a share comes to, and what it adds to the tables."""

    result: Any
    called: Counts
    built: Counts
    entered: Counts
    shown: tuple[int, ...]  # classes that were executed as bases of one that was built
    tests: dict[Place, Test]
    spent: dict[str, int]
    faults: tuple[tuple[str, Exception], ...]


class Apart:
    """Runs shares of the machine's entries on up to `jobs` processes (AUTOMATIC: as many as pay)."""

    def __init__(self, machine: Interpreter, jobs: int) -> None:
        self.machine = machine
        self.jobs = jobs
        self.nodes: dict[int, ast.AST] = {}  # kept, so that no other node gets the identity of one

    def run(
        self,
        entries: Sequence[Function],
        shares: Sequence[Sequence[int]],
        run: Callable[[Function], Iterator[Context]],
        meanwhile: Callable[[], object],
    ) -> list[Context]:
        """The contexts of all entries, in their order. `shares` are the numbers of those that belong together."""
        contexts: dict[int, tuple[Context, ...]] = {}

        def work(share: Sequence[int]) -> dict[int, tuple[Context, ...]]:
            return {number: tuple(run(entries[number])) for number in share}

        for _, found in self.results(shares, work, entries, meanwhile):
            contexts.update(found)
        ordered = [context for number in sorted(contexts) for context in contexts[number]]
        large = len(shares) > 1 and garbage.is_large(self.machine.project.size)
        return [self.machine.facts.context(context) for context in ordered] if large else ordered

    def results(
        self,
        shares: Sequence[Sequence[int]],
        work: Callable[[Sequence[int]], Result],
        entries: Sequence[Function],
        meanwhile: Callable[[], object],
    ) -> Iterator[tuple[Sequence[int], Result]]:
        """What each share comes to. The tables have what those before it have added, when it is told, and not what it
        adds itself. `meanwhile` may be called while other processes are at work."""
        machine = self.machine
        if len(shares) < 2:
            yield from ((share, work(share)) for share in shares)
            return
        before = Tables(machine)
        self.nodes = self.nodes or {id(node): node for node in definitions(machine)}

        def measured(number: int) -> Additions:
            before.restore(machine)
            return before.additions(machine, work(shares[number]))

        order = sorted(range(len(shares)), key=lambda number: -len(shares[number]))
        found = each(machine, measured, order, self.jobs, meanwhile)
        before.restore(machine)
        for number, share in enumerate(shares):
            added = found[number]
            if isinstance(added, Additions):
                yield share, cast("Result", added.result)
                put_together(machine, added, self.nodes)
            else:
                machine.faults.append((entries[share[0]].unit.file, added))


def each(
    machine: Interpreter,
    work: Callable[[int], Additions],
    order: Sequence[int],
    jobs: int,
    meanwhile: Callable[[], object],
) -> Mapping[int, Additions | Exception]:
    """What comes of every share; an exception where a process did not survive it."""
    jobs = taking_part(jobs, machine.project.size)
    if jobs < 2:
        return {number: work(number) for number in order}
    from initlint import processes

    return processes.each(work, order, jobs, meanwhile)


def taking_part(jobs: int, size: int) -> int:
    """How many processes take part in a run over so many characters of code that may have `jobs`."""
    if jobs != AUTOMATIC or size < PAYING:
        return jobs or 1
    from initlint import processes

    return min(processes.available(), MOST_AUTOMATIC)


class Tables:
    """The machine's tables as they were before the shares."""

    def __init__(self, machine: Interpreter) -> None:
        self.called = dict(machine.called)
        self.built = dict(machine.built)
        self.entered = dict(machine.entered)
        self.made = set(machine.made)
        self.tests = machine.tests
        self.spent = dict(machine.spent)
        self.summed = set(machine.summed)
        self.tedious = set(machine.tedious)
        self.recalled = dict(machine.recalled)
        self.kinds_seen = set(machine.kinds_seen)
        self.combinations = dict(machine.combinations)
        self.exhausted = dict(machine.exhausted)
        self.faults = list(machine.faults)
        self.defined = len(machine.defined)

    def restore(self, machine: Interpreter) -> None:
        machine.called = dict(self.called)
        machine.built = dict(self.built)
        machine.entered = dict(self.entered)
        machine.made = set(self.made)
        machine.tests = {place: copy_of(test) for place, test in self.tests.items()}
        machine.spent = dict(self.spent)
        machine.summed = set(self.summed)
        machine.tedious = set(self.tedious)
        machine.recalled = dict(self.recalled)
        machine.kinds_seen = set(self.kinds_seen)
        machine.combinations = dict(self.combinations)
        machine.exhausted = dict(self.exhausted)
        machine.faults = list(self.faults)
        self.defined = len(machine.defined)  # they are only added to: a share of before may have left some

    def additions(self, machine: Interpreter, result: object) -> Additions:
        """What the tables have that they had not before."""
        made = machine.built.keys() | machine.entered.keys()
        bases: dict[int, None] = {}
        for cls in machine.defined[self.defined :]:
            if cls.node in made:
                bases.update(
                    (id(base.node), None) for base in cls.lineage if isinstance(base, Class) and base is not cls
                )
        return Additions(
            result,
            grown(machine.called, self.called),
            grown(machine.built, self.built),
            grown(machine.entered, self.entered),
            tuple(bases),
            {place: since(test, self.tests.get(place)) for place, test in machine.tests.items()},
            {file: steps - self.spent.get(file, 0) for file, steps in machine.spent.items()},
            tuple(machine.faults[len(self.faults) :]),
        )


def copy_of(test: Test) -> Test:
    return replace(test, seen=dict(test.seen), body=dict(test.body), passes=dict(test.passes))


def since(test: Test, before: Test | None) -> Test:
    """How a test came out since then. What it asks about is no part of it: that is code."""
    told = copy_of(test)
    told.subject, told.within = None, 0
    if before is not None:
        told.true -= before.true
        told.false -= before.false
        told.unknown -= before.unknown
    return told


def grown(table: Mapping[ast.AST, int], before: Mapping[ast.AST, int]) -> Counts:
    return {id(node): count - before.get(node, 0) for node, count in table.items() if count != before.get(node, 0)}


def put_together(machine: Interpreter, added: Additions, nodes: Mapping[int, ast.AST]) -> None:
    """Adds to the tables what a share adds, of the code that was there before."""
    for table, counts in (
        (machine.called, added.called),
        (machine.built, added.built),
        (machine.entered, added.entered),
    ):
        for number, count in counts.items():
            node = nodes.get(number)
            if node is not None:
                table[node] = table.get(node, 0) + count
    machine.shown.update(nodes[number] for number in added.shown if number in nodes)
    for place, test in added.tests.items():
        known = machine.tests.setdefault(place, test)
        if known is not test:
            known.true += test.true
            known.false += test.false
            known.unknown += test.unknown
            known.seen.update(test.seen)
            known.body.update(test.body)
            known.passes.update(test.passes)
    for file, steps in added.spent.items():
        machine.spent[file] = machine.spent.get(file, 0) + steps
    machine.faults += added.faults


def definitions(machine: Interpreter) -> Iterator[ast.AST]:
    """The functions and classes that are defined in the files, those inside of others too where these are at hand."""
    waiting: list[ast.AST] = [unit.tree for unit in machine.project.units.values() if unit is not None]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node
        waiting += inside(node)


def inside(node: ast.AST) -> list[ast.AST]:
    """The statements in a statement, and what has statements."""
    fields = INSIDE[type(node)]
    held = at_hand(node) if fields else None
    return [] if held is None else [part for field in fields for part in getattr(held, field)]


# -- which belong together -----------------------------------------------------------------


def by_file(entries: Sequence[Function]) -> list[list[int]]:
    """The numbers of the entries of each file, for they have one budget."""
    shares: dict[str, list[int]] = {}
    for number, entry in enumerate(entries):
        shares.setdefault(account_of(entry), []).append(number)
    return packed(list(shares.values()))


def account_of(entry: Function) -> str:
    """Whose budget an entry has: files around the named ones share theirs."""
    return entry.unit.path if entry.unit.leads is None else ""


def divided(
    machine: Interpreter, entries: Sequence[Function], offers: Offers, all_functions: Sequence[Function]
) -> list[list[int]]:
    """The numbers of the entries that belong together, as they come."""
    leaders: dict[object, object] = {}

    def leader(thing: object) -> object:
        while leaders.setdefault(thing, thing) is not thing:
            leaders[thing] = thing = leaders[leaders[thing]]
        return thing

    for entry in entries:
        account = account_of(entry)
        leaders[leader(entry.node)] = leader(account)
        for leaf in offers.get(id(entry), ()):
            leaders[leader(leaf[0])] = leader(account)
    chosen = {id(entry) for entry in entries}
    users: dict[str, list[Function]] = {}
    for function in all_functions:
        for name in mentioned_by(machine, function):
            users.setdefault(name, []).append(function)
    for entry in entries:
        if required(entry):
            for user in reaching(machine, entry, users):
                if id(user) in chosen:
                    leaders[leader(user.node)] = leader(entry.node)
    shares: dict[object, list[int]] = {}
    for number, entry in enumerate(entries):
        shares.setdefault(leader(entry.node), []).append(number)
    return packed(list(shares.values()))


def packed(shares: list[list[int]]) -> list[list[int]]:
    """The same in no more than MOST shares, about equally large, for each has to begin with tables of its own."""
    if len(shares) <= MOST:
        return shares
    sizes = [(0, place) for place in range(MOST)]
    found: list[list[int]] = [[] for _ in range(MOST)]
    for share in sorted(shares, key=len, reverse=True):
        size, place = heappop(sizes)
        found[place] += share
        heappush(sizes, (size + len(share), place))
    return [sorted(share) for share in found]


def reaching(machine: Interpreter, function: Function, users: Mapping[str, Sequence[Function]]) -> Iterator[Function]:
    """The functions that mention this one, or one that does, by the name that it has there."""
    seen, waiting = {id(function)}, [function]
    while waiting:
        target = waiting.pop()
        for user in users.get(target.name, ()):
            if id(user) not in seen and means(machine, user, target):
                seen.add(id(user))
                waiting.append(user)
                yield user


def means(machine: Interpreter, user: Function, target: Function) -> bool:
    """Whether the target's name stands for it in the user's file."""
    value = names.export(machine, user.unit, target.name)
    while isinstance(value, Function) and value is not target:
        value = value.wrapped
    return value is target
