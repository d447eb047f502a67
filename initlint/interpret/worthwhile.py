"""Which factories are run: a library registers hundreds that differ in numbers only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from typing import Final, TypeAlias

from initlint.interpret.interpreter import FIRST_COMBINATIONS, Interpreter
from initlint.interpret.likely_arguments import required
from initlint.interpret.likeness import Leaf, most_first
from initlint.interpret.shares import Apart, Offers, by_file
from initlint.interpret.values import Function

# Would look at what a factory builds: the models, and whether that is all that it does.
Look: TypeAlias = Callable[[Interpreter, Function], tuple[frozenset[Leaf], bool]]
# A factory by its number, the models that it would build, and whether that is all that it does.
Seen: TypeAlias = tuple[int, frozenset[Leaf], bool]

DOCSTRING: Final = re.compile(r"""(:\s*\n\s*)[rR]?(\"{3}|'{3}).*?\2""", re.DOTALL)
NUMBER: Final = re.compile(r"(?<![\w.])(?!0(?:\.0*)?(?![\w.]))\d[\w.]*(?:(?<=e)[+-]\d+)?")
# Each of these begins with what is rare, for they go over whole files.
KEYS: Final = [re.compile(form) for form in (r"['\"](\w+)['\"]\s*:", r"\n +(\w+) ?=[^=]", r"dict\((\w+)=")]
ASKED: Final = [re.compile(form) for form in (r"""['"](\w+)['"] (?:not )?in """, r"""with\(['"](\w+)""")]
NUMBERS: Final = re.compile(r"1(?:,\s*1)+\b")


def worth_running(
    machine: Interpreter, functions: list[Function], look: Look, apart: Apart, meanwhile: Callable[[], object]
) -> tuple[list[Function], Offers]:
    """The factories that no other one calls: first those that between them show every kind of argument, then
    the others that do more than hand on arguments. And what each would build."""
    shares = by_file(functions)
    found: list[Seen] = []
    for _, seen in apart.results(shares, partial(looked_at, machine, functions, look), functions, meanwhile):
        alone = len(shares) == 1  # else those are left out that an earlier share calls
        found += [one for one in seen if alone or not machine.called.get(functions[one[0]].node)]
    found.sort(key=itemgetter(0))
    chosen = most_first([offer for _, offer, _ in found])
    counts = Counter(cls for index in chosen for cls in {leaf[0] for leaf in found[index][1]})
    for index, (_, offer, idle) in enumerate(found):
        if index not in chosen and (not idle or any(counts[leaf[0]] < FIRST_COMBINATIONS for leaf in offer)):
            chosen.append(index)
            counts.update({leaf[0] for leaf in offer})
    ordered = sorted((functions[found[index][0]] for index in chosen), key=lambda function: bool(required(function)))
    return ordered, {id(functions[found[index][0]]): found[index][1] for index in chosen}


def looked_at(machine: Interpreter, functions: Sequence[Function], look: Look, share: Sequence[int]) -> list[Seen]:
    """The factories of a share that no other one there calls."""
    texts = Texts()
    known: dict[object, tuple[frozenset[Leaf], bool]] = {}
    found: list[Seen] = []
    leaves: dict[Leaf, Leaf] = {}  # so that each is sent once
    for number in share:
        function = functions[number]
        if machine.called.get(function.node):
            continue
        told = texts.of(function)
        if told not in known:
            offer, idle = look(machine, function)
            known[told] = frozenset([leaves.setdefault(leaf, leaf) for leaf in offer]), idle
        else:
            machine.called[function.node] = 1  # what is seen of the other one is seen of it
        found.append((number, *known[told]))
    return found


class Texts:
    """What functions look like without that in which alike ones differ."""

    def __init__(self) -> None:
        self.keys: dict[str, frozenset[str]] = {}  # by file: of its tables, and keywords
        self.asked: dict[str, frozenset[str]] = {}  # by file: what it looks for in texts

    def of(self, function: Function) -> tuple[object, ...]:
        """Equal for functions of one file that differ in their names, their docstrings and in numbers other than zero.
        A name is kept where the file has a table's entry for it, or for what it begins with; and what tests find in it
        tells functions apart."""
        source, name, node = function.unit.source, function.name, function.node
        text = DOCSTRING.sub(r"\1", "\n".join(source.lines[node.lineno - 1 : node.end_lineno]), count=1)
        if source.path not in self.keys:
            self.keys[source.path] = every(KEYS, source.text)
            self.asked[source.path] = every(ASKED, source.text)
        parts = name.split("_")
        if self.keys[source.path].isdisjoint(["_".join(parts[:end]) for end in range(1, len(parts) + 1)]):
            text = re.sub(rf"\b{name}\b", "def", text)
        found = [word for word in self.asked[source.path] if word in name]
        return source.path, NUMBERS.sub("1", NUMBER.sub("1", text)), frozenset(found)


def every(forms: Iterable[re.Pattern[str]], text: str) -> frozenset[str]:
    return frozenset(word for form in forms for word in form.findall(text))
